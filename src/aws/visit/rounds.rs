//! Asking again and again, until the edge has had time to learn of a release.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::visitor::NoAnswer;
use crate::release::sample::{Question, Seen, Verdict};

/// Questions at once.
const AT_ONCE: usize = 4;
/// How often something that no release answers is seen before it counts: a failure may be passing.
const TRIES: u32 = 5;
/// After how many rounds without any answer the edge counts as out of reach.
const SILENCE: u32 = 2;
/// Pauses between rounds; together a little less than a minute.
///
/// Source: CloudFront developer guide, "Work with key value data": changes reach all edges "in a few seconds".
const PAUSES: [u64; 11] = [250, 500, 1000, 2000, 4000, 8000, 8000, 8000, 8000, 8000, 8000];

/// When the questions are asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// Of a release that is not live: it can wait.
    Before,
    /// Of the live one, that an edge may know late without harm.
    After,
}

/// How it went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Everything is answered as it should be.
    Right,
    /// The edge still answers from another release.
    Stale {
        /// A path that it answers so.
        path: String,
    },
    /// Nobody answers.
    Unreachable(String),
    /// Something is broken.
    Wrong(Fault),
}

/// Something that is answered wrongly.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The path.
    pub path: String,
    /// Status of the answer; `None` when there was none.
    pub status: Option<u16>,
    /// What was answered, and what is right.
    pub said: String,
    /// Whether it is an answer of another release, which may pass.
    pub stale: bool,
}

/// The pauses.
pub fn pauses() -> impl Iterator<Item = Duration> {
    PAUSES.into_iter().map(Duration::from_millis)
}

struct Open {
    question: Question,
    /// How often the answer was wrong, or missing.
    failures: u32,
    last: Result<Seen, NoAnswer>,
}

/// Asks all questions until each is answered rightly, one is answered wrongly too often, or there
/// are no more pauses. `say` is told what is waited for.
pub async fn look<A, F>(
    questions: Vec<Question>,
    moment: Moment,
    mut pauses: impl Iterator<Item = Duration>,
    ask: A,
    say: impl Fn(String),
) -> Outcome
where
    A: Fn(Question) -> F,
    F: Future<Output = Result<Seen, NoAnswer>> + Send + 'static,
{
    let first = || Err(NoAnswer("it was not asked".into()));
    let open = questions.into_iter().map(|question| Open { question, failures: 0, last: first() });
    let mut open: Vec<Open> = open.collect();
    let (mut answered, mut current, mut round) = (false, false, 0);
    loop {
        let answers = all_at_once(&open, &ask).await;
        round += 1;
        answered |= answers.iter().any(|(_, answer)| answer.is_ok());
        for (at, answer) in answers {
            let Some(one) = open.get_mut(at) else { continue };
            let verdict = answer.as_ref().map_or(Verdict::Wrong, |seen| one.question.judge(seen));
            current |= verdict == Verdict::Right && one.question.tells();
            one.failures = if verdict == Verdict::Wrong { one.failures + 1 } else { 0 };
            one.last = answer;
        }
        open.retain(|one| !matches!(&one.last, Ok(seen) if one.question.judge(seen) == Verdict::Right));
        let Some(next) = open.first() else { return Outcome::Right };
        if let (false, true, Err(why)) = (answered, round >= SILENCE, &next.last) {
            return Outcome::Unreachable(why.0.clone());
        }
        if let Some(broken) = open.iter().find(|one| one.failures >= TRIES) {
            return Outcome::Wrong(broken.fault(false));
        }
        let Some(pause) = pauses.next() else { break };
        let word = if next.failures > 0 { "right" } else { "of this release" };
        say(format!("waiting until {} is answered {word}; {} left to see", next.question.path, open.len()));
        tokio::time::sleep(pause).await;
    }
    at_the_end(&open, moment, current)
}

/// What is left when there is no more time.
fn at_the_end(open: &[Open], moment: Moment, current: bool) -> Outcome {
    let counts = |one: &&Open| match (moment, &one.last) {
        // Some keys of the release have come, so that all should have.
        (Moment::Before, _) => current,
        (Moment::After, Ok(seen)) => current && one.question.is_lost(seen),
        (Moment::After, Err(_)) => true,
    };
    let failed = open.iter().find(|one| one.failures > 0);
    match failed.or_else(|| open.iter().find(counts)) {
        Some(one) => Outcome::Wrong(one.fault(one.failures == 0)),
        None => Outcome::Stale { path: open.first().map(|one| one.question.path.clone()).unwrap_or_default() },
    }
}

impl Open {
    fn fault(&self, stale: bool) -> Fault {
        let answered = match &self.last {
            Ok(Seen { status, etag: Some(etag), .. }) if *status < 400 => format!("answered {status} (etag {etag})"),
            Ok(seen) => format!("answered {}", seen.status),
            Err(why) => format!("was not answered ({why})"),
        };
        let said = format!("{answered}, and {} was expected", self.question.wanted());
        Fault { path: self.question.path.clone(), status: self.last.as_ref().ok().map(|seen| seen.status), said, stale }
    }
}

/// Asks everything once; answers by their place, in order.
async fn all_at_once<A, F>(open: &[Open], ask: &A) -> Vec<(usize, Result<Seen, NoAnswer>)>
where
    A: Fn(Question) -> F,
    F: Future<Output = Result<Seen, NoAnswer>> + Send + 'static,
{
    let places = Arc::new(Semaphore::new(AT_ONCE));
    let mut asked = JoinSet::new();
    for (at, one) in open.iter().enumerate() {
        let (places, answer) = (places.clone(), ask(one.question.clone()));
        asked.spawn(async move {
            // The semaphore is never closed.
            let _place = places.acquire_owned().await;
            (at, answer.await)
        });
    }
    let mut answers = asked.join_all().await;
    answers.sort_by_key(|(at, _)| *at);
    answers
}

#[cfg(test)]
#[path = "rounds_tests.rs"]
mod tests;
