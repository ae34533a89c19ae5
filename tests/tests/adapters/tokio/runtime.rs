//! The tokio adapter among tokio's own: both kinds of runtime and their end, streams and sinks,
//! halves, other streams of bytes, TLS.
#![allow(clippy::unwrap_used, reason = "an unexpected error is a failed test")]

use std::future::poll_fn;
use std::net::{TcpListener, UdpSocket};
use std::os::fd::OwnedFd;
use std::os::unix::net::{UnixDatagram, UnixStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::Poll;
use std::time::Duration;

use futures_util::{Sink, SinkExt, StreamExt, future::join};
use mpconn_tokio::{
    Address, AuthKey, ConnectOptions, Connection, Error, FrameError, Listener, ListenerOptions,
    ReadWrite, Socket, Transport, connect, pipe,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::runtime::{Builder, Runtime};

fn key() -> AuthKey {
    AuthKey::new("a key of more than sixteen bytes")
}

fn runtimes() -> [Runtime; 2] {
    [Builder::new_current_thread(), Builder::new_multi_thread()]
        .map(|mut builder| builder.worker_threads(2).enable_all().build().unwrap())
}

#[test]
fn on_both_kinds_of_runtime() {
    for runtime in runtimes() {
        runtime.block_on(async {
            for address in ["unix", "tcp"] {
                let options = ListenerOptions::with_key(key());
                let mut listener = match address {
                    "unix" => options.bind_fresh().unwrap(),
                    _ => options.bind(("127.0.0.1", 0)).unwrap(),
                };
                let address = listener.address().clone();
                let clients: Vec<_> = (0..20_u8)
                    .map(|number| {
                        let address = address.clone();
                        tokio::spawn(async move {
                            let mut connection = connect(address, key()).await.unwrap();
                            connection.send_bytes(&[number]).await.unwrap();
                            assert_eq!(connection.recv_bytes().await.unwrap(), [number, number]);
                        })
                    })
                    .collect();
                for _ in 0..clients.len() {
                    let mut connection = listener.accept().await.unwrap();
                    tokio::spawn(async move {
                        let number = connection.recv_bytes().await.unwrap();
                        connection.send_bytes(&number.repeat(2)).await.unwrap();
                    });
                }
                for client in clients {
                    client.await.unwrap();
                }
            }
        });
    }
}

/// Messages that were read ahead need no system call, and still leave other tasks their turns.
#[tokio::test]
async fn a_loop_over_messages_read_ahead_lets_other_tasks_run() {
    const MESSAGES: u32 = 8_000;
    let (mut one, mut other) = pipe().unwrap();
    one.send_many((0..MESSAGES).map(|_| b"x")).await.unwrap();
    let turns = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&turns);
    tokio::spawn(async move {
        loop {
            counted.fetch_add(1, Ordering::Relaxed);
            tokio::task::yield_now().await;
        }
    });
    for n in 0..MESSAGES {
        match n % 3 {
            0 => drop(other.recv_bytes().await.unwrap()),
            1 => drop(other.next().await.unwrap().unwrap()),
            _ => assert_eq!(other.recv_borrowed().await.unwrap(), b"x"),
        }
    }
    // A task may go on 128 times before it yields.
    let turns = turns.load(Ordering::Relaxed);
    assert!(turns >= MESSAGES / 130, "{turns} turns");
}

#[test]
fn the_end_of_a_runtime_is_nobodys_panic() {
    for runtime in runtimes() {
        let (listener, connection, path) = runtime.block_on(async {
            let mut listener = listen();
            let path = path_of(&listener);
            let address = listener.address().clone();
            // Tasks that wait in every way there is, cut off by the end.
            let (accepted, connected) = join(listener.accept(), connect(address, key())).await;
            let (mut one, mut other) = (accepted.unwrap(), connected.unwrap());
            tokio::spawn(async move { one.recv_bytes().await.map(drop) });
            tokio::spawn(async move { while other.send_bytes(&[0; 100_000]).await.is_ok() {} });
            let mut busy = listen();
            let silent = ConnectOptions::without_key().connect(busy.address()).await.unwrap();
            tokio::spawn(async move { busy.accept().await.map(drop) });
            tokio::time::sleep(Duration::from_millis(10)).await;
            (listener, silent, path)
        });
        drop(runtime);
        // What outlives the runtime fails, or just goes.
        let mut connection = connection;
        let after = Builder::new_current_thread().enable_all().build().unwrap();
        let received = after.block_on(async {
            let receive = async { while connection.recv_bytes().await.is_ok() {} };
            tokio::time::timeout(Duration::from_secs(5), receive).await
        });
        assert!(received.is_ok(), "a receive on a runtime that has ended fails");
        assert!(path.exists());
        drop((connection, listener));
        assert!(!path.exists(), "a listener's file goes with it, runtime or none");
    }
}

fn listen() -> Listener {
    ListenerOptions::with_key(key()).bind_fresh().unwrap()
}

fn path_of(listener: &Listener) -> std::path::PathBuf {
    match listener.address() {
        Address::Unix(path) => path.clone(),
        other => panic!("{other} is no path"),
    }
}

#[tokio::test]
async fn a_stream_ends_with_the_peer_and_after_an_error() {
    let (mut one, other) = pipe().unwrap();
    one.send_many([&b"one"[..], b"", b"three"]).await.unwrap();
    one.close();
    let messages: Vec<_> = other.map(Result::unwrap).collect().await;
    assert_eq!(messages, [&b"one"[..], b"", b"three"]);

    let (socket, mut raw) = tokio::net::UnixStream::pair().unwrap();
    raw.write_all(b"\0\0\0\x01x\xff\xff\xff\xfe").await.unwrap();
    let mut connection = Connection::unauthenticated(Socket::try_from(socket).unwrap());
    assert_eq!(connection.next().await.unwrap().unwrap(), &b"x"[..]);
    let error = connection.next().await.unwrap().unwrap_err();
    assert!(matches!(error, Error::Frame(FrameError::InvalidLength(-2))), "{error:?}");
    assert!(connection.next().await.is_none());
}

#[tokio::test]
async fn a_sink_takes_no_more_than_its_buffer_from_a_peer_that_does_not_read() {
    let message = [7_u8; 1000];
    let (one, mut other) = pipe().unwrap();
    let mut sink = Box::pin(one);
    let mut fed = 0;
    // What the kernel takes, and then the buffer.
    loop {
        let ready = poll_fn(|cx| Poll::Ready(Sink::<&[u8]>::poll_ready(sink.as_mut(), cx))).await;
        if ready.is_pending() {
            break;
        }
        Sink::<&[u8]>::start_send(sink.as_mut(), &message).unwrap();
        fed += 1;
        assert!(fed < 100_000, "it takes for ever");
    }
    let (_, sender) = sink.as_mut().get_mut().halves();
    assert!(sender.buffered() < 64 * 1024 + 2 * message.len(), "{} bytes", sender.buffered());

    // The peer reads, and everything comes.
    let receiving = tokio::spawn(async move {
        let mut messages = 0;
        while let Some(message) = other.next().await {
            assert_eq!(message.unwrap(), &[7; 1000][..]);
            messages += 1;
        }
        messages
    });
    SinkExt::<&[u8]>::close(&mut sink).await.unwrap();
    assert!(sink.is_closed());
    assert_eq!(receiving.await.unwrap(), fed);
}

#[tokio::test]
async fn halves_in_one_task_in_two_and_together_again() {
    static MESSAGE: [u8; 100_000] = [1; 100_000];
    let (mut one, mut other) = pipe().unwrap();
    for _ in 0..10 {
        // Both send before either receives: more than the sockets hold.
        let (receiver, sender) = one.halves();
        let (their_receiver, their_sender) = other.halves();
        let (sent, received) = join(
            join(sender.send_bytes(&MESSAGE), their_sender.send_bytes(&MESSAGE)),
            join(receiver.recv_bytes(), their_receiver.recv_bytes()),
        )
        .await;
        assert!(sent.0.is_ok() && sent.1.is_ok());
        assert!(received.0.unwrap() == MESSAGE && received.1.unwrap() == MESSAGE);
    }

    let (mut receiver, mut sender) = one.split();
    let echo = tokio::spawn(async move {
        for _ in 0..100 {
            let message = other.recv_bytes().await.unwrap();
            other.send_bytes(&message).await.unwrap();
        }
        other
    });
    let sending = tokio::spawn(async move {
        for number in 0..100_u8 {
            sender.send_bytes(&[number]).await.unwrap();
        }
        sender
    });
    for number in 0..100_u8 {
        assert_eq!(receiver.recv_bytes().await.unwrap(), [number]);
    }
    let (sender, other) = (sending.await.unwrap(), echo.await.unwrap());
    let (others_receiver, others_sender) = other.split();
    let error = Connection::reunite(receiver, others_sender).unwrap_err();
    let (receiver, others_sender) = error.into_halves();
    let mut one = Connection::reunite(receiver, sender).unwrap();
    let mut other = Connection::reunite(others_receiver, others_sender).unwrap();
    one.send_bytes(b"together").await.unwrap();
    assert_eq!(other.recv_bytes().await.unwrap(), b"together");
}

#[tokio::test]
async fn from_and_into_other_streams() {
    // The standard library's, in blocking mode as they come,
    let (one, other) = UnixStream::pair().unwrap();
    let mut one = Connection::unauthenticated(Socket::try_from(one).unwrap());
    let other = Socket::try_from(other).unwrap();
    one.send_many([&b"first"[..], b"second"]).await.unwrap();
    // and back, with what was read ahead.
    let mut other = Connection::unauthenticated(other);
    assert_eq!(other.recv_bytes().await.unwrap(), b"first");
    let (socket, unread) = other.into_parts().unwrap().into_transport().unwrap();
    assert_eq!(unread, b"\0\0\0\x06second");
    let stream = UnixStream::from(OwnedFd::from(socket));
    let mut other = Connection::resumed(Socket::try_from(stream).unwrap(), unread);
    assert_eq!(other.recv_bytes().await.unwrap(), b"second");

    let (socket, _) = other.into_parts().unwrap().into_transport().unwrap();
    let fd = OwnedFd::from(socket);
    let mut blocking =
        mpconn_blocking::Connection::unauthenticated(mpconn_blocking::Socket::from(fd));
    one.send_bytes(b"third").await.unwrap();
    assert_eq!(blocking.recv_bytes().unwrap(), b"third");

    // tokio's own.
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stream, accepted) = join(tokio::net::TcpStream::connect(address), listener.accept()).await;
    let mut raw = accepted.unwrap().0;
    let mut connection = Connection::unauthenticated(Socket::try_from(stream.unwrap()).unwrap());
    connection.send_bytes(b"over TCP").await.unwrap();
    let mut bytes = [0; 12];
    raw.read_exact(&mut bytes).await.unwrap();
    assert_eq!(&bytes, b"\0\0\0\x08over TCP");
}

#[tokio::test]
async fn a_raw_client_is_authenticated_elsewhere() {
    let options = ListenerOptions::with_key(key());
    let mut listener = options.bind_fresh().unwrap();
    let address = listener.address().clone();
    let (mut accepted, connected) = join(
        async {
            let (socket, _) = listener.accept_raw().await.unwrap();
            tokio::spawn(async move { options.authenticate(socket).await }).await.unwrap().unwrap()
        },
        connect(address, key()),
    )
    .await;
    connected.unwrap().send_bytes(b"hello").await.unwrap();
    assert_eq!(accepted.recv_bytes().await.unwrap(), b"hello");
}

#[tokio::test]
async fn over_tls() {
    let (client, server) = tls().await;
    let (options, connecting) = (ListenerOptions::with_key(key()), ConnectOptions::with_key(key()));
    let (ours, theirs) = join(options.authenticate(server), connecting.authenticate(client)).await;
    let (mut ours, mut theirs) = (ours.unwrap(), theirs.unwrap());
    assert!(ours.authenticated().is_some());
    for size in [0, 1, 20_000, 1 << 20] {
        let message = vec![3; size];
        let (sent, received) = join(ours.send_bytes(&message), theirs.recv_bytes()).await;
        sent.unwrap();
        assert!(received.unwrap() == message);
        // What TLS holds back is flushed: nobody waits for an answer to what was never sent.
        let (sent, received) =
            join(theirs.send_many([&message[..], b"end"]), ours.recv_bytes()).await;
        sent.unwrap();
        assert!(received.unwrap() == message);
        assert_eq!(ours.recv_bytes().await.unwrap(), b"end");
    }
}

/// Both sides of a TLS stream over a pipe in memory.
async fn tls() -> (impl Transport, impl Transport) {
    use tokio_rustls::rustls::pki_types::{PrivateKeyDer, ServerName};
    use tokio_rustls::rustls::{ClientConfig, RootCertStore, ServerConfig};
    use tokio_rustls::{TlsAcceptor, TlsConnector};

    let certified = rcgen::generate_simple_self_signed(["listener".to_owned()]).unwrap();
    let certificate = certified.cert.der().clone();
    let mut roots = RootCertStore::empty();
    roots.add(certificate.clone()).unwrap();
    let client = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    let server_key = PrivateKeyDer::try_from(certified.signing_key.serialize_der()).unwrap();
    let server = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], server_key)
        .unwrap();

    let (one, other) = tokio::io::duplex(4096);
    let name = ServerName::try_from("listener").unwrap();
    let (client, server) = join(
        TlsConnector::from(Arc::new(client)).connect(name, one),
        TlsAcceptor::from(Arc::new(server)).accept(other),
    )
    .await;
    (ReadWrite::new(client.unwrap()), ReadWrite::new(server.unwrap()))
}

/// What carries no stream, or cannot be watched, is refused when it is taken over.
#[tokio::test]
async fn descriptors_that_carry_no_stream() {
    let refused: [(&str, OwnedFd); 4] = [
        ("UDP", UdpSocket::bind(("127.0.0.1", 0)).unwrap().into()),
        ("datagrams", UnixDatagram::unbound().unwrap().into()),
        ("a file", tempfile::tempfile().unwrap().into()),
        ("a directory", std::fs::File::open("/").unwrap().into()),
    ];
    for (name, fd) in refused {
        assert!(Socket::try_from(fd).is_err(), "{name}");
    }
    let listening = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let mut connection =
        Connection::unauthenticated(Socket::try_from(OwnedFd::from(listening)).unwrap());
    assert!(matches!(connection.send_bytes(b"x").await, Err(Error::Io(_))), "it is not connected");
}

/// The socket is registered again when a send finds no room: who waits to receive by then is woken all
/// the same.
#[test]
fn a_receive_waits_while_a_send_finds_no_room() {
    static LARGE: [u8; 4 << 20] = [1; 4 << 20];
    for runtime in runtimes() {
        runtime.block_on(async {
            for _ in 0..20 {
                let (one, mut other) = pipe().unwrap();
                let (mut receiver, mut sender) = one.split();
                let receiving = tokio::spawn(async move { receiver.recv_bytes().await.unwrap() });
                tokio::task::yield_now().await;
                let sending = tokio::spawn(async move { sender.send_bytes(&LARGE).await });
                tokio::time::sleep(Duration::from_millis(1)).await;
                other.send_bytes(b"while it waits").await.unwrap();
                assert_eq!(receiving.await.unwrap(), b"while it waits");
                assert!(!sending.is_finished());
                assert!(other.recv_bytes().await.unwrap() == LARGE);
                sending.await.unwrap().unwrap();
            }
        });
    }
}

/// A future of a connection needs the runtime to run, and not to be polled by it.
#[test]
fn a_send_finds_no_room_outside_of_the_runtime() {
    struct Unpark(std::thread::Thread);
    impl std::task::Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    static LARGE: [u8; 4 << 20] = [1; 4 << 20];
    let [_, runtime] = runtimes();
    let (mut one, mut other) = runtime.block_on(async { pipe().unwrap() });
    let receiving = runtime.spawn(async move { other.recv_bytes().await });
    let waker = Arc::new(Unpark(std::thread::current())).into();
    let mut cx = std::task::Context::from_waker(&waker);
    {
        let mut sending = std::pin::pin!(one.send_bytes(&LARGE));
        while sending.as_mut().poll(&mut cx).map(Result::unwrap).is_pending() {
            std::thread::park();
        }
    }
    assert!(runtime.block_on(receiving).unwrap().unwrap() == LARGE);
}
