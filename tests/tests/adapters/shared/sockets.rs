//! The sockets of a listener: adopted ones, raw ones, their families, and who is on the other side.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail them like tests")]

use std::collections::HashSet;
use std::fs::File;
use std::io::{self, BufRead, BufReader, IoSlice, Write};
use std::mem::MaybeUninit;
use std::net::{IpAddr, TcpListener, TcpStream, ToSocketAddrs, UdpSocket};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::{UnixDatagram, UnixListener, UnixStream};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use super::adapter::{
    Address, AuthKey, ConnectOptions, Connection, Error, Family, KeepAlive, Listener,
    ListenerOptions, Phase, connect,
};
use mpconn_tests::net::{Net, Stream, fresh_path, scratch};
use mpconn_tests::stall::bounded;
use mpconn_tests::wire::{CHALLENGE, WELCOME, challenge, frame, md5, receive, send};
use rustix::net::{
    self, AddressFamily, SendAncillaryBuffer, SendAncillaryMessage, SendFlags, SocketAddrUnix,
    bind, sockopt,
};
use tempfile::TempDir;

const KEY: &[u8] = b"a key of more than sixteen bytes";
const NETS: [Net; 2] = [Net::Tcp, Net::Unix];
const A_WHILE: Duration = Duration::from_secs(20);
const A_MOMENT: Duration = Duration::from_millis(200);

/// Off by default, as in Python, and never asked of a Unix socket, which does not have it.
#[test]
fn keep_alive_of_both_ends() {
    let asked = KeepAlive {
        idle: Duration::from_millis(29_001),
        interval: Duration::from_secs(7),
        count: 3,
    };
    let user_timeout = Duration::from_millis(12_345);
    for net in NETS {
        for is_asked in [false, true] {
            let scratch = scratch();
            let (mut listening, mut calling) =
                (ListenerOptions::without_key(), ConnectOptions::without_key());
            if is_asked {
                listening = listening.keep_alive(asked).user_timeout(user_timeout);
                calling = calling.keep_alive(asked).user_timeout(user_timeout);
            }
            let mut listener = listening.bind(net.fresh(&scratch)).unwrap();
            let client = calling.connect(listener.address()).unwrap();
            let served = listener.accept().unwrap();
            for socket in [client.transport().unwrap(), served.transport().unwrap()] {
                let is_set = is_asked && net == Net::Tcp;
                assert_eq!(sockopt::socket_keepalive(socket).unwrap(), is_set);
                if is_set {
                    assert_eq!(sockopt::tcp_keepidle(socket).unwrap(), Duration::from_secs(30));
                    assert_eq!(sockopt::tcp_keepintvl(socket).unwrap(), asked.interval);
                    assert_eq!(sockopt::tcp_keepcnt(socket).unwrap(), asked.count);
                    assert_eq!(sockopt::tcp_user_timeout(socket).unwrap(), 12_345);
                }
            }
        }
    }
}

#[test]
fn an_adopted_socket_stays_its_owners() {
    for net in NETS {
        for end in [drop, Listener::close, close_from_elsewhere, close_while_accepting] {
            bounded(move || {
                let scratch = scratch();
                let owner = Owner::listen(net, &scratch);
                let mut listener = keyed().adopt(owner.descriptor()).unwrap();
                assert_eq!(listener.address(), &owner.address);
                greet(&mut listener, ConnectOptions::with_key(AuthKey::new(KEY)));
                end(listener);
                owner.assert_works();

                // It can be lent again.
                let mut listener = keyed().adopt(owner.descriptor()).unwrap();
                greet(&mut listener, ConnectOptions::with_key(AuthKey::new(KEY)));
                drop(listener);
                owner.assert_works();
            });
        }
    }
}

/// The mode belongs to the socket, and not to the descriptor: a blocking `accept` without a client
/// would never return.
#[test]
fn the_owner_sets_an_adopted_socket_to_blocking_mode() {
    for net in NETS {
        bounded(move || {
            let scratch = scratch();
            let owner = Owner::listen(net, &scratch);
            let mut listener = keyed().adopt(owner.descriptor()).unwrap();
            for _ in 0..2 {
                rustix::io::ioctl_fionbio(owner.descriptor(), false).unwrap();
                greet(&mut listener, ConnectOptions::with_key(AuthKey::new(KEY)));
                assert_no_one_comes(&mut listener);
            }
        });
    }
}

/// The kernel ends a read behind descriptors and before urgent data, though more has arrived.
#[test]
fn reads_that_end_before_the_last_byte() {
    for net in NETS {
        bounded(move || {
            let (mut connection, mut client, _scratch) = accept_raw_client(net);
            for n in 0..3 {
                match &client {
                    Stream::Tcp(tcp) => {
                        net::send(tcp, &frame(&[n]), SendFlags::empty()).unwrap();
                        net::send(tcp, b"!", SendFlags::OOB).unwrap();
                    }
                    Stream::Unix(unix) => {
                        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
                        let mut control = SendAncillaryBuffer::new(&mut space);
                        let descriptors = [client.as_fd()];
                        assert!(control.push(SendAncillaryMessage::ScmRights(&descriptors)));
                        let message = frame(&[n]);
                        let slices = [IoSlice::new(&message)];
                        net::sendmsg(unix, &slices, &mut control, SendFlags::empty()).unwrap();
                    }
                }
                client.write_all(&frame(b"the rest")).unwrap();
                thread::sleep(Duration::from_millis(20));
                assert_eq!(connection.recv_bytes().unwrap(), [n]);
                assert_eq!(connection.recv_bytes().unwrap(), b"the rest");
            }
        });
    }
}

/// What failed was the transport, whatever the limit is by then.
#[test]
fn a_reset_stays_a_reset_under_a_lower_limit() {
    for net in NETS {
        bounded(move || {
            let (mut connection, mut client, _scratch) = accept_raw_client(net);
            // What the client has not read makes its close a reset.
            connection.send_bytes(b"unread").unwrap();
            thread::sleep(A_MOMENT);
            client.write_all(&frame(&[0; 100])[..50]).unwrap();
            connection.set_receive_timeout(A_MOMENT);
            assert!(matches!(connection.recv_bytes(), Err(Error::TimedOut(Phase::Receive))));
            drop(client);
            connection.set_receive_timeout(A_WHILE);
            for max in [1000, 10] {
                connection.set_max_message(max);
                let error = connection.recv_bytes().unwrap_err();
                let is_reset = matches!(
                    &error,
                    Error::Io(error) if error.kind() == io::ErrorKind::ConnectionReset
                );
                assert!(is_reset, "{net:?}, at most {max}: {error:?}");
            }
        });
    }
}

/// The messages before the panic are not sent with the next ones.
#[test]
fn an_iterator_that_panics_while_messages_are_gathered() {
    for net in NETS {
        bounded(move || {
            let (mut connection, mut client, _scratch) = accept_raw_client(net);
            let messages = (0..3_u8).map(|n| {
                assert!(n < 2, "on purpose");
                [n]
            });
            let sending = AssertUnwindSafe(|| connection.send_many(messages));
            assert!(catch_unwind(sending).is_err());
            connection.send_many([b"whole"]).unwrap();
            assert_eq!(receive(&mut client).unwrap(), b"whole");
        });
    }
}

#[test]
fn what_does_not_listen_is_not_adopted() {
    let scratch = scratch();
    let listening = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let tcp = TcpStream::connect(listening.local_addr().unwrap()).unwrap();
    let path = fresh_path(&scratch);
    let listening_unix = UnixListener::bind(&path).unwrap();
    let unix = UnixStream::connect(&path).unwrap();
    let refused: [(&str, OwnedFd); 11] = [
        ("UDP", UdpSocket::bind(("127.0.0.1", 0)).unwrap().into()),
        ("datagrams", UnixDatagram::bind(fresh_path(&scratch)).unwrap().into()),
        ("connected TCP", tcp.into()),
        ("accepted TCP", listening.accept().unwrap().0.into()),
        ("connected Unix", unix.into()),
        // This one has a name, the listener's.
        ("accepted Unix", listening_unix.accept().unwrap().0.into()),
        ("a pair", UnixStream::pair().unwrap().0.into()),
        ("bound TCP", bound_only(Net::Tcp, &scratch)),
        ("bound Unix", bound_only(Net::Unix, &scratch)),
        ("unbound TCP", mpconn_sockets::socket(AddressFamily::INET).unwrap()),
        ("a file", File::open("/dev/null").unwrap().into()),
    ];
    let ipv6 = Net::Tcp6.is_here().then(|| ("bound IPv6", bound_only(Net::Tcp6, &scratch)));
    let adopted: Vec<_> = refused
        .into_iter()
        .chain(ipv6)
        .map(|(what, socket)| (what, keyed().adopt(socket)))
        .filter(|(_, adopted)| !matches!(adopted, Err(Error::Io(_))))
        .collect();
    assert!(adopted.is_empty(), "{adopted:?}");
    assert!(path.exists());
}

#[test]
fn a_raw_connection_is_authenticated_on_another_thread() {
    for net in NETS {
        bounded(move || {
            let (mut listener, _scratch) = listen(net, &keyed());
            let address = listener.address().clone();
            let client = thread::spawn(move || {
                let mut client = connect(address, AuthKey::new(KEY)).unwrap();
                client.send_bytes(b"from the client").unwrap();
                client.recv_bytes().unwrap()
            });
            let (socket, peer) = listener.accept_raw().unwrap();
            assert_eq!(peer.is_some(), net == Net::Tcp);
            assert_eq!(listener.last_accepted(), peer.as_ref());
            let elsewhere = thread::spawn(move || {
                let mut connection = keyed().authenticate(socket).unwrap();
                assert!(connection.authenticated().is_some());
                assert_eq!(connection.recv_bytes().unwrap(), b"from the client");
                connection.send_bytes(b"to the client").unwrap();
            });
            elsewhere.join().unwrap();
            assert_eq!(client.join().unwrap(), b"to the client");

            // One with another key is found out there, too.
            let address = listener.address().clone();
            let client = thread::spawn(move || connect(address, AuthKey::new("another key")));
            let (socket, _) = listener.accept_raw().unwrap();
            assert!(keyed().authenticate(socket).unwrap_err().is_authentication());
            assert!(client.join().unwrap().unwrap_err().is_authentication());
        });
    }
}

#[test]
fn a_raw_connection_does_not_wait_for_a_pending_handshake() {
    for net in NETS {
        bounded(move || {
            let (mut listener, _scratch) = listen(net, &keyed().max_pending(1));
            let mut stopped = Stream::connect(listener.address()).unwrap();
            assert_no_one_comes(&mut listener);
            respond(&mut stopped);
            // All that may be pending is this one, which has proved itself.
            assert_no_one_comes(&mut listener);
            assert_eq!(receive(&mut stopped).unwrap(), WELCOME);

            let mut next = Stream::connect(listener.address()).unwrap();
            send(&mut next, b"I am the next").unwrap();
            let (socket, _) = listener.accept_raw().unwrap();
            // Its first message is none of the handshake, so that this tells which of them it is.
            assert!(keyed().authenticate(socket).is_err());
            assert!(receive(&mut next).unwrap().starts_with(CHALLENGE));

            // And it goes on with the one that is pending.
            send(&mut stopped, &challenge(&[b'x'; 20])).unwrap();
            let going_on = thread::spawn(move || {
                assert!(receive(&mut stopped).is_some(), "a response");
                send(&mut stopped, WELCOME).unwrap();
            });
            listener.accept_timeout(A_WHILE).unwrap();
            going_on.join().unwrap();
        });
    }
}

#[test]
fn a_fresh_address_is_of_the_family_that_is_asked_for() {
    let ipv6 = Net::Tcp6.is_here().then_some(Family::Inet6);
    for family in [Family::Inet, Family::Unix].into_iter().chain(ipv6) {
        bounded(move || {
            let mut listener = keyed().family(family).bind_fresh().unwrap();
            assert_eq!(listener.address().family(), family);
            match listener.address() {
                Address::Inet { host, port } => {
                    let host: IpAddr = host.parse().unwrap();
                    assert!(host.is_loopback() && *port != 0, "{host}");
                }
                Address::Unix(path) => assert!(path.is_absolute() && path.exists()),
                other => panic!("{other}"),
            }
            greet(&mut listener, ConnectOptions::with_key(AuthKey::new(KEY)));
            let other = keyed().family(family).bind_fresh().unwrap();
            assert_ne!(listener.address(), other.address());
        });
    }
    assert_eq!(keyed().bind_fresh().unwrap().address().family(), Family::default());
}

#[test]
fn a_name_has_addresses_of_families() {
    let known: Vec<_> = ("localhost", 0).to_socket_addrs().unwrap().collect();
    for family in [Family::Inet, Family::Inet6] {
        let is_ipv6 = family == Family::Inet6;
        let is_known = known.iter().any(|known| known.is_ipv6() == is_ipv6)
            && (!is_ipv6 || Net::Tcp6.is_here());
        match keyed().family(family).bind(("localhost", 0)) {
            Ok(mut listener) => {
                assert!(is_known, "{family}");
                assert_eq!(listener.address().family(), family);
                greet(&mut listener, ConnectOptions::with_key(AuthKey::new(KEY)));
            }
            Err(Error::Unreachable { phase: Phase::Listen, .. }) => assert!(!is_known, "{family}"),
            Err(other) => panic!("{family}: {other:?}"),
        }
    }
    let error = keyed().family(Family::Inet6).bind(("127.0.0.1", 0)).unwrap_err();
    assert!(matches!(error, Error::Unreachable { phase: Phase::Listen, .. }), "{error:?}");
}

#[test]
fn the_last_accepted_is_where_the_client_is() {
    bounded(|| {
        let open = ListenerOptions::without_key();
        let ipv6 = Net::Tcp6.is_here().then_some("::1");
        for host in ["127.0.0.1"].into_iter().chain(ipv6) {
            let mut listener = open.bind((host, 0)).unwrap();
            assert_eq!(listener.last_accepted(), None);
            let Address::Inet { port, .. } = *listener.address() else { panic!("TCP") };
            for raw in [false, true, false] {
                let client = TcpStream::connect((host, port)).unwrap();
                let local = Address::from(client.local_addr().unwrap());
                if raw {
                    assert_eq!(listener.accept_raw().unwrap().1.as_ref(), Some(&local));
                } else {
                    assert_eq!(listener.accept().unwrap().peer(), Some(&local));
                }
                assert_eq!(listener.last_accepted(), Some(&local));
            }
        }

        let (mut listener, scratch) = listen(Net::Unix, &open);
        let Address::Unix(path) = listener.address().clone() else { panic!("a Unix socket") };
        assert_eq!(listener.last_accepted(), None);
        let _unnamed = UnixStream::connect(&path).unwrap();
        assert_eq!(listener.accept().unwrap().peer(), None);
        assert_eq!(listener.last_accepted(), None);

        let name = fresh_path(&scratch);
        let _named = connect_named(&path, &name);
        let named = Address::Unix(name);
        assert_eq!(listener.accept().unwrap().peer(), Some(&named));
        assert_eq!(listener.last_accepted(), Some(&named));

        // It is the last one, not the last that had an address.
        let _unnamed = UnixStream::connect(&path).unwrap();
        listener.accept_raw().unwrap();
        assert_eq!(listener.last_accepted(), None);
    });
}

#[test]
fn a_client_that_fails_is_not_the_last_accepted() {
    bounded(|| {
        let (mut listener, _scratch) = listen(Net::Tcp, &keyed());
        let mut peer = Stream::connect(listener.address()).unwrap();
        send(&mut peer, b"not a response").unwrap();
        assert!(listener.incoming().next().unwrap().is_err());
        assert_eq!(listener.last_accepted(), None);
        greet(&mut listener, ConnectOptions::with_key(AuthKey::new(KEY)));
        assert!(listener.last_accepted().is_some());
    });
}

#[cfg(target_os = "linux")]
#[test]
fn the_credentials_of_a_unix_peer() {
    bounded(|| {
        let (mut listener, _scratch) = listen(Net::Unix, &ListenerOptions::without_key());
        let address = listener.address().clone();
        let client = ConnectOptions::without_key().connect(&address).unwrap();
        let mut accepted = listener.accept().unwrap();
        let ids = (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw());
        for side in [&client, &accepted] {
            let peer = side.peer_credentials().unwrap();
            assert_eq!(peer.pid.unwrap().unsigned_abs(), std::process::id());
            assert_eq!((peer.uid, peer.gid), ids);
        }
        accepted.close();
        let error = accepted.peer_credentials().unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotConnected);

        let child = Killed::start(&["connect", &address.to_string()]);
        let mut accepted = listener.accept_timeout(A_WHILE).unwrap();
        assert_eq!(accepted.recv_bytes().unwrap(), b"here I am");
        let peer = accepted.peer_credentials().unwrap();
        assert_eq!(peer.pid.unwrap().unsigned_abs(), child.0.id());
        assert_eq!((peer.uid, peer.gid), ids);
    });
}

#[cfg(target_os = "linux")]
#[test]
fn a_tcp_peer_has_no_credentials() {
    for net in [Net::Tcp, Net::Tcp6].into_iter().filter(|net| net.is_here()) {
        let (mut listener, _scratch) = listen(net, &ListenerOptions::without_key());
        let client = ConnectOptions::without_key().connect(listener.address()).unwrap();
        let accepted = listener.accept_timeout(A_WHILE).unwrap();
        for side in [client, accepted] {
            let error = side.peer_credentials().unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::Unsupported);
        }
    }
}

#[test]
fn the_longest_timeouts_are_as_good_as_none() {
    for net in NETS {
        bounded(move || {
            let (mut listener, _scratch) = listen(net, &keyed().handshake_timeout(Duration::MAX));
            let options = ConnectOptions::with_key(AuthKey::new(KEY));
            for retry in [false, true] {
                let options = options.clone().handshake_timeout(Duration::MAX);
                let options = options.connect_timeout(Duration::MAX).retry(retry);
                greet(&mut listener, options);
            }

            let address = listener.address().clone();
            let client = thread::spawn(move || connect(address, AuthKey::new(KEY)).map(drop));
            listener.accept_timeout(Duration::MAX).unwrap();
            client.join().unwrap().unwrap();

            let address = listener.address().clone();
            let client = thread::spawn(move || connect(address, AuthKey::new(KEY)).map(drop));
            let (socket, _) = listener.accept_raw().unwrap();
            keyed().handshake_timeout(Duration::MAX).authenticate(socket).unwrap();
            client.join().unwrap().unwrap();
        });
    }
}

/// It does not fork: what a fork would copy is the state of a generator, and this shows no more
/// than that no two processes or handshakes begin with the same one.
#[test]
fn challenges_differ_within_a_process_and_between_two_started_at_once() {
    bounded(|| {
        let scratch = scratch();
        let paths = [fresh_path(&scratch), fresh_path(&scratch)];
        let mut children =
            paths.each_ref().map(|path| Killed::start(&["challenge", path.to_str().unwrap()]));
        for child in &mut children {
            let mut line = String::new();
            BufReader::new(child.0.stdout.take().unwrap()).read_line(&mut line).unwrap();
            assert_eq!(line, "listening\n");
        }
        let (mut listener, _scratch) = listen(Net::Unix, &keyed());
        let ours = listener.address().clone();
        let closer = listener.closer();
        let accepting = thread::spawn(move || listener.accept().map(drop));

        let mut seen = HashSet::new();
        for _ in 0..500 {
            for address in
                [&Address::Unix(paths[0].clone()), &Address::Unix(paths[1].clone()), &ours, &ours]
            {
                let message = receive(&mut Stream::connect(address).unwrap()).unwrap();
                let random = message.strip_prefix(CHALLENGE).unwrap().to_owned();
                assert!(random.len() >= 20, "{random:?}");
                assert!(seen.insert(random), "a challenge was repeated");
            }
        }
        assert_eq!(seen.len(), 2000);
        closer.close();
        assert!(matches!(accepting.join().unwrap(), Err(Error::Closed)));
    });
}

fn keyed() -> ListenerOptions {
    ListenerOptions::with_key(AuthKey::new(KEY))
}

fn listen(net: Net, options: &ListenerOptions) -> (Listener, TempDir) {
    let scratch = scratch();
    (options.bind(net.fresh(&scratch)).unwrap(), scratch)
}

/// A connection without a handshake, and a raw client as its peer.
fn accept_raw_client(net: Net) -> (Connection, Stream, TempDir) {
    let (mut listener, scratch) = listen(net, &ListenerOptions::without_key());
    let client = Stream::connect(listener.address()).unwrap();
    (listener.accept_timeout(A_WHILE).unwrap(), client, scratch)
}

/// A client gets in, and is heard.
fn greet(listener: &mut Listener, options: ConnectOptions) {
    let address = listener.address().clone();
    let client = thread::spawn(move || options.connect(address)?.send_bytes(b"hello"));
    let mut connection = listener.accept_timeout(A_WHILE).unwrap();
    assert_eq!(connection.recv_bytes().unwrap(), b"hello");
    client.join().unwrap().unwrap();
}

fn assert_no_one_comes(listener: &mut Listener) {
    let nothing = listener.accept_timeout(A_MOMENT);
    assert!(matches!(nothing, Err(Error::TimedOut(Phase::Accept))), "{nothing:?}");
}

/// Responds to the challenge that waits for it.
fn respond(peer: &mut Stream) {
    let challenge = receive(peer).unwrap();
    send(peer, &md5(KEY, challenge.strip_prefix(CHALLENGE).unwrap())).unwrap();
}

fn close_from_elsewhere(listener: Listener) {
    listener.closer().close();
}

fn close_while_accepting(mut listener: Listener) {
    let closer = listener.closer();
    let accepting = thread::spawn(move || listener.accept().map(drop));
    thread::sleep(A_MOMENT);
    closer.close();
    assert!(matches!(accepting.join().unwrap(), Err(Error::Closed)));
}

/// Bound, and not listening.
fn bound_only(net: Net, scratch: &TempDir) -> OwnedFd {
    let (family, address) = match net.fresh(scratch) {
        Address::Inet { host, port } => {
            let address = std::net::SocketAddr::new(host.parse().unwrap(), port);
            let family = if address.is_ipv6() { AddressFamily::INET6 } else { AddressFamily::INET };
            (family, address)
        }
        Address::Unix(path) => {
            let socket = mpconn_sockets::socket(AddressFamily::UNIX).unwrap();
            bind(&socket, &SocketAddrUnix::new(path).unwrap()).unwrap();
            return socket;
        }
        other => panic!("{other}"),
    };
    let socket = mpconn_sockets::socket(family).unwrap();
    bind(&socket, &address).unwrap();
    socket
}

/// A Unix client with a name of its own.
fn connect_named(listener: &Path, name: &Path) -> OwnedFd {
    let socket = mpconn_sockets::socket(AddressFamily::UNIX).unwrap();
    bind(&socket, &SocketAddrUnix::new(name).unwrap()).unwrap();
    net::connect(&socket, &SocketAddrUnix::new(listener).unwrap()).unwrap();
    socket
}

/// Whoever made a listening socket, and lends it.
struct Owner {
    socket: OwnersSocket,
    address: Address,
}

enum OwnersSocket {
    Tcp(TcpListener),
    Unix(UnixListener),
}

impl Owner {
    fn listen(net: Net, scratch: &TempDir) -> Self {
        if net == Net::Unix {
            let path = fresh_path(scratch);
            let socket = OwnersSocket::Unix(UnixListener::bind(&path).unwrap());
            return Self { socket, address: Address::Unix(path) };
        }
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let address = listener.local_addr().unwrap().into();
        Self { socket: OwnersSocket::Tcp(listener), address }
    }

    fn descriptor(&self) -> OwnedFd {
        match &self.socket {
            OwnersSocket::Tcp(listener) => listener.try_clone().unwrap().into(),
            OwnersSocket::Unix(listener) => listener.try_clone().unwrap().into(),
        }
    }

    /// A client that connects only now is accepted.
    fn assert_works(&self) {
        if let Address::Unix(path) = &self.address {
            assert!(path.exists(), "the owner's file");
        }
        let client = Stream::connect(&self.address).unwrap();
        // The mode is the socket's, which everyone shares who has it.
        match &self.socket {
            OwnersSocket::Tcp(listener) => {
                listener.set_nonblocking(false).unwrap();
                let (_, peer) = listener.accept().unwrap();
                let Stream::Tcp(client) = client else { panic!("TCP") };
                assert_eq!(peer, client.local_addr().unwrap());
            }
            OwnersSocket::Unix(listener) => {
                listener.set_nonblocking(false).unwrap();
                listener.accept().unwrap();
            }
        }
    }
}

/// `src/bin/child.rs`, which does not outlive the test.
struct Killed(Child);

impl Killed {
    fn start(arguments: &[&str]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_child"));
        Self(command.args(arguments).stdout(Stdio::piped()).spawn().unwrap())
    }
}

impl Drop for Killed {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The system would take it for an abstract name, which any user can bind.
#[test]
fn an_empty_path_is_refused() {
    bounded(|| {
        let empty = Address::Unix(std::path::PathBuf::new());
        let bound = keyed().bind(empty.clone()).unwrap_err();
        assert!(bound.to_string().contains("empty"), "{bound}");
        let connected = connect(empty, AuthKey::new(KEY)).unwrap_err();
        assert!(connected.to_string().contains("empty"), "{connected}");
    });
}

#[test]
fn the_name_of_a_peer_is_escaped() {
    bounded(|| {
        let (mut listener, scratch) = listen(Net::Unix, &keyed());
        let Address::Unix(path) = listener.address().clone() else { panic!("a Unix socket") };
        let name = fresh_path(&scratch).with_file_name("forged\nline\x1b[31m");
        let mut peer = Stream::Unix(connect_named(&path, &name).into());
        send(&mut peer, b"not a response").unwrap();
        let error = listener.incoming().next().unwrap().unwrap_err();
        let printed = error.to_string();
        assert!(printed.contains("forged%0aline%1b[31m"), "{printed}");
        assert!(!printed.contains(char::is_control), "{printed}");
    });
}
