//! A future that cannot bring the program down.

use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::task::Poll;

/// What `future` gives; `None` when it panicked.
///
/// What belongs to one request is dropped with it, and what is shared is behind locks that tell
/// when they are poisoned: nothing half-changed is seen by the next request.
pub async fn guarded<T>(future: impl Future<Output = T>) -> Option<T> {
    let mut future = pin!(future);
    poll_fn(|context| match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(context))) {
        Ok(Poll::Ready(value)) => Poll::Ready(Some(value)),
        Ok(Poll::Pending) => Poll::Pending,
        Err(_) => Poll::Ready(None),
    })
    .await
}

#[cfg(test)]
mod tests {
    #![allow(clippy::panic)]
    use super::*;

    #[tokio::test]
    async fn a_panic_is_an_answer_that_does_not_come() {
        assert_eq!(guarded(async { 1 }).await, Some(1));
        assert_eq!(
            guarded(async {
                if std::hint::black_box(true) {
                    panic!("boom")
                }
            })
            .await,
            None
        );
    }
}
