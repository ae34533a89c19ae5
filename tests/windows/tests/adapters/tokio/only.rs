//! What the tokio adapter alone has: futures that are dropped, and many pipes on one thread.

use std::time::Duration;

use mpconn_tests::content::message;
use mpconn_tokio::{AuthKey, Error, Listener, connect, one_way_pipe, pipe};
use mpconn_windows_tests::{KEY, Net};
use tokio::task::{JoinSet, yield_now};
use tokio::time::timeout;

#[tokio::test(flavor = "current_thread")]
async fn a_dropped_receive_loses_nothing() {
    const MESSAGES: usize = 300;
    let (mut one, mut other) = pipe().unwrap();
    let sending = tokio::spawn(async move {
        for n in 0..MESSAGES {
            other.send_bytes(&message(n, n * 333)).await.unwrap();
            if n % 3 == 0 {
                yield_now().await;
            }
        }
        other
    });
    let mut dropped = 0;
    for n in 0..MESSAGES {
        let received = loop {
            // Dropped after every way through the runtime that it needs.
            tokio::select! {
                biased;
                received = one.recv_bytes() => break received.unwrap(),
                () = yield_now() => dropped += 1,
            }
        };
        assert!(received == message(n, n * 333), "{n}");
    }
    assert!(dropped > 0, "no future was dropped");
    drop(sending.await.unwrap());
    assert!(matches!(one.recv_bytes().await, Err(Error::Ended)));
}

#[tokio::test(flavor = "current_thread")]
async fn a_dropped_send_is_sent_once() {
    const LARGE: usize = 4 << 20;
    let (one, mut other) = pipe().unwrap();
    let (_receiver, mut sender) = one.split();
    let large = message(0, LARGE);
    let given_up = timeout(Duration::from_millis(20), sender.send_bytes(&large)).await;
    assert!(given_up.is_err(), "nobody receives it");
    assert!(sender.buffered() > 0, "it is still on its way");
    let sending = tokio::spawn(async move {
        sender.send_bytes(b"next").await.unwrap();
        sender
    });
    assert!(other.recv_bytes().await.unwrap() == large);
    assert_eq!(other.recv_bytes().await.unwrap(), b"next");
    assert_eq!(sending.await.unwrap().buffered(), 0);
}

#[tokio::test(flavor = "current_thread")]
async fn two_hundred_pipes_on_one_thread() {
    const CLIENTS: usize = 200;
    let mut listener = Listener::bind(Net::Pipe.fresh(), AuthKey::new(KEY)).unwrap();
    let mut clients = JoinSet::new();
    for n in 0..CLIENTS {
        let address = listener.address().clone();
        clients.spawn(async move {
            let mut client = connect(address, AuthKey::new(KEY)).await.unwrap();
            client.send_bytes(&message(n, 1000)).await.unwrap();
            assert!(client.recv_bytes().await.unwrap() == message(n, 1000));
        });
    }
    for _ in 0..CLIENTS {
        let mut served = listener.accept().await.unwrap();
        tokio::spawn(async move {
            let message = served.recv_bytes().await.unwrap();
            served.send_bytes(&message).await.unwrap();
            // Until the client has it.
            assert!(matches!(served.recv_bytes().await, Err(Error::Ended)));
        });
    }
    assert_eq!(clients.join_all().await.len(), CLIENTS);
}

#[tokio::test]
async fn halves_in_two_tasks() {
    const MESSAGES: usize = 200;
    let (one, other) = pipe().unwrap();
    let mut tasks = JoinSet::new();
    for connection in [one, other] {
        let (mut receiver, mut sender) = connection.split();
        tasks.spawn(async move {
            sender.send_many((0..MESSAGES).map(|n| message(n, n * 50))).await.unwrap();
        });
        tasks.spawn(async move {
            for n in 0..MESSAGES {
                assert!(receiver.recv_bytes().await.unwrap() == message(n, n * 50), "{n}");
            }
        });
    }
    tasks.join_all().await;
}

#[tokio::test(flavor = "current_thread")]
async fn a_pipe_of_one_way() {
    let (mut receiver, mut sender) = one_way_pipe().unwrap();
    sender.send_bytes(b"this way").await.unwrap();
    assert_eq!(receiver.recv_bytes().await.unwrap(), b"this way");
    drop(sender);
    assert!(matches!(receiver.recv_bytes().await, Err(Error::Ended)));
}
