//! What is shown of errors, dialects and messages.

use std::string::ToString;

use super::*;

#[test]
fn errors_say_what_to_do() {
    let sha256 = Dialect::Prefixed(Digest::Sha256);
    let texts = [
        (AuthError::MessageTooLong { length: 257 }, "of 257 bytes, and the limit is 256"),
        (AuthError::NotAChallenge, "it may have no key"),
        (AuthError::ChallengeTooShort { length: 19 }, "has 19 bytes, and 20 are the least"),
        (AuthError::UnknownDigest, "names no digest among md5,"),
        (AuthError::Reflected, "it does not hold the key"),
        (AuthError::UnknownResponse, "it may have no key, use another digest"),
        (AuthError::WrongResponse, "check that both sides have the same key"),
        (AuthError::Refused(Dialect::RawMd5), "up to 3.11, and the policy refuses raw md5"),
        (AuthError::Rejected { answered: sha256 }, "have the same key"),
        (AuthError::Rejected { answered: Dialect::RawMd5 }, "set Policy::raw_sha256"),
        (AuthError::Rejected { answered: Dialect::RawSha256 }, "leave Policy::raw_sha256 out"),
        (AuthError::NotAVerdict, "neither welcome nor failure"),
    ];
    for (error, text) in texts {
        let said = error.to_string();
        assert!(said.contains(text), "{said}");
    }
    let plain = AuthError::Rejected { answered: sha256 }.to_string();
    assert!(plain.ends_with("the same key"), "{plain}");
    use core::error::Error as _;
    assert!(StartError::<NoEntropy>::EmptyKey.source().is_none());
    assert!(StartError::Rng(NoEntropy).to_string().contains("no random bytes"));
}

#[test]
fn dialects_are_shown_as_on_the_wire() {
    assert_eq!(Dialect::RawMd5.to_string(), "raw md5");
    assert_eq!(Dialect::RawSha256.to_string(), "raw sha256");
    assert_eq!(Dialect::Prefixed(Digest::Sha3_256).to_string(), "{sha3_256}");
}

#[test]
fn compat_is_the_default() {
    assert_eq!(Policy::default(), Policy::COMPAT);
    assert_ne!(Policy::default(), Policy::MODERN);
}

#[test]
fn messages_are_shown_by_their_length() {
    assert_eq!(format!("{:?}", Message::new([b"#CHALLENGE#", b"abc", b""])), "Message(14 bytes)");
}
