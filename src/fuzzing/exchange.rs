//! One challenge and one response, without turns.

use super::Input;
use super::{respond, verify};
use crate::testing::response;
use crate::{CLIENT_MARK, Digest, Policy, Role};

/// The right answer is accepted, and nothing that differs from it. CPython's `_create_response` and
/// `_verify_challenge` are asked the same by `fuzz/differential`, which takes the data apart in the
/// same way: the key and the challenge with a byte for their lengths, and the response.
pub fn exchange(data: &[u8]) {
    let mut input = Input(data);
    let (key, challenge) = (input.take(), input.take());
    for (policy, md5) in [(Policy::COMPAT, true), (Policy::MODERN.raw_sha256(), false)] {
        if let Ok((answer, dialect)) = respond(key, Role::Listener, &policy, challenge) {
            assert!(md5 || dialect.digest() != Digest::Md5);
            assert_eq!(verify(key, &policy, challenge, answer.as_ref()), Ok(dialect));
            let as_client = respond(key, Role::Client, &policy, challenge);
            assert_eq!(as_client.is_err(), challenge.ends_with(&CLIENT_MARK));
        }
        if let Ok(dialect) = verify(key, &policy, challenge, input.0) {
            assert!(md5 || dialect.digest() != Digest::Md5);
            assert_eq!(input.0, response(dialect, key, challenge));
        }
    }
}
