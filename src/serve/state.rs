//! What all workers of the server share.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use tokio::sync::watch;

use super::current::Current;
use super::reload::News;
use super::shelf::Shelf;

/// Most bytes of bodies, plain and compressed, that are kept in memory.
const SHELF_BYTES: usize = 64 * 1024 * 1024;

/// What all workers of the server share.
pub struct State {
    current: RwLock<Arc<Current>>,
    /// How many requests are being answered.
    answering: AtomicUsize,
    /// Bodies kept in memory.
    pub shelf: Shelf,
    /// Whether only this machine can reach the server.
    pub local_only: bool,
    /// The news for browsers, unless live reload is off.
    pub news: Option<watch::Receiver<News>>,
}

impl State {
    /// The state of a server that begins with `current`.
    pub fn new(current: Current, local_only: bool, news: Option<watch::Receiver<News>>) -> Self {
        let current = RwLock::new(Arc::new(current));
        Self { current, answering: AtomicUsize::new(0), shelf: Shelf::new(SHELF_BYTES), local_only, news }
    }

    /// What to answer with now. A request keeps it until it is answered.
    pub fn current(&self) -> Arc<Current> {
        self.current.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Puts something else in its place, for all requests from now on.
    pub fn replace(&self, current: Current) {
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(current);
    }

    /// Counts a request as being answered, until what is returned is dropped.
    pub fn answering(&self) -> Answering<'_> {
        self.answering.fetch_add(1, Ordering::Relaxed);
        Answering(&self.answering)
    }

    /// Whether a request is being answered.
    pub fn is_answering(&self) -> bool {
        self.answering.load(Ordering::Relaxed) > 0
    }
}

/// A request that is being answered, also when its connection breaks off.
pub struct Answering<'a>(&'a AtomicUsize);

impl Drop for Answering<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
