//! io_uring: a task for each client submits what its `Session` asks for, and the kernel owns the
//! buffer until the completion.
//!
//! ```text
//! cargo run --bin uring_server [address]
//! ```
//!
//! The ring is compio's, whose interface is safe. Where the kernel refuses io_uring, this fails:
//! nothing else takes its place.
#![cfg_attr(not(target_os = "linux"), allow(unused))]

#[cfg(target_os = "linux")]
fn main() -> std::io::Result<()> {
    linux::main()
}

#[cfg(not(target_os = "linux"))]
fn main() -> std::io::Result<()> {
    Err(std::io::Error::other("io_uring is Linux's"))
}

#[cfg(target_os = "linux")]
mod linux {
    use std::io;
    use std::time::Instant;

    use compio::BufResult;
    use compio::buf::{IntoInner, IoBuf};
    use compio::driver::DriverType;
    use compio::io::{AsyncRead, AsyncWrite};
    use compio::net::{TcpListener, TcpStream};
    use compio::runtime::{Runtime, spawn, time::timeout};
    use mpconn::{AuthKey, Error, Phase};
    use mpconn_examples::completion::{Next, Operation, Session};
    use mpconn_examples::{HANDSHAKE_TIME, accepting, address, announce, turned_round};

    pub(super) fn main() -> io::Result<()> {
        let runtime = Runtime::new()?;
        assert_eq!(runtime.driver_type(), DriverType::IoUring, "no other was built in");
        runtime.block_on(serve())
    }

    async fn serve() -> io::Result<()> {
        let listener = TcpListener::bind(address()).await?;
        let key = announce(listener.local_addr()?);
        loop {
            let (client, _) = listener.accept().await?;
            let key = key.clone();
            spawn(async move {
                match converse(client, &key).await {
                    Ok(()) | Err(Error::Ended) => {}
                    Err(error) => eprintln!("{error}"),
                }
            })
            .detach();
        }
    }

    async fn converse(mut client: TcpStream, key: &AuthKey) -> Result<(), Error> {
        client.set_nodelay(true)?;
        let deadline = Instant::now() + HANDSHAKE_TIME;
        let handshake = accepting(key)?;
        let mut session = Session::new(handshake, |message: Option<&[u8]>| match message {
            Some(message) => Next::Send(turned_round(message)),
            None => Next::Receive,
        });
        loop {
            let operation = session.next_operation()?;
            let waits = !session.is_authenticated();
            let step = perform(&mut client, &mut session, operation);
            let goes_on = if waits {
                // What is given up is cancelled, and its buffer freed when the kernel lets it go. (7)
                let left = deadline.saturating_duration_since(Instant::now());
                timeout(left, step).await.map_err(|_| Error::TimedOut(Phase::Handshake))?
            } else {
                step.await
            };
            if !goes_on? {
                return Ok(());
            }
        }
    }

    /// Submits an operation, and hands its completion to the session. False: there is none.
    async fn perform<F: FnMut(Option<&[u8]>) -> Next>(
        client: &mut TcpStream,
        session: &mut Session<F>,
        operation: Operation,
    ) -> Result<bool, Error> {
        match operation {
            Operation::Read(buffer, from) => {
                let BufResult(read, slice) = client.read(buffer.slice(from..)).await;
                session.read(slice.into_inner(), read?)?;
            }
            Operation::Write(buffer, from) => {
                let BufResult(written, slice) = client.write(buffer.slice(from..)).await;
                session.wrote(slice.into_inner(), written?);
            }
            Operation::Close => return Ok(false),
        }
        Ok(true)
    }
}
