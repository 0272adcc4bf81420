//! What is a value before a site gives it a type?

#[cfg(test)]
use super::literal;

/// The argument of `return`, `print` or `panic`: how it was spelled, and what it says.
///
/// Two values are equal when they say the same; `return(x)` and `return("x")` are equal terms.
#[derive(Debug, Clone)]
pub(crate) struct Value {
    raw: String,
    content: String,
    /// Whether it was written without quotes, in our language.
    is_word: bool,
}

impl Value {
    /// A value that says `content`, spelled without quotes where that is possible.
    #[cfg(test)]
    pub(crate) fn new(content: impl Into<String>) -> Value {
        let content = content.into();
        let raw =
            if literal::is_raw(&content) { content.clone() } else { literal::quoted(&content) };
        Value::spelled(&raw, &content)
    }

    pub(crate) fn spelled(raw: &str, content: &str) -> Value {
        let is_word = !raw.starts_with(['"', '`']);
        Value { raw: raw.to_owned(), content: content.to_owned(), is_word }
    }

    /// A value of another language, which has its own quotes or none.
    #[cfg(feature = "runtime")]
    pub(crate) fn foreign(raw: &str, content: &str) -> Value {
        Value { is_word: false, ..Value::spelled(raw, content) }
    }

    /// The text as it was written, trimmed, quotes included.
    pub(crate) fn raw(&self) -> &str {
        &self.raw
    }

    /// What the text says: without quotes, escapes resolved.
    pub(crate) fn content(&self) -> &str {
        &self.content
    }

    /// Whether it was written without quotes, in our language.
    pub(crate) fn is_word(&self) -> bool {
        self.is_word
    }
}

impl PartialEq for Value {
    fn eq(&self, other: &Value) -> bool {
        self.content() == other.content()
    }
}

impl Eq for Value {}
