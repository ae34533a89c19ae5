//! What is measured: the cells of the matrix, and who takes part in each.

use crate::contenders::{Contender, End, newest_python, python_3_13};
use crate::link::Receiving;
use crate::peer::Shape;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    Unix,
    Tcp,
}

impl Transport {
    pub fn name(self) -> &'static str {
        match self {
            Self::Unix => "Unix",
            Self::Tcp => "TCP",
        }
    }
}

/// One shape of load.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cell {
    pub shape: Shape,
    pub transport: Transport,
    /// The bytes of a message.
    pub size: usize,
}

pub const KIB: usize = 1024;
pub const MIB: usize = 1024 * KIB;
pub const GIB: usize = 1024 * MIB;

const SIZES: [usize; 7] = [0, 16, 256, 4 * KIB, 64 * KIB, MIB, 64 * MIB];

/// Above these, nothing is gained by sending many at once.
const BATCHED: [usize; 4] = [0, 16, 256, 4 * KIB];

impl Cell {
    pub const fn new(shape: Shape, transport: Transport, size: usize) -> Self {
        Self { shape, transport, size }
    }

    /// For `--only`: `unix ping-pong 16`.
    pub fn name(&self) -> String {
        let transport = self.transport.name().to_lowercase();
        format!("{transport} {} {}", self.shape.name(), self.size)
    }

    pub fn contenders(&self) -> Vec<Contender> {
        let mut contenders = match (self.shape, self.size) {
            (Shape::Handshake, _) => handshakes(),
            (_, GIB) => huge(),
            _ => {
                let mut contenders = at_their_best(self.size);
                // What is under the frames makes no difference to these.
                if self.transport == Transport::Unix {
                    contenders.extend(variants(self.shape, self.size));
                }
                contenders
            }
        };
        if self.transport == Transport::Tcp {
            contenders.retain(|c| !matches!(c.server, End::Interprocess | End::IpcChannel));
        }
        contenders
    }
}

/// The whole matrix, or the cells that tell most.
pub fn cells(quick: bool) -> Vec<Cell> {
    let mut cells = Vec::new();
    for transport in [Transport::Unix, Transport::Tcp] {
        for (shape, sizes) in [
            (Shape::PingPong, &SIZES[..]),
            (Shape::OneWay, &SIZES[..]),
            (Shape::Batched, &BATCHED[..]),
            (Shape::Handshake, &[0][..]),
        ] {
            cells.extend(sizes.iter().map(|size| Cell::new(shape, transport, *size)));
        }
    }
    cells.push(Cell::new(Shape::OneWay, Transport::Unix, GIB));
    if quick {
        cells.retain(|cell| {
            cell.transport == Transport::Unix
                && match cell.shape {
                    Shape::PingPong => cell.size == 16,
                    Shape::OneWay => [16, MIB].contains(&cell.size),
                    Shape::Batched => cell.size == 16,
                    Shape::Handshake => true,
                }
        });
    }
    cells
}

/// The way to receive that is best for messages of this size.
fn best(size: usize) -> Receiving {
    if size <= 64 * KIB { Receiving::Borrowed } else { Receiving::Reused }
}

fn at_their_best(size: usize) -> Vec<Contender> {
    let best = best(size);
    let owned = Receiving::Owned;
    let mut contenders = vec![
        Contender::new("raw", End::Raw, best),
        Contender::new("mpconn blocking", End::Blocking, best),
        Contender::new("mpconn tokio", End::Tokio, best),
        Contender::new("naive", End::Naive, best),
        Contender::new("tokio by hand", End::TokioRaw, best),
        Contender::new("tokio-util codec", End::Codec, owned),
        Contender::new("interprocess", End::Interprocess, best),
        Contender::new("ipc-channel", End::IpcChannel, owned),
        Contender::new("libzmq", End::Zeromq, owned),
    ];
    contenders.extend(pythons(best));
    contenders
}

/// Other ways to use some of them.
fn variants(shape: Shape, size: usize) -> Vec<Contender> {
    let owned = Receiving::Owned;
    match (shape, size) {
        (Shape::PingPong, size) if size == 64 * KIB => {
            vec![Contender::new("raw, 80 KiB", End::Raw80, best(size))]
        }
        // The ways to receive differ where receiving is most of the work.
        (Shape::OneWay | Shape::Batched, size) if size >= 4 * KIB || size == 16 => vec![
            Contender::new("raw, owned", End::Raw, owned),
            Contender::new("mpconn blocking, owned", End::Blocking, owned),
            Contender::new("mpconn tokio, owned", End::Tokio, owned),
            Contender::new("mpconn tokio, Bytes", End::Tokio, Receiving::Shared),
            match best(size) {
                Receiving::Borrowed => {
                    Contender::new("mpconn blocking, reused", End::Blocking, Receiving::Reused)
                }
                _ => {
                    Contender::new("mpconn blocking, borrowed", End::Blocking, Receiving::Borrowed)
                }
            },
        ],
        _ => Vec::new(),
    }
}

/// One gibibyte in a message: what its memory costs.
fn huge() -> Vec<Contender> {
    vec![
        Contender::new("raw, owned", End::Raw, Receiving::Owned),
        Contender::new("mpconn blocking, owned", End::Blocking, Receiving::Owned),
        Contender::new("mpconn tokio, owned", End::Tokio, Receiving::Owned),
    ]
}

fn handshakes() -> Vec<Contender> {
    let mut contenders = vec![
        Contender::new("by hand", End::ByHand, Receiving::Borrowed),
        Contender::new("mpconn blocking", End::Blocking, Receiving::Borrowed),
        Contender::new("mpconn tokio", End::Tokio, Receiving::Borrowed),
        Contender::new("no handshake", End::Floor, Receiving::Borrowed),
    ];
    contenders.extend(pythons(Receiving::Borrowed));
    contenders
}

/// Python at both ends, and at one.
fn pythons(receiving: Receiving) -> Vec<Contender> {
    let python = Contender::new("CPython 3.13", End::Python, receiving);
    let mut contenders = vec![
        python,
        Contender { name: "mpconn serves CPython", server: End::Blocking, ..python },
        Contender { name: "mpconn calls CPython", client: End::Blocking, ..python },
    ];
    let newest = newest_python().map(|python| python.version).ok();
    if newest != python_3_13().map(|python| python.version).ok() {
        contenders.push(Contender::new("newest CPython", End::NewestPython, receiving));
    }
    contenders
}
