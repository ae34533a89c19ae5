use proptest::prelude::*;

use super::attacked::handshake;
use super::*;
use crate::Role;
use crate::testing::some;

/// A target that never gets to the end would find little.
#[test]
fn the_data_can_play_an_honest_peer() {
    for (nth, dialect) in some((0..).zip(dialects())) {
        let response: &[u8] = &[4 + nth];
        let (challenge, welcome) = ([&[11, 1, 40][..], &[7; 40]].concat(), &[0][..]);
        let choices: &[u8] = &[0, 0];
        let by_client = [choices, response, &challenge, welcome].concat();
        let by_listener = [choices, &challenge, welcome, response].concat();
        for (role, data) in [(Role::Listener, by_client), (Role::Client, by_listener)] {
            let proof = handshake(role, &data).expect("it passes");
            assert_eq!(proof.peer(), dialect);
            assert_eq!(proof.own(), Dialect::Prefixed(Digest::Sha256));
        }
    }
}

proptest! {
    #[test]
    fn any_data_passes(data: Vec<u8>) {
        for (_, body) in TARGETS {
            body(&data);
        }
    }
}
