//! A Rust listener serves a Python client, then a Rust client calls a Python listener.
//!
//! ```text
//! cargo run --example hello_python [python]
//! ```
//!
//! Takes the first `python3` on the PATH, or the interpreter that it is given, 2.7 included. Where
//! there is none, it holds the same conversation between Rust and Rust.

use std::env;
use std::error::Error;
use std::ffi::OsString;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::thread;

use mpconn_blocking::{AuthKey, ConnectOptions, Connection, ListenerOptions, SysRng};

/// Messages of these sizes go to the peer, which sends each back turned round.
const SIZES: [usize; 6] = [0, 1, 255, 4096, 65_536, 1 << 20];

/// The address comes as an argument, which anybody on the machine can see; the key, which nobody
/// may, over the standard input.
const PYTHON_CLIENT: &str = r"
import binascii, sys
from multiprocessing.connection import Client

key = binascii.unhexlify(sys.stdin.readline().strip())
print('Python %s connects to %s' % (sys.version.split()[0], sys.argv[1]))
connection = Client(sys.argv[1], authkey=key)
while True:
    message = connection.recv_bytes()
    if message == b'goodbye':
        break
    connection.send_bytes(message[::-1])
    print('received and returned %d bytes' % len(message))
connection.send_bytes(b'goodbye, Rust')
connection.close()
print('said goodbye')
";

const PYTHON_LISTENER: &str = r"
import binascii, sys
from multiprocessing.connection import Listener

key = binascii.unhexlify(sys.stdin.readline().strip())
listener = Listener(None, authkey=key)
print(listener.address)
sys.stdout.flush()
connection = listener.accept()
print('accepted a client')
while True:
    message = connection.recv_bytes()
    if message == b'goodbye':
        break
    connection.send_bytes(message[::-1])
    print('received and returned %d bytes' % len(message))
connection.send_bytes(b'goodbye, Rust')
connection.close()
listener.close()
print('said goodbye')
";

fn main() -> Result<(), Box<dyn Error>> {
    let python = env::args_os().nth(1).unwrap_or_else(|| "python3".into());
    match version(&python) {
        Some(version) => {
            println!("Talking to {version} ({})\n", python.to_string_lossy());
            serve_python(&python)?;
            call_python(&python)
        }
        None if env::args_os().len() > 1 => {
            Err(format!("{} is no Python interpreter", python.to_string_lossy()).into())
        }
        None => {
            println!("There is no python3 on the PATH: Rust talks to Rust.\n");
            talk_to_rust()
        }
    }
}

/// Python 2.7 writes its version to the standard error.
fn version(python: &OsString) -> Option<String> {
    let output = Command::new(python).arg("--version").output().ok()?;
    let text = String::from_utf8([output.stdout, output.stderr].concat()).ok()?;
    (output.status.success() && text.starts_with("Python")).then(|| text.trim().to_owned())
}

fn serve_python(python: &OsString) -> Result<(), Box<dyn Error>> {
    println!("A Rust listener, a Python client");
    let key = AuthKey::generate(&mut SysRng)?;
    let mut listener = ListenerOptions::with_key(key.clone()).bind_fresh()?;
    println!("  rust   | listens at {}", listener.address());

    let mut child = start(python, PYTHON_CLIENT, &[&listener.address().to_string()], &key)?;
    let mut connection = listener.accept()?;
    introduce(&connection);
    converse(&mut connection)?;
    show_output(&mut child)?;
    finish(child)
}

fn call_python(python: &OsString) -> Result<(), Box<dyn Error>> {
    println!("\nA Python listener, a Rust client");
    let key = AuthKey::generate(&mut SysRng)?;
    let mut child = start(python, PYTHON_LISTENER, &[], &key)?;
    let mut stdout = BufReader::new(child.stdout.take().ok_or("no standard output")?);
    let mut address = String::new();
    stdout.read_line(&mut address)?;
    let address = address.trim();
    println!("  python | listens at {address}");

    let mut connection = ConnectOptions::with_key(key).connect(address)?;
    println!("  rust   | connected to {address}");
    introduce(&connection);
    converse(&mut connection)?;
    for line in stdout.lines() {
        println!("  python | {}", line?);
    }
    finish(child)
}

fn talk_to_rust() -> Result<(), Box<dyn Error>> {
    let key = AuthKey::generate(&mut SysRng)?;
    let mut listener = ListenerOptions::with_key(key.clone()).bind_fresh()?;
    println!("  listener | listens at {}", listener.address());
    let address = listener.address().clone();
    let client = thread::spawn(move || -> Result<(), mpconn_blocking::Error> {
        let mut connection = ConnectOptions::with_key(key).connect(address)?;
        loop {
            let mut message = connection.recv_bytes()?;
            if message == b"goodbye" {
                return connection.send_bytes(b"goodbye, Rust");
            }
            message.reverse();
            connection.send_bytes(&message)?;
        }
    });
    let mut connection = listener.accept()?;
    introduce(&connection);
    converse(&mut connection)?;
    client.join().map_err(|_| "the client panicked")??;
    Ok(())
}

fn introduce(connection: &Connection) {
    if let Some(proof) = connection.authenticated() {
        println!("  rust   | the peer proved its key with {}", proof.peer());
        println!("  rust   | and we proved ours with {}", proof.own());
    }
}

fn converse(connection: &mut Connection) -> Result<(), Box<dyn Error>> {
    for size in SIZES {
        let message: Vec<u8> = (0..=u8::MAX).cycle().take(size).collect();
        connection.send_bytes(&message)?;
        let mut answer = connection.recv_bytes()?;
        answer.reverse();
        if answer != message {
            return Err(format!("{size} bytes came back changed").into());
        }
        println!("  rust   | sent {size} bytes, and got them back turned round");
    }
    connection.send_bytes(b"goodbye")?;
    let goodbye = connection.recv_bytes()?;
    println!("  rust   | received {:?}", String::from_utf8_lossy(&goodbye));
    match connection.recv_bytes() {
        Err(mpconn_blocking::Error::Ended) => println!("  rust   | the peer closed"),
        other => return Err(format!("expected the end, and got {other:?}").into()),
    }
    Ok(())
}

fn start(
    python: &OsString,
    script: &str,
    arguments: &[&str],
    key: &AuthKey,
) -> Result<Child, Box<dyn Error>> {
    let mut child = Command::new(python)
        .args(["-c", script])
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    key.write_line(&mut child.stdin.take().ok_or("no standard input")?)?;
    Ok(child)
}

fn show_output(child: &mut Child) -> Result<(), Box<dyn Error>> {
    for line in BufReader::new(child.stdout.take().ok_or("no standard output")?).lines() {
        println!("  python | {}", line?);
    }
    Ok(())
}

fn finish(mut child: Child) -> Result<(), Box<dyn Error>> {
    let status = child.wait()?;
    if status.success() { Ok(()) } else { Err(format!("Python ended with {status}").into()) }
}
