//! What may `#[failpoint(…)]` stand on, and does it do there what it says?
// Miri has no linker's list, so a point cannot be armed before its first hit: see tests/late.rs.
#![cfg(all(feature = "failpoints", feature = "attributes", not(miri)))]
#![deny(warnings, clippy::all, clippy::pedantic)]
#![allow(clippy::unwrap_used)]

use failpoint::{Action, Injected, Scope, arm, arm_with, fail_point, failpoint};
use std::cell::RefCell;
use std::fmt::Display;
use std::future::Future;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};

/// Runs a future that is ready as soon as it is asked.
fn ready<F: Future>(future: F) -> F::Output {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("the future waits"),
    }
}

thread_local! {
    static SEEN: RefCell<Vec<&'static str>> = const { RefCell::new(Vec::new()) };
}

fn see(what: &'static str) {
    SEEN.with_borrow_mut(|seen| seen.push(what));
}

fn seen() -> Vec<&'static str> {
    SEEN.take()
}

/// Logs when it is dropped.
struct Noisy(&'static str);

impl Noisy {
    fn len(&self) -> usize {
        self.0.len()
    }
}

impl Drop for Noisy {
    fn drop(&mut self) {
        see(self.0);
    }
}

mod head {
    use super::*;

    /// Documented, and `must_use` still.
    #[must_use]
    #[failpoint("head/plain")]
    pub(crate) fn plain(mut n: u64) -> u64 {
        #![allow(clippy::items_after_statements)]
        use std::ops::AddAssign;
        n.add_assign(1);
        n
    }

    #[failpoint("head/text", |text| text.map_or(0, |text| text.len()))]
    fn text() -> usize {
        1000
    }

    #[failpoint("head/typed", |v: u64| Some(v * u64::from(factor)))]
    fn typed(factor: u8) -> Option<u64> {
        let _ = factor;
        None
    }

    fn respond(text: Option<String>) -> String {
        text.unwrap_or_default()
    }

    #[failpoint("head/callable", respond)]
    fn callable() -> String {
        "own".to_owned()
    }

    #[failpoint("head/condition", if region > 1, region = region, |text| format!("{text:?}"))]
    fn condition(region: u64) -> String {
        region.to_string()
    }

    #[failpoint("head/unit", |_| ())]
    fn unit(seen: &mut bool) {
        *seen = true;
    }

    #[failpoint(in scope, concat!("head/", "through"), |_| true)]
    fn through(scope: &Scope) -> bool {
        let _ = scope;
        false
    }

    #[failpoint("head/async", |n: u64| Ok(n))]
    async fn asynchronous(n: &u64) -> Result<u64, std::num::ParseIntError> {
        let one = std::future::ready("1").await.parse::<u64>()?;
        Ok(*n + one)
    }

    #[test]
    fn a_plain_site_is_evaluated_before_the_body() {
        let armed = arm("head/plain", "off").unwrap();
        assert_eq!(plain(1), 2);
        assert_eq!(armed.hits(), 1);
        assert!(arm("head/plain", "return").is_err());
    }

    #[test]
    fn closures_return() {
        assert_eq!((text(), typed(2), callable()), (1000, None, "own".to_owned()));
        let _text = arm("head/text", "return(four)").unwrap();
        let _typed = arm("head/typed", "return(21)").unwrap();
        let _callable = arm("head/callable", "return(theirs)").unwrap();
        assert_eq!((text(), typed(2), callable()), (4, Some(42), "theirs".to_owned()));
        assert!(arm("head/typed", "return(x)").is_err());
        let _unit = arm("head/unit", "return").unwrap();
        let mut ran = false;
        unit(&mut ran);
        assert!(!ran);
    }

    #[test]
    fn conditions_and_context_go_to_the_macro() {
        let armed = arm("head/condition", "when(region=7):return(seven)").unwrap();
        assert_eq!([condition(1), condition(2), condition(7)], ["1", "2", "Some(\"seven\")"]);
        assert_eq!(armed.hits(), 1);
    }

    #[test]
    fn a_scope_is_passed_by_hand() {
        let scope = Scope::new();
        scope.arm("head/through", "return").unwrap();
        assert!(through(&scope));
        assert!(!through(&Scope::new()));
    }

    #[test]
    fn async_functions_return_too() {
        assert_eq!(ready(asynchronous(&1)), Ok(2));
        let _armed = arm("head/async", "return(5)").unwrap();
        assert_eq!(ready(asynchronous(&1)), Ok(5));
    }
}

mod error {
    use super::*;

    #[derive(Debug)]
    enum Refusal {
        Io(std::io::Error),
        Injected(String),
    }

    impl From<Injected> for Refusal {
        fn from(injected: Injected) -> Self {
            Self::Injected(injected.value().unwrap_or_default().to_owned())
        }
    }

    impl From<std::io::Error> for Refusal {
        fn from(error: std::io::Error) -> Self {
            Self::Io(error)
        }
    }

    #[failpoint("err/io", err)]
    fn io() -> std::io::Result<()> {
        Ok(())
    }

    #[failpoint("err/own", disk = disk, err)]
    fn own(disk: &str) -> Result<&str, Refusal> {
        io()?;
        Ok(disk)
    }

    #[failpoint("err/async", err)]
    async fn asynchronous(disk: &str) -> Result<impl Display + '_, Refusal> {
        std::future::ready(own(disk)?).await;
        Ok(disk)
    }

    #[test]
    fn err_returns_the_injected_error() {
        assert_eq!(own("a").unwrap(), "a");
        {
            let _armed = arm("err/io", "return(ENOSPC)").unwrap();
            let Err(Refusal::Io(error)) = own("a") else { panic!("injected") };
            assert_eq!(error.kind(), std::io::ErrorKind::StorageFull);
        }
        let _armed = arm("err/own", "when(disk=b):return(torn)").unwrap();
        assert!(own("a").is_ok());
        let Err(Refusal::Injected(value)) = own("b") else { panic!("injected") };
        assert_eq!(value, "torn");
        assert!(ready(asynchronous("b")).is_err());
        let _armed = arm("err/async", "return").unwrap();
        assert!(ready(asynchronous("a")).is_err());
    }
}

mod around {
    use super::*;

    /// What is armed at both ends logs.
    fn watched(before: &str, after: &str) -> Scope {
        let scope = Scope::new();
        scope.arm(before, "off").unwrap();
        scope.arm(after, "off").unwrap();
        scope
    }

    #[failpoint(before = "around/before", after = "around/after")]
    fn early(n: i64) -> Result<u64, std::num::TryFromIntError> {
        if n == 0 {
            return Ok(0);
        }
        let n = u64::try_from(n)?;
        Ok(n)
    }

    #[failpoint(before = "around/before", after = "around/after")]
    async fn early_async(n: i64) -> Result<u64, std::num::TryFromIntError> {
        if n == 0 {
            return Ok(0);
        }
        let n = u64::try_from(n)?;
        std::future::ready(Ok(n)).await
    }

    #[test]
    fn after_is_evaluated_on_every_way_out() {
        let scope = watched("around/before", "around/after");
        let _in = scope.enter();
        assert!(early(0).is_ok() && early(1).is_ok() && early(-1).is_err());
        assert_eq!(scope.hits("around/before"), Ok(3));
        assert_eq!(scope.hits("around/after"), Ok(3));
        let all = async {
            assert!(early_async(0).await.is_ok());
            assert!(early_async(1).await.is_ok());
            assert!(early_async(-1).await.is_err());
        };
        ready(all);
        assert_eq!(scope.hits("around/after"), Ok(6));
    }

    #[failpoint(after = "around/panics")]
    fn panics(how: &str) -> usize {
        assert!(how != "panic", "as asked");
        how.len()
    }

    #[failpoint(after = "around/panics")]
    async fn panics_async(how: &str) -> usize {
        assert!(how != "panic", "as asked");
        if how == "wait" {
            std::future::pending::<()>().await;
        }
        how.len()
    }

    #[test]
    fn after_is_not_evaluated_on_panic_or_cancellation() {
        let scope = Scope::new();
        scope.arm("around/panics", "off").unwrap();
        let _in = scope.enter();
        assert!(std::panic::catch_unwind(|| panics("panic")).is_err());
        assert!(std::panic::catch_unwind(|| ready(panics_async("panic"))).is_err());
        {
            let mut future = pin!(panics_async("wait"));
            let mut context = Context::from_waker(Waker::noop());
            assert!(future.as_mut().poll(&mut context).is_pending());
        }
        assert_eq!(scope.hits("around/panics"), Ok(0));
        assert_eq!(panics("well") + ready(panics_async("well")), 8);
        assert_eq!(scope.hits("around/panics"), Ok(2));
    }

    #[test]
    fn after_is_evaluated_in_a_drop_while_another_panic_unwinds() {
        struct Cleans;
        impl Drop for Cleans {
            fn drop(&mut self) {
                let _ = panics("well");
            }
        }
        let scope = Scope::new();
        scope.arm("around/panics", "off").unwrap();
        let _in = scope.enter();
        let unwound = std::panic::catch_unwind(|| {
            let _cleans = Cleans;
            panic!("as asked");
        });
        assert!(unwound.is_err());
        assert_eq!(scope.hits("around/panics"), Ok(1));
    }

    #[allow(clippy::needless_pass_by_value)]
    #[failpoint(before = "around/order-before", after = "around/order-after")]
    fn order(parameter: Noisy) -> usize {
        let local = Noisy("local");
        see("body");
        let _ = (&local, &parameter);
        Noisy("temporary").len()
    }

    #[failpoint(before = "around/order-before", after = "around/order-after")]
    async fn order_async(parameter: Noisy) -> usize {
        let local = Noisy("local");
        see("body");
        let _ = (&local, &parameter);
        Noisy("temporary").len()
    }

    #[test]
    fn after_comes_when_locals_and_temporaries_are_gone() {
        let _before = arm_with("around/order-before", |_| {
            see("before");
            Action::Off
        });
        let _after = arm_with("around/order-after", |hit| {
            see("after");
            if hit.number() == 1 { Action::Panic(None) } else { Action::Off }
        });
        let outcome = std::panic::catch_unwind(|| order(Noisy("parameter")));
        assert!(outcome.is_err());
        let (locals, rest) = (["before", "body", "temporary", "local"], ["after", "parameter"]);
        assert_eq!(seen(), [&locals[..], &rest[..]].concat());

        assert_eq!(ready(order_async(Noisy("parameter"))), 9);
        // An async body is a future of its own, which takes the parameters with it.
        let rest = ["parameter", "after"];
        assert_eq!(seen(), [&locals[..], &rest[..]].concat());
    }

    #[failpoint(after = "around/single")]
    fn single() -> usize {
        1
    }

    #[failpoint(after = "around/unit")]
    fn unit(n: &mut u8) {
        *n += 1;
    }

    #[failpoint(after = "around/nothing")]
    fn nothing() {}

    #[failpoint(after = "around/nothing")]
    async fn nothing_async() {}

    #[failpoint(before = "around/only-before")]
    fn explicit(n: u8) -> u8 {
        #[allow(clippy::needless_return)]
        return n;
    }

    #[failpoint(after = "around/explicit")]
    fn explicit_after(n: u8) -> u8 {
        #[allow(clippy::needless_return)]
        return n;
    }

    #[failpoint(after = "around/diverges")]
    fn diverges(n: u8) -> u8 {
        loop {
            if n > 0 {
                return n;
            }
        }
    }

    #[failpoint(after = "around/diverges")]
    async fn diverges_async(n: u8) -> u8 {
        loop {
            if std::future::ready(n).await > 0 {
                return n;
            }
        }
    }

    #[failpoint(after = "around/recursion")]
    fn recursion(n: u64) -> u64 {
        if n == 0 { 0 } else { n + recursion(n - 1) }
    }

    // The attribute nearest to the function is the outermost.
    #[failpoint("around/stacked-head", |v: u64| v)]
    #[failpoint(after = "around/stacked")]
    #[failpoint(before = "around/stacked")]
    fn stacked() -> u64 {
        1
    }

    #[test]
    fn small_bodies() {
        let scope = Scope::new();
        scope
            .arm_all("around/single=off;around/unit=off;around/nothing=off;around/only-before=off;around/explicit=off;around/diverges=off;around/recursion=off;around/stacked=off;around/stacked-head=return(9)")
            .unwrap();
        let _in = scope.enter();
        let mut n = single().try_into().unwrap();
        unit(&mut n);
        nothing();
        ready(nothing_async());
        assert_eq!(explicit(n) + explicit_after(n) + diverges(n) + ready(diverges_async(n)), 8);
        assert_eq!(recursion(3), 6);
        assert_eq!(stacked(), 9);
        let hits = |name| scope.hits(name).unwrap();
        assert_eq!(hits("around/single") + hits("around/unit"), 2);
        assert_eq!((hits("around/nothing"), hits("around/only-before")), (2, 1));
        assert_eq!((hits("around/explicit"), hits("around/diverges")), (1, 2));
        assert_eq!((hits("around/recursion"), hits("around/stacked")), (4, 2));
    }
}

mod shapes {
    use super::*;
    use std::collections::HashMap;
    use std::hash::Hash;
    use std::panic::Location;

    pub(crate) struct Store<K, V> {
        items: HashMap<K, V>,
    }

    pub(crate) trait Table<K, V> {
        fn get(&self, key: &K) -> Option<&V>;

        #[failpoint(before = "shapes/default", after = "shapes/default")]
        fn has(&self, key: &K) -> bool
        where
            V: Clone,
        {
            self.get(key).is_some()
        }

        async fn load(&mut self, key: K, value: V) -> usize;
    }

    impl<K: Eq + Hash, V> Table<K, V> for Store<K, V> {
        #[failpoint("shapes/get", |_| None)]
        #[failpoint(after = "shapes/after")]
        fn get(&self, key: &K) -> Option<&V> {
            self.items.get(key)
        }

        #[failpoint(before = "shapes/async", after = "shapes/after")]
        async fn load(&mut self, key: K, value: V) -> usize {
            self.items.insert(key, value);
            std::future::ready(self.items.len()).await
        }
    }

    impl<K: Eq + Hash, V> Store<K, V> {
        #[failpoint(after = "shapes/after")]
        pub(crate) fn by_mut(&mut self, key: &K) -> Option<&mut V> {
            let item = self.items.get_mut(key)?;
            Some(item)
        }

        #[allow(clippy::boxed_local)]
        #[failpoint(after = "shapes/after")]
        fn by_value(mut self: Box<Self>, (Ok(key) | Err(key)): Result<&K, &K>) -> Option<V> {
            self.items.remove(key)
        }

        #[failpoint(before = "shapes/before", after = "shapes/after")]
        fn pinned(self: Pin<&mut Self>) -> Pin<&mut Self> {
            self
        }

        #[failpoint(before = "shapes/before", after = "shapes/after")]
        fn values(&self) -> impl Iterator<Item = &V> + use<'_, K, V> {
            if self.items.is_empty() {
                return self.items.values();
            }
            self.items.values()
        }

        // What #[async_trait] makes of an async method.
        #[failpoint("shapes/boxed", |_| None)]
        #[failpoint(after = "shapes/after")]
        fn boxed<'a>(&'a self, key: &'a K) -> Pin<Box<dyn Future<Output = Option<&'a V>> + 'a>> {
            Box::pin(async move {
                let value = self.items.get(key)?;
                Some(value)
            })
        }

        #[failpoint("shapes/future", key = key, |_| None)]
        fn future<'a>(&'a self, key: &'a K) -> impl Future<Output = Option<&'a V>> + use<'a, K, V>
        where
            K: Display,
        {
            let found = self.items.get(key);
            async move { found }
        }
    }

    #[failpoint(after = "shapes/after")]
    fn closure() -> impl Fn(&str) -> usize {
        |text| text.len()
    }

    #[failpoint(after = "shapes/after")]
    fn coerced(n: u8) -> Box<dyn Display> {
        if n == 0 {
            return Box::new(n);
        }
        Box::new("many")
    }

    #[failpoint(after = "shapes/after")]
    async fn coerced_async(n: u8) -> Box<dyn Display> {
        if n == 0 {
            return Box::new(n);
        }
        Box::new("many")
    }

    #[failpoint(after = "shapes/after")]
    async fn hidden<T: Display>(n: T) -> Result<impl Display, std::io::Error> {
        let text = std::str::from_utf8(b"x").map_err(std::io::Error::other)?;
        Ok(format!("{text}{n}"))
    }

    #[track_caller]
    #[failpoint(before = "shapes/before", after = "shapes/after")]
    fn caller() -> u32 {
        Location::caller().line()
    }

    #[failpoint(before = "shapes/before", after = "shapes/after")]
    extern "C" fn foreign(n: u8) -> u8 {
        n
    }

    #[allow(unsafe_code)]
    #[failpoint(before = "shapes/before", after = "shapes/after")]
    unsafe fn unchecked(text: &[u8]) -> &str {
        // SAFETY: the caller gives text.
        unsafe { std::str::from_utf8_unchecked(text) }
    }

    macro_rules! make {
        ($visibility:vis $name:ident, $site:expr, $type:ty, $body:block) => {
            #[failpoint(before = $site, after = $site)]
            $visibility fn $name() -> $type $body
        };
    }

    make!(pub(crate) made, "shapes/before", u8, { 7 });

    #[failpoint(before = "shapes/before")]
    fn never() -> ! {
        panic!("as asked")
    }

    fn is_send<F: Future + Send>(future: F) -> F {
        future
    }

    #[test]
    #[allow(unsafe_code)]
    fn every_shape_keeps_its_meaning() {
        let scope = Scope::new();
        scope.arm_all("shapes/after=off;shapes/before=off;shapes/default=off").unwrap();
        let _in = scope.enter();

        let mut store = Store { items: HashMap::from([(1, "one")]) };
        assert!(store.has(&1));
        assert_eq!(ready(store.load(2, "two")), 2);
        *store.by_mut(&2).unwrap() = "deux";
        assert_eq!(store.values().count(), 2);
        assert_eq!(ready(store.boxed(&1)), Some(&"one"));
        assert_eq!(ready(store.future(&1)), Some(&"one"));
        scope.arm_all("shapes/boxed=return;shapes/future=when(key=1):return").unwrap();
        assert_eq!(ready(store.boxed(&1)), None);
        assert_eq!(ready(store.future(&1)), None);
        assert_eq!(Pin::new(&mut store).pinned().items.len(), 2);
        assert_eq!(Box::new(store).by_value(Ok(&2)), Some("deux"));

        assert_eq!(closure()("four"), 4);
        assert_eq!(format!("{}{}", coerced(0), ready(coerced_async(1))), "0many");
        assert_eq!(ready(is_send(hidden(1))).unwrap().to_string(), "x1");
        assert_eq!(caller(), line!());
        assert_eq!(foreign(1) + made(), 8);
        // SAFETY: it is text.
        assert_eq!(unsafe { unchecked(b"text") }, "text");
        assert!(std::panic::catch_unwind(|| never()).is_err());
        assert_eq!(scope.hits("shapes/default"), Ok(2));
        assert_eq!(scope.hits("shapes/before"), Ok(8));
        assert!(scope.hits("shapes/after").unwrap() >= 13);
    }

    #[test]
    fn a_future_evaluates_its_site_when_it_runs() {
        let scope = Scope::new();
        scope.arm("shapes/boxed", "off").unwrap();
        let _in = scope.enter();
        let store = Store { items: HashMap::from([(1, "one")]) };
        let future = store.boxed(&1);
        assert_eq!(scope.hits("shapes/boxed"), Ok(0));
        ready(future);
        assert_eq!(scope.hits("shapes/boxed"), Ok(1));
    }
}

mod renamed {
    use super::*;

    pub(crate) mod vendored {
        pub(crate) use ::failpoint;
    }

    #[failpoint::failpoint(crate = vendored::failpoint, "renamed/site", |n: u8| n)]
    fn site() -> u8 {
        0
    }

    #[failpoint::failpoint(crate = crate::renamed::vendored::failpoint, after = "renamed/after")]
    fn after() {}

    #[test]
    fn the_crate_may_stand_elsewhere() {
        let _armed = arm("renamed/site", "return(3)").unwrap();
        after();
        assert_eq!(site(), 3);
        assert!(failpoint::point("renamed/after").is_ok());
    }
}

#[test]
fn a_site_is_at_its_attribute() {
    #[failpoint("place")]
    fn here() {}
    const LINE: u32 = line!() - 2;
    here();
    fail_point!("place");
    let sites = failpoint::point("place").unwrap().sites;
    assert!(sites.iter().any(|site| site.line == LINE), "{sites:?}, not {LINE}");
}
