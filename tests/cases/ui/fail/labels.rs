//! May a closure leave a loop of the function?

use failpoint::fail_point;

pub fn labels() -> u64 {
    'outer: loop {
        fail_point!("label", |_| break 'outer); //~ both: use of unreachable label `'outer`
        //~^ both: `break` inside of a closure
        fail_point!("label", |_| continue); //~ both: `continue` inside of a closure
        return 0;
    }
}
