//! Proxies inside of values.

use mpconn_pickle::Value;

use crate::token::{Reference, Token};

/// Looks for the function by which proxies are rebuilt. Most messages have none, and may be long.
pub(crate) fn names_a_proxy(message: &[u8]) -> bool {
    const NAME: &[u8] = b"RebuildProxy";
    const CHUNK: usize = 64;
    (0..message.len()).step_by(CHUNK).any(|at| {
        let chunk = &message[at..message.len().min(at + CHUNK)];
        // The search for one byte is the fastest there is.
        chunk.contains(&NAME[0]) && (at..at + chunk.len()).any(|at| message[at..].starts_with(NAME))
    })
}

/// Calls `found` for each proxy inside of a value.
pub(crate) fn find(value: &Value, found: &mut dyn FnMut(Token)) {
    if let Some(reference) = Reference::of(value) {
        return found(reference.token);
    }
    match value {
        Value::Tuple(items) | Value::List(items) | Value::Set(items) | Value::FrozenSet(items) => {
            items.iter().for_each(|item| find(item, found));
        }
        Value::Dict(pairs) => pairs.iter().for_each(|(key, value)| {
            find(key, found);
            find(value, found);
        }),
        Value::Object(object) => {
            object
                .args
                .iter()
                .chain(&object.items)
                .chain(&object.state)
                .for_each(|v| find(v, found));
            object.pairs.iter().for_each(|(_, value)| find(value, found));
        }
        _ => {}
    }
}
