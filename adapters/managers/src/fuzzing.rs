//! The body of the fuzz target, which a test calls too. Not part of the public interface.

use std::time::{Duration, Instant};

use mpconn::Address;
use mpconn_pickle::{Decoder, Encoder, Value};

use crate::Reply;
use crate::request::{NoKwargs, encode_request};
use crate::server::{Action, Limits, Machine, Queue, Registry};

/// Any bytes as a reply to a client, and as messages to a server. Before each message is a byte that
/// chooses its client and more, and one that is its length. What is sent in reply is one that a client
/// can read.
///
/// # Panics
///
/// When the library breaks that promise.
pub fn messages(data: &[u8]) {
    if let Ok(pickle) = Decoder::new().parse(data) {
        // It may be refused.
        let _ = Reply::of(&pickle).and_then(Reply::into_value::<Value>);
    }
    let mut now = Instant::now();
    let registry = Registry::new().register("get_jobs", Queue::new(1));
    let address = Address::from(("localhost", 6000));
    let mut machine = Machine::new(registry, &address, Limits::default());
    // The last one talks to the manager itself.
    for client in 0..5 {
        machine.connected(client);
        if client < 4 {
            let request =
                encode_request(Encoder::new(), None, "accept_connection", &("x",), &NoKwargs);
            machine.received(client, request.unwrap_or_default(), now);
            assert_eq!(act(&mut machine), 1);
        }
    }
    let mut rest = data;
    while let [choice, length, more @ ..] = rest {
        let (message, more) = more.split_at(usize::from(*length).min(more.len()));
        let client = u64::from(choice % 5);
        machine.received(client, message.to_vec(), now);
        act(&mut machine);
        if choice & 0x80 != 0 {
            now += Duration::from_secs(1);
            machine.expire(now);
            act(&mut machine);
        }
        if choice & 0x40 != 0 {
            machine.closed(client);
            machine.connected(client);
            act(&mut machine);
        }
        rest = more;
    }
}

/// Does what the machine says, and returns how many messages it has sent.
fn act(machine: &mut Machine) -> usize {
    let mut sent = 0;
    while let Some(action) = machine.poll() {
        match action {
            Action::Send { client, message, .. } => {
                let pickle = Decoder::new().parse(&message).expect("a reply is a pickle");
                assert!(Reply::of(&pickle).is_ok(), "a reply has a kind and what belongs to it");
                machine.sent(client);
                sent += 1;
            }
            Action::Close(client) => machine.closed(client),
            Action::Shutdown => {}
        }
    }
    sent
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_in_any_order() {
        let request = |ident: Option<&str>, method: &str| {
            encode_request(Encoder::new(), ident, method, &(), &NoKwargs).expect("a request")
        };
        let mut data = Vec::new();
        for (choice, message) in [
            (0, request(Some("1"), "get")),
            (1, request(Some("1"), "put")),
            (0x42, request(Some("1"), "qsize")),
            (0x85, request(Some("1"), "no")),
            (4, request(None, "debug_info")),
            (2, b"no pickle".to_vec()),
        ] {
            data.extend([choice, u8::try_from(message.len()).expect("a short one")]);
            data.extend(message);
            messages(&data);
        }
        messages(b"");
    }
}
