//! Calls functions of a Python by their names. The Python runs two lines:
//!
//! ```text
//! python3 -c "from multiprocessing.managers import SyncManager
//! SyncManager(('127.0.0.1', 6000), b'a key that both sides hold').get_server().serve_forever()"
//!
//! cargo run -p mpconn-managers --example call_python -- tcp://127.0.0.1:6000 math.factorial 20
//! cargo run -p mpconn-managers --example call_python -- tcp://127.0.0.1:6000 platform.python_version
//! ```
//!
//! An argument that is a number is passed as one, and any other as text.

use std::error::Error;
use std::time::Duration;

use mpconn_managers::blocking::{Manager, Pool};
use mpconn_managers::pickle::{Tuple, Value};
use mpconn_managers::{Address, AuthKey};

const KEY: &str = "a key that both sides hold";

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let [address, function, arguments @ ..] = arguments.as_slice() else {
        return Err("usage: call_python ADDRESS MODULE.FUNCTION [ARGUMENT]...".into());
    };
    let manager = Manager::connect(address.parse::<Address>()?, AuthKey::new(KEY))?;
    let pool: Pool = manager.create(&(1,))?;
    let arguments = Tuple(arguments.iter().map(|argument| value(argument)).collect());
    match pool.apply::<_, Value>(function.as_str(), &arguments, Duration::from_secs(60)) {
        Ok(result) => println!("{result:?}"),
        Err(error) => match error.exception() {
            Some(exception) => println!("raised {exception}"),
            None => return Err(error.into()),
        },
    }
    pool.terminate()?;
    Ok(())
}

fn value(text: &str) -> Value {
    match (text.parse::<i64>(), text.parse::<f64>()) {
        (Ok(number), _) => number.into(),
        (_, Ok(number)) => number.into(),
        _ => text.into(),
    }
}
