//! How fast long polls wake.

use crate::load::{Load, Loaded};
use failpoint::fail_point;

/// What the generator says when all wait.
pub(crate) const FIRE: &str = "fire";
const NAME: &str = "load/waited";
/// How many wait, and how often.
const ROWS: [(usize, usize); 4] = [(1, 1000), (16, 300), (128, 50), (1000, 11)];

/// How many waited, and what came of it.
pub(crate) fn measure() -> Vec<(usize, Loaded)> {
    let control = failpoint_http::serve("127.0.0.1:0").expect("it listens");
    let address = control.address().expect("an address").to_string();
    let row = |(waits, cycles): (usize, usize)| {
        let arguments = ["waits", &address, &waits.to_string(), &cycles.to_string(), NAME];
        let mut load = Load::begin(arguments);
        for _ in 0..cycles {
            assert_eq!(load.line(), FIRE);
            fail_point!("load/waited");
        }
        let loaded = load.wait();
        println!("{waits} wait: {loaded:?}");
        (waits, loaded)
    };
    ROWS.map(row).into()
}
