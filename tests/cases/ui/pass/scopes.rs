//! May a scope be passed by value, by reference and behind a pointer, in every form?

use failpoint::{Injected, Scope, fail_point, fail_result, fail_value};
use std::rc::Rc;
use std::sync::Arc;

pub struct Server {
    scope: Scope,
}

impl Server {
    pub fn every_form(&self, n: u64) -> Result<u64, Injected> {
        fail_point!(in self.scope, "scope");
        fail_point!(in &self.scope, "scope",);
        fail_point!(in self.scope, "scope", if n > 1, n = n);
        fail_point!(in self.scope, "scope", |_| Ok(n));
        fail_point!(in self.scope, "scope", if n > 1, n = n, |v: u64| Ok(v));
        fail_point!(in self.scope, "scope", n > 1, |_| Ok(n));
        if fail_value!(in self.scope, "scope").is_some() {
            return Ok(1);
        }
        fail_result!(in self.scope, "scope", n = n)?;
        Ok(fail_value!(in self.scope, "scope", u64, if n > 1, n = n).unwrap_or(n))
    }
}

pub fn pointers(owned: Scope, arc: Arc<Scope>, rc: &Rc<Scope>, boxed: Box<Scope>) {
    fail_point!(in owned, "scope");
    fail_point!(in arc, "scope");
    fail_point!(in rc, "scope");
    fail_point!(in *rc, "scope");
    fail_point!(in boxed, "scope");
    fail_point!(in Scope::new(), "scope");
    let _ = owned;
}
