//! Bodies kept in memory, within a bound.
//!
//! A body has a [`Place`] that its object owns, so that finding it takes no common lock. The shelf
//! only counts: when all places together hold more than the limit, those that were not asked for
//! since the last look are emptied first (the "second chance" rule, close to least recently used).

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock, Weak};

use bytes::Bytes;

/// Where one body is kept while there is room.
#[derive(Debug, Default)]
pub struct Place {
    body: RwLock<Option<Bytes>>,
    asked_for: AtomicBool,
    /// Held by whoever fetches the body, so that many visitors at once fetch it once.
    fetching: tokio::sync::Mutex<()>,
}

impl Place {
    /// The body, if it is here.
    pub fn get(&self) -> Option<Bytes> {
        let body = self.body.read().unwrap_or_else(PoisonError::into_inner).clone()?;
        // A plain load first: a store would make every worker fight for the cache line.
        if !self.asked_for.load(Ordering::Relaxed) {
            self.asked_for.store(true, Ordering::Relaxed);
        }
        Some(body)
    }

    /// The turn to fetch the body. Look again once it is yours: another may have fetched it.
    pub async fn turn(&self) -> tokio::sync::MutexGuard<'_, ()> {
        self.fetching.lock().await
    }

    fn set(&self, body: Option<Bytes>) {
        *self.body.write().unwrap_or_else(PoisonError::into_inner) = body;
    }
}

/// The count of what the places hold.
#[derive(Debug)]
pub struct Shelf {
    /// Most bytes that all places together hold.
    limit: usize,
    filled: Mutex<Filled>,
}

#[derive(Debug, Default)]
struct Filled {
    bytes: usize,
    /// Filled places and the length of what they hold, oldest first.
    queue: VecDeque<(Weak<Place>, usize)>,
}

impl Shelf {
    /// A shelf for at most `limit` bytes.
    pub fn new(limit: usize) -> Self {
        Self { limit, filled: Mutex::default() }
    }

    /// Keeps `body` in `place`, which has to be empty, and makes room for it.
    pub fn put(&self, place: &Arc<Place>, body: Bytes) {
        if body.len() > self.limit {
            return;
        }
        let mut filled = self.filled.lock().unwrap_or_else(PoisonError::into_inner);
        filled.bytes += body.len();
        filled.queue.push_back((Arc::downgrade(place), body.len()));
        place.set(Some(body));
        filled.shrink(self.limit);
    }
}

impl Filled {
    fn shrink(&mut self, limit: usize) {
        while self.bytes > limit {
            let Some((weak, length)) = self.queue.pop_front() else { return };
            match weak.upgrade() {
                Some(place) if place.asked_for.swap(false, Ordering::Relaxed) => self.queue.push_back((weak, length)),
                Some(place) => {
                    place.set(None);
                    self.bytes -= length;
                }
                // Its object is gone with an earlier build.
                None => self.bytes -= length,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(length: usize) -> Bytes {
        vec![b'x'; length].into()
    }

    #[test]
    fn a_kept_body_is_found_again() {
        let (shelf, place) = (Shelf::new(100), Arc::new(Place::default()));
        assert_eq!(place.get(), None);
        shelf.put(&place, body(10));
        assert_eq!(place.get(), Some(body(10)));
    }

    #[test]
    fn what_nobody_asks_for_leaves_first() {
        let shelf = Shelf::new(100);
        let places: Vec<Arc<Place>> = (0..3).map(|_| Arc::default()).collect();
        shelf.put(&places[0], body(40));
        shelf.put(&places[1], body(40));
        assert!(places[0].get().is_some());
        shelf.put(&places[2], body(40));
        assert!(places[0].get().is_some());
        assert!(places[1].get().is_none());
        assert!(places[2].get().is_some());
    }

    #[test]
    fn the_shelf_never_holds_more_than_its_limit() {
        let shelf = Shelf::new(100);
        let places: Vec<Arc<Place>> = (0..50).map(|_| Arc::default()).collect();
        for place in &places {
            shelf.put(place, body(30));
            let _ = place.get();
            let held: usize = places.iter().filter_map(|p| p.get()).map(|b| b.len()).sum();
            assert!(held <= 100);
        }
        shelf.put(&Arc::default(), body(101));
    }

    #[test]
    fn bodies_of_vanished_objects_make_room() {
        let shelf = Shelf::new(100);
        shelf.put(&Arc::default(), body(90));
        let place = Arc::new(Place::default());
        shelf.put(&place, body(90));
        assert!(place.get().is_some());
    }
}
