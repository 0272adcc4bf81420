//! A program that takes `failpoint` from a dynamic library.

use dylib_library::{failpoint, pass};

fn own() {
    failpoint::fail_point!("dylib/program");
}

fn main() {
    println!("listed {:?}", failpoint::points().into_iter().map(|point| point.name).collect::<Vec<_>>());
    println!("{}", failpoint::arm("dylib/program", "off").unwrap_err());
    own();
    pass();
    println!("listed {:?}", failpoint::points().into_iter().map(|point| point.name).collect::<Vec<_>>());
}
