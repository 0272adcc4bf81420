//! Are moves judged as if the closure ran where it returns?

use failpoint::fail_point;

pub fn moved_before(name: String) -> String {
    drop(name);
    fail_point!("move", |_| name); //~ both: use of moved value: `name`
    String::new()
}

pub fn moved_in_a_loop(name: String, n: u64) -> String {
    let mut last = name;
    for _ in 0..n {
        drop(last);
        fail_point!("move", |_| last); //~ both: use of moved value: `last`
        last = String::new();
    }
    last
}

pub fn context_moved_before(name: String) {
    drop(name);
    fail_point!("move", name = name); //~ both: borrow of moved value: `name`
}

pub fn condition_moves(name: String) -> usize {
    fail_point!("move", if drop_it(name));
    name.len() //~ both: borrow of moved value: `name`
}

pub fn context_moves(name: String) -> usize {
    fail_point!("move", moved = drop_it(name));
    name.len() //~ both: borrow of moved value: `name`
}

pub fn moved_out_of_a_reference(name: &String) -> String {
    fail_point!("move", |_| *name); //~ both: cannot move out of `*name`
    String::new()
}

fn drop_it(name: String) -> bool {
    name.is_empty()
}
