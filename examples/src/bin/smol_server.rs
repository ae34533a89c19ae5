//! A task for each client on smol. `authenticate` and `serve` take any stream with the traits of
//! futures-io, such as those of async-std and async-native-tls.
//!
//! ```text
//! cargo run --bin smol_server [address]
//! ```

use std::io::{self, ErrorKind};
use std::net::Shutdown;
use std::rc::Rc;

use mpconn::{AuthKey, ClientId, Connection};
use mpconn_examples::{Error, Pending, Step, accepting, address, announce, answer};
use smol::future::FutureExt;
use smol::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use smol::net::{TcpListener, TcpStream};
use smol::{LocalExecutor, Timer};

type Clients = Rc<Pending<TcpStream>>;

fn main() -> Result<(), Error> {
    let executor = LocalExecutor::new();
    smol::block_on(executor.run(listen(&executor)))
}

async fn listen(executor: &LocalExecutor<'_>) -> Result<(), Error> {
    let listener = TcpListener::bind(address()).await?;
    let key = announce(listener.local_addr()?);
    let clients = Clients::new(Pending::new());
    loop {
        match listener.accept().await {
            Ok((stream, _)) => report(admit(executor, &clients, stream, &key)),
            Err(error) => {
                eprintln!("{error}");
                Timer::after(clients.pause()).await;
            }
        }
    }
}

fn admit(
    executor: &LocalExecutor<'_>,
    clients: &Clients,
    mut stream: TcpStream,
    key: &AuthKey,
) -> Result<(), Error> {
    stream.set_nodelay(true)?;
    let (id, crowded_out) = clients.add(stream.clone(), accepting(key)?)?;
    if let Some(crowded_out) = crowded_out {
        // Its task ends. It may have ended already.
        let _ = crowded_out.shutdown(Shutdown::Both);
    }
    let clients = clients.clone();
    executor
        .spawn(async move {
            report(match authenticate(&clients, &mut stream, id).await {
                Ok(connection) => serve(stream, connection).await,
                Err(error) => Err(error),
            });
        })
        .detach();
    Ok(())
}

async fn authenticate<S: AsyncRead + AsyncWrite + Unpin>(
    clients: &Clients,
    stream: &mut S,
    id: ClientId,
) -> Result<Connection<AuthKey>, Error> {
    loop {
        match clients.next_step(id)? {
            Step::Read(mut memory, from) => {
                let overdue = async {
                    Timer::after(clients.time_left(id)).await; // 6
                    Err(io::Error::from(ErrorKind::TimedOut))
                };
                let n = stream.read(&mut memory[from..]).or(overdue).await;
                clients.finish_read(id, memory, n)?;
            }
            Step::Write(memory, from) => {
                let n = stream.write(&memory[from..]).await;
                clients.finish_write(id, memory, n)?;
            }
            Step::Serve(connection) => return Ok(connection),
        }
    }
}

async fn serve<S: AsyncRead + AsyncWrite + Unpin>(
    mut stream: S,
    mut connection: Connection<AuthKey>,
) -> Result<(), Error> {
    while answer(&mut connection)? {
        if connection.wants_write() {
            let slices = connection.chunks().map(io::IoSlice::new); // 3
            let n = stream.write_vectored(&slices).await?;
            connection.sent(n);
            continue;
        }
        match stream.read(connection.read_buf().into_slice()).await? {
            0 => connection.received_eof(),
            n => connection.received(n), // 4
        }
    }
    Ok(())
}

fn report(result: Result<(), Error>) {
    if let Err(error) = result {
        eprintln!("{error}");
    }
}
