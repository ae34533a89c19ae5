use std::io;

use crate::shortage::Trouble;

/// Too many open files, no memory, no resources, no space for pages: what making the next instance
/// of a pipe may fail with.
const SHORTAGES: [i32; 4] = [4, 8, 1450, 1455];

/// `WSAEMFILE`, `WSAENETDOWN`, `WSAECONNABORTED`, `WSAECONNRESET`, `WSAENOBUFS`: what `accept` may
/// fail with for want of something, or because the client has gone.
const OF_ACCEPT: [i32; 5] = [10024, 10050, 10053, 10054, 10055];

/// What a failure to get the next client means.
pub(crate) fn trouble(error: &io::Error) -> Trouble {
    match error.raw_os_error() {
        Some(number) if SHORTAGES.contains(&number) || OF_ACCEPT.contains(&number) => {
            Trouble::Lasting
        }
        _ => match error.kind() {
            io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted => Trouble::Passing,
            _ => Trouble::Final,
        },
    }
}
