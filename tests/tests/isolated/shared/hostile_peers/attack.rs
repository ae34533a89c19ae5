//! How a row is played: our side in this thread, the hostile peer in another.

use std::thread;
use std::time::Duration;

use super::adapter::{
    AuthKey, ConnectOptions, Connection, Error, Listener, ListenerOptions, Phase,
};
use mpconn_tests::net::{Net, RawListener, Stream, scratch};
use mpconn_tests::process;

use super::NETS;
use super::hostile::{Cut, Hostile, KEY};

/// How much a hostile peer may make our memory grow: its slot and its buffers, and what the
/// allocator and the stack of the peer's own thread take for themselves.
const GROWTH: u64 = 1 << 20;

/// Where a handshake does not end by itself.
pub(crate) const SHORT: Duration = Duration::from_millis(400);

type Script = Box<dyn Fn(&mut Hostile) + Sync>;

/// One threat, and who it is played against.
pub(crate) struct Row {
    pub(crate) attacked: &'static str,
    pub(crate) threat: &'static str,
    tcp_only: bool,
    target: Target,
    script: Script,
}

enum Target {
    Listener(ListenerOptions),
    /// The same, and the peer has gone before its connection is taken.
    LateListener(ListenerOptions),
    Client(ConnectOptions),
    /// A connection that a listener has accepted, with this limit for messages.
    Connection(u64),
}

impl Row {
    fn new(
        attacked: &'static str,
        threat: &'static str,
        target: Target,
        script: impl Fn(&mut Hostile) + Sync + 'static,
    ) -> Self {
        Self { attacked, threat, tcp_only: false, target, script: Box::new(script) }
    }

    pub(crate) fn listener(
        threat: &'static str,
        options: ListenerOptions,
        script: impl Fn(&mut Hostile) + Sync + 'static,
    ) -> Self {
        Self::new("listener", threat, Target::Listener(options), script)
    }

    pub(crate) fn late_listener(
        threat: &'static str,
        script: impl Fn(&mut Hostile) + Sync + 'static,
    ) -> Self {
        Self::new("listener", threat, Target::LateListener(keyed_listener()), script)
    }

    pub(crate) fn client(
        threat: &'static str,
        options: ConnectOptions,
        script: impl Fn(&mut Hostile) + Sync + 'static,
    ) -> Self {
        Self::new("client", threat, Target::Client(options), script)
    }

    pub(crate) fn connection(
        threat: &'static str,
        max_message: u64,
        script: impl Fn(&mut Hostile) + Sync + 'static,
    ) -> Self {
        Self::new("connection", threat, Target::Connection(max_message), script)
    }

    pub(crate) fn tcp_only(mut self) -> Self {
        self.tcp_only = true;
        self
    }

    pub(crate) fn nets(&self) -> &'static [Net] {
        if self.tcp_only { &[Net::Tcp] } else { NETS }
    }

    /// What we report, and what the peer saw.
    pub(crate) fn play(&self, net: Net) -> [String; 2] {
        let descriptors = process::descriptors();
        let outcome = match &self.target {
            Target::Listener(options) => self.play_listener(net, options, false),
            Target::LateListener(options) => self.play_listener(net, options, true),
            Target::Client(options) => self.play_client(net, options),
            Target::Connection(max_message) => {
                let options = keyed_listener().max_message(*max_message);
                self.play_listener(net, &options, false)
            }
        };
        assert_eq!(process::descriptors(), descriptors, "{}: descriptors", self.threat);
        outcome
    }

    fn play_listener(&self, net: Net, options: &ListenerOptions, late: bool) -> [String; 2] {
        let scratch = scratch();
        let memory = Memory::now();
        let mut listener = match options.bind(net.fresh(&scratch)) {
            Ok(listener) => listener,
            Err(error) => return [describe(&error), "no socket".to_owned()],
        };
        let address = listener.address().clone();
        let attack = || self.attack(Stream::connect(&address).unwrap());
        let played = if late {
            let saw = attack();
            [self.judge(listener.incoming().next().unwrap()).0, saw]
        } else {
            thread::scope(|scope| {
                let attack = scope.spawn(attack);
                // The peer sees the end while the error is kept.
                let (report, _error) = self.judge(listener.incoming().next().unwrap());
                [report, attack.join().unwrap()]
            })
        };
        memory.assert_flat(self.threat);
        serve_honest(&mut listener);
        played
    }

    fn play_client(&self, net: Net, options: &ConnectOptions) -> [String; 2] {
        let scratch = scratch();
        let memory = Memory::now();
        let (rogue, address) = RawListener::bind(net, &scratch).unwrap();
        let played = thread::scope(|scope| {
            let attack = scope.spawn(|| self.attack(rogue.accept().unwrap()));
            let (report, error) = self.judge(options.connect(&address));
            if let Some(Error::Start(_)) = error {
                // It did not even connect: the attacker gets somebody else to wait for.
                drop(Stream::connect(&address));
            }
            [report, attack.join().unwrap()]
        });
        memory.assert_flat(self.threat);
        played
    }

    fn attack(&self, stream: Stream) -> String {
        let mut hostile = Hostile::new(stream);
        (self.script)(&mut hostile);
        hostile.into_seen()
    }

    /// What we report, and the error itself. A connection is closed.
    fn judge(&self, outcome: Result<Connection, Error>) -> (String, Option<Error>) {
        match (outcome, &self.target) {
            (Err(error), _) => (describe(&error), Some(error)),
            (Ok(connection), Target::Connection(_)) => (use_broken(connection), None),
            (Ok(connection), _) => (use_good(connection), None),
        }
    }
}

/// By the error's kind: texts are for people, addresses differ.
fn describe(error: &Error) -> String {
    match error {
        Error::Peer(peer) => describe(&peer.error),
        // A reset at once comes while our side is still connecting, or after: it is a race.
        Error::Io(error) | Error::Unreachable { source: error, .. } => {
            format!("Io({:?})", error.kind())
        }
        Error::HandshakeEnded { step, source } => {
            let source = source.as_ref().map(|error| format!(", {:?}", error.kind()));
            format!("HandshakeEnded({:?}{})", step.awaited, source.unwrap_or_default())
        }
        Error::TimedOut(Phase::Handshake(step)) => {
            format!("TimedOut(Handshake({:?}))", step.awaited)
        }
        other => format!("{other:?}"),
    }
}

/// A peer that got in: how it proved its key, and what it says.
fn use_good(mut connection: Connection) -> String {
    let proof = match connection.authenticated() {
        Some(proof) => format!("accepted by {}", proof.peer()),
        None => "accepted without a key".to_owned(),
    };
    connection.set_receive_timeout(SHORT * 3);
    match connection.recv_bytes() {
        Ok(message) => format!("{proof}, then {} bytes", message.len()),
        Err(error) => format!("{proof}, then {}", describe(&error)),
    }
}

/// A connection that receives something bad does not receive any more, and still sends.
fn use_broken(mut connection: Connection) -> String {
    connection.set_receive_timeout(SHORT * 3);
    let mut report = match connection.recv_bytes() {
        Ok(message) => return format!("{} bytes", message.len()),
        Err(error) => describe(&error),
    };
    let again = describe(&connection.recv_bytes().unwrap_err());
    if again != report {
        // The system tells of a reset once.
        report = format!("{report}, then {again}");
    }
    match connection.send_bytes(b"still here") {
        Ok(()) => report,
        Err(error) => format!("{report}; sending {}", describe(&error)),
    }
}

/// The next one gets in. (A listener without a key has honest clients without one.)
fn serve_honest(listener: &mut Listener) {
    let address = listener.address().clone();
    thread::scope(|scope| {
        let client = scope.spawn(|| {
            let mut stream = Hostile::new(Stream::connect(&address).unwrap());
            // Empty, so that no limit is too low for it.
            stream.join(Cut::Plain, &[b""]);
            stream.into_seen()
        });
        let mut connection = listener.accept().unwrap();
        if connection.authenticated().is_some() {
            assert_eq!(connection.recv_bytes().unwrap(), b"");
        }
        drop(connection);
        client.join().unwrap();
    });
}

struct Memory {
    before: u64,
}

impl Memory {
    fn now() -> Self {
        process::forget_peak();
        Self { before: process::resident() }
    }

    fn assert_flat(&self, threat: &str) {
        let grown = process::peak().saturating_sub(self.before);
        assert!(grown < GROWTH, "{threat}: memory grew by {grown} bytes");
    }
}

pub(crate) fn keyed_listener() -> ListenerOptions {
    ListenerOptions::with_key(AuthKey::new(KEY))
}

pub(crate) fn keyed_client() -> ConnectOptions {
    ConnectOptions::with_key(AuthKey::new(KEY))
}
