//! In which state is a point measured, and how is it shown that it was in that state?

use crate::peers::{
    ASYNC_PLAIN, ASYNC_VALUE, CONTEXT, Form, Loop, OTHER, PLAIN, Peer, REGISTRY, VALUE,
};
use fail_parallel::FailPointRegistry;
use failpoint::{Armed, Scope};
use std::sync::Arc;
use std::time::Duration;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Case {
    Idle,
    AnotherArmed,
    Off,
    OneInAHundred,
    Return,
    /// A filter that does not match.
    When,
    /// Armed for everybody, evaluated in a scope that arms another point.
    InAScope,
    /// Armed in a scope, evaluated in another.
    InAnotherScope,
}

impl Case {
    pub const ALL: [Self; 8] = [
        Self::Idle,
        Self::AnotherArmed,
        Self::Off,
        Self::OneInAHundred,
        Self::Return,
        Self::When,
        Self::InAScope,
        Self::InAnotherScope,
    ];

    pub fn told(self) -> &'static str {
        match self {
            Self::Idle => "idle",
            Self::AnotherArmed => "idle, another point armed",
            Self::Off => "`off`",
            Self::OneInAHundred => "`1%off`",
            Self::Return => "`return(5)`, a `u64`",
            Self::When => "`when(tenant=other):off`, does not match",
            Self::InAScope => "`off`, in a scope that does not arm it",
            Self::InAnotherScope => "`off` in another scope only",
        }
    }

    pub fn form(self) -> Form {
        match self {
            Self::Return => Form::Value,
            Self::When => Form::Context,
            _ => Form::Plain,
        }
    }

    fn point(self, is_async: bool) -> &'static str {
        match (self, self.form(), is_async) {
            (Self::AnotherArmed, ..) => OTHER,
            (_, Form::Plain, false) => PLAIN,
            (_, Form::Plain, true) => ASYNC_PLAIN,
            (_, Form::Value, false) => VALUE,
            (_, Form::Value, true) => ASYNC_VALUE,
            (_, Form::Context, _) => CONTEXT,
        }
    }

    fn terms(self) -> Option<&'static str> {
        match self {
            Self::Idle => None,
            Self::AnotherArmed | Self::Off | Self::InAScope | Self::InAnotherScope => Some("off"),
            Self::OneInAHundred => Some("1%off"),
            Self::Return => Some("return(5)"),
            Self::When => Some("when(tenant=other):off"),
        }
    }

    /// Brings the point of `peer` into this state; `None` where it has no such state.
    pub fn set(self, peer: Peer, is_async: bool) -> Option<State> {
        let is_sync_only = matches!(self, Self::When | Self::InAScope | Self::InAnotherScope);
        if is_async && is_sync_only {
            return None;
        }
        let name = self.point(is_async);
        Some(match peer {
            Peer::Empty | Peer::Load | Peer::Floor if self == Self::Idle => State::Bare,
            Peer::Empty | Peer::Load | Peer::Floor => return None,
            Peer::Ours => State::Ours(Ours::set(self, name)),
            Peer::Fail if is_sync_only => return None,
            Peer::Fail => State::Fail(Fail::set(self, name)),
            // Registries are its scopes; there is nothing behind them, nor any filter.
            Peer::Parallel if matches!(self, Self::When | Self::InAScope) => return None,
            Peer::Parallel => State::Parallel(Parallel::set(self, name)),
        })
    }
}

/// A point in the state of a case; gone with it.
pub enum State {
    Bare,
    Ours(Ours),
    Fail(Fail),
    Parallel(Parallel),
}

pub struct Ours {
    case: Case,
    armed: Option<Armed>,
    /// The scope that arms the point, and the one that it is evaluated in.
    scopes: Option<(Scope, Scope)>,
}

pub struct Fail {
    case: Case,
    name: &'static str,
}

pub struct Parallel {
    case: Case,
    name: &'static str,
    registry: Arc<FailPointRegistry>,
}

impl State {
    /// Loops `n` times, in this state.
    pub fn run(&self, looped: Loop, n: u64) -> u64 {
        match self {
            State::Ours(Ours { scopes: Some((_, scope)), .. }) => {
                scope.wrap_fn(move || looped(n))()
            }
            _ => looped(n),
        }
    }

    /// Asserts that `evaluations` found this state and gave `returned` values.
    pub fn check(&self, evaluations: u64, returned: u64) {
        match self {
            State::Bare => {}
            State::Ours(state) => state.check(evaluations, returned),
            // They do not count; their list says what is armed, and a value that it was hit.
            State::Fail(Fail { case, name }) => {
                check_peer(*case, name, &fail::list(), evaluations, returned);
            }
            State::Parallel(Parallel { case, name, registry }) => {
                let list = fail_parallel::list(registry.clone());
                check_peer(*case, name, &list, evaluations, returned);
            }
        }
    }
}

impl Ours {
    fn set(case: Case, name: &str) -> Self {
        let arm = || case.terms().map(|terms| failpoint::arm(name, terms).unwrap());
        let (armed, scopes) = match case {
            Case::InAScope => {
                let scope = Scope::new();
                scope.arm(OTHER, "off").unwrap();
                (arm(), Some((scope.clone(), scope)))
            }
            Case::InAnotherScope => {
                let (scope, foreign) = (Scope::new(), Scope::new());
                scope.arm(name, "off").unwrap();
                foreign.arm(OTHER, "off").unwrap();
                (None, Some((scope, foreign)))
            }
            _ => (arm(), None),
        };
        Self { case, armed, scopes }
    }

    fn check(&self, evaluations: u64, returned: u64) {
        let hits = self.armed.as_ref().map(Armed::hits);
        let fires = self.armed.as_ref().map(Armed::fires);
        let (all, none) = (Some(evaluations), Some(0));
        match self.case {
            Case::Idle => assert_eq!(hits, None),
            Case::AnotherArmed | Case::When => assert_eq!(hits, none),
            Case::Off | Case::InAScope => assert_eq!((hits, fires), (all, all)),
            Case::OneInAHundred => {
                assert_eq!(hits, all);
                let share = fires.unwrap() as f64 / evaluations as f64;
                assert!((0.005..0.02).contains(&share), "{share}");
            }
            Case::Return => assert_eq!((hits, fires, returned), (all, all, evaluations)),
            Case::InAnotherScope => {
                let (scope, _) = self.scopes.as_ref().unwrap();
                assert_eq!(scope.hits(PLAIN), Ok(0));
                let told = scope.wait_hits(PLAIN, 1, Duration::ZERO).unwrap_err().to_string();
                let outside = format!("{evaluations} evaluations came from outside");
                assert!(told.contains(&outside), "{told}");
            }
        }
    }
}

impl Fail {
    fn set(case: Case, name: &'static str) -> Self {
        if let Some(terms) = case.terms() {
            fail::cfg(name, terms).unwrap();
        }
        Self { case, name }
    }
}

impl Drop for Fail {
    fn drop(&mut self) {
        fail::remove(self.name);
    }
}

impl Parallel {
    fn set(case: Case, name: &'static str) -> Self {
        let registry = match case {
            Case::InAnotherScope => Arc::new(FailPointRegistry::new()),
            _ => REGISTRY.clone(),
        };
        if let Some(terms) = case.terms() {
            fail_parallel::cfg(registry.clone(), name, terms).unwrap();
        }
        Self { case, name, registry }
    }
}

impl Drop for Parallel {
    fn drop(&mut self) {
        fail_parallel::remove(self.registry.clone(), self.name);
    }
}

fn check_peer(case: Case, name: &str, list: &[(String, String)], evaluations: u64, returned: u64) {
    let armed = list.iter().find(|(other, _)| other == name).map(|(_, terms)| terms.as_str());
    assert_eq!(armed, case.terms());
    assert_eq!(returned, if case == Case::Return { evaluations } else { 0 });
}
