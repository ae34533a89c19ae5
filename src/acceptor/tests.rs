use std::vec::Vec;

use super::*;
use crate::handshake::Handshake;
use crate::testing::Seeded;
use crate::{AuthError, Policy};

const KEY: &[u8] = b"the key that both sides hold";
const TIMEOUT: Duration = Duration::from_secs(10);

type Keyed = Connection<&'static [u8]>;

fn pending() -> Keyed {
    let handshake = Handshake::accepting(KEY, &Policy::COMPAT, &mut Seeded::new(1));
    Connection::new(handshake.unwrap(), 1 << 20)
}

fn at(seconds: u64) -> AcceptTime {
    AcceptTime(Duration::from_secs(seconds))
}

/// The client of a pending connection.
struct Peer(Keyed);

impl Peer {
    fn new(key: &'static [u8]) -> Self {
        let handshake = Handshake::connecting(key, &Policy::COMPAT, &mut Seeded::new(2));
        Self(Connection::new(handshake.unwrap(), 1 << 20))
    }
}

fn acceptor(cap: usize) -> Acceptor<&'static str, &'static [u8]> {
    Acceptor::new(cap, Some(TIMEOUT))
}

/// Moves all bytes between a pending client and its peer, until nothing moves or it has ended.
fn talk(
    acceptor: &mut Acceptor<&'static str, &'static [u8]>,
    id: ClientId,
    peer: &mut Peer,
) -> Option<ClientProgress<&'static str, &'static [u8]>> {
    loop {
        let progress = acceptor.progress(id)?;
        let Some(client) = acceptor.client_mut(id) else { return Some(progress) };
        let connection = &mut client.connection;
        let _ = peer.0.poll();
        let moved = match progress {
            ClientProgress::Write => carry(connection, &mut peer.0),
            _ => carry(&mut peer.0, connection),
        };
        if moved == 0 {
            return Some(progress);
        }
    }
}

fn carry(from: &mut Keyed, to: &mut Keyed) -> usize {
    let bytes = from.chunks().concat();
    let room = to.read_buf().into_slice();
    let n = bytes.len().min(room.len());
    room[..n].copy_from_slice(&bytes[..n]);
    to.received(n);
    from.sent(n);
    n
}

#[test]
fn an_honest_client_is_accepted_and_another_is_not() {
    let mut acceptor = acceptor(9);
    let id = acceptor.add(|_| "honest", pending(), at(0)).unwrap();
    let accepted = talk(&mut acceptor, id, &mut Peer::new(KEY));
    let Some(ClientProgress::Accepted("honest", connection, Some(_))) = accepted else { panic!() };
    assert!(connection.split().is_some());
    assert!(acceptor.progress(id).is_none() && acceptor.is_empty());

    let id = acceptor.add(|_| "stranger", pending(), at(0)).unwrap();
    let rejected = talk(&mut acceptor, id, &mut Peer::new(b"another key"));
    let Some(ClientProgress::Rejected("stranger", error)) = rejected else { panic!() };
    assert_eq!(error, ProtocolError::Auth(AuthError::WrongResponse));
    assert!(acceptor.is_empty());
}

#[test]
fn without_a_key_a_client_is_accepted_at_once_with_what_it_has_sent() {
    let mut acceptor = acceptor(1);
    let id = acceptor.add(|_| "anyone", Connection::unauthenticated(10), at(0)).unwrap();
    let connection = &mut acceptor.client_mut(id).unwrap().connection;
    connection.read_buf().into_slice()[..5].copy_from_slice(b"\0\0\0\x01x");
    connection.received(5);
    let Some(ClientProgress::Accepted(_, mut connection, None)) = acceptor.progress(id) else {
        panic!()
    };
    assert_eq!(connection.poll(), Ok(Some(ConnectionEvent::Message)));
}

#[test]
fn at_the_cap_the_oldest_unauthenticated_client_is_crowded_out() {
    let mut acceptor = acceptor(2);
    let first = acceptor.add(|_| "first", pending(), at(0)).unwrap();
    assert_eq!((acceptor.crowded_out(), acceptor.has_room()), (None, true));
    let second = acceptor.add(|_| "second", pending(), at(1)).unwrap();
    assert_eq!((acceptor.crowded_out(), acceptor.has_room()), (Some(first), true));
    assert!(acceptor.add(|_| "third", pending(), at(2)).is_err(), "none was removed");

    // The first proves its key, and then only waits to be answered.
    let mut peer = Peer::new(KEY);
    for _ in 0..2 {
        acceptor.progress(first);
        let connection = &mut acceptor.client_mut(first).unwrap().connection;
        carry(connection, &mut peer.0);
        let _ = peer.0.poll();
        carry(&mut peer.0, connection);
    }
    acceptor.progress(first);
    assert!(acceptor.client_mut(first).unwrap().is_authenticated());
    assert_eq!(acceptor.crowded_out(), Some(second));
    let crowded_out = acceptor.remove(second).unwrap();
    assert_eq!(crowded_out.transport, "second");
    acceptor.add(|_| "third", pending(), at(2)).unwrap();
    assert_eq!(acceptor.len(), 2);
}

/// Of honest clients among strangers, the part that is still there after so many more have come, in
/// parts of what may be pending.
fn survivors(arrivals: f64) -> f64 {
    const CAP: usize = 64;
    const HONEST: usize = 200;
    let mut acceptor = acceptor(CAP);
    let add = |acceptor: &mut Acceptor<&'static str, &'static [u8]>, who| {
        if let Some(id) = acceptor.crowded_out() {
            acceptor.remove(id);
        }
        acceptor.add(|_| who, pending(), at(0)).unwrap()
    };
    let mut there = 0;
    for _ in 0..HONEST {
        for _ in 0..CAP {
            add(&mut acceptor, "stranger");
        }
        let honest = add(&mut acceptor, "honest");
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a few")]
        for _ in 0..(arrivals * CAP as f64) as usize {
            add(&mut acceptor, "stranger");
        }
        there += usize::from(acceptor.client_mut(honest).is_some());
    }
    there as f64 / HONEST as f64
}

#[test]
fn honest_clients_are_crowded_out_gradually() {
    let curve = [0.25, 0.45, 0.75, 1.0, 1.5, 2.0, 3.0].map(survivors);
    std::println!("{curve:?}");
    assert_eq!(curve[..2], [1.0, 1.0], "half of the slots come and go first");
    assert!(curve.windows(2).all(|pair| pair[0] >= pair[1]), "{curve:?}");
    assert!(curve[3] > 0.25 && curve[5] > 0.02, "{curve:?}");
}

#[test]
fn clients_expire_by_accept_time_the_oldest_first() {
    let mut acceptor = acceptor(9);
    let ids: Vec<_> =
        (0..3).map(|n| acceptor.add(|_| "silent", pending(), at(n)).unwrap()).collect();
    assert_eq!(acceptor.next_expiry(), Some(at(10)));
    assert_eq!(acceptor.overdue(at(9)), None);
    for (id, expires) in ids.iter().zip(10..) {
        assert_eq!(acceptor.overdue(at(expires)), Some(*id));
        acceptor.remove(*id);
    }
    assert_eq!((acceptor.next_expiry(), acceptor.overdue(at(99))), (None, None));
    let mut patient = Acceptor::<_, &[u8]>::new(1, None);
    patient.add(|_| "silent", pending(), at(0)).unwrap();
    assert_eq!((patient.next_expiry(), patient.overdue(at(u64::MAX))), (None, None));
}

#[test]
fn pauses_double_up_to_a_bound_and_a_success_ends_them() {
    let mut acceptor = acceptor(1);
    let now = RealTime(Duration::from_secs(1));
    assert!(!acceptor.is_paused(now) && acceptor.paused_until().is_none());
    let pauses: Vec<_> = (0..20).map(|_| acceptor.pause(now)).collect();
    assert_eq!(pauses[0], PAUSES.0);
    assert!(pauses.windows(2).all(|pair| pair[1] == (pair[0] * 2).min(PAUSES.1)), "{pauses:?}");
    let until = acceptor.paused_until().unwrap();
    assert_eq!(until, RealTime(now.0 + PAUSES.1));
    assert!(acceptor.is_paused(now) && !acceptor.is_paused(until));
    acceptor.resume();
    assert!(!acceptor.is_paused(now));
    assert_eq!(acceptor.pause(now), PAUSES.0);
}
