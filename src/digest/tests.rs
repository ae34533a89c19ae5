use std::string::ToString;
use std::vec;

use super::*;

#[test]
fn names_are_those_of_python() {
    let names = ["md5", "sha256", "sha384", "sha3_256", "sha3_384"];
    assert_eq!(Digest::ALL.map(Digest::name), names);
    for (digest, name) in Digest::ALL.into_iter().zip(names) {
        assert_eq!(digest.to_string(), name);
        let message = [b"{", name.as_bytes(), b"}rest"].concat();
        assert_eq!(Digest::strip_prefix(&message), Some((digest, &b"rest"[..])));
    }
    for other in [&b"{sha512}"[..], b"{SHA256}", b"{md5", b"md5}", b"", b"{}", b"{sha3_256"] {
        assert_eq!(Digest::strip_prefix(other), None);
    }
}

#[test]
fn lengths_are_those_of_the_macs() {
    for digest in Digest::ALL {
        for key in [&b""[..], &[7; 300]] {
            let mac = digest.mac(key, b"message");
            assert_eq!(mac.as_slice().len(), digest.mac_len());
            assert!(digest.mac_len() <= MAX_MAC && digest.prefix().len() <= MAX_PREFIX);
        }
    }
}

/// The comparison sees each bit, and the length.
#[test]
fn only_the_same_matches() {
    for digest in Digest::ALL {
        let mac = digest.mac(b"key", b"message");
        let right = mac.as_slice().to_vec();
        assert!(mac.matches(&right));
        for bit in (0..8 * right.len()).step_by(if cfg!(miri) { 37 } else { 1 }) {
            let mut wrong = right.clone();
            wrong[bit / 8] ^= 1 << (bit % 8);
            assert!(!mac.matches(&wrong));
        }
        assert!(!mac.matches(&right[1..]) && !mac.matches(&[&right[..], &[0]].concat()));
        assert!(!mac.matches(&vec![0; right.len()]) && !mac.matches(b""));
    }
}
