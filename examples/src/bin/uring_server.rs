//! io_uring: a task for each client, and the kernel owns the memory until an operation completes.
//!
//! ```text
//! cargo run --bin uring_server [address]
//! ```
//!
//! The ring is that of compio, whose interface is safe. There is no fallback: where the kernel
//! refuses io_uring, this fails.
#![cfg_attr(not(target_os = "linux"), allow(unused))]

#[cfg(target_os = "linux")]
fn main() -> Result<(), mpconn_examples::Error> {
    linux::main()
}

#[cfg(not(target_os = "linux"))]
fn main() -> Result<(), mpconn_examples::Error> {
    Err("io_uring exists on Linux only".into())
}

#[cfg(target_os = "linux")]
mod linux {
    use std::io::ErrorKind;
    use std::rc::Rc;

    use compio::BufResult;
    use compio::buf::{IntoInner, IoBuf};
    use compio::driver::DriverType;
    use compio::io::{AsyncRead, AsyncWrite};
    use compio::net::{TcpListener, TcpStream};
    use compio::runtime::{Runtime, spawn, time::sleep, time::timeout};
    use mpconn::{AuthKey, ClientId, Connection};
    use mpconn_examples::{Error, Pending, Step, accepting, address, announce, answer};

    type Clients = Rc<Pending<TcpStream>>;

    pub(super) fn main() -> Result<(), Error> {
        let runtime = Runtime::new()?;
        assert_eq!(runtime.driver_type(), DriverType::IoUring, "no other was built in");
        runtime.block_on(listen())
    }

    async fn listen() -> Result<(), Error> {
        let listener = TcpListener::bind(address()).await?;
        let key = announce(listener.local_addr()?);
        let clients = Clients::new(Pending::new());
        loop {
            match listener.accept().await {
                Ok((stream, _)) => report(admit(&clients, stream, &key).await),
                Err(error) => {
                    eprintln!("{error}");
                    sleep(clients.pause()).await;
                }
            }
        }
    }

    async fn admit(clients: &Clients, stream: TcpStream, key: &AuthKey) -> Result<(), Error> {
        stream.set_nodelay(true)?;
        let (id, crowded_out) = clients.add(stream.clone(), accepting(key)?)?;
        if let Some(mut crowded_out) = crowded_out {
            // Its task ends. It may have ended already.
            let _ = crowded_out.shutdown().await;
        }
        let clients = clients.clone();
        spawn(async move {
            report(match authenticate(&clients, &stream, id).await {
                Ok(connection) => serve(stream, connection).await,
                Err(error) => Err(error),
            });
        })
        .detach();
        Ok(())
    }

    async fn authenticate(
        clients: &Clients,
        mut stream: &TcpStream,
        id: ClientId,
    ) -> Result<Connection<AuthKey>, Error> {
        loop {
            match clients.next_step(id)? {
                Step::Read(memory, from) => {
                    // A read that is dropped is cancelled, and its memory with it. (6)
                    let read = stream.read(memory.slice(from..));
                    match timeout(clients.time_left(id), read).await {
                        Ok(BufResult(n, slice)) => {
                            clients.finish_read(id, slice.into_inner(), n)?;
                        }
                        Err(_) => {
                            clients.finish_read(id, Vec::new(), Err(ErrorKind::TimedOut.into()))?;
                        }
                    }
                }
                Step::Write(memory, from) => {
                    let BufResult(n, slice) = stream.write(memory.slice(from..)).await;
                    clients.finish_write(id, slice.into_inner(), n)?;
                }
                Step::Serve(connection) => return Ok(connection),
            }
        }
    }

    async fn serve(
        mut stream: TcpStream,
        mut connection: Connection<AuthKey>,
    ) -> Result<(), Error> {
        while answer(&mut connection)? {
            if let Some((memory, from)) = connection.start_write() {
                let BufResult(n, slice) = stream.write(memory.slice(from..)).await;
                connection.finish_write(slice.into_inner(), n?); // 3
                continue;
            }
            let (memory, from) = connection.start_read();
            let BufResult(n, slice) = stream.read(memory.slice(from..)).await;
            let n = n?;
            connection.finish_read(slice.into_inner(), n); // 4
            if n == 0 {
                connection.received_eof();
            }
        }
        Ok(())
    }

    fn report(result: Result<(), Error>) {
        if let Err(error) = result {
            eprintln!("{error}");
        }
    }
}
