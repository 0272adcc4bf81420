//! Are borrows judged alike?

use failpoint::fail_point;

pub fn borrowed_mutably(list: &mut Vec<u64>) -> u64 {
    let first = &mut list[0];
    fail_point!("borrow", n = list.len()); //~ both: cannot borrow `*list` as immutable
    *first = 1;
    let first = &list[0];
    fail_point!("borrow", |v: u64| { list.push(v); *first }); //~ both: closure requires unique access to
    0
}

pub fn changed(n: u64) -> u64 {
    fail_point!("borrow", |_| { n += 1; n }); //~ both: cannot assign to `n`, as it is not declared as mutable
    n
}

pub fn outlives<'a>(text: &'a str) -> &'a str {
    let local = text.to_owned();
    fail_point!("borrow", |_| &local); //~ both: closure may outlive the current function
    text
}
