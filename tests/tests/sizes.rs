//! How many bytes does a point take in a release build? Compiled in, at most so many; compiled out,
//! none.
//!
//! A program with many points is compared with one that has one, so that the library is no part of
//! it. docs/cost.md has the same of every form, measured by `benches/build`.

use failpoint_bench_support::sections::{self, Sizes};
use failpoint_test_support::needs;
use failpoint_tests::made::{Ingredients, made};
use failpoint_tests::rustc::{run, rustc};
use failpoint_tests::world::{Profile, World};
use std::fmt::Write;
use std::fs;

const POINTS: usize = 201;

/// Text and data together, of a statement. A machine whose instructions are longer needs another. Of
/// these, 28 are for the place from which a panic is reported: the compiler makes no shorter one.
const BOUND: f64 = 192.0;

#[test]
fn a_point_compiled_in_takes_no_more_bytes_than_it_may() {
    let is_known = cfg!(all(target_arch = "x86_64", target_os = "linux"));
    if !needs::machine("x86_64 and Linux, of which the bound is", is_known) {
        return;
    }
    let taken = added(World::On);
    let each = (taken.text + taken.data) as f64 / (POINTS - 1) as f64;
    println!("{each:.1} bytes a point of at most {BOUND}: {taken:?}");
    assert!(each > 8.0, "the points are not in the program: {taken:?}");
    assert!(each <= BOUND, "a point takes {each:.1} bytes and may take {BOUND}: {taken:?}");
}

#[test]
fn points_compiled_out_take_no_byte() {
    let Sizes { text, data, unwinding, relocations } = added(World::Off);
    assert_eq!([text, data, unwinding, relocations], [0; 4]);
}

/// What all points but the first add.
fn added(world: World) -> Sizes {
    size(world, POINTS) - size(world, 1)
}

/// Of a program whose first functions, this many, have a point each.
fn size(world: World, points: usize) -> Sizes {
    let mut rustc = rustc(world, Profile::Release);
    rustc.args(["--edition=2024", "--crate-name=sizes"]);
    let text = text(points);
    let ingredients = Ingredients::of(world, Profile::Release).command(&rustc).text(&text);
    let place = made(&format!("sizes/{}-{points}", world.name()), &ingredients, |out| {
        let source = out.join("sizes.rs");
        fs::write(&source, &text).expect("the target directory can be written");
        run(rustc.arg(&source).arg("-o").arg(out.join("sizes")));
    });
    sections::of(&place.join("sizes"))
}

fn text(points: usize) -> String {
    let mut text = String::new();
    for number in 0..POINTS {
        let point = if number < points {
            format!("failpoint::fail_point!(\"sizes/point{number}\");")
        } else {
            String::new()
        };
        let _ = writeln!(
            text,
            "#[inline(never)]\nfn function_{number}(a: u64, b: u64) -> u64 {{\n    {point}\n    \
             a.wrapping_mul({}) ^ b\n}}",
            2 * number + 3
        );
    }
    text.push_str(
        "fn main() {\n    let functions: &[fn(u64, u64) -> u64] = std::hint::black_box(&[",
    );
    (0..POINTS).for_each(|number| {
        let _ = write!(text, "function_{number}, ");
    });
    text.push_str(
        "]);\n    let sum = functions.iter().fold(1, |sum, function| function(sum, 2));\n    \
         println!(\"{sum}\");\n}\n",
    );
    text
}
