//! Whose turn it is, what to send, what to accept.
//!
//! The machine knows no transport: it takes and gives whole messages, which are frames on a stream
//! and bare messages on a Windows pipe. It does not know which role it plays either, but for two
//! things: who speaks first, and the client's mark.
//!
//! ```text
//!  listener  delivers, then answers                      client  answers, then delivers
//!
//!  delivers:   send #CHALLENGE# -> receive a response -> send #WELCOME#
//!                                              or wrong: send #FAILURE#, the error
//!  answers:    receive #CHALLENGE# -> send the response -> receive #WELCOME#
//!                      or bad: the error, nothing sent     or else: the error
//! ```
//!
//! Rules:
//!
//! 1. The client always proves itself first, so that a listener gives no MAC to a stranger.
//! 2. A MAC covers all that follows `#CHALLENGE#`, the digest's name included.
//! 3. Length comes before prefix: 16 and 20 bytes are the legacy dialect whatever they hold.
//! 4. Our challenge is never 16 or 20 bytes long: no peer needs a legacy one.
//! 5. Whoever answers as client refuses a challenge that a client made.
//! 6. Two pairs of messages may go out in one write. A client's challenge depends on nothing that the
//!    listener says after its own, so that it may follow the response before the verdict has come:
//!    [`ToSend::ahead`]. A listener that finds it there may send its response right behind `#WELCOME#`.
//!    The response was verified by then: a MAC still goes to nobody who has proved nothing.

pub(crate) mod challenge;
mod error;
mod policy;
mod step;

use core::fmt;
use core::marker::PhantomData;

use rand_core::TryCryptoRng;

pub use challenge::CLIENT_MARK;
pub use error::{AuthError, OtherProtocol, StartError};
pub use policy::{Dialect, Policy};
pub use step::{Awaited, HandshakeStep};

use challenge::{CHALLENGE, Message, respond, verify};

/// The longest handshake message in bytes: what CPython passes to `recv_bytes` while it
/// authenticates. Set it as the [`Framer`](crate::Framer)'s limit until the handshake is done.
pub const MAX_MESSAGE: usize = 256;

const WELCOME: &[u8] = b"#WELCOME#";
const FAILURE: &[u8] = b"#FAILURE#";

/// Which side of the connection this is. It decides who speaks first, and whose challenges are
/// refused as a client's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// The side that accepted.
    Listener,
    /// The side that connected.
    Client,
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Listener => "listener",
            Self::Client => "client",
        })
    }
}

/// A handshake between two steps: something to send, something to receive, or done.
///
/// Each step is consumed by what it asks for, and gives the next, so that nothing can be done out
/// of turn. `K` is the key, anything that gives bytes; `P` is the proof that it ends with.
///
/// A peer that fails ends it with an [`AuthError`]; close the connection then.
///
/// ```
/// use mpconn::{AuthError, Handshake, Policy};
///
/// /// A driver for any transport of whole messages of at most `MAX_MESSAGE` bytes.
/// fn drive<K: AsRef<[u8]>, P: mpconn::Proof>(
///     mut handshake: Handshake<K, P>,
///     mut send: impl FnMut(&[u8]),
///     mut receive: impl FnMut() -> Vec<u8>,
/// ) -> Result<P, AuthError> {
///     loop {
///         handshake = match handshake {
///             Handshake::Send(step) => {
///                 send(step.message());
///                 step.sent()?
///             }
///             Handshake::Receive(step) => step.receive(&receive())?,
///             Handshake::Done(proof) => return Ok(proof),
///         };
///     }
/// }
/// ```
#[derive(Debug)]
#[must_use = "the handshake goes on with the step inside"]
pub enum Handshake<K, P = Authenticated> {
    /// Send [its message](ToSend::message), then call [`ToSend::sent`].
    Send(ToSend<K, P>),
    /// Receive one message, and hand it to [`ToReceive::receive`].
    Receive(ToReceive<K, P>),
    /// Nothing is left to do, and this is the proof.
    Done(P),
}

impl<K: AsRef<[u8]>> Handshake<K> {
    /// The side that accepted: challenges, verifies, then answers. `rng` makes its challenge, now:
    /// take `getrandom::SysRng` where there is an operating system.
    ///
    /// # Errors
    ///
    /// [`StartError::EmptyKey`], unless the policy allows it, and [`StartError::Rng`].
    pub fn accepting<R: TryCryptoRng + ?Sized>(
        key: K,
        policy: &Policy,
        rng: &mut R,
    ) -> Result<Self, StartError<R::Error>> {
        Ok(Machine::new(key, Role::Listener, policy, rng)?.deliver())
    }

    /// The side that connected: answers, then challenges and verifies. `rng` is as for
    /// [`accepting`](Self::accepting): it is asked now, so that it cannot fail half-way.
    ///
    /// # Errors
    ///
    /// [`StartError::EmptyKey`], unless the policy allows it, and [`StartError::Rng`].
    pub fn connecting<R: TryCryptoRng + ?Sized>(
        key: K,
        policy: &Policy,
        rng: &mut R,
    ) -> Result<Self, StartError<R::Error>> {
        Ok(Machine::new(key, Role::Client, policy, rng)?.answer())
    }
}

impl<K: AsRef<[u8]>> Handshake<K, Dialect> {
    /// One direction alone, Python's `deliver_challenge`: challenges the peer, and ends with how it
    /// proved its key. It proves nothing about this side, and is no [`Authenticated`].
    ///
    /// `role` is the side of the connection that this is, not who speaks first.
    ///
    /// # Errors
    ///
    /// As for [`accepting`](Handshake::accepting).
    pub fn delivering<R: TryCryptoRng + ?Sized>(
        key: K,
        role: Role,
        policy: &Policy,
        rng: &mut R,
    ) -> Result<Self, StartError<R::Error>> {
        Ok(Machine::new(key, role, policy, rng)?.deliver())
    }

    /// One direction alone, Python's `answer_challenge`: proves the key to the peer, and ends with
    /// how. It proves nothing about the peer, and is no [`Authenticated`].
    ///
    /// # Errors
    ///
    /// As for [`accepting`](Handshake::accepting).
    pub fn answering<R: TryCryptoRng + ?Sized>(
        key: K,
        role: Role,
        policy: &Policy,
        rng: &mut R,
    ) -> Result<Self, StartError<R::Error>> {
        Ok(Machine::new(key, role, policy, rng)?.answer())
    }
}

impl<K: AsRef<[u8]>, P: Proof> Handshake<K, P> {
    /// Returns `true` if the peer has proved that it holds the key. A listener that must drop a
    /// pending handshake drops one for which this is `false`.
    #[must_use]
    pub fn is_peer_authenticated(&self) -> bool {
        match self {
            Self::Send(ToSend { turn: Sending::Welcome(_), .. }) | Self::Done(_) => true,
            Self::Send(ToSend { machine, .. }) | Self::Receive(ToReceive { machine, .. }) => {
                machine.peer.is_some()
            }
        }
    }
}

/// A message is to be sent.
#[must_use = "the peer waits for its message"]
pub struct ToSend<K, P = Authenticated> {
    machine: Machine<K, P>,
    turn: Sending,
    message: Message,
}

#[derive(Debug)]
enum Sending {
    Challenge,
    Response(Dialect),
    Welcome(Dialect),
    Failure(AuthError),
}

impl<K: AsRef<[u8]>, P: Proof> ToSend<K, P> {
    /// The message, of at most 61 bytes: one frame on a stream, one bare message on a pipe.
    #[must_use]
    pub fn message(&self) -> &[u8] {
        self.message.as_ref()
    }

    /// Returns the message that this side sends next but one, if it depends on nothing in between: a
    /// client's challenge, behind its response. Whoever sends both at once skips the later step.
    ///
    /// It saves a round trip where nothing delays small writes, as on a Unix socket. Every CPython reads
    /// it. Over TCP, a CPython listener is slower with it: its verdict and its response are two small
    /// segments in a row, of which the second waits for a delayed acknowledgement.
    #[must_use]
    pub fn ahead(&self) -> Option<&[u8]> {
        let Sending::Response(dialect) = self.turn else { return None };
        let machine = &self.machine;
        let delivers_next = machine.peer.is_none() && P::from_turns(None, Some(dialect)).is_none();
        delivers_next.then(|| machine.challenge.as_ref())
    }

    pub(crate) fn is_challenge(&self) -> bool {
        matches!(self.turn, Sending::Challenge)
    }

    /// Returns `true` for a verdict behind which this side has something to receive.
    pub(crate) fn is_welcome_between(&self) -> bool {
        match self.turn {
            Sending::Welcome(peer) => P::from_turns(Some(peer), self.machine.own).is_none(),
            _ => false,
        }
    }

    /// Why the peer is to be told `#FAILURE#`, when that is the message. It says what
    /// [`sent`](Self::sent) will, also when the sending fails or time runs out.
    #[must_use]
    pub fn failure(&self) -> Option<AuthError> {
        match self.turn {
            Sending::Failure(error) => Some(error),
            Sending::Challenge | Sending::Response(_) | Sending::Welcome(_) => None,
        }
    }

    /// The message was sent, all of it: on to the next step.
    ///
    /// # Errors
    ///
    /// What [`failure`](Self::failure) says.
    pub fn sent(mut self) -> Result<Handshake<K, P>, AuthError> {
        Ok(match self.turn {
            Sending::Challenge => self.machine.receive(Receiving::Response),
            Sending::Response(answered) => self.machine.receive(Receiving::Verdict(answered)),
            Sending::Welcome(peer) => {
                self.machine.peer = Some(peer);
                self.machine.turn_is_over()
            }
            Sending::Failure(error) => return Err(error),
        })
    }
}

/// A message is to be received.
#[must_use = "the peer's next message is for this"]
pub struct ToReceive<K, P = Authenticated> {
    machine: Machine<K, P>,
    turn: Receiving,
}

#[derive(Debug)]
enum Receiving {
    Challenge,
    Response,
    Verdict(Dialect),
}

impl<K: AsRef<[u8]>, P: Proof> ToReceive<K, P> {
    /// Takes one whole message of the peer's.
    ///
    /// # Errors
    ///
    /// Whatever is wrong with it, save for a response: the peer is told of that first, by the next
    /// step. A stream that ends here, or a frame over [`MAX_MESSAGE`], is for the caller to report;
    /// nothing is sent then.
    pub fn receive(mut self, message: &[u8]) -> Result<Handshake<K, P>, AuthError> {
        if message.len() > MAX_MESSAGE {
            return Err(AuthError::MessageTooLong { length: message.len() });
        }
        match self.turn {
            Receiving::Challenge => {
                let challenge = message.strip_prefix(CHALLENGE).ok_or(AuthError::NotAChallenge)?;
                let machine = &self.machine;
                let policy = machine.policy.towards(machine.peer);
                let (response, dialect) =
                    respond(machine.key.as_ref(), machine.role, &policy, challenge)?;
                Ok(self.machine.send(Sending::Response(dialect), response))
            }
            Receiving::Response => {
                let machine = &self.machine;
                let challenge = &machine.challenge.as_ref()[CHALLENGE.len()..];
                let (turn, verdict) =
                    match verify(machine.key.as_ref(), &machine.policy, challenge, message) {
                        Ok(dialect) => (Sending::Welcome(dialect), WELCOME),
                        Err(error) => (Sending::Failure(error), FAILURE),
                    };
                Ok(self.machine.send(turn, Message::new([verdict, b"", b""])))
            }
            Receiving::Verdict(answered) => match message {
                WELCOME => {
                    self.machine.own = Some(answered);
                    Ok(self.machine.turn_is_over())
                }
                FAILURE => Err(AuthError::Rejected { answered }),
                _ => Err(AuthError::NotAVerdict),
            },
        }
    }
}

struct Machine<K, P> {
    key: K,
    role: Role,
    policy: Policy,
    challenge: Message,
    /// How the peer proved its key, once it has.
    peer: Option<Dialect>,
    /// How we proved ours, once the peer has said so.
    own: Option<Dialect>,
    proof: PhantomData<P>,
}

impl<K: AsRef<[u8]>, P: Proof> Machine<K, P> {
    fn new<R: TryCryptoRng + ?Sized>(
        key: K,
        role: Role,
        policy: &Policy,
        rng: &mut R,
    ) -> Result<Self, StartError<R::Error>> {
        if !policy.permits_key(key.as_ref()) {
            return Err(StartError::EmptyKey);
        }
        let challenge =
            Message::challenge(role, policy.challenge_digest, rng).map_err(StartError::Rng)?;
        Ok(Self {
            key,
            role,
            policy: policy.clone(),
            challenge,
            peer: None,
            own: None,
            proof: PhantomData,
        })
    }

    fn deliver(self) -> Handshake<K, P> {
        let challenge = self.challenge.clone();
        self.send(Sending::Challenge, challenge)
    }

    fn answer(self) -> Handshake<K, P> {
        self.receive(Receiving::Challenge)
    }

    fn turn_is_over(self) -> Handshake<K, P> {
        match P::from_turns(self.peer, self.own) {
            Some(proof) => Handshake::Done(proof),
            None if self.peer.is_none() => self.deliver(),
            None => self.answer(),
        }
    }

    fn send(self, turn: Sending, message: Message) -> Handshake<K, P> {
        Handshake::Send(ToSend { machine: self, turn, message })
    }

    fn receive(self, turn: Receiving) -> Handshake<K, P> {
        Handshake::Receive(ToReceive { machine: self, turn })
    }
}

// By hand, so that neither the key nor a challenge is ever printed.
impl<K, P> fmt::Debug for ToSend<K, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ToSend").field("turn", &self.turn).finish_non_exhaustive()
    }
}

impl<K, P> fmt::Debug for ToReceive<K, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ToReceive").field("turn", &self.turn).finish_non_exhaustive()
    }
}

/// Both sides have proved that they hold the key. Only a finished handshake makes one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Authenticated {
    peer: Dialect,
    own: Dialect,
}

impl Authenticated {
    /// How the peer proved its key. The dialect tells old CPythons from new.
    #[must_use]
    pub const fn peer(&self) -> Dialect {
        self.peer
    }

    /// How we proved ours: in the dialect of the peer's challenge.
    #[must_use]
    pub const fn own(&self) -> Dialect {
        self.own
    }
}

impl fmt::Display for Authenticated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the peer by {}, this side by {}", self.peer, self.own)
    }
}

/// What a handshake ends with: [`Authenticated`] after both directions, the [`Dialect`] after one.
pub trait Proof: sealed::FromTurns {}

impl Proof for Authenticated {}
impl Proof for Dialect {}

mod sealed {
    use super::{Authenticated, Dialect};

    pub trait FromTurns: Sized {
        /// The proof, if these turns are enough for it.
        fn from_turns(peer: Option<Dialect>, own: Option<Dialect>) -> Option<Self>;
    }

    impl FromTurns for Authenticated {
        fn from_turns(peer: Option<Dialect>, own: Option<Dialect>) -> Option<Self> {
            Some(Self { peer: peer?, own: own? })
        }
    }

    impl FromTurns for Dialect {
        fn from_turns(peer: Option<Dialect>, own: Option<Dialect>) -> Option<Self> {
            peer.or(own)
        }
    }
}

#[cfg(test)]
mod tests;
