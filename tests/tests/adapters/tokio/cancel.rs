//! Every future of the tokio adapter, dropped after its k-th poll for every k: nothing is lost, and
//! the stream stays whole.
#![allow(clippy::unwrap_used, reason = "an unexpected error is a failed test")]

use std::future::poll_fn;
use std::io::{self, IoSlice};
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use mpconn_tokio::{
    AuthKey, ConnectOptions, Connection, Error, ListenerOptions, ReadBuf, Receiver, Sender,
    Transport,
};

/// More polls than any of these futures needs.
const POLLS: usize = 80;

/// Moves a few bytes at a time, and is not ready every other time it is asked.
struct Drip {
    step: usize,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    incoming: Vec<u8>,
    outgoing: Vec<u8>,
    asked: usize,
}

impl Drip {
    fn new(step: usize, incoming: Vec<u8>) -> Self {
        Self { step, state: Mutex::new(State { incoming, ..State::default() }) }
    }

    fn every_other_time(state: &mut State, cx: &mut Context<'_>) -> Poll<()> {
        state.asked += 1;
        if state.asked % 2 == 1 {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(())
    }
}

impl Transport for Drip {
    fn poll_receive(&self, cx: &mut Context<'_>, space: ReadBuf<'_>) -> Poll<io::Result<usize>> {
        let mut state = self.state.lock().unwrap();
        if Self::every_other_time(&mut state, cx).is_pending() {
            return Poll::Pending;
        }
        let n = match space {
            ReadBuf::Slice(slice) => {
                let n = self.step.min(slice.len()).min(state.incoming.len());
                slice[..n].copy_from_slice(&state.incoming[..n]);
                n
            }
            ReadBuf::Spare(vec) => {
                let n = self.step.min(vec.capacity() - vec.len()).min(state.incoming.len());
                vec.extend_from_slice(&state.incoming[..n]);
                n
            }
        };
        state.incoming.drain(..n);
        Poll::Ready(Ok(n))
    }

    fn poll_send(&self, cx: &mut Context<'_>, slices: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        let mut state = self.state.lock().unwrap();
        if Self::every_other_time(&mut state, cx).is_pending() {
            return Poll::Pending;
        }
        let mut left = self.step;
        for slice in slices {
            let n = left.min(slice.len());
            state.outgoing.extend_from_slice(&slice[..n]);
            left -= n;
        }
        Poll::Ready(Ok(self.step - left))
    }
}

/// Polls at most this often, then drops the future.
async fn drop_after<F: Future>(polls: usize, future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    for _ in 0..polls {
        let polled = poll_fn(|cx| Poll::Ready(future.as_mut().poll(cx))).await;
        if let Poll::Ready(output) = polled {
            return Some(output);
        }
    }
    None
}

fn frame(payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap();
    [&length.to_be_bytes(), payload].concat()
}

fn pattern(length: usize) -> Vec<u8> {
    (0..=250).cycle().take(length).collect()
}

/// The messages on the wire, which must end with a whole one.
async fn parse(wire: Vec<u8>) -> Vec<Vec<u8>> {
    let mut receiver = Receiver::unauthenticated(Drip::new(1 << 20, wire));
    let mut messages = Vec::new();
    loop {
        match receiver.recv_bytes().await {
            Ok(message) => messages.push(message),
            Err(Error::Ended) => return messages,
            Err(error) => panic!("the stream is broken: {error}"),
        }
    }
}

/// Receives one way until the future is dropped, then another way: same messages all the same.
#[tokio::test]
async fn a_dropped_receive_loses_nothing() {
    // Small ones that trickle in, one that is just read ahead, large ones that grow in place.
    for (length, step) in
        [(0, 1), (1, 1), (20, 1), (65_536, 4096), (65_537, 4096), (900_000, 30_000)]
    {
        let first = pattern(length);
        let wire = [frame(&first), frame(b"second")].concat();
        let mut dropped = 0;
        for k in 0..POLLS {
            for way in 0..5 {
                let mut receiver = Receiver::unauthenticated(Drip::new(step, wire.clone()));
                let mut reused = vec![7; 100_000];
                let mut buffer = vec![0; 900_000];
                let early = match way {
                    0 => drop_after(k, receiver.recv_bytes()).await.map(Result::unwrap),
                    1 => drop_after(k, receiver.recv_bytes_max(1 << 20)).await.map(Result::unwrap),
                    2 => match drop_after(k, receiver.recv_bytes_to(&mut reused)).await {
                        Some(result) => result.map(|()| Some(reused.clone())).unwrap(),
                        None => None,
                    },
                    3 => drop_after(k, receiver.recv_bytes_into(&mut buffer))
                        .await
                        .map(|n| buffer[..n.unwrap()].to_vec()),
                    _ => {
                        drop_after(k, async { receiver.recv_borrowed().await.map(<[u8]>::to_vec) })
                            .await
                            .map(Result::unwrap)
                    }
                };
                let received = match early {
                    Some(message) => message,
                    None => {
                        dropped += 1;
                        // Whatever the next receive is, it goes on with the message.
                        match way {
                            0 => {
                                receiver.recv_bytes_to(&mut reused).await.unwrap();
                                reused
                            }
                            1 => receiver.recv_shared().await.unwrap().to_vec(),
                            2 => receiver.recv_bytes().await.unwrap(),
                            3 => receiver.recv_borrowed().await.unwrap().to_vec(),
                            _ => {
                                let n = receiver.recv_bytes_into(&mut buffer).await.unwrap();
                                buffer[..n].to_vec()
                            }
                        }
                    }
                };
                assert!(received == first, "{length} bytes, way {way}, dropped after {k} polls");
                assert_eq!(receiver.recv_bytes().await.unwrap(), b"second");
                assert!(matches!(receiver.recv_bytes().await, Err(Error::Ended)));
            }
        }
        assert!(dropped > 0, "no future of {length} bytes was dropped before its end");
    }
}

#[tokio::test]
async fn a_dropped_send_leaves_the_stream_whole() {
    for (length, step) in [(0, 1), (20, 1), (30_000, 1000), (200_000, 10_000)] {
        let message = pattern(length);
        let mut not_sent = 0;
        let mut resumed = 0;
        for k in 0..POLLS {
            let transport = Arc::new(Drip::new(step, Vec::new()));
            let mut sender = Sender::unauthenticated(Arc::clone(&transport));
            let sent = drop_after(k, sender.send_bytes(&message)).await;
            let was_touched = !transport.state.lock().unwrap().outgoing.is_empty();
            let left = sender.buffered();
            sender.send_bytes(b"next").await.unwrap();

            let wire = std::mem::take(&mut transport.state.lock().unwrap().outgoing);
            let messages = parse(wire).await;
            match sent {
                Some(result) => result.unwrap(),
                None if was_touched => {
                    // All of it may have been written before the last poll was due.
                    assert!(left <= 4 + length);
                    resumed += 1;
                }
                None => {
                    assert_eq!(messages, [b"next".to_vec()], "dropped after {k} polls");
                    not_sent += 1;
                    continue;
                }
            }
            assert!(messages == [message.clone(), b"next".to_vec()], "dropped after {k} polls");
        }
        assert!(not_sent > 0, "no send of {length} bytes was dropped before its first byte");
        assert!(resumed > 0 || length == 0, "no send of {length} bytes was dropped half-way");
    }
}

#[tokio::test]
async fn a_dropped_send_of_many_sends_whole_messages_in_order() {
    let many: Vec<Vec<u8>> = (0..40).map(|i| pattern(i * 173)).chain([pattern(90_000)]).collect();
    let mut counts = std::collections::BTreeSet::new();
    for k in 0..POLLS {
        let transport = Arc::new(Drip::new(9000, Vec::new()));
        let mut sender = Sender::unauthenticated(Arc::clone(&transport));
        let sent = drop_after(k, sender.send_many(&many)).await;
        sender.send_bytes(b"next").await.unwrap();

        let wire = std::mem::take(&mut transport.state.lock().unwrap().outgoing);
        let mut messages = parse(wire).await;
        assert_eq!(messages.pop().unwrap(), b"next");
        assert!(messages.as_slice() == &many[..messages.len()], "dropped after {k} polls");
        if let Some(result) = sent {
            result.unwrap();
            assert_eq!(messages.len(), many.len());
        }
        counts.insert(messages.len());
    }
    // Dropped at every stage: before the large one, within it, and not at all.
    assert!(counts.len() > 1 && counts.contains(&many.len()), "{counts:?}");
}

#[tokio::test]
async fn what_was_fed_survives_a_dropped_flush() {
    for k in 0..POLLS {
        let transport = Arc::new(Drip::new(3, Vec::new()));
        let mut sender = Sender::unauthenticated(Arc::clone(&transport));
        sender.feed(b"one").await.unwrap();
        sender.feed(b"").await.unwrap();
        sender.feed(b"three").await.unwrap();
        drop(drop_after(k, sender.flush()).await);
        sender.flush().await.unwrap();
        assert_eq!(sender.buffered(), 0);

        let wire = std::mem::take(&mut transport.state.lock().unwrap().outgoing);
        assert_eq!(parse(wire).await, [b"one".to_vec(), b"".to_vec(), b"three".to_vec()]);
    }
}

/// Clients come one after the other while `accept` is dropped after every k-th poll: all get in.
#[tokio::test]
async fn a_dropped_accept_loses_no_client() {
    let key = AuthKey::new("the key of this test");
    let mut listener = ListenerOptions::with_key(key.clone()).bind_fresh().unwrap();
    let address = listener.address().clone();
    for k in 1..12 {
        let options = ConnectOptions::with_key(key.clone());
        let address = address.clone();
        let client = tokio::spawn(async move {
            let mut connection = options.connect(address).await?;
            connection.send_bytes(b"hello").await?;
            connection.recv_bytes().await
        });
        let mut drops = 0;
        let mut connection = loop {
            if let Some(accepted) = drop_after(k, listener.accept()).await {
                break accepted.unwrap();
            }
            drops += 1;
            // The client, and the runtime's view of its socket, get their turn.
            tokio::time::sleep(Duration::from_micros(200)).await;
        };
        assert!(drops > 0, "accept was never dropped");
        assert_eq!(connection.recv_bytes().await.unwrap(), b"hello");
        connection.send_bytes(b"goodbye").await.unwrap();
        assert_eq!(client.await.unwrap().unwrap(), b"goodbye");
    }
}

#[tokio::test]
async fn a_dropped_connect_leaves_the_listener_well() {
    let key = AuthKey::new("the key of this test");
    let mut listener = ListenerOptions::with_key(key.clone()).bind_fresh().unwrap();
    let address = listener.address().clone();
    let server = tokio::spawn(async move {
        loop {
            let mut connection: Connection = listener.accept().await.unwrap();
            if connection.recv_bytes().await.is_ok() {
                return connection.send_bytes(b"last").await.unwrap();
            }
        }
    });
    let options = ConnectOptions::with_key(key);
    for k in 0..12 {
        drop(drop_after(k, options.connect(&address)).await);
        tokio::task::yield_now().await;
    }
    let mut connection = options.connect(&address).await.unwrap();
    connection.send_bytes(b"honest").await.unwrap();
    assert_eq!(connection.recv_bytes().await.unwrap(), b"last");
    server.await.unwrap();
}

/// `poll` only looks.
#[tokio::test]
async fn a_dropped_poll_receives_nothing() {
    let (mut one, mut other) = mpconn_tokio::pipe().unwrap();
    for k in 0..4 {
        drop(drop_after(k, one.poll(None)).await);
    }
    other.send_bytes(b"still here").await.unwrap();
    assert!(one.poll(None).await.unwrap());
    assert_eq!(one.recv_bytes().await.unwrap(), b"still here");
    assert!(!one.poll(Duration::ZERO).await.unwrap());
}

/// Futures that hold nothing across an await that another thread could not have.
#[test]
fn futures_can_move_between_threads() {
    fn is_send<T: Send>(_: Pin<Box<T>>) {}
    let key = || AuthKey::new("the key of this test");
    is_send(Box::pin(async move {
        let mut listener = ListenerOptions::with_key(key()).bind_fresh()?;
        let mut connection = listener.accept().await?;
        connection.send_bytes(b"").await?;
        connection.send_many([b""]).await?;
        connection.recv_bytes().await?;
        connection.poll(None).await?;
        mpconn_tokio::connect("/nowhere", key()).await
    }));
}

/// A send is dropped after its k-th poll, and the connection is taken apart and put together again.
#[tokio::test]
async fn parts_carry_what_is_unsent() {
    let large = vec![7; 300];
    let mut partial = 0;
    for polls in 0..POLLS {
        let mut connection = Connection::unauthenticated(Drip::new(13, Vec::new()));
        let is_done = {
            let mut sending = pin!(connection.send_bytes(&large));
            poll_times(polls, |cx| sending.as_mut().poll(cx)).await
        };
        let parts = connection.into_parts().unwrap();
        let unsent = parts.unsent();
        partial += usize::from(unsent > 0);
        let mut connection = match parts.into_transport() {
            Ok((transport, _)) => Connection::unauthenticated(transport),
            Err(parts) => Connection::from_parts(*parts),
        };
        connection.send_bytes(b"next").await.unwrap();
        let (transport, _) = connection.into_parts().unwrap().into_transport().unwrap();
        let outgoing = transport.state.into_inner().unwrap().outgoing;
        let next = b"\0\0\0\x04next".to_vec();
        let all = [&b"\0\0\x01\x2c"[..], &large, &next].concat();
        assert!(outgoing == all || (outgoing == next && !is_done && unsent == 0), "{polls} polls");
    }
    assert!(partial > 10);
}

/// Polls so many times at most. Returns `true` if it was ready.
async fn poll_times<T>(times: usize, mut poll: impl FnMut(&mut Context<'_>) -> Poll<T>) -> bool {
    let mut polled = 0;
    poll_fn(|cx| {
        if polled == times {
            return Poll::Ready(false);
        }
        polled += 1;
        match poll(cx) {
            Poll::Ready(_) => Poll::Ready(true),
            Poll::Pending => {
                cx.waker().wake_by_ref();
                Poll::Pending
            }
        }
    })
    .await
}
