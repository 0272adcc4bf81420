//! Is what an attribute moves or captures judged alike in both worlds?

use failpoint::failpoint;
use std::future::Future;
use std::rc::Rc;

fn taken(text: String) -> String {
    text
}

#[failpoint("moves", text = taken(text))]
pub fn moves(text: String) -> usize {
    text.len() //~ both: borrow of moved value: `text`
}

#[failpoint("moves", text = taken(text))]
pub async fn moves_async(text: String) -> usize {
    text.len() //~ both: borrow of moved value: `text`
}

#[failpoint("moves", |_| *text)] //~ both: cannot move out of `*text`
pub fn out_of_a_reference(text: &String) -> String {
    text.clone()
}

#[failpoint("moves", key = key)]
pub fn captures(key: Rc<str>) -> impl Future<Output = ()> + Send {
    //~^ both: future cannot be sent between threads safely
    async move {}
}

#[failpoint("moves", key = key)]
pub fn captures_a_borrow(key: &str) -> impl Future<Output = ()> + 'static {
    async move {} //~ both: lifetime may not live long enough
}
