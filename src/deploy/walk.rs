//! Runs tasks in their order, as many at once as is allowed.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::future::Future;
use std::pin::Pin;

use tokio::task::{Id, JoinSet};

use super::dag::Dag;
use super::error::StepError;

/// What the tasks are.
pub(super) trait Work<K, T> {
    /// Called when a task's turn has come, with what is done by then.
    fn begin(&mut self, key: &K, done: &BTreeMap<K, T>) -> Result<Begun<T>, StepError>;

    /// Called when a task has ended in any way; what it gives is the task's end.
    fn end(&mut self, key: &K, result: Result<T, StepError>) -> Result<T, StepError>;

    /// Whether the task goes on with what was begun, so that it is better started than left.
    fn goes_on(&self, _key: &K, _done: &BTreeMap<K, T>) -> bool {
        false
    }
}

/// How a task begins.
pub(super) enum Begun<T> {
    /// There is nothing to do.
    Done(T),
    /// It runs beside the others.
    Running(Pin<Box<dyn Future<Output = Result<T, StepError>> + Send>>),
}

impl<T> Begun<T> {
    pub(super) fn running(task: impl Future<Output = Result<T, StepError>> + Send + 'static) -> Self {
        Self::Running(Box::pin(task))
    }
}

/// What became of the tasks.
pub(super) struct Walked<K, T> {
    /// What the finished ones gave.
    pub(super) done: BTreeMap<K, T>,
    /// What failed, in the order in which it failed.
    pub(super) failed: Vec<(K, StepError)>,
    /// What ended because somebody else has to act first, in that order.
    pub(super) waiting: Vec<(K, StepError)>,
    /// What was not started.
    pub(super) left: BTreeSet<K>,
}

/// Runs the tasks of `dag` that are not `done`, each after those it waits for, at most `parallel`
/// at once.
///
/// After the first failure, or when it is `stopped`, nothing new is started, and what was begun
/// is finished. What has to wait for somebody else stops only those that wait for it. A panic is
/// the failure of its task. Only the tasks run beside each other, the work is asked by one at a
/// time.
pub(super) async fn walk<K, T>(
    dag: &Dag<K>,
    done: BTreeMap<K, T>,
    parallel: usize,
    stopped: &impl Fn() -> bool,
    work: &mut impl Work<K, T>,
) -> Walked<K, T>
where
    K: Ord + Clone,
    T: Send + 'static,
{
    let mut walked = Walked::new(dag, done);
    let mut running = Running { tasks: JoinSet::new(), keys: HashMap::new() };
    loop {
        while running.tasks.len() < parallel.max(1) {
            let Some(key) = walked.take_next(dag, stopped, work) else { break };
            match work.begin(&key, &walked.done) {
                Ok(Begun::Running(task)) => running.spawn(key, task),
                Ok(Begun::Done(value)) => walked.end(key, Ok(value), work),
                Err(error) => walked.end(key, Err(error), work),
            }
        }
        let Some((key, result)) = running.next().await else { return walked };
        walked.end(key, result, work);
    }
}

impl<K: Ord + Clone, T> Walked<K, T> {
    /// Nothing of what is not `done` has been started.
    pub(super) fn new(dag: &Dag<K>, done: BTreeMap<K, T>) -> Self {
        let left = dag.keys().filter(|key| !done.contains_key(key)).cloned().collect();
        Self { done, failed: Vec::new(), waiting: Vec::new(), left }
    }

    /// As a part of `dag`: what is not in the part has not been started either.
    pub(super) fn within(mut self, dag: &Dag<K>) -> Self {
        let over: BTreeSet<&K> = self.failed.iter().chain(&self.waiting).map(|(key, _)| key).collect();
        let left = dag.keys().filter(|key| !self.done.contains_key(key) && !over.contains(key));
        self.left = left.cloned().collect();
        self
    }

    fn take_next(&mut self, dag: &Dag<K>, stopped: &impl Fn() -> bool, work: &impl Work<K, T>) -> Option<K> {
        let halted = !self.failed.is_empty() || stopped();
        let ready = |key: &&K| dag.after(key).all(|first| self.done.contains_key(first));
        let may_start = |key: &&K| ready(key) && (!halted || work.goes_on(key, &self.done));
        let next = self.left.iter().find(may_start).cloned()?;
        self.left.take(&next)
    }

    fn end(&mut self, key: K, result: Result<T, StepError>, work: &mut impl Work<K, T>) {
        match work.end(&key, result) {
            Ok(value) => drop(self.done.insert(key, value)),
            Err(error) if error.is_waiting() => self.waiting.push((key, error)),
            Err(error) => self.failed.push((key, error)),
        }
    }
}

struct Running<K, T> {
    tasks: JoinSet<Result<T, StepError>>,
    keys: HashMap<Id, K>,
}

impl<K, T: Send + 'static> Running<K, T> {
    fn spawn(&mut self, key: K, task: Pin<Box<dyn Future<Output = Result<T, StepError>> + Send>>) {
        let id = self.tasks.spawn(task).id();
        self.keys.insert(id, key);
    }

    /// The next task that ends; `None` when none is running.
    async fn next(&mut self) -> Option<(K, Result<T, StepError>)> {
        loop {
            let (id, result) = match self.tasks.join_next_with_id().await? {
                Ok((id, result)) => (id, result),
                Err(panic) => (panic.id(), Err(StepError::bug(panic))),
            };
            if let Some(key) = self.keys.remove(&id) {
                return Some((key, result));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::sync::{Barrier, Notify};

    use super::*;
    use crate::deploy::StopSignal;

    /// Tasks made by a closure.
    struct Each<F>(F);

    impl<F: FnMut(usize) -> Begun<usize>> Work<usize, usize> for Each<F> {
        fn begin(&mut self, key: &usize, _: &BTreeMap<usize, usize>) -> Result<Begun<usize>, StepError> {
            Ok(self.0(*key))
        }

        fn end(&mut self, _: &usize, result: Result<usize, StepError>) -> Result<usize, StepError> {
            result
        }
    }

    async fn walk_all(
        dag: &Dag<usize>,
        parallel: usize,
        each: impl FnMut(usize) -> Begun<usize>,
    ) -> Walked<usize, usize> {
        walk(dag, BTreeMap::new(), parallel, &|| false, &mut Each(each)).await
    }

    #[tokio::test]
    async fn as_many_run_at_once_as_allowed_and_no_more() {
        // The barrier opens only for four at once: fewer would hang, more would show in `most`.
        let barrier = Arc::new(Barrier::new(4));
        let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let each = |key| {
            let (barrier, now, most) = (barrier.clone(), now.clone(), most.clone());
            Begun::running(async move {
                most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                barrier.wait().await;
                now.fetch_sub(1, Ordering::SeqCst);
                Ok(key)
            })
        };
        let walked = walk_all(&Dag::new(0..12), 4, each).await;
        assert_eq!((walked.done.len(), most.load(Ordering::SeqCst)), (12, 4));
    }

    #[tokio::test]
    async fn a_failure_lets_the_running_finish_and_starts_nothing_new() {
        let mut dag = Dag::new(0..4);
        dag.wait(&2, &0);
        let failing = Arc::new(Notify::new());
        let each = |key| {
            let failing = failing.clone();
            Begun::running(async move {
                if key == 0 {
                    failing.notify_one();
                    return Err(StepError::bug("broken"));
                }
                failing.notified().await;
                Ok(key)
            })
        };
        let walked = walk_all(&dag, 2, each).await;
        assert_eq!(walked.failed.iter().map(|f| f.0).collect::<Vec<_>>(), [0]);
        assert_eq!(walked.left, BTreeSet::from([2, 3]));
        assert_eq!(walked.done.into_keys().collect::<Vec<_>>(), [1]);
    }

    #[tokio::test]
    async fn a_panic_is_a_failure_that_is_ours() {
        let walked = walk_all(&Dag::new(0..2), 1, |_| Begun::running(async { panic!("oh no") })).await;
        assert_eq!(walked.failed[0].1.blame, crate::deploy::Blame::Bug);
        assert!(walked.failed[0].1.chain().contains("oh no"), "{}", walked.failed[0].1.chain());
        assert_eq!(walked.left, BTreeSet::from([1]));
    }

    #[tokio::test]
    async fn nothing_starts_once_the_signal_is_given() {
        let stop = StopSignal::new();
        let mut each = Each(|key| {
            stop.stop();
            Begun::running(async move { Ok(key) })
        });
        let walked = walk(&Dag::new(0..5), BTreeMap::new(), 5, &|| stop.is_stopped(), &mut each).await;
        assert_eq!((walked.done.len(), walked.left.len()), (1, 4));
    }

    #[tokio::test]
    async fn tasks_with_nothing_to_do_let_the_others_go_on() {
        let mut dag = Dag::new(0..100);
        (1..100).for_each(|key| dag.wait(&key, &(key - 1)));
        assert_eq!(walk_all(&dag, 1, Begun::Done).await.done.len(), 100);
    }
}
