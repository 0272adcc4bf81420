//! How is a point armed and disarmed from code?

use crate::grammar;
use failpoint::__bridge::compat;

/// Arms the point `name` with `actions`: `action[->action...]`, of which the first that allows
/// acts.
///
/// An action is `[p%][cnt*]task[(arg)]`: by the chance `p`, and at most `cnt` times. A task is
/// `off`, `return(arg)`, `sleep(milliseconds)`, `delay(milliseconds)`, `panic(text)`,
/// `print(text)`, `pause` or `yield`. No code need declare the name. What was armed there is over,
/// and the callers that it holds go on.
///
/// # Errors
/// What is wrong with `actions`; then nothing changes.
pub fn cfg<S: Into<String>>(name: S, actions: &str) -> Result<(), String> {
    compat::arm(&name.into(), actions, grammar::parse(actions)?);
    Ok(())
}

/// Arms the point `name` with a callback, which is called by each caller that hits it.
///
/// # Errors
/// Never.
pub fn cfg_callback<S, F>(name: S, f: F) -> Result<(), String>
where
    S: Into<String>,
    F: Fn() + Send + Sync + 'static,
{
    compat::arm_with(&name.into(), f);
    Ok(())
}

/// Disarms the point `name`, and releases its callers. An unknown name is nothing to disarm.
pub fn remove<S: AsRef<str>>(name: S) {
    compat::disarm(name.as_ref());
}

/// The points that are armed, each with its actions as they were written; `callback` for a
/// callback.
pub fn list() -> Vec<(String, String)> {
    compat::armed()
}
