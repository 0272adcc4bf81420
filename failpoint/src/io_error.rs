//! Which `io::Error` does a text such as `EIO` or `permission denied` name?

use crate::terms;
use std::io::{self, ErrorKind};

/// The error named by `text`: an errno (`EIO`), or an [`ErrorKind`] in words, with or without
/// blanks and in any case of letters (`permission denied`, `PermissionDenied`).
pub(crate) fn by_name(text: &str) -> Option<io::Error> {
    if let Some(&(_, kind, number)) = ERRNOS.iter().find(|(name, ..)| *name == text) {
        // Where the numbers are the platform's, the error is the very one that the system would
        // give.
        return Some(if HAS_THESE_NUMBERS {
            io::Error::from_raw_os_error(number)
        } else {
            io::Error::new(kind, text.to_owned())
        });
    }
    let plain = |text: &str| text.replace([' ', '_', '-'], "").to_ascii_lowercase();
    let wanted = plain(text);
    KINDS.iter().find(|kind| plain(&format!("{kind:?}")) == wanted).map(|&kind| kind.into())
}

/// What is wrong with `word`, which was written without quotes: it looks like an errno, and no
/// errno has that name, so it is a mistake and not a message. Returns the errno most like it.
pub(crate) fn slip(word: &str) -> Option<&'static str> {
    let looks_like_one = (3..=LONGEST).contains(&word.len())
        && word.starts_with('E')
        && word.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit());
    if !looks_like_one || ERRNOS.iter().any(|(name, ..)| *name == word) {
        return None;
    }
    terms::most_alike(word, ERRNOS.iter().map(|(name, ..)| *name))
}

/// Longer than any errno, slips included.
const LONGEST: usize = 20;

/// MIPS and SPARC have numbers of their own.
const HAS_THESE_NUMBERS: bool = cfg!(all(
    any(target_os = "linux", target_os = "android"),
    not(any(
        target_arch = "mips",
        target_arch = "mips32r6",
        target_arch = "mips64",
        target_arch = "mips64r6",
        target_arch = "sparc",
        target_arch = "sparc64"
    ))
));

/// Name, kind, and the number in the generic table of Linux, which is whole here: of what looks
/// like an errno and is missing, the error says that there is no such errno.
const ERRNOS: &[(&str, ErrorKind, i32)] = &[
    ("EPERM", ErrorKind::PermissionDenied, 1),
    ("ENOENT", ErrorKind::NotFound, 2),
    ("ESRCH", ErrorKind::Other, 3),
    ("EINTR", ErrorKind::Interrupted, 4),
    ("EIO", ErrorKind::Other, 5),
    ("ENXIO", ErrorKind::Other, 6),
    ("E2BIG", ErrorKind::ArgumentListTooLong, 7),
    ("ENOEXEC", ErrorKind::Other, 8),
    ("EBADF", ErrorKind::Other, 9),
    ("ECHILD", ErrorKind::Other, 10),
    ("EAGAIN", ErrorKind::WouldBlock, 11),
    ("EWOULDBLOCK", ErrorKind::WouldBlock, 11),
    ("ENOMEM", ErrorKind::OutOfMemory, 12),
    ("EACCES", ErrorKind::PermissionDenied, 13),
    ("EFAULT", ErrorKind::Other, 14),
    ("ENOTBLK", ErrorKind::Other, 15),
    ("EBUSY", ErrorKind::ResourceBusy, 16),
    ("EEXIST", ErrorKind::AlreadyExists, 17),
    ("EXDEV", ErrorKind::CrossesDevices, 18),
    ("ENODEV", ErrorKind::Other, 19),
    ("ENOTDIR", ErrorKind::NotADirectory, 20),
    ("EISDIR", ErrorKind::IsADirectory, 21),
    ("EINVAL", ErrorKind::InvalidInput, 22),
    ("ENFILE", ErrorKind::Other, 23),
    ("EMFILE", ErrorKind::Other, 24),
    ("ENOTTY", ErrorKind::Other, 25),
    ("ETXTBSY", ErrorKind::ExecutableFileBusy, 26),
    ("EFBIG", ErrorKind::FileTooLarge, 27),
    ("ENOSPC", ErrorKind::StorageFull, 28),
    ("ESPIPE", ErrorKind::NotSeekable, 29),
    ("EROFS", ErrorKind::ReadOnlyFilesystem, 30),
    ("EMLINK", ErrorKind::TooManyLinks, 31),
    ("EPIPE", ErrorKind::BrokenPipe, 32),
    ("EDOM", ErrorKind::Other, 33),
    ("ERANGE", ErrorKind::Other, 34),
    ("EDEADLK", ErrorKind::Deadlock, 35),
    ("EDEADLOCK", ErrorKind::Deadlock, 35),
    // std has a kind for it since 1.87, above our oldest compiler.
    ("ENAMETOOLONG", ErrorKind::Other, 36),
    ("ENOLCK", ErrorKind::Other, 37),
    ("ENOSYS", ErrorKind::Unsupported, 38),
    ("ENOTEMPTY", ErrorKind::DirectoryNotEmpty, 39),
    ("ELOOP", ErrorKind::Other, 40),
    ("ENOMSG", ErrorKind::Other, 42),
    ("EIDRM", ErrorKind::Other, 43),
    ("ECHRNG", ErrorKind::Other, 44),
    ("EL2NSYNC", ErrorKind::Other, 45),
    ("EL3HLT", ErrorKind::Other, 46),
    ("EL3RST", ErrorKind::Other, 47),
    ("ELNRNG", ErrorKind::Other, 48),
    ("EUNATCH", ErrorKind::Other, 49),
    ("ENOCSI", ErrorKind::Other, 50),
    ("EL2HLT", ErrorKind::Other, 51),
    ("EBADE", ErrorKind::Other, 52),
    ("EBADR", ErrorKind::Other, 53),
    ("EXFULL", ErrorKind::Other, 54),
    ("ENOANO", ErrorKind::Other, 55),
    ("EBADRQC", ErrorKind::Other, 56),
    ("EBADSLT", ErrorKind::Other, 57),
    ("EBFONT", ErrorKind::Other, 59),
    ("ENOSTR", ErrorKind::Other, 60),
    ("ENODATA", ErrorKind::Other, 61),
    ("ETIME", ErrorKind::Other, 62),
    ("ENOSR", ErrorKind::Other, 63),
    ("ENONET", ErrorKind::Other, 64),
    ("ENOPKG", ErrorKind::Other, 65),
    ("EREMOTE", ErrorKind::Other, 66),
    ("ENOLINK", ErrorKind::Other, 67),
    ("EADV", ErrorKind::Other, 68),
    ("ESRMNT", ErrorKind::Other, 69),
    ("ECOMM", ErrorKind::Other, 70),
    ("EPROTO", ErrorKind::Other, 71),
    ("EMULTIHOP", ErrorKind::Other, 72),
    ("EDOTDOT", ErrorKind::Other, 73),
    ("EBADMSG", ErrorKind::Other, 74),
    ("EOVERFLOW", ErrorKind::Other, 75),
    ("ENOTUNIQ", ErrorKind::Other, 76),
    ("EBADFD", ErrorKind::Other, 77),
    ("EREMCHG", ErrorKind::Other, 78),
    ("ELIBACC", ErrorKind::Other, 79),
    ("ELIBBAD", ErrorKind::Other, 80),
    ("ELIBSCN", ErrorKind::Other, 81),
    ("ELIBMAX", ErrorKind::Other, 82),
    ("ELIBEXEC", ErrorKind::Other, 83),
    ("EILSEQ", ErrorKind::Other, 84),
    ("ERESTART", ErrorKind::Other, 85),
    ("ESTRPIPE", ErrorKind::Other, 86),
    ("EUSERS", ErrorKind::Other, 87),
    ("ENOTSOCK", ErrorKind::Other, 88),
    ("EDESTADDRREQ", ErrorKind::Other, 89),
    ("EMSGSIZE", ErrorKind::Other, 90),
    ("EPROTOTYPE", ErrorKind::Other, 91),
    ("ENOPROTOOPT", ErrorKind::Other, 92),
    ("EPROTONOSUPPORT", ErrorKind::Other, 93),
    ("ESOCKTNOSUPPORT", ErrorKind::Other, 94),
    ("ENOTSUP", ErrorKind::Unsupported, 95),
    ("EOPNOTSUPP", ErrorKind::Unsupported, 95),
    ("EPFNOSUPPORT", ErrorKind::Other, 96),
    ("EAFNOSUPPORT", ErrorKind::Other, 97),
    ("EADDRINUSE", ErrorKind::AddrInUse, 98),
    ("EADDRNOTAVAIL", ErrorKind::AddrNotAvailable, 99),
    ("ENETDOWN", ErrorKind::NetworkDown, 100),
    ("ENETUNREACH", ErrorKind::NetworkUnreachable, 101),
    ("ENETRESET", ErrorKind::Other, 102),
    ("ECONNABORTED", ErrorKind::ConnectionAborted, 103),
    ("ECONNRESET", ErrorKind::ConnectionReset, 104),
    ("ENOBUFS", ErrorKind::Other, 105),
    ("EISCONN", ErrorKind::Other, 106),
    ("ENOTCONN", ErrorKind::NotConnected, 107),
    ("ESHUTDOWN", ErrorKind::Other, 108),
    ("ETOOMANYREFS", ErrorKind::Other, 109),
    ("ETIMEDOUT", ErrorKind::TimedOut, 110),
    ("ECONNREFUSED", ErrorKind::ConnectionRefused, 111),
    ("EHOSTDOWN", ErrorKind::Other, 112),
    ("EHOSTUNREACH", ErrorKind::HostUnreachable, 113),
    ("EALREADY", ErrorKind::Other, 114),
    ("EINPROGRESS", ErrorKind::Other, 115),
    ("ESTALE", ErrorKind::StaleNetworkFileHandle, 116),
    ("EUCLEAN", ErrorKind::Other, 117),
    ("ENOTNAM", ErrorKind::Other, 118),
    ("ENAVAIL", ErrorKind::Other, 119),
    ("EISNAM", ErrorKind::Other, 120),
    ("EREMOTEIO", ErrorKind::Other, 121),
    ("EDQUOT", ErrorKind::QuotaExceeded, 122),
    ("ENOMEDIUM", ErrorKind::Other, 123),
    ("EMEDIUMTYPE", ErrorKind::Other, 124),
    ("ECANCELED", ErrorKind::Other, 125),
    ("ENOKEY", ErrorKind::Other, 126),
    ("EKEYEXPIRED", ErrorKind::Other, 127),
    ("EKEYREVOKED", ErrorKind::Other, 128),
    ("EKEYREJECTED", ErrorKind::Other, 129),
    ("EOWNERDEAD", ErrorKind::Other, 130),
    ("ENOTRECOVERABLE", ErrorKind::Other, 131),
    ("ERFKILL", ErrorKind::Other, 132),
    ("EHWPOISON", ErrorKind::Other, 133),
];

/// The kinds that can be named in words.
const KINDS: &[ErrorKind] = &[
    ErrorKind::NotFound,
    ErrorKind::PermissionDenied,
    ErrorKind::ConnectionRefused,
    ErrorKind::ConnectionReset,
    ErrorKind::HostUnreachable,
    ErrorKind::NetworkUnreachable,
    ErrorKind::ConnectionAborted,
    ErrorKind::NotConnected,
    ErrorKind::AddrInUse,
    ErrorKind::AddrNotAvailable,
    ErrorKind::NetworkDown,
    ErrorKind::BrokenPipe,
    ErrorKind::AlreadyExists,
    ErrorKind::WouldBlock,
    ErrorKind::NotADirectory,
    ErrorKind::IsADirectory,
    ErrorKind::DirectoryNotEmpty,
    ErrorKind::ReadOnlyFilesystem,
    ErrorKind::StaleNetworkFileHandle,
    ErrorKind::InvalidInput,
    ErrorKind::InvalidData,
    ErrorKind::TimedOut,
    ErrorKind::WriteZero,
    ErrorKind::StorageFull,
    ErrorKind::NotSeekable,
    ErrorKind::FileTooLarge,
    ErrorKind::ResourceBusy,
    ErrorKind::Deadlock,
    ErrorKind::Interrupted,
    ErrorKind::Unsupported,
    ErrorKind::UnexpectedEof,
    ErrorKind::OutOfMemory,
    ErrorKind::ArgumentListTooLong,
    ErrorKind::CrossesDevices,
    ErrorKind::ExecutableFileBusy,
    ErrorKind::QuotaExceeded,
    ErrorKind::TooManyLinks,
    ErrorKind::Other,
];

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn the_table_agrees_with_the_platform() {
        for &(name, kind, number) in ERRNOS {
            let real = io::Error::from_raw_os_error(number).kind();
            // What std has no kind for shows as a hidden kind: the table says Other there.
            if kind != ErrorKind::Other {
                assert_eq!(real, kind, "{name}");
            }
        }
    }
}
