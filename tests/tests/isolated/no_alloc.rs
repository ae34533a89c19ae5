//! The framer, the transmit half and the handshake allocate nothing.
//!
//! The allocator of this test binary counts, for each thread. The other half of the proof is
//! `examples/serial`, which is linked for a target without an allocator.

use std::hint::black_box;

use mpconn::{AuthError, Digest, FrameError, Framer, Handshake, Policy, Role, ToReceive, Transmit};

/// Bytes and calls that `work` took from the allocator.
fn allocated(work: impl FnOnce()) -> (u64, u64) {
    let found = allocation_counter::measure(work);
    (found.bytes_total, found.count_total)
}

#[test]
fn the_allocator_counts() {
    // Seen by nobody, an allocation could be left out by the compiler.
    assert_eq!(allocated(|| drop(black_box(Box::new([0_u8; 100])))), (100, 1));
    assert_eq!(allocated(|| drop(black_box(Vec::<u8>::with_capacity(7)))), (7, 1));
}

#[test]
fn a_whole_conversation() {
    let mut carried = None;
    assert_eq!(allocated(|| carried = mpconn_serial::hold()), (0, 0));
    assert!(carried.is_some(), "it was held");
}

#[test]
fn every_digest() {
    let challenge = [7; 60];
    for digest in Digest::ALL {
        let mut named = *b"{sha3_384}0123456789012345678901234567890123456789";
        let prefix = format!("{{{digest}}}");
        named[..prefix.len()].copy_from_slice(prefix.as_bytes());
        // Keys below, at and above every block size: longer ones are hashed first.
        for key in [&challenge[..1], &[7; 64], &[7; 128], &[7; 200]] {
            let found = allocated(|| {
                let answer = mpconn::fuzzing::respond(key, Role::Listener, &Policy::COMPAT, &named);
                let (response, _) = answer.expect("it is answered");
                let verdict =
                    mpconn::fuzzing::verify(key, &Policy::COMPAT, &named, response.as_ref());
                assert!(verdict.is_ok());
            });
            assert_eq!(found, (0, 0), "{digest}");
        }
    }
}

#[test]
fn refusals() {
    let rng = &mut Repeated;
    let key: &[u8] = b"a key";
    let waiting = |start: Handshake<&'static [u8]>| -> ToReceive<&'static [u8]> {
        let next = match start {
            Handshake::Send(step) => step.sent().expect("it is no failure"),
            next => next,
        };
        let Handshake::Receive(step) = next else { panic!("now the peer") };
        step
    };
    let found = allocated(|| {
        let client = waiting(Handshake::connecting(key, &Policy::MODERN, rng).expect("a key"));
        assert!(matches!(client.receive(&[7; 300]), Err(AuthError::MessageTooLong { .. })));
        let listener = waiting(Handshake::accepting(key, &Policy::MODERN, rng).expect("a key"));
        let Ok(Handshake::Send(step)) = listener.receive(&[7; 16]) else { panic!("it tells") };
        assert!(step.failure().is_some());
        assert!(step.sent().is_err());

        let mut framer = Framer::new(256, 256);
        let header = [0xff; 12];
        assert!(matches!(framer.next(&header), Err(FrameError::TooLong { .. })));
        assert!(framer.eof(&header).is_err());
        assert_eq!(Transmit::new(usize::MAX, Default::default()).map(|_| ()), Ok(()));
    });
    assert_eq!(found, (0, 0));
}

struct Repeated;

impl rand_core::TryRng for Repeated {
    type Error = std::convert::Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
        Ok(7)
    }

    fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
        Ok(7)
    }

    fn try_fill_bytes(&mut self, into: &mut [u8]) -> Result<(), Self::Error> {
        into.fill(7);
        Ok(())
    }
}

impl rand_core::TryCryptoRng for Repeated {}
