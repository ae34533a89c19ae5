//! Two sides under every combination of keys and policies, against a model of what must come of it.

use proptest::prelude::*;

use super::*;
use crate::testing::{Side, predict};

const KEYS: [&[u8]; 3] = [KEY, b"another", b""];

fn sides() -> impl Strategy<Value = Side> {
    let (key, digest) = (prop::sample::select(&KEYS), prop::sample::select(&Digest::ALL));
    (key, digest, any::<[bool; 3]>()).prop_map(|(key, digest, [md5, raw_sha256, empty_key])| {
        let md5 = md5 || digest == Digest::Md5;
        Side { key, digest, md5, raw_sha256, empty_key }
    })
}

proptest! {
    #![proptest_config(crate::testing::cases(512))]

    #[test]
    fn come_to_what_the_model_says(listener in sides(), client in sides(), seed: u64) {
        let rng = &mut Seeded::new(seed);
        let accepting = Handshake::accepting(listener.key, &listener.policy(), rng);
        let connecting = Handshake::connecting(client.key, &client.policy(), rng);
        prop_assert_eq!(accepting.is_err(), listener.key.is_empty() && !listener.empty_key);
        prop_assert_eq!(connecting.is_err(), client.key.is_empty() && !client.empty_key);
        if let (Ok(accepting), Ok(connecting)) = (accepting, connecting) {
            let (at_listener, at_client, _) = converse(accepting, connecting);
            let found = (at_listener.dialects(), at_client.dialects());
            prop_assert_eq!(found, predict(listener, client));
        }
    }

    #[test]
    fn any_messages_do(role in prop::sample::select(&ROLES), messages: [Vec<u8>; 6], md5: bool) {
        let policy = if md5 { Policy::COMPAT } else { Policy::MODERN };
        let mut step = Ok(begin(role, KEY, &policy, 1));
        for message in messages {
            step = step.and_then(|step| match step {
                Handshake::Send(step) => step.sent(),
                Handshake::Receive(step) => step.receive(&message),
                Handshake::Done(_) => panic!("nobody proved anything"),
            });
        }
        prop_assert!(step.is_err(), "nobody said anything right, and still it goes on: {step:?}");
    }
}

/// CPython up to 3.11, as far as the wire shows it: 20-byte challenges, raw MACs over whatever it
/// is challenged with. The RHEL family's differ in the digest alone.
#[test]
fn legacy_peers() {
    let legacy_challenge = [CHALLENGE, &[0x5a; 20]].concat();
    for theirs in [Dialect::RawMd5, Dialect::RawSha256] {
        for (md5, raw_sha256) in some([(true, false), (true, true), (false, false), (false, true)])
        {
            let side = Side { key: KEY, digest: Digest::Sha256, md5, raw_sha256, empty_key: false };
            let ours = if raw_sha256 { Dialect::RawSha256 } else { Dialect::RawMd5 };
            let verified = !side.refuses(theirs);
            for role in ROLES {
                // A listener has seen by then what its client speaks.
                let ours = if role == Role::Listener { theirs } else { ours };
                let answered = !side.refuses(ours) && ours == theirs;
                let mut challenge = vec![];
                let mut step = Ok(begin(role, KEY, &side.policy(), 1));
                let mut answer = vec![];
                for _ in 0..=MOST_STEPS {
                    step = step.and_then(|step| match step {
                        Handshake::Send(step) => {
                            answer = step.message().to_vec();
                            if let Some(made) = step.message().strip_prefix(CHALLENGE) {
                                challenge = made.to_vec();
                            }
                            step.sent()
                        }
                        Handshake::Receive(step) => match step.turn {
                            Receiving::Challenge => step.receive(&legacy_challenge),
                            Receiving::Response => step.receive(&response(theirs, KEY, &challenge)),
                            Receiving::Verdict(_) => {
                                let right = response(theirs, KEY, &[0x5a; 20]);
                                step.receive(if answer == right { WELCOME } else { FAILURE })
                            }
                        },
                        done @ Handshake::Done(_) => Ok(done),
                    });
                }
                let expected = match role {
                    Role::Listener if !verified => Err(AuthError::Refused(theirs)),
                    _ if side.refuses(ours) => Err(AuthError::Refused(ours)),
                    _ if !answered => Err(AuthError::Rejected { answered: ours }),
                    Role::Client if !verified => Err(AuthError::Refused(theirs)),
                    _ => Ok(Authenticated { peer: theirs, own: ours }),
                };
                let found = step.map(|step| match step {
                    Handshake::Done(proof) => proof,
                    unfinished => panic!("{unfinished:?}"),
                });
                assert_eq!(found, expected, "{role:?}, {side:?}, a peer of {theirs}");
            }
        }
    }
}
