//! Which variables of the environment does a text take?
//!
//! As in docker-compose: `${NAME}` is the variable, `${NAME:-DEFAULT}` the default if the variable is
//! not set or empty, and `$${` stands for `${`. A default takes no variables. Every other `$` is a `$`, so that a regular expression
//! may end in one.

/// Looks a variable up.
pub(super) type Variables<'a> = &'a dyn Fn(&str) -> Option<String>;

/// The text with its variables replaced, or what is wrong with it. `None`: it takes no variable.
pub(super) fn substitute(text: &str, variables: Variables<'_>) -> Result<Option<String>, String> {
    if !text.contains("${") {
        return Ok(None);
    }
    let mut done = String::new();
    let mut rest = text;
    while let Some(at) = rest.find("${") {
        let (before, found) = rest.split_at(at);
        rest = &found["${".len()..];
        if let Some(escaped) = before.strip_suffix('$') {
            done.push_str(escaped);
            done.push_str("${");
            continue;
        }
        done.push_str(before);
        let Some((inside, after)) = rest.split_once('}') else {
            return Err("`${` without `}`; write `$${` for the characters `${`".into());
        };
        let (name, default) = match inside.split_once(":-") {
            Some((name, default)) => (name, Some(default)),
            None => (inside, None),
        };
        let first = name.chars().next();
        if !first.is_some_and(|first| first.is_ascii_alphabetic() || first == '_')
            || !name.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '_')
        {
            return Err(format!(
                "`${{{inside}}}` names no variable; write `${{NAME}}` or `${{NAME:-DEFAULT}}`, \
                 and `$${{` for the characters `${{`"
            ));
        }
        if default.is_some_and(|default| default.contains("${")) {
            return Err(format!(
                "the default of `{name}` takes a variable in `${{{inside}}}`; a default is a text \
                 without `${{`"
            ));
        }
        match (variables(name).filter(|value| !value.is_empty()), default) {
            (Some(value), _) => done.push_str(&value),
            (None, Some(default)) => done.push_str(default),
            (None, None) => {
                return Err(format!(
                    "the variable `{name}` is not set; set it, or write a default: \
                     `${{{name}:-DEFAULT}}`"
                ));
            }
        }
        rest = after;
    }
    done.push_str(rest);
    Ok(Some(done))
}
