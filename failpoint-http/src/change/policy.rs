//! The policy: what may be armed over HTTP, and for how long.
//!
//! It is read from the environment once per process, and applies to the listener, to mounted routers
//! and to `respond`. If a variable is not valid, nothing may be armed, because a policy that is only
//! partly applied would be unsafe.

use crate::env::text;
use crate::error::ServeError;
use failpoint::__bridge::control::{self, ArmRequest, Glob};
use failpoint::__private::text::visible;
use std::sync::OnceLock;
use std::time::Duration;

/// The limits of what HTTP may arm.
#[derive(Clone, Debug, Default)]
pub(crate) struct Policy {
    /// If empty, every name.
    allow: Vec<Glob>,
    /// Takes precedence over `allow`.
    deny: Vec<Glob>,
    /// If empty, every action.
    actions: Vec<String>,
    max_ttl: Option<Duration>,
}

/// A point that may not be armed like this.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NotAllowed {
    pub(crate) name: Option<String>,
    pub(crate) why: String,
}

/// The policy of this process, or the variable that is not valid.
pub(crate) fn in_force() -> Result<&'static Policy, &'static ServeError> {
    static POLICY: OnceLock<Result<Policy, ServeError>> = OnceLock::new();
    POLICY.get_or_init(Policy::from_env).as_ref()
}

/// What `FAILPOINT_HTTP_ACTIONS` calls any change of an extension.
const EXTENSION: &str = "ext";

const GLOBS: &str = "names of points, separated by commas; * matches any text";

impl Policy {
    pub(crate) fn from_env() -> Result<Self, ServeError> {
        let variable = "FAILPOINT_HTTP_ACTIONS";
        let expected = "actions, separated by commas: off, return, sleep, delay, pause, yield, \
                        print, panic, break, exit, abort, kill, wait, barrier; and ext for the \
                        changes of extensions";
        let actions = names(variable, expected)?;
        let is_known = |action: &str| action == EXTENSION || control::ACTIONS.contains(&action);
        if !actions.iter().all(|action| is_known(action)) {
            return Err(ServeError::BadVariable { variable, expected });
        }
        Ok(Self {
            allow: globs(&names("FAILPOINT_HTTP_ALLOW", GLOBS)?),
            deny: globs(&names("FAILPOINT_HTTP_DENY", GLOBS)?),
            actions,
            max_ttl: duration("FAILPOINT_HTTP_MAX_TTL")?,
        })
    }

    /// The points of `arm_request` that may not be armed.
    pub(crate) fn refuse(&self, arm_request: &ArmRequest) -> Vec<NotAllowed> {
        let why = |(name, actions): (&str, Vec<&'static str>)| {
            Some(NotAllowed { name: Some(name.to_owned()), why: self.why_not(name, &actions)? })
        };
        arm_request.asks().filter_map(why).collect()
    }

    /// The ttl to apply if `ttl` is requested, and whether it is shorter than requested.
    pub(crate) fn limit(&self, ttl: Option<Duration>) -> (Option<Duration>, bool) {
        match (ttl, self.max_ttl) {
            (Some(ttl), Some(max)) => (Some(ttl.min(max)), ttl > max),
            (None, Some(max)) => (Some(max), true),
            (ttl, None) => (ttl, false),
        }
    }

    /// Why these actions may not be armed at `name`; `None` if they may.
    pub(crate) fn why_not(&self, name: &str, actions: &[&str]) -> Option<String> {
        if let Some(why) = self.why_not_name(name) {
            return Some(format!("`{}` cannot be armed over HTTP: {why}", visible(name)));
        }
        let mut actions = actions.iter().copied();
        let action = actions.find(|action| !self.actions.iter().any(|one| one == action))?;
        (!self.actions.is_empty()).then(|| {
            format!(
                "`{}` cannot be armed over HTTP: FAILPOINT_HTTP_ACTIONS allows only {}",
                visible(action),
                self.actions.join(", ")
            )
        })
    }

    /// Why an extension may not make the change `name`, a path without its first `/`; `None` if it may.
    pub(crate) fn why_not_extension(&self, name: &str) -> Option<String> {
        let is_action = self.actions.is_empty() || self.actions.iter().any(|one| one == EXTENSION);
        let why = match self.why_not_name(name) {
            None if is_action => return None,
            None => format!("FAILPOINT_HTTP_ACTIONS does not list {EXTENSION}"),
            Some(why) => why.to_owned(),
        };
        Some(format!("`{}` is not allowed over HTTP: {why}", visible(name)))
    }

    fn why_not_name(&self, name: &str) -> Option<&'static str> {
        let is_one = |globs: &[Glob]| globs.iter().any(|glob| glob.is_match(name));
        if is_one(&self.deny) {
            Some("FAILPOINT_HTTP_DENY lists it")
        } else if !self.allow.is_empty() && !is_one(&self.allow) {
            Some("FAILPOINT_HTTP_ALLOW does not list it")
        } else {
            None
        }
    }
}

fn globs(texts: &[String]) -> Vec<Glob> {
    texts.iter().map(|text| Glob::new(text)).collect()
}

fn names(variable: &'static str, expected: &'static str) -> Result<Vec<String>, ServeError> {
    let Some(text) = text(variable, expected)? else { return Ok(Vec::new()) };
    let names = list(&text);
    // A list without names looks like a limit but would not be one.
    if names.is_empty() {
        return Err(ServeError::BadVariable { variable, expected });
    }
    Ok(names)
}

/// A duration greater than zero.
pub(crate) fn duration(variable: &'static str) -> Result<Option<Duration>, ServeError> {
    let expected = "a duration greater than zero, such as 30s, 15m or 1h30m";
    let Some(text) = text(variable, expected)? else { return Ok(None) };
    match control::parse_duration(text.trim()) {
        Ok(duration) if !duration.is_zero() => Ok(Some(duration)),
        _ => Err(ServeError::BadVariable { variable, expected }),
    }
}

/// The longest ttl: a hundred years of 365 days, which every clock can represent.
const LONGEST_TTL: Duration = Duration::from_secs(876_000 * 60 * 60);

/// Reads the `ttl` of a request; an error says what was expected.
pub(crate) fn ttl(text: &str) -> Result<Duration, String> {
    match control::parse_duration(text) {
        Ok(Duration::ZERO) => Err("expected a duration greater than zero".to_owned()),
        Ok(ttl) if ttl > LONGEST_TTL => {
            Err("expected a duration of at most 876000h; omit ttl for an arming without an end"
                .to_owned())
        }
        Ok(ttl) => Ok(ttl),
        Err(error) => Err(error.to_string()),
    }
}

/// The items of a list separated by commas.
pub(crate) fn list(text: &str) -> Vec<String> {
    text.split(',').map(str::trim).filter(|one| !one.is_empty()).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::{Policy, globs};
    use failpoint::__bridge::control::ArmRequest;
    use std::time::Duration;

    fn policy(allow: &[&str], deny: &[&str], actions: &[&str]) -> Policy {
        let owned =
            |texts: &[&str]| -> Vec<String> { texts.iter().map(|&text| text.to_owned()).collect() };
        let (allow, deny) = (globs(&owned(allow)), globs(&owned(deny)));
        Policy { allow, deny, actions: owned(actions), max_ttl: None }
    }

    /// The names of `config` that are refused.
    fn refused(policy: &Policy, config: &str) -> Vec<String> {
        let refused = policy.refuse(&ArmRequest::config(config, true));
        refused.into_iter().filter_map(|one| one.name).collect()
    }

    #[test]
    fn deny_goes_before_allow() {
        let config = "wal/sync=off;wal/cut=off;raft/vote=off";
        assert!(refused(&Policy::default(), config).is_empty());
        assert_eq!(refused(&policy(&["wal/*"], &[], &[]), config), ["raft/vote"]);
        assert_eq!(refused(&policy(&[], &["wal/?ync"], &[]), config), ["wal/sync"]);
        let both = policy(&["wal/*", "raft/vote"], &["wal/cut"], &[]);
        assert_eq!(refused(&both, config), ["wal/cut"]);
    }

    #[test]
    fn every_step_is_asked_for_its_action() {
        let policy = policy(&[], &[], &["sleep", "off"]);
        let config = "a=sleep(1)->2*off;b=off->sleep(1)&kill;c=return";
        assert_eq!(refused(&policy, config), ["b", "c"]);
        let refused = policy.refuse(&ArmRequest::config("b=sleep(1)&kill", true));
        assert!(
            refused[0].why.starts_with("`kill` cannot be armed")
                && refused[0].why.contains("sleep, off")
        );
    }

    #[test]
    fn the_shorter_time_holds() {
        let second = Duration::from_secs(1);
        let policy = Policy { max_ttl: Some(second), ..Policy::default() };
        assert_eq!(policy.limit(None), (Some(second), true));
        assert_eq!(policy.limit(Some(second / 2)), (Some(second / 2), false));
        assert_eq!(policy.limit(Some(second * 2)), (Some(second), true));
        assert_eq!(Policy::default().limit(None), (None, false));
        assert_eq!(Policy::default().limit(Some(second)), (Some(second), false));
    }
}
