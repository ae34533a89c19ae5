//! Queues of jobs whose producers, workers and managers are killed.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use mpconn_managers::blocking::{Manager, Queue};
use mpconn_managers::pickle::Bytes;
use mpconn_managers::{Error, Typed};
use mpconn_tests::net::{Net, fresh_path, scratch};
use mpconn_tests::pythons;

use crate::server::{RustServer, client_that};
use crate::support::{PythonManager, options, with_each};

const EXAMPLES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../adapters/managers/examples");
const LONG: Duration = Duration::from_secs(10);

/// A worker that waits and is gone takes no job with it.
#[test]
fn who_is_killed_while_it_waits_loses_no_item() {
    with_each(|python, net| {
        let server = RustServer::start(net);
        let manager = server.connect();
        let jobs: Queue<i64> = manager.create_as("get_jobs", &()).expect("a queue");
        for round in 0..3 {
            let mut workers = [(); 2].map(|()| client_that(python, &server.address, Some("get")));
            workers.iter_mut().for_each(|worker| assert_eq!(worker.line(), "ready"));
            if round == 0 {
                // Now and then it waits indeed.
                thread::sleep(Duration::from_millis(50));
            }
            drop(workers);
            for job in 0..20 {
                jobs.put(&job, None).expect("there is room");
            }
            for job in 0..20 {
                assert_eq!(jobs.get(LONG).expect("it is there"), Some(job), "{}", python.name());
            }
        }
    });
}

#[test]
fn who_is_killed_while_it_puts_leaves_whole_items() {
    with_each(|python, net| {
        let server = RustServer::start(net);
        let jobs: Queue<(i64, Bytes)> =
            server.connect().create_as("get_jobs", &()).expect("a queue");
        for _ in 0..3 {
            let mut producer = client_that(python, &server.address, Some("put"));
            assert_eq!(producer.line(), "ready");
            for number in 0..50 {
                let (found, content) = jobs.get(LONG).expect("it is there").expect("a job");
                assert_eq!((found, content.0.len()), (number, 10_000));
            }
            drop(producer);
            let mut next = 50;
            while let Some((found, content)) =
                jobs.get(Duration::from_millis(20)).expect("it is there")
            {
                assert_eq!((found, content.0.len()), (next, 10_000));
                next += 1;
            }
        }
    });
}

/// A manager of Python's is killed, and another one started at its address.
#[test]
fn a_manager_comes_back() {
    let python = pythons::all().last().expect("a Python");
    let directory = scratch();
    let address = Net::Unix.fresh(&directory);
    let first = PythonManager::start_at(python, address.clone(), scratch());
    let manager = Manager::connect_with(&address, options()).expect("it is there");
    let jobs: Queue<i64> = manager.create_as("get_jobs", &()).expect("a queue");
    jobs.put(&1, None).expect("it is there");
    drop(first);
    let gone = jobs.get(None).expect_err("it is gone");
    assert!(matches!(gone, Error::Connection(_)), "{gone:?}");
    let before = Instant::now();
    drop(jobs);
    assert!(before.elapsed() < Duration::from_secs(5));
    if let mpconn_managers::Address::Unix(path) = &address {
        std::fs::remove_file(path).expect("what the killed one has left");
    }
    let _second = PythonManager::start_at(python, address, scratch());
    let jobs: Queue<i64> = manager.create_as("get_jobs", &()).expect("a queue");
    jobs.put(&2, None).expect("it is there");
    assert_eq!(jobs.get(None).expect("it is there"), Some(2));
    assert_eq!(jobs.proxy().manager().number_of_objects().expect("it is there"), 1);
}

/// The example, with workers of each kind, of which most are killed.
#[test]
fn the_example_survives_its_workers() {
    let scratch = scratch();
    let path = fresh_path(&scratch);
    let mut server = Command::new(env!("CARGO_BIN_EXE_job_queue"))
        .args(["serve", "60000"])
        .arg(&path)
        .stdout(Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut lines = BufReader::new(server.stdout.take().expect("piped")).lines();
    let mut told = |word: &str| {
        let line = lines.next().expect("it says more").expect("text");
        line.strip_prefix(word).expect(word).to_owned()
    };
    let (address, key) = (told("address "), told("key "));
    let start = |command: &mut Command| -> Child {
        let mut worker = command.arg(&address).stdin(Stdio::piped()).spawn().expect("it starts");
        writeln!(worker.stdin.take().expect("piped"), "{key}").expect("it reads its key");
        worker
    };
    let rust = || start(Command::new(env!("CARGO_BIN_EXE_job_queue")).arg("work"));
    let python = |number: usize| {
        let all = pythons::all();
        let executable = &all[number % all.len()].executable;
        start(Command::new(executable).arg("-B").arg(format!("{EXAMPLES}/job_worker.py")))
    };
    for number in 0..8 {
        let mut workers = [rust(), python(number)];
        thread::sleep(Duration::from_millis(150 + 20 * number as u64));
        for worker in &mut workers {
            worker.kill().expect("it runs");
            worker.wait().expect("it ends");
        }
    }
    let mut workers = [rust(), python(8)];
    let sum: u64 = (1..=60_000_u64).map(|n| (1..=n).filter(|d| n % d == 0).sum::<u64>()).sum();
    assert_eq!(told("sum "), sum.to_string());
    assert!(server.wait().expect("it ends").success());
    for worker in &mut workers {
        assert!(worker.wait().expect("it ends").success(), "it ends with its server");
    }
}

/// Two lines of Python, and their functions by name.
#[test]
fn the_example_calls_python() {
    with_each(|python, net| {
        let served = PythonManager::start(python, net);
        let call = |arguments: &[&str]| {
            let output = Command::new(env!("CARGO_BIN_EXE_call_python"))
                .arg(served.address.to_string())
                .args(arguments)
                .output()
                .expect("it starts");
            assert!(output.status.success(), "{output:?}");
            String::from_utf8(output.stdout).expect("text")
        };
        assert_eq!(call(&["math.factorial", "20"]), "Int(2432902008176640000)\n");
        assert_eq!(call(&["math.sqrt", "-1"]), "raised ValueError: math domain error\n");
        assert_eq!(call(&["os.path.basename", "/a/b"]), "Str(\"b\")\n");
    });
}
