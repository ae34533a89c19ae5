//! What a failure of `accept` means for a listener.

/// What a failure of `accept` means for the listening socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// There is no client, or a signal came: try again.
    Passing,
    /// The client has failed, or descriptors or memory are short: pause, then try again.
    Lasting,
    /// The socket is of no use any more.
    Final,
}
