//! The grammar of a config: which points it arms, with which terms.
//!
//! ```ebnf
//! config  = [ binding ] { ";" [ binding ] } ;
//! binding = name "=" terms ;                  (* blanks around both are trimmed *)
//! ```
//! A config is taken whole or not at all, and all errors are reported at once. It is the
//! parser of terms that says where terms end, so a `;`, `=` or `->` in an argument needs no care.
//! Only after an error, when that parser has lost its way, the text is searched for the next `;`
//! outside of quotes and parentheses.

use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

use crate::name;
use crate::terms::{Cursor, Expected, ParseError, Terms, parse};

/// How many points, steps and conditions one change holds at most, all together: each takes time
/// under the lock that orders changes.
pub(crate) const MOST_PARTS: usize = 10_000;

/// There are more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TooLarge;

/// One point of a config and what it is armed with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Binding {
    /// The name of the point; a good one, and no other binding has it.
    pub name: String,
    /// Where the name begins in the config, in bytes.
    pub name_offset: usize,
    /// What the point is armed with.
    pub terms: Terms,
    /// The terms as written, trimmed.
    pub text: String,
    /// Where that begins in the config, in bytes.
    pub text_offset: usize,
}

/// One thing that is wrong with a config.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ConfigError {
    /// The name before the `=`, as written, where there is one.
    pub name: Option<String>,
    /// What was expected, with its place in the whole config.
    pub error: ParseError,
}

/// Parses a config: the bindings that are sound, and all that is wrong with the others, in the
/// order of the text.
///
/// # Errors
/// It holds too much, sound or not. The rest is not looked at.
pub(crate) fn read_config(text: &str) -> Result<(Vec<Binding>, Vec<ConfigError>), TooLarge> {
    let mut cursor = Cursor::new(text);
    let mut config = Config::default();
    loop {
        cursor.blanks();
        if cursor.is_at_end() {
            return Ok(config.finish(text));
        }
        if !cursor.eat(";") {
            config.binding(&mut cursor, text);
        }
        if config.parts > MOST_PARTS {
            return Err(TooLarge);
        }
    }
}

/// Parses a config, all of it.
///
/// # Errors
/// All that is wrong with it; never an empty list.
pub(crate) fn parse_config(text: &str) -> Result<Vec<Binding>, Vec<ConfigError>> {
    let (bindings, errors) = read_config(text).map_err(|TooLarge| {
        let what = format!("at most {MOST_PARTS} points, steps and conditions");
        vec![ConfigError { name: None, error: ParseError::new(0, what, text.into()) }]
    })?;
    if errors.is_empty() { Ok(bindings) } else { Err(errors) }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.name {
            Some(name) => write!(f, "{name}: {}", self.error),
            None => self.error.fmt(f),
        }
    }
}

impl std::error::Error for ConfigError {}

/// What was read so far.
#[derive(Default)]
struct Config<'a> {
    bindings: Vec<Binding>,
    refused: Vec<(Option<&'a str>, Expected)>,
    names: HashSet<&'a str>,
    parts: usize,
}

impl<'a> Config<'a> {
    /// Reads one binding, up to its `;` or the end.
    fn binding(&mut self, cursor: &mut Cursor<'a>, text: &'a str) {
        let name_offset = cursor.at();
        self.parts += 1;
        // Stops where arguments begin, too: `return(a=b)` is a forgotten name, not a bad one.
        let name = cursor.eat_while(|c| !matches!(c, '=' | ';' | '(' | '"' | '`')).trim_end();
        let name_end = name_offset + name.len();
        if !cursor.eat("=") {
            self.refuse(None, Expected::at(name_end, "`=` and terms after a name"));
            cursor.skip_to(separator(text, name_offset, cursor.at()));
            return;
        }
        let shown = (!name.is_empty()).then_some(name);
        let faults_before = self.refused.len();
        if let Some(wrong) = name::fault(name) {
            let what = format!("the name of a point, but {wrong}");
            self.refuse(shown, Expected::at(name_offset, what));
        } else if !self.names.insert(name) {
            let what = format!("each name at most once; `{name}` is repeated");
            self.refuse(shown, Expected::at(name_offset, what));
        }
        let terms_offset = cursor.at();
        match terms(cursor) {
            Ok(_) if self.refused.len() > faults_before => {}
            Ok(terms) => {
                // The first is counted with the name.
                self.parts += terms.parts() - 1;
                let text = cursor.since(terms_offset);
                self.bindings.push(Binding {
                    name: name.to_owned(),
                    name_offset,
                    terms,
                    text: text.trim().to_owned(),
                    text_offset: cursor.at() - text.trim_start().len(),
                });
            }
            Err(expected) => {
                self.refuse(shown, expected);
                cursor.skip_to(separator(text, name_offset, cursor.at()));
            }
        }
    }

    fn refuse(&mut self, name: Option<&'a str>, expected: Expected) {
        self.refused.push((name, expected));
    }

    fn finish(self, text: &str) -> (Vec<Binding>, Vec<ConfigError>) {
        let text: Arc<str> = text.into();
        let errors = self.refused.into_iter().map(|(name, expected)| ConfigError {
            name: name.map(str::to_owned),
            error: expected.within(&text),
        });
        (self.bindings, errors.collect())
    }
}

fn terms(cursor: &mut Cursor<'_>) -> Result<Terms, Expected> {
    let terms = parse::terms(cursor)?;
    match cursor.peek() {
        None | Some(';') => Ok(terms),
        Some(_) => Err(cursor.expected("`->`, `&`, `;` or the end")),
    }
}

/// Finds the `;` that ends the faulty binding which begins at `start`; the end of the text if
/// there is none.
///
/// What the parser has read, up to `reached`, is not searched again: with that a config takes
/// linear time, however many errors it has.
fn separator(text: &str, start: usize, reached: usize) -> usize {
    let bytes = text.as_bytes();
    let mut depth = 0_usize;
    let mut before = b';';
    let mut at = start;
    while at < bytes.len() {
        let byte = bytes[at];
        match byte {
            b';' if depth == 0 && at >= reached => return at,
            b'(' => depth += 1,
            b')' => depth = depth.saturating_sub(1),
            // In raw text a quote is a character like others: a string stands only where an
            // argument or a value begins.
            b'"' | b'`' if depth <= 1 && matches!(before, b'(' | b',' | b'=' | b'~') => {
                at = string_end(bytes, at);
            }
            _ => {}
        }
        if !byte.is_ascii_whitespace() {
            before = byte;
        }
        at += 1;
    }
    bytes.len()
}

/// The place of the quote that closes the string at `open`.
fn string_end(bytes: &[u8], open: usize) -> usize {
    let quote = bytes[open];
    let mut at = open + 1;
    while at < bytes.len() && bytes[at] != quote {
        at += if quote == b'"' && bytes[at] == b'\\' { 2 } else { 1 };
    }
    at
}

/// What the fuzz target asserts of arbitrary text: all errors have a place in it, and what is
/// accepted, written again, gives the same.
///
/// # Panics
/// When that does not hold.
#[doc(hidden)]
pub fn round_trip(text: &str) {
    match parse_config(text) {
        Ok(bindings) => {
            let printed: Vec<String> = bindings
                .iter()
                .map(|binding| format!("{}={}", binding.name, binding.terms))
                .collect();
            let again = parse_config(&printed.join(";"));
            let again = again.unwrap_or_else(|errors| panic!("{printed:?}: {errors:?}"));
            assert_eq!(again.len(), bindings.len(), "{printed:?}");
            for (binding, again) in bindings.iter().zip(&again) {
                assert_eq!((&binding.name, &binding.terms), (&again.name, &again.terms));
                assert_eq!(Terms::parse(&binding.text).as_ref(), Ok(&binding.terms));
            }
        }
        Err(errors) => {
            assert!(!errors.is_empty(), "a refusal without a reason");
            for ConfigError { error, .. } in errors {
                assert!(text.is_char_boundary(error.offset), "{error:?}");
                assert!(error.to_string().contains('^'), "{error:?}");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Binding, parse_config};

    fn names(text: &str) -> Vec<String> {
        let bindings = parse_config(text).unwrap_or_else(|errors| panic!("{text}: {errors:?}"));
        bindings.into_iter().map(|binding| binding.name).collect()
    }

    /// `name@offset` of each error, `?` for no name, and the beginning of what was expected.
    fn errors(text: &str) -> Vec<String> {
        let errors = parse_config(text).expect_err(text);
        let mut shown = Vec::new();
        for error in errors {
            let name = error.name.as_deref().unwrap_or("?");
            assert_eq!(error.error.text(), text);
            shown.push(format!("{name}@{} {}", error.error.offset, error.error.expected));
        }
        shown
    }

    fn assert_errors(text: &str, expected: &[&str]) {
        let errors = errors(text);
        let agree = errors.len() == expected.len()
            && errors.iter().zip(expected).all(|(error, begin)| error.starts_with(begin));
        assert!(agree, "{text}\n{errors:#?}\n{expected:#?}");
    }

    #[test]
    fn bindings() {
        let bindings = parse_config(" a = return(1) ; b=return(\"k=v;x\") ;\n").unwrap();
        let [a, b] = &bindings[..] else { panic!("{bindings:?}") };
        assert_eq!(
            *a,
            Binding {
                name: "a".to_owned(),
                name_offset: 1,
                terms: "return(1)".parse().unwrap(),
                text: "return(1)".to_owned(),
                text_offset: 5,
            }
        );
        assert_eq!((b.name.as_str(), b.name_offset), ("b", 17));
        assert_eq!((b.text.as_str(), b.text_offset), ("return(\"k=v;x\")", 19));

        assert_eq!(names(""), [""; 0]);
        assert_eq!(names(" \n;; ; "), [""; 0]);
        assert_eq!(names(";a=off;;b=off;"), ["a", "b"]);
        assert_eq!(names("raft/a:b.c-d_E\n=\n1*off\n->\nprint(;)\n"), ["raft/a:b.c-d_E"]);
        assert_eq!(names("a=return(;=->(;));b=when(k=\";)\"):return(`;)`);c=off"), ["a", "b", "c"]);
        assert_eq!(names("a=return(it's \"; b=off);b=off"), ["a", "b"]);
    }

    #[test]
    fn all_errors_at_once() {
        assert_errors(
            "a=retrun(1);b=off;c=sleep(x);d=2*3*off;=off;b=off;e",
            &[
                "a@2 an action such as return, sleep or panic (did you mean \"return\"?)",
                "c@26 a duration such as 10ms",
                "d@33 each modifier at most once",
                "?@39 the name of a point, but a name must not be empty",
                "b@44 each name at most once; `b` is repeated",
                "?@51 `=` and terms after a name",
            ],
        );
    }

    #[test]
    fn going_on_respects_quotes_and_parentheses() {
        assert_errors("a=retrun(\";x=\\\";\");b=ret", &["a@2 an action", "b@21 an action"]);
        assert_errors("a=retrun(it's \"; b);b=ret", &["a@2 an action", "b@22 an action"]);
        assert_errors("a=retrun((;););b=ret", &["a@2 an action", "b@17 an action"]);
        assert_errors("a=when(k=`;)`):ret;b=ret", &["a@15 an action", "b@21 an action"]);
        assert_errors("a=\"return(1);\";b=ret", &["a@2 an action", "b@17 an action"]);
        assert_errors("a=return(x));b=ret", &["a@11 `->`, `&`, `;` or the end", "b@15 an action"]);
        assert_errors("a=return(\"x\" y);b=ret", &["a@13 a `)`", "b@18 an action"]);
        assert_errors("a=return(1;b=ret", &["a@16 a `)` that closes the `(` at byte 8"]);
        assert_errors("a=return(\"1;b=ret", &["a@17 a '\"' that closes the string at byte 9"]);
    }

    #[test]
    fn names_are_checked() {
        for name in ["a b", "é", "/a", "v1/x", "Failpoints", "a/wait", "2*x"] {
            assert_errors(
                &format!(" {name} =off"),
                &[&format!("{name}@1 the name of a point, but ")],
            );
        }
        assert_errors("return(a=b)", &["?@6 `=` and terms after a name"]);
        assert_errors("a b=ret", &["a b@0 the name of a point", "a b@4 an action"]);
        assert_errors("a=", &["a@2 an action"]);
        assert_errors("a= ;b= ", &["a@3 an action", "b@6 an action"]);
        assert_errors(
            "a=ret;a=ret",
            &["a@2 an action", "a@6 each name at most once", "a@8 an action"],
        );
    }

    #[test]
    fn an_error_names_its_point() {
        let errors = parse_config("a=off;\nb=5&off").unwrap_err();
        assert_eq!(
            errors[0].to_string(),
            "b: expected `%` or `*` after the number\n  b=5&off\n     ^ at byte 10"
        );
    }
}
