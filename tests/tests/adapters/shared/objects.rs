//! Python objects between this and every Python: dicts there, structs here.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail them like tests")]

use std::borrow::Cow;

use super::adapter::{AuthKey, Connection, Listener, ObjectError, connect};
use mpconn_pickle::{Bytes, Decoder, Encoder, Error, Exception, Protocol, Value};
use mpconn_tests::net::{Net, scratch};
use mpconn_tests::python::{Peer, Script};
use mpconn_tests::pythons::{self, Python};
use serde::{Deserialize, Serialize};

const KEY: &[u8] = b"a key that both sides have";

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Job {
    id: u32,
    name: String,
    values: Vec<f64>,
    data: Bytes,
    extra: Value,
}

/// The same, borrowed from the message.
#[derive(Debug, Deserialize)]
struct Seen<'m> {
    #[serde(borrow)]
    name: Cow<'m, str>,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Reply<'j> {
    id: u32,
    outcome: Outcome,
    job: Cow<'j, Job>,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
enum Outcome {
    Done { sum: f64 },
}

#[test]
fn a_listener_of_structs_serves_every_python() {
    for python in pythons::all() {
        let mut listener = Listener::bind(("127.0.0.1", 0), AuthKey::new(KEY)).unwrap();
        let script = Peer::new(python, Some(KEY), "objects").client(listener.address());
        serve(listener.accept().unwrap(), script, python);
    }
}

#[test]
fn a_client_of_structs_calls_every_python() {
    for python in pythons::all() {
        let scratch = scratch();
        let peer = Peer::new(python, Some(KEY), "objects");
        let (script, address) = peer.listener(&Net::Unix.fresh(&scratch));
        serve(connect(address, AuthKey::new(KEY)).unwrap(), script, python);
    }
}

/// Python's side of it is `objects` in `peer.py`.
fn serve(mut connection: Connection, script: Script, python: &Python) {
    for id in 0..3 {
        let job: Job = connection.recv().unwrap();
        assert_eq!(
            (job.id, job.name.as_str(), job.data.0.as_slice()),
            (id, "job €", &b"\0\xff"[..])
        );
        let sum = job.values.iter().sum();
        let extra = [Value::None, true.into(), Value::Set(vec![1.into()])];
        assert_eq!(job.extra.get("any"), Some(&Value::Tuple(extra.to_vec())));
        let reply = Reply { id, outcome: Outcome::Done { sum }, job: Cow::Owned(job) };
        connection.send(&reply).unwrap();
    }
    // What is no job is an error, after which the connection goes on.
    let refused = connection.recv::<Job>();
    assert!(matches!(refused, Err(ObjectError::Pickle(_))), "{refused:?}");
    let args = vec!["a list".into(), 3.into()];
    connection.send(&Exception::new("builtins", "ValueError", args)).unwrap();
    assert_eq!(connection.recv_reply::<u8>().unwrap(), 7);
    let raised = connection.recv_reply::<u8>().unwrap_err();
    assert!(matches!(raised, ObjectError::Raised(_)), "{raised:?}");
    assert_eq!(raised.to_string(), "KeyError: no more");
    let value: Value = connection.recv().unwrap();
    assert!(value.is_exception());
    assert_eq!(Exception::try_from(value).unwrap().to_string(), "KeyError: no more");
    if python.is_at_least(3, 4) {
        connection.set_encoder(Encoder::new().protocol(Protocol::V4));
        connection.send(&Bytes(b"data")).unwrap();
    }
    connection.set_decoder(Decoder::new().strict(true));
    let strange = connection.recv::<Value>().unwrap_err();
    assert!(matches!(strange, ObjectError::Pickle(Error::Foreign { .. })), "{strange:?}");
    assert_eq!(script.result(), "ok");
}

#[test]
fn what_is_received_may_borrow() {
    let mut listener = Listener::bind(("127.0.0.1", 0), AuthKey::new(KEY)).unwrap();
    let address = listener.address().clone();
    std::thread::scope(|scope| {
        scope.spawn(move || {
            let mut connection = connect(address, AuthKey::new(KEY)).unwrap();
            for name in ["one", "two"] {
                connection.send(&std::collections::HashMap::from([("name", name)])).unwrap();
            }
        });
        let mut connection = listener.accept().unwrap();
        assert_eq!(connection.recv::<Seen<'_>>().unwrap().name, "one");
        let Seen { name } = connection.recv().unwrap();
        assert!(matches!(name, Cow::Borrowed("two")), "nothing is copied");
    });
}
