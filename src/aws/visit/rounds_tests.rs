#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
use std::collections::BTreeMap;
use std::sync::Mutex;

use super::*;
use crate::release::sample::{Shown, Want};

fn shown(etag: &str) -> Shown {
    Shown { status: 200, etag: etag.into(), size: 1 }
}

fn page(path: &str, before: &str) -> Question {
    Question { path: path.into(), want: Want::Page(shown("new")), before: Some(shown(before)) }
}

fn seen(status: u16, etag: &str) -> Result<Seen, NoAnswer> {
    Ok(Seen { status, etag: Some(etag.into()), md5: None, refused: false })
}

type Answers = Vec<Result<Seen, NoAnswer>>;

/// Asks where every path has its answers in turn, the last one for ever.
async fn asked(questions: Vec<Question>, moment: Moment, answers: &[(&str, Answers)]) -> Outcome {
    let answers: BTreeMap<String, Answers> =
        answers.iter().map(|(path, answers)| ((*path).to_owned(), answers.iter().rev().cloned().collect())).collect();
    let answers = Mutex::new(answers);
    let ask = |question: Question| {
        let mut answers = answers.lock().unwrap();
        let all = answers.get_mut(&question.path).unwrap();
        let answer = if all.len() > 1 { all.pop() } else { all.last().cloned() };
        async move { answer.unwrap() }
    };
    let pauses = std::iter::repeat_n(Duration::ZERO, 8);
    look(questions, moment, pauses, ask, |_| {}).await
}

#[tokio::test]
async fn an_edge_that_learns_late_is_waited_for() {
    let answers = [("/", vec![seen(200, "old"), seen(404, "gone"), seen(200, "new")])];
    for moment in [Moment::Before, Moment::After] {
        assert_eq!(asked(vec![page("/", "old")], moment, &answers).await, Outcome::Right);
    }
}

#[tokio::test]
async fn a_passing_failure_is_none_and_one_that_stays_is() {
    let passing = [("/", vec![seen(503, ""), seen(503, ""), seen(200, "new")])];
    assert_eq!(asked(vec![page("/", "old")], Moment::Before, &passing).await, Outcome::Right);
    let stays = [("/", vec![seen(403, "")]), ("/b", vec![seen(200, "new")])];
    let outcome = asked(vec![page("/b", "old"), page("/", "old")], Moment::After, &stays).await;
    let Outcome::Wrong(fault) = outcome else { panic!("{outcome:?}") };
    assert_eq!((fault.path.as_str(), fault.status, fault.stale), ("/", Some(403), false));
    assert_eq!(fault.said, "answered 403, and 200 with the published bytes (etag new) was expected");
}

#[tokio::test]
async fn what_stays_old_is_a_failure_only_where_the_rest_is_new_and_nothing_is_live_yet() {
    let old = [("/", vec![seen(200, "old")]), ("/b", vec![seen(200, "old")])];
    let half = [("/", vec![seen(200, "old")]), ("/b", vec![seen(200, "new")])];
    let both = || vec![page("/", "old"), page("/b", "old")];
    let stale = Outcome::Stale { path: "/".into() };
    assert_eq!(asked(both(), Moment::Before, &old).await, stale);
    assert_eq!(asked(both(), Moment::After, &old).await, stale);
    assert_eq!(asked(both(), Moment::After, &half).await, stale);
    assert!(matches!(asked(both(), Moment::Before, &half).await, Outcome::Wrong(fault) if fault.stale));
}

#[tokio::test]
async fn a_page_that_is_lost_after_the_flip_is_a_failure() {
    let lost = [("/", vec![seen(404, "gone")]), ("/b", vec![seen(200, "new")])];
    let outcome = asked(vec![page("/", "new"), page("/b", "old")], Moment::After, &lost).await;
    assert!(matches!(outcome, Outcome::Wrong(fault) if fault.status == Some(404)));
}

#[tokio::test]
async fn silence_of_all_is_told_apart_from_silence_of_one() {
    let refused = || Err(NoAnswer("Connection refused".into()));
    let all = [("/", vec![refused()]), ("/b", vec![refused()])];
    let both = || vec![page("/", "old"), page("/b", "old")];
    assert_eq!(asked(both(), Moment::Before, &all).await, Outcome::Unreachable("Connection refused".into()));
    let one = [("/", vec![refused()]), ("/b", vec![seen(200, "new")])];
    assert!(matches!(asked(both(), Moment::Before, &one).await, Outcome::Wrong(fault) if fault.status.is_none()));
}
