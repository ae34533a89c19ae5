//! A thread for each client, over blocking sockets.
//!
//! ```text
//! cargo run --bin thread_server [address]
//! ```

use std::io::{self, ErrorKind, IoSlice, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use mpconn::{AuthKey, ClientId, Connection};
use mpconn_examples::{Error, Pending, Step, accepting, address, announce, answer};

type Clients = Arc<Pending<TcpStream>>;

fn main() -> io::Result<()> {
    let listener = TcpListener::bind(address())?;
    let key = announce(listener.local_addr()?);
    let clients = Clients::new(Pending::new());
    for stream in listener.incoming() {
        match stream {
            Ok(stream) => report(admit(&clients, stream, &key)),
            Err(error) => {
                eprintln!("{error}");
                thread::sleep(clients.pause());
            }
        }
    }
    Ok(())
}

fn admit(clients: &Clients, stream: TcpStream, key: &AuthKey) -> Result<(), Error> {
    stream.set_nodelay(true)?;
    let (id, crowded_out) = clients.add(stream.try_clone()?, accepting(key)?)?;
    if let Some(crowded_out) = crowded_out {
        // Its thread ends. It may have ended already.
        let _ = crowded_out.shutdown(Shutdown::Both);
    }
    let clients = clients.clone();
    thread::Builder::new().spawn(move || {
        let served =
            authenticate(&clients, &stream, id).and_then(|connection| serve(&stream, connection));
        report(served);
    })?;
    Ok(())
}

fn authenticate(
    clients: &Clients,
    mut stream: &TcpStream,
    id: ClientId,
) -> Result<Connection<AuthKey>, Error> {
    loop {
        match clients.next_step(id)? {
            Step::Read(mut memory, from) => {
                // A timeout of zero would mean none. (6)
                let left = clients.time_left(id).max(Duration::from_millis(1));
                stream.set_read_timeout(Some(left))?;
                let n = retry(|| stream.read(&mut memory[from..]));
                clients.finish_read(id, memory, n)?;
            }
            Step::Write(memory, from) => {
                let n = retry(|| stream.write(&memory[from..]));
                clients.finish_write(id, memory, n)?;
            }
            Step::Serve(connection) => {
                stream.set_read_timeout(None)?;
                return Ok(connection);
            }
        }
    }
}

fn serve(mut stream: &TcpStream, mut connection: Connection<AuthKey>) -> Result<(), Error> {
    while answer(&mut connection)? {
        if connection.wants_write() {
            let slices = connection.chunks().map(IoSlice::new); // 3
            let n = retry(|| stream.write_vectored(&slices))?;
            connection.sent(n);
            continue;
        }
        match retry(|| stream.read(connection.read_buf().into_slice()))? {
            0 => connection.received_eof(),
            n => connection.received(n), // 4
        }
    }
    Ok(())
}

fn retry(mut call: impl FnMut() -> io::Result<usize>) -> io::Result<usize> {
    loop {
        match call() {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}

fn report(result: Result<(), Error>) {
    if let Err(error) = result {
        eprintln!("{error}");
    }
}
