//! What does an idle point cost? The same functions with a point and without one, to be found again
//! in the linked binary.

use failpoint::fail_point;
use std::hint::black_box;

#[inline(never)]
fn leaf_with_point(a: u64, b: u64) -> u64 {
    fail_point!("idle/leaf");
    a.wrapping_mul(31) ^ b
}

#[inline(never)]
fn leaf_without_point(a: u64, b: u64) -> u64 {
    a.wrapping_mul(31) ^ b
}

#[inline(never)]
fn writer_with_point(to: &mut [u64; 4], a: u64) {
    to[0] = a;
    fail_point!("idle/writer");
    to[1] = a.wrapping_add(1);
}

#[inline(never)]
fn writer_without_point(to: &mut [u64; 4], a: u64) {
    to[0] = a;
    to[1] = a.wrapping_add(1);
}

#[inline(never)]
fn twice_with_two_points(a: u64, b: u64) -> u64 {
    fail_point!("idle/first");
    fail_point!("idle/second");
    a.wrapping_mul(31) ^ b
}

/// Has these functions made, and called with what the compiler does not know.
pub(crate) fn keep() {
    let mut array = black_box([1, 2, 3, 4]);
    writer_with_point(&mut array, black_box(1));
    writer_without_point(&mut array, black_box(2));
    black_box(leaf_with_point(black_box(3), black_box(4)));
    black_box(leaf_without_point(black_box(5), black_box(6)));
    black_box(twice_with_two_points(black_box(7), black_box(8)));
    black_box(array);
    black_box(wiring_library::idle::library_with_point(black_box(9)));
    black_box(wiring_library::idle::library_without_point(black_box(10)));
    black_box(wiring_library::idle::instance_with_point(black_box(11u32)));
    black_box(wiring_library::idle::instance_without_point(black_box(12u32)));
}
