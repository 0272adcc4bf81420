//! Do the async forms take all that the others take, and do their futures stay `Send`?

use failpoint::{Injected, Scope, fail_point_async, fail_result_async, fail_value_async};
use std::fmt::{Display, Formatter, Result as Format};
use std::rc::Rc;
use std::sync::Arc;

pub async fn statements(n: u64, name: &str) {
    fail_point_async!("async");
    fail_point_async!("async",);
    fail_point_async!("async", if n > 1);
    fail_point_async!("async", n = n, name = name);
    fail_point_async!("async", if n > 1, n = n, name = name.to_owned(),);
}

pub async fn closures(n: u64, name: String) -> Option<String> {
    fail_point_async!("async", |text| text);
    fail_point_async!("async", if n > 1, n = n, |text| -> Option<String> { text });
    fail_point_async!("async", |v: u64| Some((v + n).to_string()));
    fail_point_async!("async", name = name, move |_: u64| Some(name));
    fail_point_async!("async", n > 1, |_| None);
    fail_point_async!("async", respond);
    Some(name)
}

fn respond(text: Option<String>) -> Option<String> {
    text
}

pub async fn values(messages: &[u64]) -> Result<u64, Injected> {
    let mut sum = 0;
    'next: for &message in messages {
        if fail_value_async!("async", message = message).is_some() {
            continue 'next;
        }
        fail_result_async!("async")?;
        fail_result_async!("async", if message > 1, message = message)?;
        sum += fail_value_async!("async", u64, if message > 1, message = message).unwrap_or(message);
    }
    Ok(sum)
}

pub async fn scoped(scope: &Scope, shared: Arc<Scope>, n: u64) -> Result<u64, Injected> {
    fail_point_async!(in scope, "async");
    fail_point_async!(in shared, "async", if n > 1, n = n);
    fail_point_async!(in &shared, "async", |v: u64| Ok(v));
    fail_result_async!(in scope, "async")?;
    Ok(fail_value_async!(in scope, "async", u64).unwrap_or(n))
}

pub async fn generic<T: Display + Clone>(value: T) -> Option<T> {
    fail_point_async!("async", value = value);
    fail_point_async!("async", |_| Some(value.clone()));
    None
}

/// What cannot be sent may be shown, as it is rendered before anything is awaited.
pub struct Unsendable(Rc<u64>);

impl Display for Unsendable {
    fn fmt(&self, f: &mut Formatter<'_>) -> Format {
        write!(f, "{}", self.0)
    }
}

pub async fn renders_first() {
    fail_point_async!("async", shown = Unsendable(Rc::new(1)));
    fail_point_async!("async", shown = Rc::new(1), |_| ());
    let _: Option<u64> = fail_value_async!("async", u64, shown = Unsendable(Rc::new(1)));
    let _: Result<(), Injected> = fail_result_async!("async", shown = Rc::new(1));
}

fn send<T: Send>(_: T) {}

pub fn all_are_send(scope: &'static Scope) {
    send(statements(1, ""));
    send(closures(1, String::new()));
    send(values(&[1]));
    send(scoped(scope, Arc::new(Scope::new()), 1));
    send(generic(1));
    send(renders_first());
}
