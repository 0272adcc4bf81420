//! Which `io::Error` does a text such as `EIO` or `permission denied` name?

use std::io::{self, ErrorKind};

/// The error named by `text`: an errno (`EIO`), or an [`ErrorKind`] in words, with or without
/// blanks and in any case of letters (`permission denied`, `PermissionDenied`).
pub(crate) fn by_name(text: &str) -> Option<io::Error> {
    if let Some(&(_, kind, number)) = ERRNOS.iter().find(|(name, ..)| *name == text) {
        // Where the platform has errno numbers the error is the very one the system would give.
        return Some(if cfg!(target_os = "linux") {
            io::Error::from_raw_os_error(number)
        } else {
            io::Error::new(kind, text.to_owned())
        });
    }
    let plain = |text: &str| text.replace([' ', '_', '-'], "").to_ascii_lowercase();
    let wanted = plain(text);
    KINDS.iter().find(|kind| plain(&format!("{kind:?}")) == wanted).map(|&kind| kind.into())
}

/// Whether `text` can only be meant as an errno: then an unknown one is a slip, not a message.
pub(crate) fn looks_like_an_errno(text: &str) -> bool {
    text.len() > 2
        && text.starts_with('E')
        && text.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit())
}

/// Name, kind, and the number on Linux (the generic table of its `errno.h`, the same on x86, Arm
/// and RISC-V for all of these).
const ERRNOS: &[(&str, ErrorKind, i32)] = &[
    ("EPERM", ErrorKind::PermissionDenied, 1),
    ("ENOENT", ErrorKind::NotFound, 2),
    ("EINTR", ErrorKind::Interrupted, 4),
    ("EIO", ErrorKind::Other, 5),
    ("ENXIO", ErrorKind::Other, 6),
    ("EBADF", ErrorKind::Other, 9),
    ("EAGAIN", ErrorKind::WouldBlock, 11),
    ("EWOULDBLOCK", ErrorKind::WouldBlock, 11),
    ("ENOMEM", ErrorKind::OutOfMemory, 12),
    ("EACCES", ErrorKind::PermissionDenied, 13),
    ("EFAULT", ErrorKind::Other, 14),
    ("EBUSY", ErrorKind::ResourceBusy, 16),
    ("EEXIST", ErrorKind::AlreadyExists, 17),
    ("ENODEV", ErrorKind::Other, 19),
    ("ENOTDIR", ErrorKind::NotADirectory, 20),
    ("EISDIR", ErrorKind::IsADirectory, 21),
    ("EINVAL", ErrorKind::InvalidInput, 22),
    ("ENFILE", ErrorKind::Other, 23),
    ("EMFILE", ErrorKind::Other, 24),
    ("EFBIG", ErrorKind::FileTooLarge, 27),
    ("ENOSPC", ErrorKind::StorageFull, 28),
    ("ESPIPE", ErrorKind::NotSeekable, 29),
    ("EROFS", ErrorKind::ReadOnlyFilesystem, 30),
    ("EPIPE", ErrorKind::BrokenPipe, 32),
    // std has a kind for it since 1.87, above our oldest compiler.
    ("ENAMETOOLONG", ErrorKind::Other, 36),
    ("ENOTEMPTY", ErrorKind::DirectoryNotEmpty, 39),
    ("EADDRINUSE", ErrorKind::AddrInUse, 98),
    ("EADDRNOTAVAIL", ErrorKind::AddrNotAvailable, 99),
    ("ENETDOWN", ErrorKind::NetworkDown, 100),
    ("ENETUNREACH", ErrorKind::NetworkUnreachable, 101),
    ("ECONNABORTED", ErrorKind::ConnectionAborted, 103),
    ("ECONNRESET", ErrorKind::ConnectionReset, 104),
    ("ENOTCONN", ErrorKind::NotConnected, 107),
    ("ETIMEDOUT", ErrorKind::TimedOut, 110),
    ("ECONNREFUSED", ErrorKind::ConnectionRefused, 111),
    ("EHOSTUNREACH", ErrorKind::HostUnreachable, 113),
    ("ESTALE", ErrorKind::StaleNetworkFileHandle, 116),
    ("EDQUOT", ErrorKind::QuotaExceeded, 122),
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
