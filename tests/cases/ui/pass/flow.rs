//! Do the forms stand in loops, with labels, `?` and conditions that do more than compare?
#![allow(clippy::all)]

use failpoint::{fail_point, fail_result, fail_value, Injected};

#[derive(Debug)]
pub enum Error {
    Injected(String),
    Io(std::io::Error),
}

impl From<Injected> for Error {
    fn from(injected: Injected) -> Self {
        Error::Injected(injected.to_string())
    }
}

pub fn labels(messages: &[u64]) -> u64 {
    let mut sum = 0;
    'outer: for &message in messages {
        'inner: loop {
            if fail_value!("drop", message = message).is_some() {
                continue 'outer;
            }
            if let Some(extra) = fail_value!("corrupt", u64) {
                sum += extra;
                break 'inner;
            }
            let Ok(()) = fail_result!("stop") else { break 'outer };
            while fail_value!("again").is_some() {}
            fail_point!("each", if sum > 1, |v: u64| v);
            sum += message;
            break;
        }
    }
    sum
}

pub fn questions(n: u64) -> Result<u64, Error> {
    fail_result!("question")?;
    fail_result!("question", if n > 1, n = n).map_err(|injected| Error::Injected(injected.to_string()))?;
    fail_result!("question").map_err(std::io::Error::from).map_err(Error::Io)?;
    fail_point!("question", |text| Err(Error::Injected(text.ok_or(Error::Injected(String::new()))?)));
    fail_point!("question", if check(n)?, |_| Ok(1));
    fail_point!("question", n = check(n)?);
    Ok(fail_value!("question", u64).ok_or(Error::Injected(String::new())).unwrap_or(n))
}

pub fn looked_at() -> String {
    if let Err(injected) = fail_result!("looked") {
        return format!("{injected} {}", injected.point());
    }
    match fail_result!("looked") {
        Ok(()) => {}
        Err(injected) => {
            let text = injected.value().unwrap_or_default().to_owned();
            return text;
        }
    }
    let Err(injected) = fail_result!("looked") else { return String::new() };
    println!("{injected:?}");
    injected.to_string()
}

fn check(n: u64) -> Result<bool, Error> {
    Ok(n > 1)
}

pub fn conditions(n: u64, names: &[String], option: Option<u64>) -> u64 {
    fail_point!("condition", if matches!(option, Some(1 | 2)));
    fail_point!("condition", if option.is_some_and(|v| v > 1) && n < 3 || n == 9, |_| 1);
    fail_point!("condition", if names.iter().any(|name| name == "x"), names = names.len());
    fail_point!("condition", if { let twice = n * 2; twice > 4 });
    fail_point!("condition", if if n > 1 { true } else { false });
    fail_point!("condition", if (n as usize) < names.len());
    fail_point!("condition", if true);
    fail_point!("condition", n > 1 || n == 0, |_| 1);
    fail_point!("condition", matches!(n, 1 | 2), |_| 1);
    fail_point!("condition", names == &[String::new()], |_| 1);
    fail_point!("condition", !names.is_empty(), move |_| 1);
    // The condition asks a point of its own.
    fail_point!("condition", if fail_value!("inner", bool).unwrap_or(true));
    n
}

pub fn context(name: &str, owned: String, number: &mut u64) {
    *number += 1;
    fail_point!("context", name = name, owned = owned, number = number);
    fail_point!("context", name = &name, owned = &owned, number = *number + 1);
    fail_point!("context", name = format!("{name}-{owned}"), debug = format_args!("{:?}", name));
    fail_point!("context", type = name, r#loop = 1, self_ = 2, tuple = (1, 2).0);
    fail_point!("context", closure = (|| 1)(), block = { 1 }, branch = if *number > 1 { 1 } else { 2 });
    *number += 1;
}

macro_rules! mine {
    ($name:expr) => { failpoint::fail_point!($name) };
    ($name:literal, if $condition:expr, $key:ident = $value:expr) => {
        failpoint::fail_point!($name, if $condition, $key = $value)
    };
    ($name:expr, $closure:expr) => { failpoint::fail_point!($name, $closure) };
    ($name:expr; $($closure:tt)*) => { failpoint::fail_point!($name, $($closure)*) };
    ($name:expr => $type:ty) => { failpoint::fail_value!($name, $type) };
}

pub fn within_a_macro(n: u64) -> u64 {
    mine!("mine");
    mine!("mine", if n > 1, n = n);
    mine!("mine", |text| text.map_or(n, |text| text.len() as u64));
    mine!("mine", |text: Option<String>| text.map_or(n, |text| text.len() as u64));
    mine!("mine"; |v: u64| v + n);
    mine!("mine" => u64).unwrap_or(n)
}
