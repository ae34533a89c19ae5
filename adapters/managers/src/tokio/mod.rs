//! Managers and proxies on tokio.

mod client;
mod proxy;
mod server;

pub use client::Manager;
pub use proxy::{Answer, Proxy};
pub use server::Server;

use crate::proxies;

/// See [`proxies::Array`].
pub type Array<T> = proxies::Array<T, Proxy>;
/// See [`proxies::AsyncResult`].
pub type AsyncResult<R> = proxies::AsyncResult<R, Proxy>;
/// See [`proxies::Barrier`].
pub type Barrier = proxies::Barrier<Proxy>;
/// See [`proxies::Condition`].
pub type Condition = proxies::Condition<Proxy>;
/// See [`proxies::Dict`].
pub type Dict<K, V> = proxies::Dict<K, V, Proxy>;
/// See [`proxies::Event`].
pub type Event = proxies::Event<Proxy>;
/// See [`proxies::Iterator`].
pub type Iterator<T> = proxies::Iterator<T, Proxy>;
/// See [`proxies::JoinableQueue`].
pub type JoinableQueue<T> = proxies::JoinableQueue<T, Proxy>;
/// See [`proxies::List`].
pub type List<T> = proxies::List<T, Proxy>;
/// See [`proxies::Lock`].
pub type Lock = proxies::Lock<Proxy>;
/// See [`proxies::Namespace`].
pub type Namespace = proxies::Namespace<Proxy>;
/// See [`proxies::Pool`].
pub type Pool = proxies::Pool<Proxy>;
/// See [`proxies::Queue`].
pub type Queue<T> = proxies::Queue<T, Proxy>;
/// See [`proxies::RLock`].
pub type RLock = proxies::RLock<Proxy>;
/// See [`proxies::Semaphore`].
pub type Semaphore = proxies::Semaphore<Proxy>;
/// See [`proxies::Value`].
pub type Value<T> = proxies::Value<T, Proxy>;
