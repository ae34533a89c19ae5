//! A process of its own, because it clears the umask and changes the working directory: Unix sockets
//! in the file system, who may connect to them, what is replaced, and what is removed.
//!
//! Every test here clears the umask, so that a file has exactly the mode that it was given.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail them like tests")]

use std::fs::{self, File, Metadata};
use std::io::{self, BufRead, BufReader};
use std::net::TcpListener;
use std::os::unix::fs::{FileTypeExt, PermissionsExt, symlink};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::{env, thread};

use super::adapter::{Address, AuthKey, Error, Listener, ListenerOptions, Phase, connect};
use mpconn::AddressError;
use mpconn_tests::net::{fresh_path, scratch};
use mpconn_tests::process::alone;
use rustix::fs::Mode;
use rustix::process::umask;

#[test]
fn only_the_user_may_connect_at_any_moment() {
    // Enough that other rights are seen, if only between two system calls.
    const LOOKS: usize = 1000;
    umask(Mode::empty());
    let scratch = scratch();
    let path = fresh_path(&scratch);
    let seen = thread::scope(|scope| {
        let watch = scope.spawn(|| {
            let look = || fs::symlink_metadata(&path).ok();
            let mode = |file: Metadata| file.permissions().mode() & 0o777;
            std::iter::repeat_with(look).flatten().map(mode).take(LOOKS).collect::<Vec<_>>()
        });
        while !watch.is_finished() {
            drop(options().bind(path.as_path()).unwrap());
        }
        watch.join().unwrap()
    });
    assert!(seen.iter().all(|&mode| mode == 0o600));
}

#[test]
fn another_mode_can_be_asked_for() {
    umask(Mode::empty());
    let scratch = scratch();
    let path = fresh_path(&scratch);
    let _listener = options().mode(0o660).bind(path.as_path()).unwrap();
    assert_eq!(mode(&path), 0o660);
}

#[test]
fn a_fresh_address_is_in_a_directory_of_its_own() {
    umask(Mode::empty());
    let listener = options().bind_fresh().unwrap();
    let path = path_of(&listener);
    let directory = path.parent().unwrap().to_owned();
    assert_eq!((mode(&path), mode(&directory)), (0o600, 0o700));
    assert_ne!(directory, env::temp_dir());
    assert_eq!(fs::read_dir(&directory).unwrap().count(), 1);
    drop(listener);
    assert!(!directory.exists());
}

#[test]
fn a_fresh_address_that_others_use_too_is_left_to_them() {
    umask(Mode::empty());
    let listener = options().bind_fresh().unwrap();
    let path = path_of(&listener);
    let others = path.with_file_name("notes");
    File::create(&others).unwrap();
    drop(listener);
    assert!(!path.exists());
    assert!(others.exists());
    fs::remove_dir_all(path.parent().unwrap()).unwrap();
}

#[test]
fn a_fresh_address_is_short_enough_for_every_python() {
    let scratch = scratch();
    let long = scratch.path().join("x".repeat(100));
    fs::create_dir(&long).unwrap();
    let missing = scratch.path().join("missing");
    let plain = scratch.path().join("plain");
    File::create(&plain).unwrap();
    for (directory, is_in_it) in
        [(scratch.path(), true), (&long, false), (&missing, false), (&plain, false)]
    {
        let mut child = Command::new(env!("CARGO_BIN_EXE_child"))
            .arg("fresh")
            .env("TMPDIR", directory)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut path = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut path).unwrap();
        let path = Path::new(path.trim());
        assert_eq!(path.starts_with(directory), is_in_it, "{}", path.display());
        assert!(path.as_os_str().len() <= 107);
        super::adapter::ConnectOptions::without_key().connect(path).unwrap();
        assert!(child.wait().unwrap().success());
    }
}

/// CPython's structure has room for 107 bytes and a NUL.
#[test]
fn a_path_that_no_python_can_reach_is_refused() {
    let scratch = scratch();
    let room = 107 - scratch.path().as_os_str().len() - 1;
    let longest = scratch.path().join("x".repeat(room));
    let _listener = options().bind(longest.as_path()).unwrap();
    let too_long = scratch.path().join("x".repeat(room + 1));
    let said = |error: Error| error.to_string();
    let texts = [
        said(options().bind(too_long.as_path()).unwrap_err()),
        said(connect(too_long.as_path(), key()).unwrap_err()),
    ];
    for text in texts {
        assert!(text.contains("has 108 bytes, and 107 are the most"), "{text}");
    }
}

#[test]
fn says_why_it_cannot_listen() {
    #[track_caller]
    fn says(address: impl TryInto<Address, Error: Into<AddressError>>, part: &str) {
        let text = options().bind(address).unwrap_err().to_string();
        assert!(text.contains(part), "{text}");
    }
    let scratch = scratch();
    says(scratch.path(), "a directory is there");
    let file = scratch.path().join("file");
    File::create(&file).unwrap();
    says(file.as_path(), "a file that is not a socket is there");
    let live = scratch.path().join("live");
    let listener = UnixListener::bind(&live).unwrap();
    says(live.as_path(), "see `ListenerOptions::replace_stale`");
    listener.set_nonblocking(true).unwrap();
    assert!(listener.accept().is_err(), "it was not asked");
    let replacing = options().replace_stale(true).bind(live.as_path()).unwrap_err();
    assert!(replacing.to_string().contains("another listener is there"), "{replacing}");
    says(scratch.path().join("no/listener").as_path(), "; does the directory exist?");
    let busy = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = busy.local_addr().unwrap();
    says(address, "; does another program listen at this port?");
    let text = options().bind(address).unwrap_err().to_string();
    assert!(!text.contains("socket") && !text.contains("file"), "{text}");
    says(("192.0.2.1", 6000), "; is it an address of this machine?");
    for name in [
        "localhost",
        "127.0.0.1",
        "localhost:6000",
        "localhost.",
        "localhost:http",
        "127.1",
        "fe80::1%lo",
        "http://127.0.0.1:6000",
    ] {
        says(name, "looks like TCP");
    }
    says("localhost:65536", "out of range");
}

#[test]
fn a_stale_file_is_replaced_when_that_is_asked_for() {
    umask(Mode::empty());
    let scratch = scratch();
    let path = fresh_path(&scratch);
    // The standard library's listener leaves its file behind.
    drop(UnixListener::bind(&path).unwrap());
    assert_in_use(&options(), &path);

    let mut listener = options().replace_stale(true).bind(path.as_path()).unwrap();
    assert_eq!(mode(&path), 0o600);
    thread::scope(|scope| {
        scope.spawn(|| connect(path.as_path(), key()).unwrap());
        assert!(listener.accept().is_ok());
    });
    drop(listener);
    assert_eq!(fs::read_dir(scratch.path()).unwrap().count(), 0, "nothing is left aside");
}

#[test]
fn a_live_listener_is_never_replaced() {
    umask(Mode::empty());
    let scratch = scratch();
    let path = fresh_path(&scratch);
    let replacing = options().replace_stale(true);
    let live = UnixListener::bind(&path).unwrap();
    assert_in_use(&replacing, &path);

    // Nor is one that has no room for another client: whoever asks it is such a client.
    rustix::net::listen(&live, 0).unwrap();
    assert_in_use(&replacing, &path);
    live.accept().unwrap();
    let _client = UnixStream::connect(&path).unwrap();
    assert!(live.accept().is_ok(), "it is still the one that is listening");
}

#[test]
fn one_of_many_listeners_wins_a_stale_name() {
    umask(Mode::empty());
    let scratch = scratch();
    let replacing = options().replace_stale(true);
    for _ in 0..50 {
        let path = fresh_path(&scratch);
        drop(UnixListener::bind(&path).unwrap());
        let bound: Vec<_> = thread::scope(|scope| {
            let bind = || replacing.bind(path.as_path());
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(bind)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        let winners = bound.iter().filter(|bound| bound.is_ok()).count();
        assert_eq!(winners, 1, "{bound:?}");
        assert!(UnixStream::connect(&path).is_ok(), "the winner has the name");
        for error in bound.into_iter().filter_map(Result::err) {
            assert!(error.to_string().contains("another listener"), "{error}");
        }
    }
}

#[test]
fn the_mode_is_never_set_through_a_link() {
    alone(|| {
        // Rights that the umask takes away have to be restored after the file was made.
        umask(Mode::from_raw_mode(0o077));
        let scratch = scratch();
        let (path, victim) = (fresh_path(&scratch), fresh_path(&scratch));
        fs::write(&victim, "private").unwrap();
        let options = options().mode(0o666);
        let is_done = std::sync::atomic::AtomicBool::new(false);
        thread::scope(|scope| {
            scope.spawn(|| {
                let link = fresh_path(&scratch);
                while !is_done.load(std::sync::atomic::Ordering::Relaxed) {
                    let _ = symlink(&victim, &link);
                    let _ = fs::rename(&link, &path);
                    let _ = fs::remove_file(&path);
                }
            });
            for _ in 0..3000 {
                let _ = options.bind(path.as_path());
            }
            is_done.store(true, std::sync::atomic::Ordering::Relaxed);
        });
        assert_eq!(mode(&victim), 0o600);
        let listener = options.bind(path.as_path()).unwrap();
        assert_eq!(mode(&path_of(&listener)), 0o666);
    });
}

#[test]
fn what_is_no_socket_is_never_replaced() {
    umask(Mode::empty());
    let scratch = scratch();
    let replacing = options().replace_stale(true);

    let file = fresh_path(&scratch);
    fs::write(&file, "precious").unwrap();
    assert_in_use(&replacing, &file);
    assert_eq!(fs::read(&file).unwrap(), b"precious");

    let directory = fresh_path(&scratch);
    fs::create_dir(&directory).unwrap();
    assert_in_use(&replacing, &directory);
    assert!(directory.is_dir());

    // A link to a stale socket is not the socket.
    let [stale, link] = [fresh_path(&scratch), fresh_path(&scratch)];
    drop(UnixListener::bind(&stale).unwrap());
    symlink(&stale, &link).unwrap();
    assert_in_use(&replacing, &link);
    assert!(link.is_symlink() && stale.exists());
}

#[test]
fn only_our_own_file_is_removed() {
    umask(Mode::empty());
    let scratch = scratch();
    let path = fresh_path(&scratch);

    // Somebody put another file there.
    let listener = options().bind(path.as_path()).unwrap();
    fs::remove_file(&path).unwrap();
    fs::write(&path, "precious").unwrap();
    drop(listener);
    assert_eq!(fs::read(&path).unwrap(), b"precious");
    fs::remove_file(&path).unwrap();

    // Or another listener.
    let listener = options().bind(path.as_path()).unwrap();
    fs::rename(&path, fresh_path(&scratch)).unwrap();
    let _other = UnixListener::bind(&path).unwrap();
    drop(listener);
    assert!(fs::symlink_metadata(&path).unwrap().file_type().is_socket());
}

#[test]
fn after_a_change_of_directory_it_is_still_the_same_file() {
    alone(|| {
        umask(Mode::empty());
        let [first, second] = [scratch(), scratch()];
        let name = Path::new("listener");
        fs::write(second.path().join(name), "precious").unwrap();

        env::set_current_dir(&first).unwrap();
        let listener = options().bind(name).unwrap();
        assert!(first.path().join(name).exists());
        env::set_current_dir(&second).unwrap();
        drop(listener);
        env::set_current_dir("/").unwrap();

        assert!(!first.path().join(name).exists());
        assert_eq!(fs::read(second.path().join(name)).unwrap(), b"precious");
    });
}

fn key() -> AuthKey {
    AuthKey::new("a key of more than sixteen bytes")
}

fn options() -> ListenerOptions {
    ListenerOptions::with_key(key())
}

fn mode(path: &Path) -> u32 {
    fs::symlink_metadata(path).unwrap().permissions().mode() & 0o777
}

fn path_of(listener: &Listener) -> PathBuf {
    match listener.address() {
        Address::Unix(path) => path.clone(),
        other => panic!("{other} is no path"),
    }
}

fn assert_in_use(options: &ListenerOptions, path: &Path) {
    let error = options.bind(path).unwrap_err();
    let Error::Unreachable { phase: Phase::Listen, source, .. } = error else {
        panic!("{error:?}")
    };
    assert_eq!(source.kind(), io::ErrorKind::AddrInUse);
}
