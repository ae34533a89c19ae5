//! What clients that hold the key and mean no good send to a server, and what they get.

use std::thread;
use std::time::{Duration, Instant};

use mpconn_blocking::{ConnectOptions, Connection};
use mpconn_managers::blocking::{List, Queue};
use mpconn_managers::pickle::{Encoder, Object, Protocol, Value, from_slice, to_bytes};
use mpconn_managers::server::Limits;
use mpconn_managers::{Address, AuthKey, Error, Methods, Port, Typed};
use mpconn_tests::net::Net;
use mpconn_tests::process::{allow_descriptors, alone};

use crate::server::{Kind, RustServer};
use crate::support::KEY;

const KINDS: [Kind; 2] = [Kind::Blocking, Kind::Tokio];

fn open(address: &Address) -> Connection {
    let options = ConnectOptions::with_key(AuthKey::new(KEY));
    let mut connection = options.connect(address).expect("the server is there");
    connection.set_receive_timeout(Duration::from_secs(10));
    connection
}

/// A connection for calls of objects.
fn serving(address: &Address) -> Connection {
    let mut connection = open(address);
    assert_eq!(
        ask(&mut connection, &request(Value::None, "accept_connection", ["x".into()])),
        "#RETURN None"
    );
    connection
}

fn request(ident: impl Into<Value>, method: &str, args: impl Into<Vec<Value>>) -> Vec<u8> {
    let args = Value::Tuple(args.into());
    let parts = vec![ident.into(), method.into(), args, Value::Dict(vec![])];
    Encoder::new().protocol(Protocol::V4).to_bytes(&Value::Tuple(parts)).expect("a pickle")
}

/// The kind of the reply, and its text.
fn ask(connection: &mut Connection, request: &[u8]) -> String {
    connection.send_bytes(request).expect("it is sent");
    let (kind, result): (String, Value) = match connection.recv_bytes() {
        Ok(reply) => from_slice(&reply).expect("a reply"),
        Err(error) if error.is_disconnect() => return "the end".to_owned(),
        Err(error) => panic!("{error}"),
    };
    let text = match result {
        Value::Str(text) => text.trim_end().lines().last().unwrap_or_default().to_owned(),
        Value::Object(object) => {
            let class = object.class.as_global().map(|global| global.name.clone());
            format!("{} {:?}", class.unwrap_or_default(), object.args)
        }
        other => format!("{other:?}"),
    };
    format!("{kind} {text}")
}

fn pickled(value: &Value) -> Vec<u8> {
    to_bytes(value).expect("a pickle")
}

/// Requests to the manager itself, and how their replies begin. A `QUEUE` is the id of the queue.
fn to_the_manager() -> Vec<(&'static str, Vec<u8>, &'static str)> {
    let none = Value::None;
    let kwargs = Value::Dict(vec![(1.into(), 2.into())]);
    let parts = |parts: [Value; 4]| pickled(&Value::Tuple(parts.to_vec()));
    vec![
        ("no pickle", b"hello".to_vec(), "#TRACEBACK UnpicklingError"),
        ("nothing", vec![], "#TRACEBACK UnpicklingError"),
        ("a pickle that ends early", b"\x80\x02(".to_vec(), "#TRACEBACK UnpicklingError"),
        ("a pickle of code", b"cos\nsystem\n(S'exit 1'\ntR.".to_vec(), "#TRACEBACK ValueError"),
        ("three parts", pickled(&Value::Tuple(vec![none.clone(); 3])), "#TRACEBACK ValueError"),
        ("a list", pickled(&Value::List(vec![none.clone(); 4])), "#TRACEBACK ValueError"),
        (
            "a method that is a number",
            parts([none.clone(), 7.into(), Value::Tuple(vec![]), Value::Dict(vec![])]),
            "#TRACEBACK TypeError",
        ),
        (
            "keywords that are numbers",
            parts([none.clone(), "dummy".into(), Value::Tuple(vec![]), kwargs]),
            "#TRACEBACK TypeError: keywords must be strings",
        ),
        (
            "a method of the server",
            request(none.clone(), "serve_forever", []),
            "#TRACEBACK AssertionError: 'serve_forever' unrecognized",
        ),
        ("a private one", request(none.clone(), "__init__", []), "#TRACEBACK AssertionError"),
        ("too many arguments", request(none.clone(), "dummy", [1.into()]), "#TRACEBACK TypeError"),
        ("no type", request(none.clone(), "create", []), "#TRACEBACK TypeError"),
        (
            "an unknown type",
            request(none.clone(), "create", ["no".into()]),
            "#TRACEBACK KeyError: no",
        ),
        (
            "a type that is none",
            request(none.clone(), "create", [7.into()]),
            "#TRACEBACK TypeError",
        ),
        (
            "a size that is none",
            request(none.clone(), "create", ["Queue".into(), "x".into()]),
            "#TRACEBACK TypeError",
        ),
        (
            "a negative semaphore",
            request(none.clone(), "create", ["Semaphore".into(), Value::Int(-1)]),
            "#TRACEBACK ValueError",
        ),
        (
            "an unknown id",
            request(none.clone(), "incref", ["ffff".into()]),
            "#TRACEBACK KeyError: ffff",
        ),
        (
            "an id that is a number",
            request(none.clone(), "incref", [1.into()]),
            "#TRACEBACK TypeError",
        ),
        ("the id 0", request(none.clone(), "decref", ["0".into()]), "#TRACEBACK KeyError: 0"),
        (
            "a huge id",
            request(none.clone(), "decref", ["f".repeat(1 << 20).into()]),
            "#TRACEBACK KeyError: ffff",
        ),
        (
            "a reference too few",
            request(none.clone(), "decref", ["QUEUE".into()]),
            "#TRACEBACK AssertionError: Id",
        ),
        (
            "a token that is none",
            request(none, "get_methods", ["QUEUE".into()]),
            "#TRACEBACK AttributeError",
        ),
    ]
}

/// Calls of a list and a queue.
fn to_objects() -> Vec<(&'static str, Vec<u8>, &'static str)> {
    let slice = |parts: [Value; 3]| Value::from(Object::new("builtins", "slice", parts.to_vec()));
    let zero = slice([Value::None, Value::None, 0.into()]);
    // A list in a list, 5,000 times.
    let deep = [&[b']'; 5_000][..], &[b'a'; 4_999]].concat();
    let deep = [b"\x80\x02(X\x05\0\0\0QUEUEX\x03\0\0\0put", deep.as_slice(), b"\x85}t."].concat();
    vec![
        ("a deep value", deep, "#ERROR TypeError"),
        ("no pickle", b"hello".to_vec(), "#TRACEBACK UnpicklingError"),
        ("an unknown id", request("ffff", "get", []), "#TRACEBACK KeyError: ffff"),
        ("no id", request(Value::None, "get", []), "#TRACEBACK KeyError: None"),
        ("a huge id", request("f".repeat(1 << 20), "get", []), "#TRACEBACK KeyError: fff"),
        ("an unknown method", request("QUEUE", "mutex", []), "#TRACEBACK AttributeError"),
        ("a private method", request("QUEUE", "__class__", []), "#TRACEBACK AttributeError"),
        ("wrong arity", request("QUEUE", "put", []), "#ERROR TypeError"),
        ("too many arguments", request("QUEUE", "get", vec![1.into(); 5]), "#ERROR TypeError"),
        (
            "a negative timeout",
            request("QUEUE", "get", [true.into(), Value::Float(-1.0)]),
            "#ERROR ValueError",
        ),
        (
            "a timeout that is no number",
            request("QUEUE", "get", [true.into(), Value::Float(f64::NAN)]),
            "#ERROR ValueError",
        ),
        ("too many done", request("QUEUE", "task_done", []), "#ERROR ValueError"),
        (
            "an index out of range",
            request("LIST", "__getitem__", [Value::Int(i64::MIN)]),
            "#ERROR IndexError",
        ),
        (
            "a list repeated",
            request("LIST", "__imul__", [Value::Int(i64::MAX)]),
            "#ERROR MemoryError",
        ),
        ("a slice without a step", request("LIST", "__getitem__", [zero]), "#ERROR ValueError"),
        (
            "what calls itself",
            b"\x80\x02(X\x04\0\0\0LISTX\x06\0\0\0append]q\0h\0a\x85}t.".to_vec(),
            "#ERROR TypeError",
        ),
        ("no name for a key", request("LIST", "sort", ["x".into()]), "#ERROR TypeError"),
        (
            "a function as a key",
            request("LIST", "index", [slice([1.into(), 2.into(), 3.into()])]),
            "#ERROR TypeError",
        ),
    ]
}

#[test]
fn each_request_has_its_answer() {
    for kind in KINDS {
        let server = RustServer::with_limits(kind, Net::Unix, Limits::default());
        let manager = server.connect();
        let list: List<i64> = manager.create(&([1, 2],)).expect("a list");
        let jobs: Queue<i64> = manager.create_as("get_jobs", &()).expect("a queue");
        let queue = jobs.proxy().token().id.clone();
        let ids = [("QUEUE", &queue), ("LIST", &list.proxy().token().id)];
        drop(jobs);
        let fill = |request: Vec<u8>| {
            let mut request = request;
            for (name, id) in ids {
                // In protocol 4 a short text has one byte of length, and in 2 four.
                let length = |text: &str| u8::try_from(text.len()).expect("a short text");
                for zeros in [&[][..], &[0; 3]] {
                    let opcode = if zeros.is_empty() { 0x8c } else { b'X' };
                    let wanted = [&[opcode, length(name)], zeros, name.as_bytes()].concat();
                    let text = [&[0x8c, length(id)], id.as_bytes()].concat();
                    while let Some(at) =
                        request.windows(wanted.len()).position(|window| window == wanted)
                    {
                        request.splice(at..at + wanted.len(), text.iter().copied());
                    }
                }
            }
            request
        };
        for (name, request, expected) in to_the_manager() {
            let mut connection = open(&server.address);
            let answer = ask(&mut connection, &fill(request));
            assert!(answer.starts_with(expected), "{name}: {answer:.200}");
            assert!(connection.recv_bytes().is_err_and(|error| error.is_disconnect()), "{name}");
        }
        let mut connection = serving(&server.address);
        for (name, request, expected) in to_objects() {
            let answer = ask(&mut connection, &fill(request));
            assert!(answer.starts_with(expected), "{name}: {answer:.200}");
        }
        assert_eq!(list.copy().expect("it is there"), [1, 2]);
        assert_eq!(manager.number_of_objects().expect("it is there"), 1);
    }
}

#[test]
fn who_asks_twice_is_dropped() {
    for kind in KINDS {
        let server = RustServer::with_limits(kind, Net::Tcp, Limits::default());
        let jobs: Queue<i64> = server.connect().create_as("get_jobs", &()).expect("a queue");
        let mut connection = serving(&server.address);
        connection.send_bytes(&request(jobs.proxy().token().id.as_str(), "get", [])).expect("sent");
        assert!(!connection.poll(Duration::from_millis(50)).expect("it waits"));
        assert_eq!(ask(&mut connection, &request("1", "qsize", [])), "the end");
        jobs.put(&7, None).expect("it is there");
        assert_eq!(jobs.get(Duration::ZERO).expect("it is there"), Some(7));
    }
}

#[test]
fn limits_are_errors_of_the_client() {
    let mut limits = Limits::default();
    (limits.objects, limits.bytes) = (8, 1 << 20);
    let is_memory = |error: &Error| match error {
        Error::Traceback(text) => text.contains("MemoryError"),
        error => error.is_raised("MemoryError"),
    };
    for kind in KINDS {
        let server = RustServer::with_limits(kind, Net::Unix, limits);
        let manager = server.connect();
        // One is registered.
        let lists: Vec<List<String>> =
            (0..7).map(|_| manager.create(&()).expect("a list")).collect();
        assert!(manager.create::<List<i64>>(&()).is_err_and(|error| is_memory(&error)));
        drop(lists);
        let list: List<String> = manager.create(&()).expect("there is room again");
        let text = "x".repeat(1 << 16);
        let added = (0..100).take_while(|_| match list.append(&text) {
            Ok(()) => true,
            Err(error) => {
                assert!(is_memory(&error), "{error}");
                false
            }
        });
        assert!((12..=16).contains(&added.count()));
        list.proxy().call::<_, ()>("clear", &()).expect("it frees");
        for _ in 0..5 {
            list.append(&text).expect("there is room again");
        }
    }
}

/// More connections than the limit wait for one to end.
#[test]
fn connections_beyond_the_limit_wait() {
    let mut limits = Limits::default();
    limits.connections = 2;
    for kind in KINDS {
        let server = RustServer::with_limits(kind, Net::Tcp, limits);
        let (first, second) = (serving(&server.address), serving(&server.address));
        let address = server.address.clone();
        let third = thread::spawn(move || serving(&address));
        thread::sleep(Duration::from_millis(100));
        assert!(!third.is_finished(), "{kind:?}");
        drop(first);
        third.join().expect("it gets in");
        drop(second);
    }
}

#[test]
fn a_storm_of_references_frees_nothing_of_others() {
    for kind in KINDS {
        let server = RustServer::with_limits(kind, Net::Unix, Limits::default());
        let manager = server.connect();
        let jobs: Queue<i64> = manager.create_as("get_jobs", &()).expect("a queue");
        jobs.put(&7, None).expect("it is there");
        let id = jobs.proxy().token().id.clone();
        for _ in 0..500 {
            let mut connection = open(&server.address);
            connection
                .send_bytes(&request(Value::None, "decref", [id.as_str().into()]))
                .expect("sent");
            connection.recv_bytes().expect("an answer");
        }
        // A registered object stays.
        assert_eq!(jobs.get(None).expect("it is there"), Some(7));
        for _ in 0..200 {
            manager.create_proxy("list", &()).expect("a list");
        }
        assert_eq!(manager.number_of_objects().expect("it is there"), 0);
    }
}

/// Silent before, after and in the middle of the handshake, and waiting in `get`.
#[test]
fn a_thousand_silent_clients_cost_no_thread() {
    alone(|| KINDS.into_iter().for_each(a_thousand_silent_clients));
}

fn a_thousand_silent_clients(kind: Kind) {
    const EACH: usize = 250;
    allow_descriptors(5_000).expect("descriptors");
    let server = RustServer::with_limits(kind, Net::Tcp, Limits::default());
    let manager = server.connect();
    let jobs: Queue<i64> = manager.create_as("get_jobs", &()).expect("a queue");
    let threads = threads();
    let Address::Inet { host, port } = &server.address else { panic!("TCP") };
    let mut silent = Vec::new();
    let mut waiting = Vec::new();
    for _ in 0..EACH {
        silent.push(std::net::TcpStream::connect((host.as_str(), *port)).expect("it connects"));
        waiting.push(open(&server.address));
        waiting.push(serving(&server.address));
        let mut getting = serving(&server.address);
        let id = jobs.proxy().token().id.as_str();
        getting.send_bytes(&request(id, "get", [])).expect("sent");
        waiting.push(getting);
    }
    assert_eq!(self::threads(), threads);
    let before = Instant::now();
    let list: List<i64> = manager.create(&([1],)).expect("it is there");
    assert_eq!(list.copy().expect("it is there"), [1]);
    assert!(before.elapsed() < Duration::from_secs(1), "{:?}", before.elapsed());
    // Who is gone gets nothing.
    drop((waiting, silent));
    jobs.put(&7, None).expect("it is there");
    assert_eq!(jobs.get(Duration::from_secs(1)).expect("it is there"), Some(7));
}

fn threads() -> usize {
    std::fs::read_dir("/proc/self/task").expect("/proc").count()
}
