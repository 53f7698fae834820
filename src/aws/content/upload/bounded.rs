//! Many jobs, a few at a time.

use std::future::Future;

use tokio::task::{JoinError, JoinSet};

/// Runs the jobs, at most so many at once; one is made only when it is about to be run, so that it
/// does not matter how many there are. After an error none is begun, and those that run are ended.
pub async fn each<T, E>(
    most: usize,
    jobs: impl Iterator<Item = impl Future<Output = Result<T, E>> + Send + 'static>,
    mut done: impl FnMut(T),
) -> Result<(), E>
where
    T: Send + 'static,
    E: From<JoinError> + Send + 'static,
{
    let mut jobs = jobs.fuse();
    let mut running = JoinSet::new();
    loop {
        while running.len() < most
            && let Some(job) = jobs.next()
        {
            running.spawn(job);
        }
        match running.join_next().await {
            Some(ended) => done(ended??),
            None => return Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::cell::Cell;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[derive(Debug)]
    struct Failed;

    impl From<JoinError> for Failed {
        fn from(_: JoinError) -> Self {
            Self
        }
    }

    #[tokio::test]
    async fn jobs_are_made_as_they_are_run() {
        let (made, ended, mut seen) = (Cell::new(0), Arc::new(AtomicUsize::new(0)), 0);
        let jobs = (0..1000).map(|number| {
            made.set(made.get() + 1);
            assert!(made.get() - ended.load(Ordering::Relaxed) <= 7);
            let ended = ended.clone();
            async move {
                tokio::task::yield_now().await;
                ended.fetch_add(1, Ordering::Relaxed);
                Ok::<usize, Failed>(number)
            }
        });
        each(7, jobs, |number| seen += number).await.unwrap();
        assert_eq!(seen, 999 * 500);
    }

    #[tokio::test]
    async fn after_an_error_nothing_is_begun() {
        let begun = Arc::new(AtomicUsize::new(0));
        let jobs = (0..1000).map(|number| {
            let begun = begun.clone();
            async move {
                begun.fetch_add(1, Ordering::Relaxed);
                if number == 3 { Err(Failed) } else { Ok(()) }
            }
        });
        assert!(each(2, jobs, |()| {}).await.is_err());
        assert!(begun.load(Ordering::Relaxed) < 10);
    }
}
