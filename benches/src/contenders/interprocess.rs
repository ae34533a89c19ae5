//! interprocess: its local sockets, with the frames by hand.

use interprocess::local_socket::prelude::*;
use interprocess::local_socket::{GenericFilePath, Listener, ListenerOptions, Stream};

use super::raw::RawLink;
use crate::link::{Contender, Result, Setup};

pub struct Interprocess;

const BUFFER: usize = 64 * 1024;

impl Contender for Interprocess {
    type Listener = Listener;
    type Link = RawLink<Stream>;

    async fn listen(_: &Setup, address: &str) -> Result<(Listener, String)> {
        let name = address.to_fs_name::<GenericFilePath>()?;
        Ok((ListenerOptions::new().name(name).create_sync()?, address.to_owned()))
    }

    async fn accept(setup: &Setup, listener: &mut Listener) -> Result<Self::Link> {
        Ok(RawLink::new(listener.accept()?, setup, BUFFER))
    }

    async fn connect(setup: &Setup, address: &str) -> Result<Self::Link> {
        let stream = Stream::connect(address.to_fs_name::<GenericFilePath>()?)?;
        Ok(RawLink::new(stream, setup, BUFFER))
    }
}
