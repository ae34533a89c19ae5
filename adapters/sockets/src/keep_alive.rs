//! Finding out that a peer is gone which did not say so.

use std::io;
use std::os::fd::AsFd;
use std::time::Duration;

use mpconn::Address;
use rustix::net::sockopt;

use crate::Session;

/// How TCP probes a peer that sends nothing, so that a receive ends when its machine or the network is
/// gone: a connection without traffic never notices by itself.
///
/// The system rounds times to seconds; here they are rounded up, to 1 to 32,767 of them. `count` is
/// limited to 127. An application's own heartbeat also finds a peer that hangs, which a system that
/// still runs answers for.
///
/// A peer that is given up is an error of kind `TimedOut`, for which `Error::is_disconnect` is true. On
/// Linux, a `user_timeout` takes the place of `count`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeepAlive {
    /// How long the peer sends nothing before the first probe.
    pub idle: Duration,
    /// The time between two probes.
    pub interval: Duration,
    /// How many probes are not answered before the connection is reset.
    pub count: u32,
}

impl Session {
    /// Sets what was asked for on a socket, if it is TCP's: the one to or from `peer`.
    ///
    /// # Errors
    ///
    /// Those of the system.
    pub fn tune(&self, socket: impl AsFd, peer: Option<&Address>) -> io::Result<()> {
        let Some(Address::Inet { .. }) = peer else { return Ok(()) };
        if let Some(KeepAlive { idle, interval, count }) = self.keep_alive {
            sockopt::set_tcp_keepidle(&socket, seconds(idle))?;
            sockopt::set_tcp_keepintvl(&socket, seconds(interval))?;
            sockopt::set_tcp_keepcnt(&socket, count.clamp(1, 127))?;
            sockopt::set_socket_keepalive(&socket, true)?;
        }
        #[cfg(target_os = "linux")]
        if let Some(timeout) = self.user_timeout {
            // The system takes no more than fit into 31 bits.
            let milliseconds = u32::try_from(timeout.as_micros().div_ceil(1000));
            let milliseconds = milliseconds.unwrap_or(u32::MAX).clamp(1, i32::MAX.unsigned_abs());
            sockopt::set_tcp_user_timeout(&socket, milliseconds)?;
        }
        Ok(())
    }
}

fn seconds(time: Duration) -> Duration {
    let up = u64::from(time.subsec_nanos() > 0);
    Duration::from_secs(time.as_secs().saturating_add(up).clamp(1, 32_767))
}
