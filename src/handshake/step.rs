//! How far a handshake has come.

use core::fmt;

use super::{Handshake, Proof, Receiving, Role, Sending, ToReceive};

/// How far a handshake has come: what this side is to receive next.
///
/// `Display` says what has not happened yet, and why that is so most often: "before the client answered
/// the challenge: it may have no key".
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct HandshakeStep {
    /// This side.
    pub role: Role,
    /// What the peer is to send next.
    pub awaited: Awaited,
}

/// A message of the peer's in a handshake.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Awaited {
    /// Its challenge.
    Challenge,
    /// Its response to the challenge of this side.
    Response,
    /// Its verdict on the response of this side.
    Verdict,
    /// None: this side has the last word.
    Nothing,
}

impl<K: AsRef<[u8]>, P: Proof> Handshake<K, P> {
    /// Returns how far it has come. A message of this side's counts as sent.
    #[must_use]
    pub fn step(&self) -> Option<HandshakeStep> {
        let (role, awaited) = match self {
            Self::Send(step) => {
                let awaited = match step.turn {
                    Sending::Challenge => Awaited::Response,
                    Sending::Response(_) => Awaited::Verdict,
                    Sending::Welcome(_) if step.is_welcome_between() => Awaited::Challenge,
                    Sending::Welcome(_) | Sending::Failure(_) => Awaited::Nothing,
                };
                (step.machine.role, awaited)
            }
            Self::Receive(ToReceive { machine, turn }) => {
                let awaited = match turn {
                    Receiving::Challenge => Awaited::Challenge,
                    Receiving::Response => Awaited::Response,
                    Receiving::Verdict(_) => Awaited::Verdict,
                };
                (machine.role, awaited)
            }
            Self::Done(_) => return None,
        };
        Some(HandshakeStep { role, awaited })
    }
}

impl fmt::Display for HandshakeStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match (self.role, self.awaited) {
            (Role::Listener, Awaited::Response) => {
                "before the client answered the challenge: it may have no key, or speak another protocol"
            }
            (Role::Listener, Awaited::Challenge) => {
                "after the client proved its key, before it sent a challenge: it may hold only one \
                 direction of the handshake"
            }
            (Role::Listener, Awaited::Verdict) => "before the client accepted this side's response",
            (Role::Client, Awaited::Challenge) => {
                "before the listener sent a challenge: it may have no key, or be busy with another \
                 client"
            }
            (Role::Client, Awaited::Verdict) => "before the listener accepted this side's response",
            (Role::Client, Awaited::Response) => "before the listener proved its key",
            (Role::Listener | Role::Client, Awaited::Nothing) => "before the handshake was over",
        })
    }
}
