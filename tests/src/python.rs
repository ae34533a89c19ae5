//! A Python peer as a child process: `tests/python/peer.py`, under any interpreter.

use std::io::{BufRead, BufReader, Lines, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use mpconn::Address;

use crate::pythons::Python;

/// A running Python script. It is killed when dropped, so that no failed test leaves one behind.
#[derive(Debug)]
pub struct Script {
    child: Child,
    stdin: ChildStdin,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Script {
    /// Starts `tests/python/<name>`.
    pub fn start(python: &Python, name: &str) -> Self {
        let mut child = Command::new(&python.executable)
            .arg("-B")
            .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/python/").to_owned() + name)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the interpreter starts");
        let stdin = child.stdin.take().expect("piped");
        let lines = BufReader::new(child.stdout.take().expect("piped")).lines();
        Self { child, stdin, lines }
    }

    /// Gives it an order: a name, and a value of any bytes.
    pub fn order(&mut self, name: &str, value: &[u8]) {
        writeln!(self.stdin, "{name} {}", hex(value)).expect("the script reads its orders");
    }

    /// Orders it to connect to, or listen at, `address`.
    pub fn order_address(&mut self, address: &Address) {
        match address {
            Address::Inet { host, port } => {
                self.order("host", host.as_bytes());
                self.order("port", port.to_string().as_bytes());
            }
            Address::Unix(path) => self.order("path", path.as_os_str().as_encoded_bytes()),
            Address::Abstract(name) => self.order("path", &[b"\0", name.as_slice()].concat()),
            Address::Pipe(name) => self.order("path", name.as_bytes()),
            other => panic!("{other} is not for this platform"),
        }
    }

    /// That was the last order.
    pub fn go(&mut self) {
        writeln!(self.stdin).expect("the script reads its orders");
    }

    /// The next line that it prints.
    pub fn line(&mut self) -> String {
        self.lines.next().expect("the script says more").expect("readable text")
    }

    /// What follows `word` on the next line.
    pub fn told(&mut self, word: &str) -> String {
        let line = self.line();
        let rest = line.strip_prefix(word).unwrap_or_else(|| panic!("{line:?} in place of {word}"));
        rest.trim_start().to_owned()
    }

    /// The name of the exception it ended with, or `ok`, whatever it says before. That goes to the
    /// test's own output, where it helps when the test fails.
    pub fn result(mut self) -> String {
        loop {
            let line = self.line();
            if let Some(result) = line.strip_prefix("result ") {
                return result.to_owned();
            }
            eprintln!("{line}");
        }
    }
}

/// As Python's `hexlify`.
pub fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |four: u8| char::from(DIGITS[usize::from(four)]);
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 0xf)]).collect()
}

/// As Python's `unhexlify`.
///
/// # Panics
///
/// Panics if it is not hexadecimal.
pub fn bytes(hex: &str) -> Vec<u8> {
    let digits = |at| u8::from_str_radix(&hex[at..at + 2], 16).expect("hexadecimal digits");
    (0..hex.len()).step_by(2).map(digits).collect()
}

impl Drop for Script {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What a [`Script`] of `peer.py` is to be.
#[derive(Debug, Clone)]
pub struct Peer<'a> {
    python: &'a Python,
    key: Option<&'a [u8]>,
    orders: Vec<(&'a str, Vec<u8>)>,
}

impl<'a> Peer<'a> {
    /// A peer that `does` one of the things that the script knows.
    pub fn new(python: &'a Python, key: Option<&'a [u8]>, does: &str) -> Self {
        Self { python, key, orders: vec![("do", does.as_bytes().to_owned())] }
    }

    /// With one more order.
    pub fn with(mut self, name: &'a str, value: impl Into<Vec<u8>>) -> Self {
        self.orders.push((name, value.into()));
        self
    }

    /// Python's `Client` for `address`.
    pub fn client(&self, address: &Address) -> Script {
        self.start("client", address)
    }

    /// Python's `Listener` at `address`, and where that really is.
    pub fn listener(&self, address: &Address) -> (Script, Address) {
        let mut script = self.start("listener", address);
        let listening = script.told("listening").parse().expect("a port");
        let address = match address {
            Address::Inet { host, .. } => (host.as_str(), listening).into(),
            other => other.clone(),
        };
        (script, address)
    }

    /// Python's `Listener(None, family)`, and where that is.
    pub fn fresh_listener(&self, family: &'a str) -> (Script, Address) {
        let mut script = self.clone().with("family", family).begin("listener");
        script.go();
        let address = script.told("listening").parse().expect("an address");
        (script, address)
    }

    fn start(&self, role: &str, address: &Address) -> Script {
        let mut script = self.begin(role);
        script.order_address(address);
        script.go();
        script
    }

    fn begin(&self, role: &str) -> Script {
        let mut script = Script::start(self.python, "peer.py");
        script.order("role", role.as_bytes());
        if let Some(key) = self.key {
            script.order("key", key);
        }
        for (name, value) in &self.orders {
            script.order(name, value);
        }
        script
    }
}
