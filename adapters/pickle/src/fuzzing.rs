//! The body of the fuzz target, which a test calls too. Not part of the public interface.

use std::collections::HashSet;

use serde::de::IgnoredAny;

use crate::{Decoder, Encoder, Error, Protocol, Python2Str, Value, View};

/// Any bytes as a pickle: it is read or refused, its graph comes to an end, and what was read is
/// written and read as the same, whatever the protocol. The first byte chooses options.
///
/// # Panics
///
/// When the library breaks that promise.
pub fn pickle(data: &[u8]) {
    let Some((&choice, pickle)) = data.split_first() else { return };
    let python2 = if choice & 1 == 0 { Python2Str::Text } else { Python2Str::Bytes };
    let decoder = Decoder::new()
        .python2_str(python2)
        .strict(choice & 2 == 2)
        // So that small inputs reach what large ones would.
        .max_nodes(10_000)
        .max_expansion(10_000);
    if let Ok(parsed) = decoder.parse(pickle) {
        assert!(
            values(parsed.root()) <= 4 * pickle.len(),
            "an opcode makes an object and its parts"
        );
    }
    let value = match decoder.from_slice::<Value>(pickle) {
        Ok(value) => value,
        Err(error) => {
            assert!(!matches!(error, Error::Unwritable(_)), "{error}");
            return;
        }
    };
    decoder.from_slice::<IgnoredAny>(pickle).expect("what can be read can be skipped");
    #[cfg(feature = "numpy")]
    array(&decoder, pickle);
    let known = decoder.from_slice::<String>(pickle);
    for protocol in [Protocol::V2, Protocol::V4, Protocol::V5] {
        let written = match Encoder::new().protocol(protocol).to_bytes(&value) {
            Ok(written) => written,
            // Names with a newline or a colon, and keywords in protocol 2.
            Err(Error::Unwritable(_) | Error::Mismatch(_)) => continue,
            Err(error) => panic!("{error}"),
        };
        // It is written whole where it was shared, and bytes may be longer.
        let decoder = Decoder::new();
        let again: Value = decoder.from_slice(&written).expect("what is written can be read");
        // Comparing text: a NaN is not equal to itself.
        assert_eq!(format!("{again:?}"), format!("{value:?}"));
        // A str of Python 2 is read into a `String` by whoever asks for one, also where a `Value` of
        // it is bytes, which are written as such.
        if let (Ok(text), Python2Str::Text) = (&known, python2) {
            assert_eq!(decoder.from_slice::<String>(&written).as_ref(), Ok(text));
        }
    }
}

/// An array is written as one that is read as the same.
#[cfg(feature = "numpy")]
fn array(decoder: &Decoder, pickle: &[u8]) {
    let Ok(parsed) = decoder.parse(pickle) else { return };
    let Ok(array) = parsed.to::<crate::NdArray<'_>>() else { return };
    let written = Encoder::new().to_bytes(&array).expect("every protocol has arrays");
    assert_eq!(crate::from_slice(&written).as_ref(), Ok(&array));
    let beside = Encoder::new().protocol(Protocol::V5).to_bytes(&array.out_of_band());
    let beside = beside.expect("protocol 5 has buffers");
    let parsed = Decoder::new().parse_with_buffers(&beside, [array.as_bytes()]);
    assert_eq!(parsed.and_then(|parsed| parsed.to()).as_ref(), Ok(&array));
}

/// How many there are, however they refer to each other.
fn values(root: View<'_, '_>) -> usize {
    let (mut seen, mut next) = (HashSet::new(), vec![root]);
    while let Some(view) = next.pop() {
        if seen.insert(view) {
            next.extend(view.referents());
        }
    }
    seen.len()
}

#[cfg(test)]
mod tests;
