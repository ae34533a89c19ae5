//! The machine of a server, without sockets.

use std::time::{Duration, Instant};

use mpconn_managers::pickle::{Encoder, Tuple, Value, from_slice};
use mpconn_managers::server::{Action, ClientId, Limits, Machine, Queue, Registry};
use mpconn_managers::{Address, encode_request};

/// A machine with a queue, whose id is 1, and clients.
struct Server {
    machine: Machine,
    now: Instant,
}

impl Server {
    fn new(clients: std::ops::Range<ClientId>) -> Self {
        let registry = Registry::new().register("get_jobs", Queue::new(2));
        let address = Address::from(("localhost", 6000));
        let machine = Machine::new(registry, &address, Limits::default());
        let mut server = Self { machine, now: Instant::now() };
        for client in clients {
            server.machine.connected(client);
            server.ask(client, None, "accept_connection", vec!["x".into()]);
            assert_eq!(server.reply(client), ("#RETURN".to_owned(), Value::None));
            server.machine.sent(client);
        }
        server
    }

    fn ask(&mut self, client: ClientId, ident: Option<&str>, method: &str, args: Vec<Value>) {
        let kwargs = std::collections::BTreeMap::<i32, i32>::new();
        let request = encode_request(Encoder::new(), ident, method, &Tuple(args), &kwargs);
        self.machine.received(client, request.expect("a request"), self.now);
    }

    /// The next action, which is a reply to this client.
    #[track_caller]
    fn reply(&mut self, to: ClientId) -> (String, Value) {
        match self.machine.poll() {
            Some(Action::Send { client, message, .. }) if client == to => {
                from_slice(&message).expect("a reply")
            }
            other => panic!("{other:?} in place of a reply to {to}"),
        }
    }

    #[track_caller]
    fn returns(&mut self, to: ClientId, value: impl Into<Value>) {
        assert_eq!(self.reply(to), ("#RETURN".to_owned(), value.into()));
    }

    #[track_caller]
    fn waits(&mut self) {
        assert!(self.machine.poll().is_none());
    }
}

#[test]
fn what_was_not_sent_is_the_first_item_again() {
    let mut server = Server::new(1..3);
    for item in [7, 8] {
        server.ask(1, Some("1"), "put", vec![item.into()]);
        server.returns(1, Value::None);
        server.machine.sent(1);
    }
    server.ask(2, Some("1"), "get", vec![]);
    server.returns(2, 7);
    server.machine.closed(2);
    server.ask(1, Some("1"), "get", vec![]);
    server.returns(1, 7);
    server.machine.sent(1);
    server.machine.closed(1);

    let mut server = Server { machine: server.machine, now: server.now };
    server.machine.connected(3);
    server.ask(3, None, "accept_connection", vec!["x".into()]);
    server.returns(3, Value::None);
    server.machine.sent(3);
    server.ask(3, Some("1"), "get", vec![]);
    server.returns(3, 8);
}

#[test]
fn an_item_for_one_that_is_gone_goes_to_the_next_that_waits() {
    let mut server = Server::new(1..4);
    for client in [2, 3] {
        server.ask(client, Some("1"), "get", vec![]);
        server.waits();
    }
    server.ask(1, Some("1"), "put", vec![7.into()]);
    server.returns(1, Value::None);
    server.returns(2, 7);
    server.machine.closed(2);
    server.returns(3, 7);
    server.waits();
}

#[test]
fn who_waits_is_served_in_the_order_of_arrival() {
    let mut server = Server::new(1..6);
    for client in [3, 2, 4] {
        server.ask(client, Some("1"), "get", vec![]);
    }
    server.machine.closed(2);
    server.ask(1, Some("1"), "put", vec![1.into()]);
    server.returns(1, Value::None);
    server.returns(3, 1);
    server.machine.sent(1);
    server.ask(1, Some("1"), "put", vec![2.into()]);
    server.returns(1, Value::None);
    server.returns(4, 2);
    server.machine.sent(1);
    // A full queue: room is given to who waits to put.
    for client in [1, 5] {
        server.ask(client, Some("1"), "put", vec![3.into()]);
        server.returns(client, Value::None);
        server.machine.sent(client);
    }
    server.ask(1, Some("1"), "put", vec![4.into()]);
    server.waits();
    server.ask(5, Some("1"), "get", vec![]);
    server.returns(5, 3);
    server.returns(1, Value::None);
}

#[test]
fn waits_end_at_their_time() {
    let mut server = Server::new(1..3);
    server.ask(1, Some("1"), "get", vec![true.into(), Value::Float(2.0)]);
    server.ask(2, Some("1"), "get", vec![true.into(), Value::Float(1.0)]);
    assert_eq!(server.machine.next_expiry(), Some(server.now + Duration::from_secs(1)));
    server.machine.expire(server.now + Duration::from_millis(999));
    server.waits();
    server.machine.expire(server.now + Duration::from_secs(1));
    assert_eq!(server.reply(2).0, "#ERROR");
    assert_eq!(server.machine.next_expiry(), Some(server.now + Duration::from_secs(2)));
    server.machine.closed(1);
    assert_eq!(server.machine.next_expiry(), None);
}

#[test]
fn nothing_is_sent_to_one_that_is_gone() {
    let mut server = Server::new(1..2);
    server.ask(1, Some("1"), "get", vec![]);
    server.machine.closed(1);
    server.ask(1, Some("1"), "put", vec![1.into()]);
    server.waits();
}
