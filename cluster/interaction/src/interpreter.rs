//! Which interpreter runs a script?

use crate::runner::{Interpreter, NodeKind};
use crate::script::{ScriptError, Spanned};

/// The interpreter for a kind of node.
///
/// # Errors
///
/// There is no interpreter for it.
pub fn interpreter(kind: &Spanned<NodeKind>) -> Result<Box<dyn Interpreter>, ScriptError> {
    Err(kind.error(format!("there is no interpreter for `{}`", kind.span.text())))
}
