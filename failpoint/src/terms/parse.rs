//! Parses terms, and says where a text leaves the grammar.
//!
//! One function per rule of the EBNF in the parent module. Each takes the cursor, walks over what
//! it read and gives data, or says what it expected. Nothing recurses, so no text is too deep, and
//! no rule goes back, so time is linear in the text. What is too much is refused where it begins to
//! be, so that room is bounded, too.

use std::time::Duration;

use super::literal::{Argument, Until, argument, close};
use super::nearest::nearest;
use super::number::is_number;
use super::{
    Chance, Condition, Cursor, DEFAULT_WAIT_LIMIT, Expected, MOST_PARTS, Op, PauseLimit, Pick,
    Span, Step, Term, Terms, Value, duration,
};
use crate::name;

/// Every word that may begin a step.
pub const ACTIONS: [&str; 14] = [
    "off", "return", "sleep", "delay", "pause", "yield", "print", "panic", "break", "exit",
    "abort", "kill", "wait", "barrier",
];

/// Every word that may begin a modifier; a misspelled word is compared with both.
const MODIFIERS: [&str; 6] = ["skip", "nth", "every", "for", "after", "when"];

const ACTION: &str = "an action such as return, sleep or panic";
const DURATION: &str = "a duration such as 10ms";
const INTEGER: &str = "an integer";

/// What the modifiers of one term said so far.
#[derive(Default)]
struct Modifiers {
    when: Option<Vec<Condition>>,
    after: Option<Duration>,
    for_: Option<Duration>,
    skip: Option<u64>,
    nth: Option<u64>,
    every: Option<u64>,
    chance: Option<Chance>,
    times: Option<u64>,
}

/// Reads terms that are all of `text`.
pub(super) fn whole(text: &str) -> Result<Terms, Expected> {
    let mut cursor = Cursor::new(text);
    let terms = terms(&mut cursor)?;
    if cursor.is_at_end() { Ok(terms) } else { Err(cursor.expected("`->`, `&` or the end")) }
}

/// Reads terms, and the blanks around them, as far as they go.
///
/// What follows is the caller's to judge: the end of the text, or the `;` of a config.
pub(crate) fn terms(cursor: &mut Cursor<'_>) -> Result<Terms, Expected> {
    let mut chain = Vec::new();
    let mut parts = 0;
    loop {
        let at = cursor.at();
        let term = term(cursor)?;
        parts += term.parts();
        if parts > MOST_PARTS {
            return Err(too_many(at));
        }
        chain.push(term);
        if !cursor.eat("->") {
            return Ok(Terms { chain });
        }
    }
}

/// The first that `is_sought` of the words in `text` that begin a modifier or a step, and its place.
/// `text` is terms.
#[cfg(feature = "runtime")]
pub(crate) fn find_word(text: &str, is_sought: impl Fn(&str) -> bool) -> Option<(usize, &str)> {
    let mut cursor = Cursor::new(text);
    loop {
        cursor.blanks();
        let at = cursor.at();
        if begins_number(&cursor) {
            Modifiers::default().number(&mut cursor).ok()?;
            continue;
        }
        let word = word(&mut cursor).ok()?;
        if is_sought(word) {
            return Some((at, word));
        }
        if Modifiers::default().word(&mut cursor, at, word).ok()? {
            continue;
        }
        action(&mut cursor, at, word).ok()?;
        cursor.blanks();
        if !cursor.eat("&") && !cursor.eat("->") {
            return None;
        }
    }
}

fn begins_number(cursor: &Cursor<'_>) -> bool {
    matches!(cursor.peek(), Some('0'..='9' | '.'))
}

fn term(cursor: &mut Cursor<'_>) -> Result<Term, Expected> {
    let mut modifiers = Modifiers::default();
    loop {
        cursor.blanks();
        let at = cursor.at();
        if begins_number(cursor) {
            modifiers.number(cursor)?;
            continue;
        }
        let word = word(cursor)?;
        if !modifiers.word(cursor, at, word)? {
            return Ok(modifiers.with(steps(cursor, at, word)?));
        }
    }
}

/// Reads the steps of a term, of which the word of the first, at `at`, is read already.
fn steps(cursor: &mut Cursor<'_>, at: usize, word: &str) -> Result<Vec<Step>, Expected> {
    let mut steps = vec![action(cursor, at, word)?];
    let mut last_at = at;
    loop {
        cursor.blanks();
        if !cursor.eat("&") {
            return Ok(steps);
        }
        if let Some(last) = steps.last().filter(|last| last.is_last_only()) {
            let what = format!("`{}` to be the last step of its term", last.word());
            return Err(Expected::at(last_at, what));
        }
        if steps == [Step::Off] {
            return Err(off_alone(last_at));
        }
        cursor.blanks();
        last_at = cursor.at();
        if steps.len() == MOST_PARTS {
            return Err(too_many(last_at));
        }
        let word = self::word(cursor)?;
        let step = action(cursor, last_at, word)?;
        if step == Step::Off {
            return Err(off_alone(last_at));
        }
        steps.push(step);
    }
}

fn too_many(at: usize) -> Expected {
    Expected::at(at, format!("at most {MOST_PARTS} steps and conditions in the terms of a point"))
}

fn off_alone(at: usize) -> Expected {
    Expected::at(at, "`off` to be the only step of its term")
}

/// Reads the word of a modifier or of an action, and the blanks after it.
fn word<'a>(cursor: &mut Cursor<'a>) -> Result<&'a str, Expected> {
    let begins = |c: char| c.is_alphabetic() || c == '_';
    if !cursor.peek().is_some_and(begins) {
        return Err(cursor.expected(ACTION));
    }
    let word = cursor.eat_while(|c| c.is_alphanumeric() || c == '_');
    cursor.blanks();
    Ok(word)
}

impl Modifiers {
    /// Reads `p%` or `n*`.
    fn number(&mut self, cursor: &mut Cursor<'_>) -> Result<(), Expected> {
        let is_digit = |c: char| c.is_ascii_digit();
        let at = cursor.at();
        let whole = cursor.eat_while(is_digit);
        let has_point = cursor.eat(".");
        let fraction = if has_point { cursor.eat_while(is_digit) } else { "" };
        if whole.is_empty() && fraction.is_empty() {
            return Err(Expected::at(at, "a percentage such as 50% or 0.5%"));
        }
        cursor.blanks();
        if cursor.eat("%") {
            let chance = Chance::from_percent(whole, fraction)
                .ok_or_else(|| Expected::at(at, "a percentage from 0% to 100%"))?;
            set(&mut self.chance, chance, at, "%")
        } else if cursor.eat("*") {
            if has_point {
                return Err(Expected::at(at, "an integer before `*`"));
            }
            set(&mut self.times, number_at(at, whole)?, at, "*")
        } else if has_point {
            Err(cursor.expected("`%` after the number"))
        } else {
            Err(cursor.expected("`%` or `*` after the number"))
        }
    }

    /// Reads the rest of a modifier that begins with `word`; says `false`, and reads nothing, if
    /// none does.
    fn word(&mut self, cursor: &mut Cursor<'_>, at: usize, word: &str) -> Result<bool, Expected> {
        match word {
            "when" => {
                let conditions = within(cursor, word, conditions)?;
                set(&mut self.when, conditions, at, word)?;
            }
            "after" => {
                let duration = within(cursor, word, duration)?;
                set(&mut self.after, duration, at, word)?;
            }
            "for" => {
                let duration = within(cursor, word, duration)?;
                set(&mut self.for_, duration, at, word)?;
            }
            "skip" => {
                let count = within(cursor, word, |cursor, _| integer(cursor))?;
                set(&mut self.skip, count, at, word)?;
            }
            "nth" => {
                let count = within(cursor, word, |cursor, _| positive(cursor))?;
                set(&mut self.nth, count, at, word)?;
            }
            "every" => {
                let count = within(cursor, word, |cursor, _| positive(cursor))?;
                set(&mut self.every, count, at, word)?;
            }
            _ => return Ok(false),
        }
        if self.nth.is_some() && self.every.is_some() {
            return Err(Expected::at(at, "`nth` or `every`, not both"));
        }
        Ok(true)
    }

    fn with(self, steps: Vec<Step>) -> Term {
        let pick = match (self.nth, self.every) {
            (Some(n), _) => Pick::Nth(n),
            (None, Some(n)) => Pick::Every(n),
            (None, None) => Pick::All,
        };
        Term {
            when: self.when.unwrap_or_default(),
            after: self.after,
            for_: self.for_,
            skip: self.skip.unwrap_or(0),
            pick,
            chance: self.chance,
            times: self.times,
            steps,
        }
    }
}

fn set<T>(slot: &mut Option<T>, value: T, at: usize, modifier: &str) -> Result<(), Expected> {
    if slot.replace(value).is_some() {
        let what = format!("each modifier at most once; `{modifier}` is repeated");
        return Err(Expected::at(at, what));
    }
    Ok(())
}

/// Reads `( inner ) :`, where `inner` is told the place of the `(`.
fn within<'a, T>(
    cursor: &mut Cursor<'a>,
    modifier: &str,
    inner: impl FnOnce(&mut Cursor<'a>, usize) -> Result<T, Expected>,
) -> Result<T, Expected> {
    let open = cursor.at();
    if !cursor.eat("(") {
        return Err(cursor.expected(format!("`(` after `{modifier}`")));
    }
    cursor.blanks();
    let value = inner(cursor, open)?;
    close(cursor, open)?;
    cursor.blanks();
    if !cursor.eat(":") {
        return Err(cursor.expected(format!("`:` after `{modifier}(…)`")));
    }
    Ok(value)
}

fn conditions(cursor: &mut Cursor<'_>, open: usize) -> Result<Vec<Condition>, Expected> {
    let mut conditions = vec![condition(cursor, open)?];
    while cursor.eat(",") {
        if conditions.len() == MOST_PARTS {
            return Err(too_many(cursor.at()));
        }
        conditions.push(condition(cursor, open)?);
    }
    Ok(conditions)
}

fn condition(cursor: &mut Cursor<'_>, open: usize) -> Result<Condition, Expected> {
    cursor.blanks();
    let begins = |c: char| c.is_ascii_alphabetic() || c == '_';
    if !cursor.peek().is_some_and(begins) {
        return Err(cursor.expected("a condition such as region=7"));
    }
    let key = cursor.eat_while(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-'));
    cursor.blanks();
    let op = if cursor.eat("==") || cursor.eat("=") {
        Op::Equal
    } else if cursor.eat("!=") {
        Op::NotEqual
    } else if cursor.eat("~") {
        Op::Glob
    } else if cursor.eat("<=") {
        Op::AtMost
    } else if cursor.eat("<") {
        Op::Less
    } else if cursor.eat(">=") {
        Op::AtLeast
    } else if cursor.eat(">") {
        Op::Greater
    } else {
        let what = format!("`=`, `!=`, `~`, `<`, `<=`, `>` or `>=` after the key `{key}`");
        return Err(cursor.expected(what));
    };
    cursor.blanks();
    if let Some(sign) = cursor.peek().filter(|&c| !op.is_ordering() && "=~<>".contains(c)) {
        // Taken as text, `offset=>4096` would never hold, and nothing would say why.
        let meant = match (op, sign) {
            (Op::Equal, '>') => "`>=` for a comparison, or ",
            (Op::Equal, '<') => "`<=` for a comparison, or ",
            (Op::Equal, '~') => "`~` for a glob, or ",
            _ => "",
        };
        let what = format!("{meant}quotes around a value that begins with `{sign}`");
        return Err(cursor.expected(what));
    }
    let value = argument(cursor, open, Until::CommaOrClose)?;
    if op.is_ordering() && !is_number(&value.content) {
        return Err(Expected::at(value.at, format!("a number such as 4096 or -0.5 after `{op}`")));
    }
    if value.is_absent() {
        return Err(Expected::at(value.at, "a value, in quotes if it is empty"));
    }
    Ok(Condition { key: key.to_owned(), op, value: value.content.into_owned() })
}

fn duration(cursor: &mut Cursor<'_>, open: usize) -> Result<Duration, Expected> {
    duration_of(&argument(cursor, open, Until::Close)?)
}

fn positive(cursor: &mut Cursor<'_>) -> Result<u64, Expected> {
    let at = cursor.at();
    at_least_one(at, integer(cursor)?)
}

fn integer(cursor: &mut Cursor<'_>) -> Result<u64, Expected> {
    let at = cursor.at();
    let digits = cursor.eat_while(|c| c.is_ascii_digit());
    if digits.is_empty() {
        return Err(cursor.expected(INTEGER));
    }
    number_at(at, digits)
}

/// Reads the rest of the step that begins with `word`.
fn action(cursor: &mut Cursor<'_>, at: usize, word: &str) -> Result<Step, Expected> {
    Ok(match word {
        "off" => bare(cursor, word, Step::Off)?,
        "yield" => bare(cursor, word, Step::Yield)?,
        "break" => bare(cursor, word, Step::Break)?,
        "abort" => bare(cursor, word, Step::Abort)?,
        "kill" => bare(cursor, word, Step::Kill)?,
        "return" => Step::Return(optional(cursor)?.map(|argument| value(&argument))),
        "print" => Step::Print(present(cursor)?.map(|argument| value(&argument))),
        "panic" => Step::Panic(present(cursor)?.map(|argument| value(&argument))),
        "exit" => Step::Exit(match present(cursor)? {
            None => 1,
            Some(argument) => status(&argument)?,
        }),
        "pause" => Step::Pause(match present(cursor)? {
            None => PauseLimit::Default,
            Some(argument) if argument.content == "never" => PauseLimit::Never,
            Some(argument) => PauseLimit::Within(duration_of(&argument)?),
        }),
        "sleep" => Step::Sleep(span(cursor, word)?),
        "delay" => Step::Delay(span(cursor, word)?),
        "wait" => wait(cursor)?,
        "barrier" => barrier(cursor)?,
        _ => return Err(unknown(at, word)),
    })
}

fn unknown(at: usize, word: &str) -> Expected {
    match nearest(word, ACTIONS.into_iter().chain(MODIFIERS)) {
        Some(meant) => Expected::at(at, format!("{ACTION} (did you mean \"{meant}\"?)")),
        None => Expected::at(at, ACTION),
    }
}

fn bare(cursor: &Cursor<'_>, word: &str, action: Step) -> Result<Step, Expected> {
    if cursor.rest().starts_with('(') {
        return Err(cursor.expected(format!("no argument, because `{word}` takes none")));
    }
    Ok(action)
}

/// Reads `( [argument] )` if it is there.
fn optional<'a>(cursor: &mut Cursor<'a>) -> Result<Option<Argument<'a>>, Expected> {
    let open = cursor.at();
    if !cursor.eat("(") {
        return Ok(None);
    }
    let argument = argument(cursor, open, Until::Close)?;
    close(cursor, open)?;
    Ok(Some(argument))
}

/// The same where `()` is no argument.
fn present<'a>(cursor: &mut Cursor<'a>) -> Result<Option<Argument<'a>>, Expected> {
    Ok(optional(cursor)?.filter(|argument| !argument.is_absent()))
}

fn wait(cursor: &mut Cursor<'_>) -> Result<Step, Expected> {
    const POINT: &str = "the name of the point to wait for, as in wait(walAfterSync)";
    let (point, [count, limit]) = list(cursor, "wait", POINT)?;
    if point.is_absent() {
        return Err(Expected::at(point.at, POINT));
    }
    if let Some(wrong) = name::fault(&point.content) {
        let what = format!("the name of the point to wait for, but {wrong}");
        return Err(Expected::at(point.at, what));
    }
    Ok(Step::Wait {
        point: point.content.into_owned(),
        count: count.map_or(Ok(1), |count| positive_of(&count))?,
        limit: limit.map_or(Ok(DEFAULT_WAIT_LIMIT), |limit| duration_of(&limit))?,
    })
}

fn barrier(cursor: &mut Cursor<'_>) -> Result<Step, Expected> {
    const CALLERS: &str = "how many callers to wait for, as in barrier(2)";
    let (count, [limit]) = list(cursor, "barrier", CALLERS)?;
    Ok(Step::Barrier {
        count: positive_of(&count)?,
        limit: limit.map_or(Ok(DEFAULT_WAIT_LIMIT), |limit| duration_of(&limit))?,
    })
}

/// Reads `( argument { "," argument } )`, of which `N` are optional; `first` is what is expected
/// where it is not.
fn list<'a, const N: usize>(
    cursor: &mut Cursor<'a>,
    action: &str,
    first: &'static str,
) -> Result<(Argument<'a>, [Option<Argument<'a>>; N]), Expected> {
    let open = cursor.at();
    if !cursor.eat("(") {
        return Err(cursor.expected(first));
    }
    let head = argument(cursor, open, Until::CommaOrClose)?;
    let mut rest = [const { None }; N];
    let mut read = 0;
    while cursor.eat(",") {
        let argument = argument(cursor, open, Until::CommaOrClose)?;
        let Some(place) = rest.get_mut(read) else {
            let what = format!("at most {} arguments of `{action}`", N + 1);
            return Err(Expected::at(argument.at, what));
        };
        *place = Some(argument);
        read += 1;
    }
    close(cursor, open)?;
    Ok((head, rest))
}

fn span(cursor: &mut Cursor<'_>, action: &str) -> Result<Span, Expected> {
    let Some(argument) = optional(cursor)? else {
        return Err(cursor.expected(format!("`(` and {DURATION} after `{action}`")));
    };
    let Some((low, high)) = argument.content.split_once("..") else {
        return Ok(Span::Fixed(duration_of(&argument)?));
    };
    let high_at = argument.content.len() - high.trim_start().len();
    let low = duration::read(low.trim_end()).map_err(|error| argument.place(error))?;
    let high = duration::read(high.trim_start()).map_err(|error| {
        let offset = error.offset + high_at;
        argument.place(Expected { offset, ..error })
    })?;
    if low > high {
        return Err(Expected::at(argument.at, "a range from the shorter duration to the longer"));
    }
    Ok(Span::Range(low, high))
}

fn value(argument: &Argument<'_>) -> Value {
    Value::spelled(argument.raw, &argument.content)
}

fn duration_of(argument: &Argument<'_>) -> Result<Duration, Expected> {
    duration::read(&argument.content).map_err(|error| argument.place(error))
}

fn positive_of(argument: &Argument<'_>) -> Result<u64, Expected> {
    at_least_one(argument.at, integer_of(argument)?)
}

fn status(argument: &Argument<'_>) -> Result<u8, Expected> {
    let status = integer_of(argument)?;
    u8::try_from(status).map_err(|_| Expected::at(argument.at, "an exit status from 0 to 255"))
}

fn integer_of(argument: &Argument<'_>) -> Result<u64, Expected> {
    let digits = &*argument.content;
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Expected::at(argument.at, INTEGER));
    }
    number_at(argument.at, digits)
}

fn number_at(at: usize, digits: &str) -> Result<u64, Expected> {
    digits.parse().map_err(|_| Expected::at(at, "an integer of 64 bits"))
}

fn at_least_one(at: usize, count: u64) -> Result<u64, Expected> {
    if count == 0 {
        return Err(Expected::at(at, "an integer of at least 1"));
    }
    Ok(count)
}
