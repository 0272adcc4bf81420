//! How many instructions does each of these take? Run as `cases CASE TIMES`, below a counter.

use failpoint::{fail_point, fail_value};
use std::hint::black_box;

#[inline(never)]
fn statement(n: u64) -> u64 {
    fail_point!("instructions/statement");
    n.wrapping_mul(3)
}

#[inline(never)]
fn value(n: u64) -> u64 {
    fail_value!("instructions/value", u64).unwrap_or(n)
}

fn times(times: u64, mut body: impl FnMut(u64)) {
    (0..times).for_each(|n| body(black_box(n)));
}

fn arm(name: &str, terms: &str) {
    failpoint::arm(name, terms).unwrap().keep();
}

fn main() {
    let mut arguments = std::env::args().skip(1);
    let case = arguments.next().unwrap();
    let count = arguments.next().unwrap().parse().unwrap();
    let scope = failpoint::Scope::new();
    match case.as_str() {
        "idle" => times(count, |n| {
            black_box(statement(n));
        }),
        "armed-off" => {
            arm("instructions/statement", "off");
            times(count, |n| {
                black_box(statement(n));
            });
        }
        "armed-return" => {
            arm("instructions/value", "return(7)");
            times(count, |n| assert_eq!(value(n), 7));
        }
        "scope-arms-it" => {
            scope.arm("instructions/value", "return(7)").unwrap();
            let _in = scope.enter();
            times(count, |n| assert_eq!(value(n), 7));
        }
        "scope-does-not" => {
            arm("instructions/value", "return(7)");
            scope.arm("instructions/statement", "off").unwrap();
            let _in = scope.enter();
            times(count, |n| assert_eq!(value(n), 7));
        }
        "arm-short" => times(count, |_| arm("instructions/value", "return(7)")),
        "arm-long" => times(count, |_| {
            arm("instructions/value", "3*return(5)->50%return(6)->sleep(10ms)->off");
        }),
        "list-of-1000" => {
            for n in 0..1_000 {
                failpoint::arm_unlisted(&format!("instructions/list/{n}"), "off").unwrap().keep();
            }
            times(count, |_| assert_eq!(failpoint::points().len(), 1_002));
        }
        other => panic!("there is no case {other}"),
    }
}
