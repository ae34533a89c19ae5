//! Two sides under every combination of keys and policies, against a model that says in a few
//! lines what must come of it.

use proptest::prelude::*;

use super::*;

const KEYS: [&[u8]; 3] = [KEY, b"another", b""];

#[derive(Debug, Clone, Copy)]
struct Side {
    key: &'static [u8],
    digest: Digest,
    md5: bool,
    raw_sha256: bool,
    empty_key: bool,
}

impl Side {
    fn policy(self) -> Policy {
        let mut policy = if self.md5 { Policy::COMPAT } else { Policy::MODERN };
        policy = policy.challenge_with(self.digest);
        if self.raw_sha256 {
            policy = policy.raw_sha256();
        }
        if self.empty_key { policy.allow_empty_key() } else { policy }
    }

    fn refuses(self, dialect: Dialect) -> bool {
        !self.md5 && dialect.digest() == Digest::Md5
    }
}

fn sides() -> impl Strategy<Value = Side> {
    let (key, digest) = (prop::sample::select(&KEYS), prop::sample::select(&Digest::ALL));
    (key, digest, any::<[bool; 3]>()).prop_map(|(key, digest, [md5, raw_sha256, empty_key])| {
        let md5 = md5 || digest == Digest::Md5;
        Side { key, digest, md5, raw_sha256, empty_key }
    })
}

/// What the listener and the client must come to.
fn predict(listener: Side, client: Side) -> (Outcome, Outcome) {
    let own = Dialect::Prefixed(listener.digest);
    let peer = Dialect::Prefixed(client.digest);
    if client.refuses(own) {
        return (Outcome::Ended, Outcome::Failed(AuthError::Refused(own)));
    }
    if listener.key != client.key {
        let rejected = AuthError::Rejected { answered: own };
        return (Outcome::Failed(AuthError::WrongResponse), Outcome::Failed(rejected));
    }
    if listener.refuses(peer) {
        return (Outcome::Failed(AuthError::Refused(peer)), Outcome::Ended);
    }
    // Each proves itself in the dialect of the other's challenge.
    let at_listener = Authenticated { peer: own, own: peer };
    let at_client = Authenticated { peer, own };
    (Outcome::Done(at_listener), Outcome::Done(at_client))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn come_to_what_the_model_says(listener in sides(), client in sides(), seed: u64) {
        let rng = &mut Seeded::new(seed);
        let accepting = Handshake::accepting(listener.key, &listener.policy(), rng);
        let connecting = Handshake::connecting(client.key, &client.policy(), rng);
        prop_assert_eq!(accepting.is_err(), listener.key.is_empty() && !listener.empty_key);
        prop_assert_eq!(connecting.is_err(), client.key.is_empty() && !client.empty_key);
        if let (Ok(accepting), Ok(connecting)) = (accepting, connecting) {
            let (at_listener, at_client, _) = converse(accepting, connecting);
            prop_assert_eq!((at_listener, at_client), predict(listener, client));
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
        for (md5, raw_sha256) in [(true, false), (true, true), (false, false), (false, true)] {
            let side = Side { key: KEY, digest: Digest::Sha256, md5, raw_sha256, empty_key: false };
            let ours = if raw_sha256 { Dialect::RawSha256 } else { Dialect::RawMd5 };
            let verified = !side.refuses(theirs);
            let answered = !side.refuses(ours) && ours == theirs;
            for role in ROLES {
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
