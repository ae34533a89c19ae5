//! Everything that is measured.

mod blocking;
mod by_hand;
mod codec;
mod floor;
mod interprocess;
mod ipc_channel;
mod naive;
mod raw;
mod tokio;
mod tokio_raw;
mod zeromq;

use std::path::PathBuf;

use mpconn_tests::pythons::{self, Python};

use crate::crowd;
use crate::link::{Receiving, Result};
use crate::peer::{self, Task};

/// One end: what a peer process runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    Blocking,
    Tokio,
    Raw,
    /// Its read-ahead buffer is of 80 KiB, as mpconn's, in place of 64.
    Raw80,
    ByHand,
    /// No handshake.
    Floor,
    Naive,
    TokioRaw,
    Codec,
    Interprocess,
    IpcChannel,
    Zeromq,
    /// CPython 3.13.
    Python,
    /// The newest CPython there is.
    NewestPython,
}

impl End {
    /// As the command line has it.
    const NAMES: [(Self, &str); 12] = [
        (Self::Blocking, "blocking"),
        (Self::Tokio, "tokio"),
        (Self::Raw, "raw"),
        (Self::Raw80, "raw80"),
        (Self::ByHand, "by-hand"),
        (Self::Floor, "floor"),
        (Self::Naive, "naive"),
        (Self::TokioRaw, "tokio-raw"),
        (Self::Codec, "codec"),
        (Self::Interprocess, "interprocess"),
        (Self::IpcChannel, "ipc-channel"),
        (Self::Zeromq, "zeromq"),
    ];

    /// Its name on the command line of this program; a Python has none.
    pub fn name(self) -> Option<&'static str> {
        Self::NAMES.iter().find(|(end, _)| *end == self).map(|(_, name)| *name)
    }

    pub fn named(name: &str) -> Result<Self> {
        let found = Self::NAMES.iter().find(|(_, known)| *known == name);
        Ok(found.ok_or_else(|| format!("no contender is named {name}"))?.0)
    }

    /// Which interpreter runs it.
    pub fn python(self) -> Result<Option<PathBuf>> {
        Ok(match self {
            Self::Python => Some(python_3_13()?.executable.clone()),
            Self::NewestPython => Some(newest_python()?.executable.clone()),
            _ => None,
        })
    }

    /// Is the peer that `task` describes, until standard input ends.
    pub fn run(self, task: &Task) -> Result<()> {
        match self {
            Self::Blocking => peer::run::<blocking::Blocking>(task),
            Self::Tokio => peer::run::<tokio::Tokio>(task),
            Self::Raw => peer::run::<raw::Raw>(task),
            Self::Raw80 => peer::run::<raw::Raw<80>>(task),
            Self::ByHand => peer::run::<by_hand::ByHand>(task),
            Self::Floor => peer::run::<floor::Floor>(task),
            Self::Naive => peer::run::<naive::Naive>(task),
            Self::TokioRaw => peer::run::<tokio_raw::TokioRaw>(task),
            Self::Codec => peer::run::<codec::Codec>(task),
            Self::Interprocess => peer::run::<interprocess::Interprocess>(task),
            Self::IpcChannel => peer::run::<ipc_channel::IpcChannel>(task),
            Self::Zeromq => peer::run::<zeromq::Zeromq>(task),
            Self::Python | Self::NewestPython => Err("a Python runs peer.py".into()),
        }
    }

    /// Echoes on many connections at once.
    pub fn serve_crowd(self, address: &str, connections: usize) -> Result<()> {
        match self {
            Self::Blocking => crowd::serve_waiting(address, connections),
            Self::Tokio => crowd::serve_tasks::<tokio::Tokio>(address, connections),
            Self::TokioRaw => crowd::serve_tasks::<tokio_raw::TokioRaw>(address, connections),
            Self::Codec => crowd::serve_tasks::<codec::Codec>(address, connections),
            _ => Err("not one of those that serve a crowd".into()),
        }
    }
}

/// The CPython that the targets are about.
pub fn python_3_13() -> Result<&'static Python> {
    let found = pythons::all().iter().find(|python| python.version[..2] == [3, 13]);
    found.ok_or_else(|| "the targets are about CPython 3.13, which is not here".into())
}

pub fn newest_python() -> Result<&'static Python> {
    pythons::all().last().ok_or_else(|| "no Python is here".into())
}

/// Two ends, and how they receive.
#[derive(Debug, Clone, Copy)]
pub struct Contender {
    /// As the reports have it.
    pub name: &'static str,
    pub server: End,
    pub client: End,
    pub receiving: Receiving,
}

impl Contender {
    pub const fn new(name: &'static str, end: End, receiving: Receiving) -> Self {
        Self { name, server: end, client: end, receiving }
    }
}
