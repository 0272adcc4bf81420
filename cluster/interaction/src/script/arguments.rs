//! The arguments of a command, which asks for each and refuses the rest.

use super::{Argument, ScriptError, Span, Spanned, Step, Value};

/// Reads the arguments of one step.
///
/// Arguments without a key are read in order. Those with a key, and flags, are read by name: read
/// flags first if a command takes both.
///
/// ```
/// use interaction::script::{Source, read};
///
/// let text = "node raft-memory\n\nadd-nodes 3 voters=(1,2,3) index=10\n----\nok\n";
/// let script = read(&Source::new("nodes.txt", text))?;
/// let mut arguments = script.steps[0].arguments();
/// assert_eq!(arguments.number("the number of nodes")?, 3);
/// assert_eq!(arguments.list::<u64>("voters")?, [1, 2, 3]);
/// assert_eq!(arguments.key("index")?, Some(10));
/// let error = script.steps[0].arguments().key::<bool>("index").unwrap_err();
/// assert_eq!(error.message(), "`index` must be true or false");
/// arguments.finish()?;
/// # Ok::<(), interaction::script::ScriptError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Arguments<'a> {
    step: &'a Step,
    /// Which arguments were read.
    read: Vec<bool>,
    /// The keys and flags that the command asked for.
    known: Vec<String>,
}

impl<'a> Arguments<'a> {
    pub(super) fn new(step: &'a Step) -> Arguments<'a> {
        Arguments { step, read: vec![false; step.arguments.len()], known: Vec::new() }
    }

    /// The next argument without a key: a node, which is a number from 1.
    ///
    /// # Errors
    ///
    /// The argument is missing, or is not a node. The other methods fail for the same reasons.
    pub fn node(&mut self) -> Result<u64, ScriptError> {
        Ok(self.spanned_node()?.value)
    }

    /// Like [`node`](Self::node), with the place for errors such as "there is no node 4".
    pub fn spanned_node(&mut self) -> Result<Spanned<u64>, ScriptError> {
        let node = self.spanned::<u64>("a node")?;
        if *node == 0 {
            return Err(node.error("a node is a number from 1"));
        }
        Ok(node)
    }

    /// The next argument without a key: a number. `what` says which, as in "the index".
    pub fn number(&mut self, what: &str) -> Result<u64, ScriptError> {
        Ok(self.spanned(what)?.value)
    }

    /// The next argument without a key, as it is.
    pub fn word(&mut self, what: &str) -> Result<&'a Spanned<String>, ScriptError> {
        self.next_word()?.ok_or_else(|| self.missing(what))
    }

    /// Like [`word`](Self::word), for any text.
    pub fn text(&mut self, what: &str) -> Result<&'a Spanned<String>, ScriptError> {
        if let Some(word) = self.next_word()? {
            return Ok(word);
        }
        // Text that holds `=` was read as a key and its value.
        Err(match self.take(|argument| argument.key.is_some()) {
            Some(keyed) => keyed.error(format!(
                "`{}` needs {what}; text with `=` stands in quotes",
                *self.step.command
            )),
            None => self.missing(what),
        })
    }

    /// The next argument without a key, as some type.
    pub fn spanned<T: FromWord>(&mut self, what: &str) -> Result<Spanned<T>, ScriptError> {
        self.optional()?.ok_or_else(|| self.missing(what))
    }

    /// The next argument without a key, if there is one.
    pub fn optional<T: FromWord>(&mut self) -> Result<Option<Spanned<T>>, ScriptError> {
        let Some(word) = self.next_word()? else { return Ok(None) };
        match T::from_word(word) {
            Ok(value) => Ok(Some(Spanned { value, span: word.span.clone() })),
            Err(expected) => Err(word.error(format!("this must be {expected}"))),
        }
    }

    /// Whether the word `name` is there. `name=true` and `name=false` say the same.
    pub fn flag(&mut self, name: &str) -> Result<bool, ScriptError> {
        let word = self.take(|argument| match (&argument.key, &argument.value) {
            (None, Value::Word(word)) => **word == name,
            _ => false,
        });
        let key = self.key(name)?;
        match (word, &key) {
            (Some(word), Some(_)) => Err(word.error(format!("`{name}` is given twice"))),
            _ => Ok(word.is_some() || key == Some(true)),
        }
    }

    /// The value of `name=value`, if it is there.
    pub fn key<T: FromWord>(&mut self, name: &str) -> Result<Option<T>, ScriptError> {
        Ok(self.spanned_key(name)?.map(|spanned| spanned.value))
    }

    /// Like [`key`](Self::key), with the place of the value.
    pub fn spanned_key<T: FromWord>(
        &mut self,
        name: &str,
    ) -> Result<Option<Spanned<T>>, ScriptError> {
        let Some(argument) = self.once(name)? else { return Ok(None) };
        match &argument.value {
            Value::Word(word) => value(name, word).map(Some),
            Value::List(_) => {
                Err(argument.error(format!("`{name}` takes one value without parentheses")))
            }
        }
    }

    /// The items of `name=(a,b,c)`, or of `name=a`. The list is empty if the key is not there.
    pub fn list<T: FromWord>(&mut self, name: &str) -> Result<Vec<T>, ScriptError> {
        let list = self.spanned_list(name)?;
        Ok(list.into_iter().map(|item| item.value).collect())
    }

    /// Like [`list`](Self::list), with the places of the items.
    pub fn spanned_list<T: FromWord>(
        &mut self,
        name: &str,
    ) -> Result<Vec<Spanned<T>>, ScriptError> {
        match self.once(name)?.map(|argument| &argument.value) {
            None => Ok(Vec::new()),
            Some(Value::Word(word)) => Ok(vec![value(name, word)?]),
            Some(Value::List(items)) => items.iter().map(|item| value(name, item)).collect(),
        }
    }

    /// All arguments that were not read, in order.
    pub fn rest(&mut self) -> Vec<&'a Argument> {
        let mut rest = Vec::new();
        while let Some(argument) = self.take(|_| true) {
            rest.push(argument);
        }
        rest
    }

    /// Refuses the arguments that were not read.
    ///
    /// # Errors
    ///
    /// The first of them, with the most similar key that the command takes.
    pub fn finish(self) -> Result<(), ScriptError> {
        let step = self.step;
        let Some(unread) = self.read.iter().position(|read| !read) else { return Ok(()) };
        let argument = &step.arguments[unread];
        let command = &*step.command;
        let (place, name): (&Span, _) = match (&argument.key, &argument.value) {
            (Some(key), _) => (&key.span, Some(&key.value)),
            (None, Value::Word(word)) => (&word.span, Some(&word.value)),
            (None, Value::List(_)) => (&argument.span, None),
        };
        let near = name.and_then(|name| nearest(name, self.known.iter().map(String::as_str)));
        Err(place.error(match (&argument.key, near) {
            (Some(key), Some(near)) => {
                format!("`{command}` has no argument `{}`; did you mean `{near}`?", **key)
            }
            (Some(key), None) if self.known.is_empty() => {
                format!("`{command}` has no argument `{}`", **key)
            }
            (Some(key), None) => {
                let known = format!("`{}`", self.known.join("`, `"));
                format!("`{command}` has no argument `{}`; it has {known}", **key)
            }
            (None, Some(near)) => {
                format!("`{command}` does not take this; did you mean `{near}`?")
            }
            (None, None) => format!("`{command}` does not take this"),
        }))
    }

    fn next_word(&mut self) -> Result<Option<&'a Spanned<String>>, ScriptError> {
        match self.take(|argument| argument.key.is_none()) {
            None => Ok(None),
            Some(Argument { value: Value::Word(word), .. }) => Ok(Some(word)),
            Some(list) => Err(list.error("this must be one value without parentheses")),
        }
    }

    /// The argument with this key. There may be one.
    fn once(&mut self, name: &str) -> Result<Option<&'a Argument>, ScriptError> {
        if !self.known.iter().any(|known| known == name) {
            self.known.push(name.to_owned());
        }
        let has_key = |argument: &Argument| argument.key.as_ref().is_some_and(|key| **key == name);
        let first = self.take(has_key);
        match self.take(has_key) {
            Some(second) => Err(second.error(format!("`{name}` is given twice"))),
            None => Ok(first),
        }
    }

    /// Reads the first unread argument that fits.
    fn take(&mut self, fits: impl Fn(&Argument) -> bool) -> Option<&'a Argument> {
        let mut arguments = self.step.arguments.iter().zip(&mut self.read);
        let (argument, read) = arguments.find(|(argument, read)| !**read && fits(argument))?;
        *read = true;
        Some(argument)
    }

    fn missing(&self, what: &str) -> ScriptError {
        self.step.error(format!("`{}` needs {what}", *self.step.command))
    }
}

fn value<T: FromWord>(name: &str, word: &Spanned<String>) -> Result<Spanned<T>, ScriptError> {
    match T::from_word(word) {
        Ok(value) => Ok(Spanned { value, span: word.span.clone() }),
        Err(expected) => Err(word.error(format!("`{name}` must be {expected}"))),
    }
}

/// A type of an argument.
pub trait FromWord: Sized {
    /// Reads a word.
    ///
    /// # Errors
    ///
    /// What the word must be, as in "true or false".
    fn from_word(word: &str) -> Result<Self, String>;
}

macro_rules! numbers {
    ($($type:ty)*) => {$(
        impl FromWord for $type {
            fn from_word(word: &str) -> Result<Self, String> {
                word.parse().map_err(|_| {
                    let (least, most) = (<$type>::MIN, <$type>::MAX);
                    format!("a number from {least} to {most}")
                })
            }
        }
    )*};
}

numbers!(u8 u16 u32 u64 usize i32 i64);

impl FromWord for bool {
    fn from_word(word: &str) -> Result<Self, String> {
        word.parse().map_err(|_| "true or false".to_owned())
    }
}

impl FromWord for String {
    fn from_word(word: &str) -> Result<Self, String> {
        Ok(word.to_owned())
    }
}

/// The most similar of the known names, if one is similar enough to be meant.
pub fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // The distance takes time in the product of the lengths.
    let name: String = name.chars().take(100).collect();
    known
        .into_iter()
        .map(|known| (strsim::damerau_levenshtein(&name, known), known))
        .filter(|&(distance, known)| distance <= known.chars().count().div_ceil(3))
        .min_by_key(|&(distance, _)| distance)
        .map(|(_, known)| known)
}
