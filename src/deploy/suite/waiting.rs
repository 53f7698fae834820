//! Somebody else has to act: all goes on but what needs it, and a later run continues.

use super::*;

/// A shop under a domain that is delegated to it sooner or later.
fn domain() -> Graph<FakeCloud> {
    graph(|graph| {
        graph.add("bucket", Bucket::new("b"), &[])?;
        graph.add("delegation", Delegation::new("shop.example"), &["bucket"])?;
        graph.add("certificate", Bucket::new("c"), &["delegation"])?;
        graph.add("site", Site::new("s", &["certificate"]), &["certificate"])?;
        graph.add("other", Site::new("o", &["bucket"]), &["bucket"])
    })
}

fn nodes(undone: &[Undone]) -> Vec<&str> {
    undone.iter().map(|step| step.node.as_str()).collect()
}

#[tokio::test]
async fn what_has_to_wait_is_no_failure_and_stops_only_what_needs_it() {
    let desk = Desk::new(Arc::default());
    let report = desk.publish(&domain()).await.unwrap();
    let waiting = Waiting {
        node: "delegation".into(),
        kind: "fake.delegation",
        name: "shop.example".into(),
        what: "use shop.example: nobody has delegated it".into(),
        hint: Some("Ask the registrar.".into()),
    };
    assert_eq!(
        (report.waiting.as_slice(), nodes(&report.postponed)),
        ([waiting].as_slice(), vec!["certificate", "site"])
    );
    assert_eq!((report.done.len(), report.planned, report.in_place, report.total), (2, 5, 2, 5));
    let said = |event: &Event| matches!(event, Event::Waiting { node, .. } if node == "delegation");
    assert_eq!(desk.events().iter().filter(|event| said(event)).count(), 1);
    assert_eq!(desk.open_steps(), Vec::<String>::new());
    assert!(desk.journal.read().unwrap().iter().any(|entry| entry.state == State::Waiting));
}

#[tokio::test]
async fn a_later_run_continues_when_it_has_come() {
    let desk = desk_with(&domain()).await;
    let plan = desk.plan(&domain()).await.unwrap();
    assert!(!plan.is_noop() && !plan.only_waits());
    assert!(plan.get("delegation").unwrap().waits);
    assert_eq!(desk.publish(&domain()).await.unwrap().done, vec![]);
    desk.cloud.meddle("fake.delegation shop.example", |_| {});
    let report = desk.publish(&domain()).await.unwrap();
    assert_eq!((report.done.len(), report.waiting, report.postponed), (2, vec![], vec![]));
    assert!(desk.plan(&domain()).await.unwrap().is_noop());
}

#[tokio::test]
async fn a_plan_may_have_nothing_to_do_but_wait() {
    let graph = graph(|graph| {
        graph.add("bucket", Bucket::new("b"), &[])?;
        graph.add("delegation", Delegation::new("shop.example"), &["bucket"])?;
        graph.add("site", Site::new("s", &["bucket"]), &["bucket", "delegation"])
    });
    let desk = Desk::new(Arc::default());
    desk.cloud.meddle("fake.delegation shop.example", |_| {});
    desk.publish(&graph).await.unwrap();
    desk.cloud.vanish("fake.delegation shop.example");
    let plan = desk.plan(&graph).await.unwrap();
    assert!(plan.only_waits() && !plan.is_noop());
    assert!(!plan.get("site").unwrap().recheck, "a wait moves nothing");
    assert_eq!(desk.apply(&plan, &graph).await.unwrap().waiting.len(), 1);
}

#[tokio::test]
async fn beside_a_failure_the_wait_is_told_too() {
    let graph = graph(|graph| {
        graph.add("a-delegation", Delegation::new("shop.example"), &[])?;
        graph.add("bucket", Bucket::new("b"), &[])?;
        graph.add("certificate", Bucket::new("c"), &["a-delegation"])
    });
    let mut desk = Desk::new(Arc::default());
    desk.parallel = 1;
    let plan = desk.plan(&graph).await.unwrap();
    desk.cloud.inject(2, When::Before, What::Fail);
    let failure = desk.apply(&plan, &graph).await.unwrap_err();
    assert_eq!((failure.blame(), failure.errors.len(), failure.left.len()), (Blame::Cloud, 1, 0));
    assert_eq!((failure.report.waiting.len(), nodes(&failure.report.postponed)), (1, vec!["certificate"]));
    assert_eq!(failure.report.planned, 3);
}

#[tokio::test]
async fn a_run_that_was_stopped_is_interrupted_though_something_waits() {
    let mut desk = Desk::new(Arc::default());
    desk.parallel = 1;
    let graph = graph(|graph| {
        graph.add("a-delegation", Delegation::new("shop.example"), &[])?;
        graph.add("bucket", Bucket::new("b"), &[])
    });
    let plan = desk.plan(&graph).await.unwrap();
    desk.cloud.inject(1, When::After, What::Stop(desk.stop.clone()));
    let failure = desk.apply(&plan, &graph).await.unwrap_err();
    assert_eq!((failure.blame(), nodes(&failure.left)), (Blame::Interrupted, vec!["bucket"]));
    assert_eq!(failure.report.waiting.len(), 1);
}

#[tokio::test]
async fn a_wait_is_left_off_when_the_run_is_stopped() {
    let desk = Desk::new(Arc::default());
    let graph = graph(|graph| {
        graph.add("a-delegation", Delegation::new("never.example"), &[])?;
        graph.add("bucket", Bucket::new("b"), &[])
    });
    let plan = desk.plan(&graph).await.unwrap();
    desk.cloud.inject(1, When::After, What::Stop(desk.stop.clone()));
    let failure = desk.apply(&plan, &graph).await.unwrap_err();
    assert_eq!((failure.blame(), failure.report.done.len()), (Blame::Interrupted, 1));
    let words = "could not wait for never.example: the run was interrupted";
    assert_eq!(failure.errors.iter().map(StepError::chain).collect::<Vec<_>>(), [words]);
    assert_eq!(desk.open_steps(), Vec::<String>::new());
}
