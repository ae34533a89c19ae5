//! Rust as the client of a manager of Python's.

use std::collections::BTreeMap;
use std::thread;
use std::time::{Duration, Instant};

use mpconn_managers::blocking::{
    Array, Barrier, Condition, Dict, Event, JoinableQueue, List, Lock, Manager, Namespace, Pool,
    Proxy, Queue, RLock, Semaphore, Value,
};
use mpconn_managers::server::Limits;
use mpconn_managers::{Error, Methods, Reference, Typed, pickle};
use mpconn_tests::net::Net;
use mpconn_tests::pythons::{self, Python};

use crate::server::{Kind, RustServer};
use crate::support::{PythonManager, options, with_each};

const MOMENT: Duration = Duration::from_millis(50);
const LONG: Duration = Duration::from_secs(10);

type Result<T = ()> = std::result::Result<T, Error>;

type Test = fn(&Manager, &Python) -> Result;

/// Every proxy type with its methods.
const TABLE: &[(&str, Test)] = &[
    ("Queue", queue),
    ("JoinableQueue", joinable_queue),
    ("dict", dict),
    ("list", list),
    ("Namespace", namespace),
    ("Value", value),
    ("Array", array),
    ("Event", event),
    ("Lock", lock),
    ("RLock", rlock),
    ("Semaphore", semaphore),
    ("BoundedSemaphore", bounded_semaphore),
    ("Condition", condition),
    ("Barrier", barrier),
    ("Pool", pool),
    ("Counter", custom),
    ("get_jobs", registered),
    ("manager", manager),
    ("nested", nested),
];

#[test]
fn every_type_by_method_and_version() {
    with_each(|python, net| {
        let served = PythonManager::start(python, net);
        for (name, test) in TABLE {
            let manager = served.connect();
            if let Err(error) = test(&manager, python) {
                panic!("{name} with {}: {error:?}", python.name());
            }
            assert_eq!(manager.number_of_objects().expect(name), 0, "{name} leaves objects");
        }
    });
}

/// The same table with a server in Rust, which has most of the types.
#[test]
fn every_type_by_method_in_rust() {
    // What it has is what the newest Python has.
    let python = pythons::all().last().expect("a Python");
    let missing = ["Array", "RLock", "Condition", "Barrier", "Pool", "Counter"];
    for kind in [Kind::Blocking, Kind::Tokio] {
        let server = RustServer::with_limits(kind, Net::Unix, Limits::default());
        let manager = server.connect();
        for (name, test) in TABLE {
            if missing.contains(name) {
                if *name != "Counter" {
                    let refused = manager.create_proxy(name, &()).expect_err("no such type");
                    assert!(refused.to_string().contains("KeyError"), "{refused}");
                }
                continue;
            }
            if let Err(error) = test(&manager, python) {
                panic!("{name} with {kind:?}: {error:?}");
            }
            assert_eq!(manager.number_of_objects().expect(name), 0, "{name} leaves objects");
        }
    }
}

/// A call that takes too long is an error, and its connection is not used again.
#[test]
fn calls_have_deadlines() {
    let python = pythons::all().last().expect("a Python");
    let served = PythonManager::start(python, Net::Unix);
    let options = options().timeout(Duration::from_secs(1));
    let manager = Manager::connect_with(&served.address, options).expect("it is there");
    let pool: Pool = manager.create(&(1,)).expect("a pool");
    let before = Instant::now();
    let late = pool.apply::<_, ()>("time.sleep", &(5,), MOMENT).expect_err("it sleeps");
    assert!(late.is_timeout(), "{late:?}");
    assert!((Duration::from_secs(1)..LONG).contains(&before.elapsed()));
    let queue: Queue<i64> = manager.create(&()).expect("a queue");
    assert!(queue.get(Duration::from_millis(1_500)).expect("longer than a call").is_none());
    let version: String = manager
        .create::<Pool>(&(1,))
        .and_then(|pool| pool.apply("platform.python_version", &(), LONG))
        .expect("another pool");
    assert!(python.name().ends_with(&version));
}

fn queue(manager: &Manager, python: &Python) -> Result {
    let queue: Queue<(String, Option<f64>)> = manager.create(&(2,))?;
    let (one, two) = (("one".to_owned(), Some(1.5)), ("zwölf".to_owned(), None));
    queue.put(&one, None)?;
    queue.put(&two, MOMENT)?;
    assert!(matches!(queue.put(&one, MOMENT), Err(Error::Full)));
    assert!(matches!(queue.put(&one, Duration::ZERO), Err(Error::Full)));
    assert!(queue.is_full()? && !queue.is_empty()?);
    assert_eq!(queue.qsize()?, 2);
    assert_eq!(queue.get(None)?, Some(one.clone()));
    assert_eq!(queue.get(LONG)?, Some(two));
    let before = Instant::now();
    assert_eq!(queue.get(MOMENT)?, None);
    assert!(before.elapsed() >= MOMENT);
    let waiting = thread::spawn({
        let queue = queue.clone();
        move || queue.get(LONG)
    });
    thread::sleep(MOMENT);
    queue.put(&one, None)?;
    assert_eq!(waiting.join().expect("no panic")?, Some(one));
    if python.is_at_least(3, 13) {
        queue.shut_down(false)?;
        assert!(matches!(queue.get(None), Err(Error::ShutDown)));
    }
    Ok(())
}

fn joinable_queue(manager: &Manager, _: &Python) -> Result {
    let queue: JoinableQueue<u32> = manager.create(&())?;
    queue.put(&7, None)?;
    assert_eq!(queue.qsize()?, 1);
    assert_eq!(queue.get(None)?, Some(7));
    let joining = thread::spawn({
        let queue = queue.clone();
        move || queue.join(LONG)
    });
    thread::sleep(MOMENT);
    queue.task_done()?;
    joining.join().expect("no panic")?;
    assert!(queue.task_done().is_err_and(|error| error.is_raised("ValueError")));
    Ok(())
}

fn dict(manager: &Manager, _: &Python) -> Result {
    let start = BTreeMap::from([("a", 1)]);
    let dict: Dict<String, i64> = manager.create(&(start,))?;
    let [a, b] = ["a", "b"].map(str::to_owned);
    dict.insert(&b, &2)?;
    assert_eq!((dict.get(&a)?, dict.get(&"c".into())?), (Some(1), None));
    assert_eq!(dict.set_default(&"c".into(), &3)?, 3);
    assert_eq!(dict.remove(&"c".into())?, Some(3));
    assert_eq!(dict.remove(&"c".into())?, None);
    assert!(dict.contains_key(&a)? && !dict.contains_key(&"c".into())?);
    assert_eq!(dict.len()?, 2);
    let mut keys = dict.keys()?;
    keys.sort();
    assert_eq!(keys, [a.clone(), b.clone()]);
    assert_eq!(dict.values()?.iter().sum::<i64>(), 3);
    assert_eq!(dict.items()?.len(), 2);
    let copy: BTreeMap<String, i64> = dict.copy()?;
    assert_eq!(copy, BTreeMap::from([(a.clone(), 1), (b, 2)]));
    dict.update(&BTreeMap::from([("d", 4)]))?;
    let iterator = dict.iter()?;
    let mut count = 0;
    while iterator.next(LONG)?.is_some() {
        count += 1;
    }
    assert_eq!(count, 3);
    assert!(dict.pop_item()?.is_some());
    dict.clear()?;
    assert_eq!(dict.pop_item()?, None);
    assert_eq!(dict.proxy().repr()?, "{}");
    Ok(())
}

fn list(manager: &Manager, _: &Python) -> Result {
    let list: List<i64> = manager.create(&(vec![3, 1],))?;
    list.append(&2)?;
    list.extend(&[5, 4])?;
    list.insert(0, &9)?;
    assert_eq!(list.copy()?, [9, 3, 1, 2, 5, 4]);
    assert_eq!((list.get(-1)?, list.get(6)?), (Some(4), None));
    list.set(0, &0)?;
    list.delete(1)?;
    list.sort()?;
    assert_eq!(list.copy()?, [0, 1, 2, 4, 5]);
    list.reverse()?;
    assert_eq!((list.pop()?, list.index(&4)?, list.index(&7)?), (Some(0), Some(1), None));
    list.remove(&4)?;
    assert!(list.remove(&4).is_err_and(|error| error.is_raised("ValueError")));
    assert_eq!((list.count(&1)?, list.contains(&2)?, list.len()?), (1, true, 3));
    assert_eq!(list.proxy().repr()?, "[5, 2, 1]");
    Ok(())
}

fn namespace(manager: &Manager, _: &Python) -> Result {
    let namespace: Namespace = manager.create(&())?;
    namespace.set("x", &(1, "two"))?;
    assert_eq!(namespace.get::<(i32, String)>("x")?, Some((1, "two".to_owned())));
    namespace.delete("x")?;
    assert_eq!(namespace.get::<i32>("x")?, None);
    assert!(namespace.delete("x").is_err_and(|error| error.is_raised("AttributeError")));
    Ok(())
}

fn value(manager: &Manager, _: &Python) -> Result {
    let value: Value<i64> = manager.create(&("i", 7))?;
    assert_eq!(value.get()?, 7);
    value.set(&8)?;
    assert_eq!(value.get()?, 8);
    assert!(value.proxy().repr()?.ends_with("'i', 8)"));
    Ok(())
}

fn array(manager: &Manager, python: &Python) -> Result {
    // 2.7 takes no other str for a type code than its own.
    let code = pickle::Value::from(pickle::Object::new("builtins", "str", vec!["d".into()]));
    let array: Array<f64> = manager.create(&(code, vec![1.0, 2.5]))?;
    assert_eq!((array.get(1)?, array.get(2)?, array.len()?), (Some(2.5), None, 2));
    array.set(0, &4.0)?;
    assert_eq!(array.copy()?, [4.0, 2.5], "{}", python.name());
    Ok(())
}

fn event(manager: &Manager, _: &Python) -> Result {
    let event: Event = manager.create(&())?;
    assert!(!event.is_set()? && !event.wait(MOMENT)?);
    let waiting = thread::spawn({
        let event = event.clone();
        move || event.wait(None)
    });
    thread::sleep(MOMENT);
    event.set()?;
    assert!(waiting.join().expect("no panic")?);
    assert!(event.is_set()?);
    event.clear()?;
    assert!(!event.is_set()?);
    Ok(())
}

fn lock(manager: &Manager, python: &Python) -> Result {
    let lock: Lock = manager.create(&())?;
    assert!(lock.acquire(None)?);
    assert!(!lock.acquire(Duration::ZERO)?);
    if python.is_at_least(3, 2) {
        assert!(!lock.acquire(MOMENT)?);
    } else {
        assert!(lock.acquire(MOMENT).is_err_and(|error| error.is_raised("TypeError")));
    }
    lock.release()?;
    assert!(lock.release().is_err());
    Ok(())
}

fn rlock(manager: &Manager, _: &Python) -> Result {
    let lock: RLock = manager.create(&())?;
    let other = RLock::from_proxy(lock.proxy().clone());
    assert!(lock.acquire(None)? && lock.clone().acquire(None)?);
    assert!(!other.acquire(Duration::ZERO)?);
    assert!(other.release().is_err());
    lock.release()?;
    lock.release()?;
    assert!(other.acquire(Duration::ZERO)?);
    other.release()
}

fn semaphore(manager: &Manager, _: &Python) -> Result {
    let semaphore: Semaphore = manager.create(&(1,))?;
    assert!(semaphore.acquire(None)?);
    assert!(!semaphore.acquire(Duration::ZERO)?);
    semaphore.release()?;
    semaphore.release()
}

fn bounded_semaphore(manager: &Manager, _: &Python) -> Result {
    let semaphore: Semaphore = manager.create_as("BoundedSemaphore", &(1,))?;
    assert!(semaphore.acquire(None)?);
    semaphore.release()?;
    assert!(semaphore.release().is_err_and(|error| error.is_raised("ValueError")));
    Ok(())
}

fn condition(manager: &Manager, python: &Python) -> Result {
    let condition: Condition = manager.create(&())?;
    assert!(condition.wait(MOMENT).is_err_and(|error| error.is_raised("RuntimeError")));
    condition.acquire(None)?;
    let told = condition.wait(MOMENT)?;
    assert_eq!(told, python.is_at_least(3, 2).then_some(false));
    let notifying = thread::spawn({
        let other = Condition::from_proxy(condition.proxy().clone());
        move || {
            other.acquire(None)?;
            other.notify()?;
            other.notify_all()?;
            other.release()
        }
    });
    let told = condition.wait(LONG)?;
    assert_eq!(told, python.is_at_least(3, 2).then_some(true));
    notifying.join().expect("no panic")?;
    condition.release()
}

fn barrier(manager: &Manager, python: &Python) -> Result {
    if !python.is_at_least(3, 3) {
        assert!(manager.create::<Barrier>(&(2,)).is_err_and(|e| matches!(e, Error::Traceback(_))));
        return Ok(());
    }
    let barrier: Barrier = manager.create(&(2,))?;
    let other = thread::spawn({
        let barrier = barrier.clone();
        move || barrier.wait(LONG)
    });
    let mine = barrier.wait(LONG)?;
    assert_eq!(mine + other.join().expect("no panic")?, 1);
    assert_eq!((barrier.parties()?, barrier.waiting()?, barrier.is_broken()?), (2, 0, false));
    barrier.abort()?;
    assert!(barrier.is_broken()?);
    assert!(barrier.wait(None).is_err_and(|error| error.is_raised("BrokenBarrierError")));
    barrier.reset()?;
    assert!(!barrier.is_broken()?);
    Ok(())
}

fn pool(manager: &Manager, python: &Python) -> Result {
    let pool: Pool = manager.create(&(2,))?;
    let factorial: u64 = pool.apply("math.factorial", &(20,), LONG)?;
    assert_eq!(factorial, 2_432_902_008_176_640_000);
    let version: String = pool.apply("platform.python_version", &(), LONG)?;
    assert!(python.name().ends_with(&version));
    let roots: Vec<f64> = pool.map("math.sqrt", &[1, 4, 9], LONG)?;
    assert_eq!(roots, [1.0, 2.0, 3.0]);
    let failed = pool.apply::<_, f64>("math.sqrt", &(-1,), LONG).expect_err("a domain error");
    assert!(failed.is_raised("ValueError") && failed.to_string().contains("math domain error"));
    if python.is_at_least(3, 3) {
        let powers: Vec<f64> = pool.starmap("math.pow", &[(2, 3), (3, 2)], LONG)?;
        assert_eq!(powers, [8.0, 9.0]);
    }
    let number: i64 = pool.apply_with("int", &("7f",), &BTreeMap::from([("base", 16)]), LONG)?;
    assert_eq!(number, 127);
    let slow = pool.apply_async::<_, ()>("time.sleep", &(0.3,))?;
    assert!(!slow.is_ready()?);
    assert_eq!(slow.get(MOMENT)?, None);
    assert_eq!(slow.get(LONG)?, Some(()));
    assert!(slow.is_successful()?);
    let mapped = pool.map_async::<_, f64>("math.sqrt", &[16])?;
    mapped.wait(LONG)?;
    assert_eq!(mapped.get(None)?, Some(vec![4.0]));
    let items = [-1, -2];
    for iterator in [pool.imap::<_, i64>("abs", &items)?, pool.imap_unordered("abs", &items)?] {
        let mut sum = 0;
        while let Some(item) = iterator.next(LONG)? {
            sum += item;
        }
        assert_eq!(sum, 3);
    }
    pool.close()?;
    pool.terminate()?;
    pool.join(LONG)
}

fn custom(manager: &Manager, _: &Python) -> Result {
    let counter = manager.create_proxy("Counter", &(5,))?;
    assert_eq!(counter.call::<_, i64>("add", &(2,))?, 7);
    assert_eq!(counter.call_with::<_, _, i64>("add", &(1,), &BTreeMap::from([("times", 3)]))?, 10);
    type Content = (i64, pickle::Value);
    let (count, content): Content = counter.call("pair", &())?;
    assert_eq!((count, content.get("name")), (10, Some(&"x".into())));
    let error = counter.call::<_, ()>("fail", &("no",)).expect_err("it fails");
    let exception = error.exception().expect("an exception");
    assert_eq!(
        (exception.class.module.as_str(), &*exception.class.name),
        ("builtins", "LookupError")
    );
    assert_eq!(exception.args, ["no".into(), 7.into()]);
    let wrong = counter.call::<_, i64>("add", &(1, 2, 3)).expect_err("too many arguments");
    assert!(wrong.is_raised("TypeError"));
    let unknown = counter.call::<_, i64>("subtract", &(1,)).expect_err("no such method");
    assert!(matches!(&unknown, Error::Traceback(text) if text.contains("subtract")), "{unknown}");
    let locked = counter.call::<_, ()>("lock", &()).expect_err("no pickle");
    assert!(matches!(locked, Error::Unserializable(_)), "{locked:?}");
    let typed = counter.call::<_, String>("add", &(0,)).expect_err("no text");
    assert!(matches!(typed, Error::Pickle(_)), "{typed:?}");
    let child = counter.call_for_proxy("child", &())?;
    assert_eq!(child.call::<_, i64>("add", &(1,))?, 11);
    assert_eq!(counter.call::<_, i64>("add", &(0,))?, 10);
    Ok(())
}

fn registered(manager: &Manager, _: &Python) -> Result {
    let one: Queue<i64> = manager.create_as("get_jobs", &())?;
    let other: Queue<i64> = manager.create_as("get_jobs", &())?;
    one.put(&1, None)?;
    assert_eq!(other.get(None)?, Some(1));
    assert_eq!(one.proxy().manager().number_of_objects()?, 1);
    Ok(())
}

fn manager(manager: &Manager, _: &Python) -> Result {
    let list: List<i64> = manager.create(&(vec![1],))?;
    let token = mpconn_managers::Port::token(list.proxy());
    let methods = manager.get_methods(token)?;
    assert!(methods.iter().any(|method| method == "append"));
    assert!(manager.debug_info()?.contains(&token.id));
    let unknown = manager.create_proxy("nothing", &()).expect_err("no such type");
    assert!(matches!(&unknown, Error::Traceback(text) if text.contains("KeyError")));
    Ok(())
}

fn nested(manager: &Manager, python: &Python) -> Result {
    // Up to 3.5 a proxy inside a value became the object itself, in the manager.
    if !python.is_at_least(3, 6) {
        return Ok(());
    }
    let outer: Dict<String, Reference> = manager.create(&())?;
    let inner: List<i64> = manager.create(&(vec![7],))?;
    outer.insert(&"inner".into(), &inner.proxy().reference())?;
    let found = outer.get(&"inner".into())?.expect("what was put");
    let other: List<i64> = manager.attach(&found)?;
    other.append(&8)?;
    assert_eq!(inner.copy()?, [7, 8]);
    outer.clear()?;

    // Earlier versions fail to rebuild an `AutoProxy` in the manager.
    if python.is_at_least(3, 9) {
        let queue: Queue<i64> = manager.create(&())?;
        outer.insert(&"queue".into(), &queue.proxy().reference())?;
        let other: Queue<i64> = manager.attach(&outer.get(&"queue".into())?.expect("a queue"))?;
        queue.put(&7, None)?;
        assert_eq!(other.get(None)?, Some(7));
        let proxy: &Proxy = other.proxy();
        assert!(mpconn_managers::Port::exposed(proxy).iter().any(|name| name == "task_done"));
    }
    Ok(())
}
