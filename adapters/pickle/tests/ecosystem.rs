//! Crates that take serde's serializers and deserializers.
#![allow(clippy::unwrap_used, reason = "an unexpected error is a failed test")]

use std::collections::BTreeMap;

use mpconn_pickle::{Decoder, Encoder, Error, from_slice, to_bytes};
use serde::Deserialize;

#[derive(Debug, PartialEq, Deserialize)]
struct Job {
    sizes: Vec<u8>,
}

#[test]
fn path_to_error() {
    let pickle = to_bytes(&BTreeMap::from([("sizes", vec![1, 1000])])).unwrap();
    let pickle = Decoder::new().parse(&pickle).unwrap();
    let error = serde_path_to_error::deserialize::<_, Job>(pickle.root().deserializer());
    assert_eq!(error.unwrap_err().path().to_string(), "sizes[1]");
}

#[test]
fn ignored() {
    let pickle = to_bytes(&BTreeMap::from([("other", vec![7]), ("sizes", vec![1])])).unwrap();
    let pickle = Decoder::new().parse(&pickle).unwrap();
    let mut unused = Vec::new();
    let job: Job = serde_ignored::deserialize(pickle.root().deserializer(), |path| {
        unused.push(path.to_string());
    })
    .unwrap();
    assert_eq!((job, unused), (Job { sizes: vec![1] }, vec!["other".to_owned()]));
}

#[test]
fn transcode_both_ways() {
    const JSON: &str = r#"{"job":[1,-2.5,"text",null,true,{"deep":[[]]}]}"#;
    let mut pickle = b"before".to_vec();
    let mut json = serde_json::Deserializer::from_str(JSON);
    Encoder::new()
        .write_with(&mut pickle, |serializer| serde_transcode::transcode(&mut json, serializer))
        .unwrap();
    let parsed = Decoder::new().parse(&pickle["before".len()..]).unwrap();
    let mut out = Vec::new();
    let mut json = serde_json::Serializer::new(&mut out);
    serde_transcode::transcode(parsed.root().deserializer(), &mut json).unwrap();
    assert_eq!(String::from_utf8(out).unwrap(), JSON);
    // What was written of a value that failed is gone.
    let mut json = serde_json::Deserializer::from_str("[1, 2");
    let length = pickle.len();
    let written: Result<(), Error> = Encoder::new()
        .write_with(&mut pickle, |serializer| serde_transcode::transcode(&mut json, serializer));
    written.unwrap_err();
    assert_eq!(pickle.len(), length);
}

#[test]
fn erased() {
    let value: &dyn erased_serde::Serialize = &vec![1, 2];
    let mut pickle = Vec::new();
    Encoder::new()
        .write_with(&mut pickle, |serializer| {
            value.erased_serialize(&mut <dyn erased_serde::Serializer>::erase(serializer))
        })
        .unwrap();
    assert_eq!(from_slice(&pickle), Ok(vec![1, 2]));
    let parsed = Decoder::new().parse(&pickle).unwrap();
    let mut deserializer =
        <dyn erased_serde::Deserializer<'_>>::erase(parsed.root().deserializer());
    assert_eq!(erased_serde::deserialize::<Vec<u8>>(&mut deserializer).unwrap(), [1, 2]);
}
