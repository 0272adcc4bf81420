//! Is `Self` refused as the type of a value, also where it is not generic?

use failpoint::{fail_point, fail_value};

use failpoint::{BadTerm, FromTerm};

pub struct Fate;

impl FromTerm for Fate {
    fn from_term(_: Option<&str>) -> Result<Self, BadTerm> {
        Ok(Fate)
    }
}

impl Fate {
    pub fn method(self) -> Self {
        fail_point!("type", |v: Self| v); //~ both: can't use `Self` from outer item
        let _ = fail_value!("type", Self); //~ both: can't use `Self` from outer item
        self
    }
}
