//! Which of many pending things were woken, so that only those are looked at.

use std::mem;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Wake, Waker};

use mpconn::ClientId;

/// Wakers for many things that one task looks after.
#[derive(Debug, Default)]
pub(crate) struct ReadyQueue(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    woken: Vec<ClientId>,
    task: Option<Waker>,
}

/// One of the things, by its name.
#[derive(Debug)]
pub(crate) struct Member {
    id: ClientId,
    is_woken: AtomicBool,
    queue: Arc<Mutex<State>>,
}

impl ReadyQueue {
    pub(crate) fn member(&self, id: ClientId) -> Arc<Member> {
        Arc::new(Member { id, is_woken: AtomicBool::new(false), queue: Arc::clone(&self.0) })
    }

    /// The names of those that were woken since the last call. From now on the task of `waker` is
    /// told of others.
    pub(crate) fn take(&self, waker: &Waker) -> Vec<ClientId> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !state.task.as_ref().is_some_and(|task| task.will_wake(waker)) {
            state.task = Some(waker.clone());
        }
        mem::take(&mut state.woken)
    }
}

impl Member {
    /// It is being looked at: a wake-up from now on is news.
    pub(crate) fn looked_at(&self) {
        self.is_woken.store(false, Ordering::Release);
    }
}

impl Wake for Member {
    fn wake(self: Arc<Self>) {
        if self.is_woken.swap(true, Ordering::AcqRel) {
            return;
        }
        let mut state = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        state.woken.push(self.id);
        let task = state.task.clone();
        drop(state);
        // Outside the lock: a waker may do anything.
        if let Some(task) = task {
            task.wake();
        }
    }
}
