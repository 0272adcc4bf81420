//! Which point is meant by the end of a name?

use std::fmt::{self, Display, Formatter};

/// How many names a message shows.
const SHOWN: usize = 10;

/// Why no point, or no single one, is meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoMatch {
    /// No name ends like this.
    None {
        /// What was asked for.
        wanted: String,
        /// The name that is most like it, if there are names.
        nearest: Option<String>,
    },
    /// Several names end like this.
    Several {
        /// What was asked for.
        wanted: String,
        /// All of them.
        names: Vec<String>,
    },
}

impl Display for NoMatch {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::None { wanted, nearest: None } => {
                write!(f, "no point is named {wanted:?}: there are no points")
            }
            Self::None { wanted, nearest: Some(nearest) } => {
                write!(f, "no point is named {wanted:?}; the nearest name is {nearest:?}")
            }
            Self::Several { wanted, names } => {
                let shown: Vec<&str> = names.iter().take(SHOWN).map(String::as_str).collect();
                let more = match names.len() - shown.len() {
                    0 => String::new(),
                    more => format!(" and {more} more"),
                };
                write!(
                    f,
                    "{wanted:?} names several points: {}{more}; write more of the name",
                    shown.join(", ")
                )
            }
        }
    }
}

impl std::error::Error for NoMatch {}

/// The point that `wanted` names: the whole name; else the only one of which it is the last segments
/// (after `/`, `:` or `.`); else the only one that ends with it.
///
/// ```
/// use failpoint_tester::driver::points::matching;
///
/// let names = ["go.etcd.io/etcd/server/v3/etcdserver/raftAfterSave", "go.etcd.io/etcd/x/beforeraftAfterSave"];
/// assert_eq!(matching(names, "raftAfterSave"), Ok(names[0]));
/// assert_eq!(matching(names, "etcdserver/raftAfterSave"), Ok(names[0]));
/// assert!(matching(names, "Save").unwrap_err().to_string().contains("several"));
/// ```
///
/// # Errors
/// No name, or several names fit.
pub fn matching<'a>(
    names: impl IntoIterator<Item = &'a str>,
    wanted: &str,
) -> Result<&'a str, NoMatch> {
    let names: Vec<&str> = names.into_iter().collect();
    if let Some(name) = names.iter().find(|name| **name == wanted) {
        return Ok(name);
    }
    let ending: Vec<&str> = match wanted {
        "" => Vec::new(),
        _ => names.iter().copied().filter(|name| name.ends_with(wanted)).collect(),
    };
    let segments = |name: &&str| {
        name.strip_suffix(wanted).is_some_and(|before| before.ends_with(['/', ':', '.']))
    };
    let whole: Vec<&str> = ending.iter().copied().filter(segments).collect();
    let fits = if whole.is_empty() { ending } else { whole };
    match fits[..] {
        [name] => Ok(name),
        [] => Err(NoMatch::None { wanted: wanted.to_owned(), nearest: nearest(&names, wanted) }),
        _ => Err(NoMatch::Several {
            wanted: wanted.to_owned(),
            names: fits.into_iter().map(str::to_owned).collect(),
        }),
    }
}

fn nearest(names: &[&str], wanted: &str) -> Option<String> {
    let last = |name: &str| name.rsplit(['/', ':', '.']).next().unwrap_or(name).to_owned();
    let distance = |name: &&&str| strsim::damerau_levenshtein(&last(name), &last(wanted));
    names.iter().min_by_key(distance).map(|name| (*name).to_owned())
}
