//! Does context that a future holds spoil its `Send` alike?

use failpoint::fail_point;

use std::rc::Rc;

async fn later(n: &Rc<u64>) -> u64 {
    **n
}

pub async fn future() -> u64 {
    let n = Rc::new(1);
    fail_point!("send", n = later(&n).await);
    1
}

fn send<T: Send>(_: T) {}

pub fn check() {
    send(future()); //~ both: future cannot be sent between threads safely
}
