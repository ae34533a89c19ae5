//! What each way of sending and receiving takes from the allocator.

use allocation_counter::measure;

use crate::Gate;

/// After a first message, which may take what later ones use again.
const TIMES: u64 = 1_000;

#[expect(clippy::cast_precision_loss, reason = "far fewer than 2^52")]
pub fn gates() -> Vec<Gate> {
    let mut gates = Vec::new();
    let mut gate = |what, limit: u64, mut once: Box<dyn FnMut()>| {
        once();
        let found = measure(|| (0..TIMES).for_each(|_| once())).count_total;
        gates.push(Gate { what, found: found as f64 / TIMES as f64, limit: limit as f64 });
    };
    let pair = || mpconn_blocking::pipe().expect("a pair");
    const SMALL: [u8; 16] = [7; 16];
    static LARGE: [u8; 100_000] = [7; 100_000];

    let (mut one, mut other) = pair();
    gate(
        "blocking, send_bytes and recv_borrowed, 16 bytes: allocations",
        0,
        Box::new(move || {
            one.send_bytes(&SMALL).expect("it is sent");
            assert_eq!(other.recv_borrowed().expect("a message"), SMALL);
        }),
    );
    let (mut one, mut other) = pair();
    let mut out = Vec::new();
    gate(
        "blocking, recv_bytes_to, 16 bytes: allocations",
        0,
        Box::new(move || {
            one.send_bytes(&SMALL).expect("it is sent");
            other.recv_bytes_to(&mut out).expect("a message");
        }),
    );
    let (mut one, mut other) = pair();
    gate(
        "blocking, recv_bytes, 16 bytes: allocations",
        1,
        Box::new(move || {
            one.send_bytes(&SMALL).expect("it is sent");
            assert_eq!(other.recv_bytes().expect("a message"), SMALL);
        }),
    );
    let (mut one, mut other) = pair();
    let mut out = Vec::new();
    gate(
        "blocking, recv_bytes_to, 100,000 bytes: allocations",
        1,
        Box::new(move || {
            one.send_bytes(&LARGE).expect("it is sent");
            other.recv_bytes_to(&mut out).expect("a message");
        }),
    );
    gates.extend(handshake());
    gates
}

/// A handshake over TCP, each end on a thread of its own, with the connections closed again.
fn handshake() -> [Gate; 2] {
    let key = mpconn_blocking::AuthKey::new(b"a key of more than sixteen bytes");
    let mut listener =
        mpconn_blocking::Listener::bind(("127.0.0.1", 0), key.clone()).expect("a port");
    let address = listener.address().clone();
    let accept = move || drop(listener.accept().expect("a client"));
    let connect = move || {
        drop(mpconn_blocking::connect(&address, key.clone()).expect("the listener is there"))
    };
    let accepting = std::thread::spawn(move || count(accept));
    let connecting = count(connect);
    let accepting = accepting.join().expect("the listener ends well");
    let gate = |what, found, limit| Gate { what, found, limit };
    [
        gate("blocking, a handshake over TCP, the client: allocations", connecting, 9.0),
        gate("blocking, a handshake over TCP, the listener: allocations", accepting, 16.0),
    ]
}

#[expect(clippy::cast_precision_loss, reason = "far fewer than 2^52")]
fn count(mut once: impl FnMut()) -> f64 {
    once();
    measure(|| (0..TIMES).for_each(|_| once())).count_total as f64 / TIMES as f64
}
