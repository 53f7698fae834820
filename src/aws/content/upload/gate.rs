//! The places of requests under way: as many as the pace says.

use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::Instant;

use super::pace::{Pace, Ticket};

/// Lets requests begin, in the order in which they asked.
pub struct Gate {
    places: Semaphore,
    began: Instant,
    state: Mutex<State>,
}

struct State {
    pace: Pace,
    /// Places that there are, free or taken; after the pace was halved more than it says, until
    /// they are given back.
    places: usize,
}

/// The place of one request. Dropped without a word, it says nothing about the pace.
pub struct Place<'a> {
    gate: &'a Gate,
    ticket: Ticket,
    permit: Option<SemaphorePermit<'a>>,
}

impl Gate {
    /// A gate, about to be used.
    pub fn new(pace: Pace) -> Self {
        let places = pace.width();
        Self { places: Semaphore::new(places), began: Instant::now(), state: Mutex::new(State { pace, places }) }
    }

    /// Waits for a place.
    pub async fn enter(&self) -> Place<'_> {
        // The semaphore is never closed.
        let permit = self.places.acquire().await.ok();
        Place { gate: self, ticket: self.state().pace.ticket(), permit }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds or takes away places that are free.
    fn settle(&self, state: &mut State) {
        let wanted = state.pace.width();
        if state.places < wanted {
            self.places.add_permits(wanted - state.places);
            state.places = wanted;
        } else {
            state.places -= self.places.forget_permits(state.places - wanted);
        }
    }
}

impl Place<'_> {
    /// The request has succeeded, with a body of so many bytes.
    pub fn done(self, bytes: u64) {
        self.gate.state().pace.done(bytes, self.gate.began.elapsed());
    }

    /// S3 asked for less, or the connection broke.
    pub fn refused(self) {
        self.gate.state().pace.refused(self.ticket, self.gate.began.elapsed());
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut state = self.gate.state();
        drop(self.permit.take());
        self.gate.settle(&mut state);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::future::Future;
    use std::task::{Context, Waker};

    use super::*;

    /// A place, if there is a free one.
    fn enter(gate: &Gate) -> Option<Place<'_>> {
        match std::pin::pin!(gate.enter()).poll(&mut Context::from_waker(Waker::noop())) {
            std::task::Poll::Ready(place) => Some(place),
            std::task::Poll::Pending => None,
        }
    }

    fn all(gate: &Gate) -> Vec<Place<'_>> {
        std::iter::from_fn(|| enter(gate)).collect()
    }

    #[test]
    fn there_are_as_many_places_as_the_pace_says() {
        let gate = Gate::new(Pace::default());
        let mut places = all(&gate);
        assert_eq!(places.len(), 16);
        places.pop().unwrap().done(0);
        assert_eq!(all(&gate).len(), 1);
        drop(places);
        assert_eq!(all(&gate).len(), 16);
    }

    #[test]
    fn after_a_refusal_places_are_withheld_until_half_are_left() {
        let gate = Gate::new(Pace::default());
        let mut places = all(&gate);
        places.pop().unwrap().refused();
        for taken in (8..15).rev() {
            assert!(enter(&gate).is_none());
            places.pop();
            assert_eq!(places.len(), taken);
        }
        places.pop();
        assert_eq!(all(&gate).len(), 1);
        drop(places);
        assert_eq!(all(&gate).len(), 8);
    }

    #[test]
    fn free_places_go_at_once() {
        let gate = Gate::new(Pace::default());
        enter(&gate).unwrap().refused();
        assert_eq!(all(&gate).len(), 8);
    }

    #[test]
    fn more_places_come_when_a_round_was_quick() {
        let gate = Gate::new(Pace::default());
        all(&gate).into_iter().for_each(|place| place.done(1_000_000));
        assert_eq!(all(&gate).len(), 24);
    }
}
