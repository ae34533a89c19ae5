use std::error::Error as _;
use std::string::ToString;
use std::{format, vec};

use io::ErrorKind as Kind;

use super::*;
use mpconn::{AuthError, Awaited, Extended, HandshakeStep, Role, Transmit};

fn io_error() -> io::Error {
    io::Error::new(Kind::ConnectionReset, StartError::Rng(AddressError::Empty))
}

const STEP: HandshakeStep = HandshakeStep { role: Role::Listener, awaited: Awaited::Response };

fn ended(source: Option<io::Error>) -> Error {
    Error::HandshakeEnded { step: STEP, source }
}

fn unreachable(phase: Phase, kind: Kind) -> Error {
    let address = Address::from(("localhost", 6000));
    Error::Unreachable { address, phase, source: io::Error::from(kind) }
}

fn too_long() -> TooLong {
    let length = usize::try_from(u32::MAX).expect("a machine of 32 bits or more");
    Transmit::new(length, Extended::Refuse).unwrap_err()
}

fn peer(error: Error, address: Option<Address>) -> Error {
    Error::Peer(Box::new(PeerError { address, error }))
}

fn no_file(phase: Phase) -> Error {
    let address = Address::Unix("directory/listener".into());
    Error::Unreachable { address, phase, source: Kind::NotFound.into() }
}

/// Each with what its text says, and as what an `io::Error` it comes.
fn all() -> Vec<(Error, &'static str, Kind)> {
    let at = Some(Address::from(("localhost", 6000)));
    vec![
        (
            AuthError::NotAChallenge.into(),
            "authentication failed: expected",
            Kind::PermissionDenied,
        ),
        (FrameError::InvalidLength(-2).into(), "length -2", Kind::InvalidData),
        (FrameError::TruncatedHeader.into(), "inside a message header", Kind::UnexpectedEof),
        (FrameError::TruncatedPayload { missing: 7 }.into(), "with 7 bytes", Kind::UnexpectedEof),
        (Error::Ended, "the peer closed", Kind::UnexpectedEof),
        (ended(None), "ended before the client answered the challenge", Kind::UnexpectedEof),
        (ended(Some(io_error())), "the challenge: it may have no key", Kind::ConnectionReset),
        (
            Rejections::timed_out(Some(Rejections {
                count: 3,
                last: PeerError { address: None, error: ended(None) },
            })),
            "and 3 failed: a client was turned away: the connection ended before",
            Kind::TimedOut,
        ),
        (Error::TimedOut(Phase::Handshake(STEP)), "the time was up before the", Kind::TimedOut),
        (Error::TimedOut(Phase::Connect), "may be overloaded", Kind::TimedOut),
        (Error::TimedOut(Phase::Send), "was not sent in time", Kind::TimedOut),
        (Error::TimedOut(Phase::Receive), "no message came", Kind::TimedOut),
        (Error::TimedOut(Phase::Accept), "no client came", Kind::TimedOut),
        (Error::Closed, "this side was closed", Kind::NotConnected),
        (Error::HalfSent, "open another", Kind::NotConnected),
        (Error::NoRole, "name a role", Kind::InvalidInput),
        (too_long().into(), "4294967295 bytes is over 2147483647", Kind::InvalidInput),
        (Error::BufferTooShort(vec![b'x'; 5]), "has 5 bytes", Kind::InvalidInput),
        (StartError::<io::Error>::EmptyKey.into(), "allow_empty_key", Kind::InvalidInput),
        (StartError::Rng(io_error()).into(), "random", Kind::ConnectionReset),
        (AddressError::NoPort.into(), "needs a port", Kind::InvalidInput),
        (unreachable(Phase::Listen, Kind::AddrInUse), "cannot listen at tcp://", Kind::AddrInUse),
        (unreachable(Phase::Listen, Kind::AddrInUse), "at this port?", Kind::AddrInUse),
        (unreachable(Phase::Connect, Kind::NotFound), "name right?", Kind::NotFound),
        (no_file(Phase::Listen), "; does the directory exist?", Kind::NotFound),
        (no_file(Phase::Connect), "at this path?", Kind::NotFound),
        (
            unreachable(Phase::Connect, Kind::ConnectionRefused),
            "; is the listener running?",
            Kind::ConnectionRefused,
        ),
        (
            unreachable(Phase::Connect, Kind::PermissionDenied),
            "cannot connect to tcp://localhost:6000: permission denied",
            Kind::PermissionDenied,
        ),
        (peer(Error::Ended, None), "a client was turned away", Kind::ConnectionAborted),
        (peer(Error::Ended, at), "at tcp://localhost:6000 was", Kind::ConnectionAborted),
        (Error::Evicted, "this client was not authenticated", Kind::ConnectionAborted),
        (io_error().into(), "random", Kind::ConnectionReset),
    ]
}

#[test]
fn says_what_happened() {
    for (error, text, kind) in all() {
        let said = error.to_string();
        assert!(said.contains(text), "{said}");
        assert_eq!(io::Error::from(error).kind(), kind, "{said}");
    }
    // What nothing can be advised for ends with what the system says.
    let said = unreachable(Phase::Connect, Kind::ConnectionReset).to_string();
    assert!(said.ends_with("connection reset"), "{said}");
}

/// The variant and the lengths; never a byte of a message.
#[test]
fn is_printed_without_bytes() {
    for (error, ..) in all() {
        let printed = format!("{error:?}");
        assert!(!printed.contains("120") && !printed.contains("xxxxx"), "{printed}");
        assert!(printed.chars().next().is_some_and(char::is_uppercase), "{printed}");
    }
    let printed = |error: &Error| format!("{error:?}");
    assert_eq!(printed(&Error::BufferTooShort(vec![b'x'; 5])), "BufferTooShort(5 bytes)");
    assert_eq!(printed(&Error::TimedOut(Phase::Send)), "TimedOut(Send)");
    assert_eq!(printed(&Error::Evicted), "Evicted");
    let refused = printed(&unreachable(Phase::Connect, Kind::ConnectionRefused));
    assert!(refused.starts_with("Unreachable { address: Inet"), "{refused}");
}

#[test]
fn the_source_is_the_error_within() {
    let source = |error: &Error| error.source().map(|source| source.to_string());
    let inner = Some(io_error().to_string());
    assert_eq!(source(&Error::Io(io_error())), inner);
    let at = Address::from(("localhost", 6000));
    let phase = Phase::Listen;
    assert_eq!(source(&Error::Unreachable { address: at, phase, source: io_error() }), inner);
    assert_eq!(source(&peer(Error::Io(io_error()), None)), inner);
    assert!(source(&Error::Start(StartError::Rng(io_error()))).is_some());
    assert_eq!(
        source(&AuthError::NotAChallenge.into()),
        Some(AuthError::NotAChallenge.to_string())
    );
    assert_eq!(source(&Error::Ended), None);
    let one = PeerError { address: None, error: Error::Io(io_error()) };
    assert_eq!(one.source().map(ToString::to_string), inner);
}

#[test]
fn authentication_is_told_apart() {
    for (error, ..) in all() {
        let is_so = matches!(error, Error::Auth(_));
        assert_eq!(error.is_authentication(), is_so);
        assert_eq!(peer(error, None).is_authentication(), is_so);
    }
}

#[test]
fn goes_through_an_io_error_and_back() {
    let through = io::Error::from(Error::from(AuthError::UnknownResponse));
    let inner = through.get_ref().and_then(|inner| inner.downcast_ref::<Error>());
    assert!(matches!(inner, Some(Error::Auth(AuthError::UnknownResponse))));
    // What came from the system stays what it was.
    let through = io::Error::from(Error::Io(io::Error::from_raw_os_error(4)));
    assert_eq!(through.raw_os_error(), Some(4));
}

#[test]
fn the_peer_is_gone_or_the_time_is_up() {
    let both = |error: Error| {
        let said = (error.is_disconnect(), error.is_timeout());
        let within = peer(error, None);
        assert_eq!((within.is_disconnect(), within.is_timeout()), said);
        said
    };
    let io = |kind: Kind| both(io::Error::from(kind).into());
    for kind in
        [Kind::BrokenPipe, Kind::ConnectionReset, Kind::ConnectionAborted, Kind::UnexpectedEof]
    {
        assert_eq!(io(kind), (true, false));
    }
    // By keep-alive: there is nothing more to wait for.
    assert_eq!(io(Kind::TimedOut), (true, false));
    assert_eq!(io(Kind::PermissionDenied), (false, false));
    assert_eq!(both(Error::Ended), (true, false));
    assert_eq!(both(FrameError::TruncatedHeader.into()), (true, false));
    assert_eq!(both(FrameError::InvalidLength(-2).into()), (false, false));
    assert_eq!(both(Error::TimedOut(Phase::Send)), (false, true));
    assert_eq!(both(unreachable(Phase::Connect, Kind::TimedOut)), (false, true));
    assert_eq!(both(Error::Closed), (false, false));
}
