//! Are points refused in constants and statics?

use failpoint::{fail_point, fail_value};

pub const CONST: () = fail_point!("const"); //~ both: in constants
pub static STATIC: bool = fail_value!("const").is_some(); //~ both: in statics
pub const BLOCK: u64 = {
    fail_point!("const"); //~ both: in constants
    1
};
