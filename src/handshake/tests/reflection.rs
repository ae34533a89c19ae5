//! A rogue listener without the key, and two clients that hold it.

use super::*;

/// Drives a client up to its challenge: a rogue listener welcomes whatever it answers.
fn lure() -> (ToReceive<&'static [u8]>, Vec<u8>) {
    lure_with(Digest::Sha256)
}

fn lure_with(digest: Digest) -> (ToReceive<&'static [u8]>, Vec<u8>) {
    let policy = Policy::COMPAT.challenge_with(digest);
    let client = begin(Role::Client, KEY, &policy, 1);
    let Handshake::Receive(step) = client else { panic!("the listener begins") };
    let Handshake::Send(step) = step.receive(&modern_challenge()).unwrap() else {
        panic!("the client answers")
    };
    let Handshake::Receive(step) = step.sent().unwrap() else { panic!("it waits for the verdict") };
    let Handshake::Send(step) = step.receive(WELCOME).unwrap() else {
        panic!("the client challenges")
    };
    let challenge = step.message().to_vec();
    let Handshake::Receive(step) = step.sent().unwrap() else { panic!("it waits for the answer") };
    (step, challenge)
}

#[test]
fn fails_against_two_of_our_clients() {
    for digest in some(Digest::ALL) {
        let (_, challenge) = lure_with(digest);
        let second = begin(Role::Client, KEY, &Policy::COMPAT, 2);
        let Handshake::Receive(step) = second else { panic!("the listener begins") };
        let error = step.receive(&challenge).unwrap_err();
        assert_eq!(error, AuthError::Reflected, "{digest}");
    }
}

/// One client that does not look for the mark, such as CPython's, is oracle enough.
#[test]
fn succeeds_when_the_second_client_does_not_check() {
    for digest in some(Digest::ALL) {
        let (first, challenge) = lure_with(digest);
        let unchecked = Role::Listener;
        let (answer, _) =
            respond(KEY, unchecked, &Policy::COMPAT, &challenge[CHALLENGE.len()..]).unwrap();
        let Handshake::Send(step) = first.receive(answer.as_ref()).unwrap() else {
            panic!("the rogue is welcome")
        };
        assert!(matches!(step.sent(), Ok(Handshake::Done(_))), "{digest}");
    }
}

/// The other way round there is nothing to reflect: a listener that has verified nobody gives no
/// MAC, and its own challenge without the mark is what every client must answer.
#[test]
fn a_listener_answers_a_client() {
    let (first, challenge) = lure();
    let challenge = &challenge[CHALLENGE.len()..];
    let (answer, dialect) = respond(KEY, Role::Listener, &Policy::MODERN, challenge).unwrap();
    assert_eq!(dialect, Dialect::Prefixed(Digest::Sha256));
    assert!(first.receive(answer.as_ref()).is_ok());
}

#[test]
fn the_mark_counts_in_challenges_of_any_form() {
    let mut forms = vec![[&[0x5a; 4][..], &CLIENT_MARK].concat()];
    for digest in Digest::ALL {
        for before in [0, 1, 24, 200] {
            forms.push([digest.prefix().as_bytes(), &vec![0x5a; before], &CLIENT_MARK].concat());
        }
    }
    for challenge in some(forms) {
        let answer = |role| respond(KEY, role, &Policy::COMPAT, &challenge).map(|(_, way)| way);
        assert_eq!(answer(Role::Client), Err(AuthError::Reflected));
        let expected = match Digest::strip_prefix(&challenge) {
            Some((digest, _)) if challenge.len() > 20 => Dialect::Prefixed(digest),
            _ => Dialect::RawMd5,
        };
        assert_eq!(answer(Role::Listener), Ok(expected));

        // A byte behind the mark, and it is one no more.
        let inside = [&challenge[..], b"x"].concat();
        let refused = respond(KEY, Role::Client, &Policy::COMPAT, &inside).err();
        assert_ne!(refused, Some(AuthError::Reflected));
    }
}

#[test]
fn our_own_listener_is_never_taken_for_a_client() {
    for digest in some(Digest::ALL) {
        let policy = Policy::COMPAT.challenge_with(digest);
        let listener = begin(Role::Listener, KEY, &policy, 1);
        let ends = converse(listener, begin(Role::Client, KEY, &policy, 1));
        assert!(matches!(ends, (Outcome::Done(_), Outcome::Done(_), _)), "{ends:?}");
    }
}
