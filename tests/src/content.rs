//! Messages that both sides can make by themselves, and so compare whole.
//!
//! `tests/python/peer.py` has the same rule.

/// A prime, so that no power of two hides a message that is off by a buffer.
const PERIOD: usize = 251;

/// The message of this index and size: the bytes 0 to 250 over and over, begun at the index.
pub fn message(index: usize, size: usize) -> Vec<u8> {
    let mut bytes: Vec<u8> = (0..=250).collect();
    bytes.rotate_left(index % PERIOD);
    while bytes.len() < size {
        bytes.extend_from_within(..bytes.len().min(size.next_multiple_of(PERIOD) - bytes.len()));
    }
    bytes.truncate(size);
    bytes
}

/// 300 sizes: the ones that matter, and small ones between them.
pub fn sizes(largest: usize) -> Vec<usize> {
    let mut sizes = vec![0, 1, 255, 256, 4096, 16_384, 16_385, 65_536, 1 << 20, largest];
    sizes.extend((sizes.len()..300).map(|index| index * 37 % 3000));
    sizes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repeats_and_depends_on_the_index() {
        assert!(message(3, 0).is_empty());
        assert_eq!(message(250, 3), [250, 0, 1]);
        for size in [250, 251, 252, 1000, 100_000] {
            let message = message(260, size);
            assert_eq!(message.len(), size);
            assert!(
                message.iter().enumerate().all(|(at, &byte)| usize::from(byte) == (at + 9) % 251)
            );
        }
    }
}
