//! What a point of a disk can inject, as text and as data.
//!
//! Each operation has a type of its own. It says what the operation can answer, so that a value that the
//! operation cannot give is refused when the point is armed.

use failpoint::{BadTerm, FromTerm};
use std::fmt::Write as _;
use std::io::{self, ErrorKind};
use std::marker::PhantomData;

/// What happens instead of the operation, or to it.
#[derive(Debug)]
pub enum Fault {
    /// The operation fails, and does nothing.
    Error(io::Error),
    /// So many bytes are read or written, and the operation says so.
    Short(u64),
    /// So many bytes reach the disk, then the process dies, or the simulated disk crashes.
    Torn(u64),
    /// This bit of the bytes that are read or written is wrong.
    Flip(u64),
    /// The range fails from now on, until it is written again.
    BadSector,
    /// The operation says that it is done, and makes nothing durable.
    Lie,
    /// The operation fails, and what was not durable yet is lost.
    Drop,
}

/// What is taken beside an error.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    Short,
    Torn,
    Flip,
    BadSector,
    Lie,
    Drop,
}

impl Form {
    fn spelling(self) -> &'static str {
        match self {
            Form::Short => "short(BYTES)",
            Form::Torn => "torn(BYTES)",
            Form::Flip => "flip(BIT)",
            Form::BadSector => "bad_sector",
            Form::Lie => "lie",
            Form::Drop => "drop",
        }
    }
}

/// One kind of operation, and what it can answer.
pub trait Operation {
    /// The manual page that lists the errors.
    const PAGE: &'static str;
    /// The errors of that page.
    const ERRORS: &'static [&'static str];
    #[doc(hidden)]
    const FORMS: Forms;
}

/// What an operation takes beside errors.
#[doc(hidden)]
pub struct Forms(&'static [Form]);

/// Any disk can give these, whatever the operation: a broken, full, read-only or missing disk.
const OF_ANY_DISK: &[&str] =
    &["EIO", "EINTR", "ENOSPC", "EDQUOT", "EROFS", "ENODEV", "ESTALE", "ETIMEDOUT", "EUCLEAN"];

/// A [`Fault`] that the operation `O` can give.
#[derive(Debug)]
pub struct FaultAt<O> {
    fault: Fault,
    operation: PhantomData<fn() -> O>,
}

impl<O> FaultAt<O> {
    /// The fault itself.
    pub fn into_fault(self) -> Fault {
        self.fault
    }
}

impl<O: Operation> FromTerm for FaultAt<O> {
    fn from_term(text: Option<&str>) -> Result<Self, BadTerm> {
        let fault = text.and_then(read::<O>).ok_or_else(|| expected::<O>(text))?;
        Ok(Self { fault, operation: PhantomData })
    }
}

fn read<O: Operation>(text: &str) -> Option<Fault> {
    let text = text.trim();
    if let Some(number) = argument(text, "errno") {
        let number = number.parse().ok().filter(|&number| number > 0)?;
        return Some(Fault::Error(io::Error::from_raw_os_error(number)));
    }
    let takes = |form| O::FORMS.0.contains(&form);
    let number = |form, word| {
        let argument = if takes(form) { argument(text, word)? } else { return None };
        argument.parse::<u64>().ok()
    };
    if let Some(bytes) = number(Form::Short, "short") {
        return Some(Fault::Short(bytes));
    }
    if let Some(bytes) = number(Form::Torn, "torn") {
        return Some(Fault::Torn(bytes));
    }
    if let Some(bit) = number(Form::Flip, "flip") {
        return Some(Fault::Flip(bit));
    }
    match text {
        "bad_sector" if takes(Form::BadSector) => Some(Fault::BadSector),
        "lie" if takes(Form::Lie) => Some(Fault::Lie),
        "drop" if takes(Form::Drop) => Some(Fault::Drop),
        _ => error::<O>(text).map(Fault::Error),
    }
}

/// `NUMBER` of `word(NUMBER)`.
fn argument<'a>(text: &'a str, word: &str) -> Option<&'a str> {
    Some(text.strip_prefix(word)?.trim_start().strip_prefix('(')?.strip_suffix(')')?.trim())
}

fn looks_like_an_errno(text: &str) -> bool {
    text.starts_with('E')
        && text.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
}

fn error<O: Operation>(text: &str) -> Option<io::Error> {
    let error = <io::Error as FromTerm>::from_term(Some(text)).ok()?;
    if looks_like_an_errno(text) {
        let known = OF_ANY_DISK.contains(&text) || O::ERRORS.contains(&text);
        return known.then_some(error);
    }
    // A text that names no kind becomes a message, whose kind is `Other`.
    let names_a_kind = error.kind() != ErrorKind::Other || text.eq_ignore_ascii_case("other");
    names_a_kind.then_some(error)
}

fn expected<O: Operation>(got: Option<&str>) -> BadTerm {
    let mut text = format!("an errno of {} (", O::PAGE);
    let beside = OF_ANY_DISK.iter().filter(|name| !O::ERRORS.contains(name));
    for (number, name) in O::ERRORS.iter().chain(beside).enumerate() {
        let _ = write!(text, "{}{name}", if number > 0 { ", " } else { "" });
    }
    text += "; errno(NUMBER) takes any), or the name of an ErrorKind";
    for form in O::FORMS.0 {
        let _ = write!(text, ", or {}", form.spelling());
    }
    if let Some(hint) = got.and_then(|got| hint::<O>(got.trim())) {
        let _ = write!(text, "; {hint}");
    }
    BadTerm::expected(text)
}

/// What was probably meant.
fn hint<O: Operation>(got: &str) -> Option<String> {
    if let Some(number) = number_of(got) {
        return Some(format!("{} does not give {got}: return(errno({number})) does it", O::PAGE));
    }
    let is_of_word = |c: char| !c.is_ascii_alphanumeric() && c != '_';
    let word = got.split(is_of_word).next()?;
    let spellings = O::FORMS.0.iter().map(|form| form.spelling());
    let spelling_of = |word: &str| {
        let begins = |&spelling: &&str| spelling.split('(').next() == Some(word);
        spellings.clone().chain(["errno(NUMBER)"]).find(begins)
    };
    let words = spellings.clone().filter_map(|spelling| spelling.split('(').next());
    let errors = O::ERRORS.iter().chain(OF_ANY_DISK).copied();
    let meant = failpoint::__bridge::nearest(word, errors.chain(words).chain(["errno"]))?;
    Some(format!("did you mean {}?", spelling_of(meant).unwrap_or(meant)))
}

/// The number of an errno that this system has.
fn number_of(name: &str) -> Option<i32> {
    let error = looks_like_an_errno(name).then(|| io::Error::from_term(Some(name)))?;
    error.ok()?.raw_os_error()
}

macro_rules! operations {
    ($($(#[$doc:meta])* $name:ident: $page:literal [$($errno:ident)*] [$($form:ident)*];)*) => {$(
        $(#[$doc])*
        #[derive(Debug)]
        pub struct $name;

        impl Operation for $name {
            const PAGE: &'static str = $page;
            const ERRORS: &'static [&'static str] = &[$(stringify!($errno)),*];
            const FORMS: Forms = Forms(&[$(Form::$form),*]);
        }
    )*};
}

operations! {
    /// Opening or creating a file.
    Open: "open(2)" [EACCES EAGAIN EBUSY EEXIST EFBIG EINVAL EISDIR ELOOP EMFILE ENAMETOOLONG ENFILE
        ENOENT ENOMEM ENOTDIR ENXIO EOPNOTSUPP EOVERFLOW EPERM ETXTBSY EWOULDBLOCK] [];
    /// Reading from a file.
    Read: "read(2)" [EAGAIN EBADF EINVAL EISDIR ENXIO EOVERFLOW ESPIPE EWOULDBLOCK]
        [Short Flip BadSector];
    /// Writing to a file.
    Write: "write(2)" [EAGAIN EBADF EDESTADDRREQ EFBIG EINVAL EOVERFLOW EPERM EPIPE ESPIPE EWOULDBLOCK]
        [Short Torn Flip];
    /// Syncing a file.
    Sync: "fsync(2)" [EBADF EINVAL] [Lie Drop];
    /// Syncing an opened directory.
    SyncDir: "fsync(2)" [EBADF EINVAL] [Lie];
    /// Setting the length of a file.
    SetLen: "ftruncate(2)" [EACCES EBADF EFBIG EINVAL EISDIR EPERM ETXTBSY] [];
    /// Renaming or linking a file or directory.
    Rename: "rename(2)" [EACCES EBUSY EEXIST EINVAL EISDIR ELOOP EMLINK ENAMETOOLONG ENOENT ENOMEM
        ENOTDIR ENOTEMPTY EPERM EXDEV] [];
    /// Removing a file or directory.
    Remove: "unlink(2)" [EACCES EBUSY EEXIST EINVAL EISDIR ELOOP ENAMETOOLONG ENOENT ENOMEM ENOTDIR
        ENOTEMPTY EPERM] [];
    /// Creating a directory.
    CreateDir: "mkdir(2)" [EACCES EEXIST EINVAL ELOOP EMLINK ENAMETOOLONG ENOENT ENOMEM ENOTDIR EPERM] [];
    /// Listing a directory.
    ReadDir: "opendir(3)" [EACCES EBADF EMFILE ENFILE ENOENT ENOMEM ENOTDIR] [];
    /// Asking for metadata or for the canonical path.
    Metadata: "stat(2)" [EACCES EBADF EINVAL ELOOP ENAMETOOLONG ENOENT ENOMEM ENOTDIR EOVERFLOW] [];
    /// Setting permissions or times.
    SetAttr: "chmod(2)" [EACCES EBADF EINVAL ELOOP ENAMETOOLONG ENOENT ENOMEM ENOTDIR EPERM] [];
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind<O: Operation>(text: &str) -> Result<String, String> {
        match FaultAt::<O>::from_term(Some(text)) {
            Ok(at) => Ok(match at.into_fault() {
                Fault::Error(error) => format!("{:?}", error.kind()),
                fault => format!("{fault:?}"),
            }),
            Err(bad) => Err(bad.to_string()),
        }
    }

    #[test]
    fn an_operation_takes_what_it_can_answer() {
        for (text, read) in [
            ("short(3)", "Short(3)"),
            ("torn( 512 )", "Torn(512)"),
            ("flip(7)", "Flip(7)"),
            ("ENOSPC", "StorageFull"),
            ("permission denied", "PermissionDenied"),
            ("Interrupted", "Interrupted"),
            ("errno(28)", "StorageFull"),
        ] {
            assert_eq!(kind::<Write>(text).as_deref(), Ok(read), "{text}");
        }
        assert_eq!(kind::<Read>("bad_sector").as_deref(), Ok("BadSector"));
        assert_eq!(kind::<Sync>("lie").as_deref(), Ok("Lie"));
        assert_eq!(kind::<Sync>("drop").as_deref(), Ok("Drop"));
    }

    #[test]
    fn what_it_cannot_answer_is_refused_with_what_it_can() {
        for text in [
            "lie",
            "drop",
            "bad_sector",
            "ENOENT",
            "ENOSPCC",
            "short",
            "short(x)",
            "short(-1)",
            "errno(0)",
            "errno(x)",
            "the disk is on fire",
            "",
        ] {
            let refusal = kind::<Write>(text).expect_err(text);
            assert!(refusal.starts_with("an errno of write(2) (EAGAIN, "), "{refusal}");
            assert!(refusal.contains("ENOSPC"), "{refusal}");
            assert!(refusal.contains("or short(BYTES), or torn(BYTES), or flip(BIT)"), "{refusal}");
        }
        assert!(kind::<Sync>("short(3)").is_err());
        assert!(kind::<SyncDir>("drop").is_err());
        assert!(FaultAt::<Read>::from_term(None).is_err());
    }

    #[test]
    fn a_slip_is_told_what_was_meant() {
        for (text, hint) in [
            ("EI0", "; did you mean EIO?"),
            ("enospc", "; did you mean ENOSPC?"),
            ("ENOSPCC", "; did you mean ENOSPC?"),
            ("short", "; did you mean short(BYTES)?"),
            ("short(x)", "; did you mean short(BYTES)?"),
            ("tron(5)", "; did you mean torn(BYTES)?"),
            ("errno", "; did you mean errno(NUMBER)?"),
            ("the disk is on fire", ", or flip(BIT)"),
            ("5", ", or flip(BIT)"),
        ] {
            let refusal = kind::<Write>(text).expect_err(text);
            assert!(refusal.ends_with(hint), "{text}: {refusal}");
        }
        let refusal = kind::<Read>("badsector").expect_err("a slip");
        assert!(refusal.ends_with("; did you mean bad_sector?"), "{refusal}");
        // What only another operation gives is no slip.
        assert!(kind::<SyncDir>("drop").expect_err("not of a directory").ends_with(", or lie"));
        #[cfg(target_os = "linux")]
        assert!(
            kind::<Write>("ENOENT")
                .expect_err("not of write")
                .ends_with("; write(2) does not give ENOENT: return(errno(2)) does it")
        );
    }
}
