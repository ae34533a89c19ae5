use std::io;

use rustix::io::Errno;

use crate::shortage::Trouble;

/// What a failure of accept(2) means, which lists them.
pub(crate) fn trouble(error: &io::Error) -> Trouble {
    match Errno::from_io_error(error) {
        Some(Errno::AGAIN | Errno::INTR) => Trouble::Passing,
        Some(
            Errno::CONNABORTED
            | Errno::MFILE
            | Errno::NFILE
            | Errno::NOBUFS
            | Errno::NOMEM
            // The system watches no more sockets for this user.
            | Errno::NOSPC
            | Errno::PERM
            | Errno::PROTO
            | Errno::NETDOWN
            | Errno::NETUNREACH
            | Errno::HOSTDOWN
            | Errno::HOSTUNREACH
            | Errno::OPNOTSUPP
            | Errno::NOPROTOOPT,
        ) => Trouble::Lasting,
        #[cfg(target_os = "linux")]
        Some(Errno::NONET) => Trouble::Lasting,
        _ => Trouble::Final,
    }
}
