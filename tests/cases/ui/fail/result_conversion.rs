//! Must a `fail_result!` with `?` find a conversion?

use failpoint::fail_result;

pub struct Error;

pub fn results() -> Result<(), Error> {
    fail_result!("result")?; //~ both: `?` couldn't convert the error to `Error`
    Ok(())
}

pub fn nothing() {
    fail_result!("result")?; //~ both: the `?` operator can only be used in a function that returns
}
