//! Both roles on tokio. The proxies are those of the other tests, so that what is tested here is how
//! calls are made, given up and answered.

use std::time::Duration;

use mpconn_managers::tokio::{AsyncResult, Dict, List, Manager, Pool, Queue, RLock, Server};
use mpconn_managers::{AuthKey, Error, Methods, Reference, Typed};
use mpconn_tests::net::{Net, scratch};
use mpconn_tests::pythons::Python;
use tokio::time::{Instant, sleep, timeout};

use crate::server::{client, registry};
use crate::support::{KEY, PythonManager, options, with_each};

const MOMENT: Duration = Duration::from_millis(50);
const LONG: Duration = Duration::from_secs(10);

type Result<T = ()> = std::result::Result<T, Error>;

fn run<R>(future: impl Future<Output = R>) -> R {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    runtime.expect("a runtime").block_on(future)
}

/// References are given back by tasks.
async fn expect_no_objects(manager: &Manager) -> Result {
    let until = Instant::now() + LONG;
    while manager.number_of_objects().await? > 0 {
        assert!(Instant::now() < until, "objects are left: {}", manager.debug_info().await?);
        sleep(MOMENT).await;
    }
    Ok(())
}

#[test]
fn a_manager_of_each_python() {
    with_each(|python, net| {
        let served = PythonManager::start(python, net);
        run(async {
            let manager = Manager::connect_with(&served.address, options()).await?;
            queues(&manager).await?;
            containers(&manager, python).await?;
            locks(&manager).await?;
            pools(&manager).await?;
            given_up(&manager).await?;
            expect_no_objects(&manager).await
        })
        .unwrap_or_else(|error| panic!("{}: {error:?}", python.name()));
    });
}

async fn queues(manager: &Manager) -> Result {
    let queue: Queue<i64> = manager.create(&(1,)).await?;
    let waiting = tokio::spawn({
        let queue = queue.clone();
        async move { queue.get(LONG).await }
    });
    sleep(MOMENT).await;
    queue.put(&7, None).await?;
    assert_eq!(waiting.await.expect("no panic")?, Some(7));
    queue.put(&8, None).await?;
    assert!(matches!(queue.put(&9, MOMENT).await, Err(Error::Full)));
    assert_eq!((queue.get(None).await?, queue.get(MOMENT).await?), (Some(8), None));
    Ok(())
}

async fn containers(manager: &Manager, python: &Python) -> Result {
    let list: List<i64> = manager.create(&(vec![1],)).await?;
    let dict: Dict<String, Reference> = manager.create(&()).await?;
    if python.is_at_least(3, 6) {
        dict.insert(&"list".into(), &list.proxy().reference()).await?;
        let found = dict.get(&"list".into()).await?.expect("what was put");
        manager.attach::<List<i64>>(&found).await?.append(&2).await?;
        assert_eq!(list.copy().await?, [1, 2]);
        let keys = dict.iter().await?;
        assert_eq!(
            (keys.next(LONG).await?, keys.next(LONG).await?),
            (Some("list".to_owned()), None)
        );
        dict.clear().await?;
    }
    let counter = manager.create_proxy("Counter", &(1,)).await?;
    assert_eq!(counter.call_for_proxy("child", &()).await?.call::<_, i64>("add", &(1,)).await?, 2);
    Ok(())
}

async fn locks(manager: &Manager) -> Result {
    let lock: RLock = manager.create(&()).await?;
    let other = RLock::from_proxy(lock.proxy().clone());
    assert!(lock.acquire(None).await? && lock.acquire(None).await?);
    assert!(!other.acquire(Duration::ZERO).await?);
    lock.release().await?;
    lock.release().await?;
    assert!(other.acquire(Duration::ZERO).await?);
    other.release().await
}

async fn pools(manager: &Manager) -> Result {
    let pool: Pool = manager.create(&(1,)).await?;
    assert_eq!(pool.apply::<_, u64>("math.factorial", &(10,), LONG).await?, 3_628_800);
    let result: AsyncResult<Vec<f64>> = pool.map_async("math.sqrt", &[4, 9]).await?;
    assert_eq!(result.get(LONG).await?, Some(vec![2.0, 3.0]));
    pool.terminate().await
}

/// A call that is dropped is not answered to another one, and leaves no reference.
async fn given_up(manager: &Manager) -> Result {
    let queue: Queue<i64> = manager.create(&()).await?;
    let dict: Dict<i64, i64> = manager.create(&([(1, 1)],)).await?;
    assert!(timeout(MOMENT, queue.get(Duration::from_millis(500))).await.is_err());
    assert_eq!(queue.qsize().await?, 0);
    for delay in 0..20 {
        let delay = Duration::from_micros(100 * delay);
        let _ = timeout(delay, dict.iter()).await;
        let _ = timeout(delay, manager.create::<Queue<i64>>(&())).await;
        assert_eq!(dict.len().await?, 1);
    }
    Ok(())
}

#[test]
fn a_server_for_each_python() {
    with_each(|python, net| {
        let scratch = scratch();
        run(async {
            let server = Server::bind(net.fresh(&scratch), AuthKey::new(KEY), registry())?;
            let address = server.address().clone();
            let serving = tokio::spawn(server.serve());
            let result = tokio::task::block_in_place(|| client(python, &address).result());
            assert_eq!(result, "ok", "{}", python.name());
            let manager = Manager::connect_with(&address, options()).await?;
            expect_no_objects(&manager).await?;
            manager.shutdown().await?;
            timeout(LONG, serving).await.expect("it ends").expect("no panic")?;
            Ok::<_, Error>(())
        })
        .unwrap_or_else(|error| panic!("{}: {error:?}", python.name()));
    });
}

#[test]
fn a_server_that_is_gone_blocks_no_drop() {
    let scratch = scratch();
    run(async {
        let server = Server::bind(Net::Unix.fresh(&scratch), AuthKey::new(KEY), registry())?;
        let address = server.address().clone();
        let serving = tokio::spawn(server.serve());
        let manager = Manager::connect_with(&address, options()).await?;
        let queue: Queue<i64> = manager.create(&()).await?;
        queue.put(&1, None).await?;
        serving.abort();
        let _ = serving.await;
        assert!(queue.get(None).await.is_err());
        drop((queue, manager));
        Ok::<_, Error>(())
    })
    .expect("it was there");
}
