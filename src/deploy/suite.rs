//! What the engine promises, shown with the fakes: whole runs, disturbed in every way.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use serde_json::json;
use tokio::sync::Notify;

use super::testing::*;
use super::*;

mod disturbed;
mod locked;
mod reasons;
mod waiting;

fn nothing() -> Graph<FakeCloud> {
    Graph::new()
}

/// A desk at an account in which `graph` is in place.
async fn desk_with(graph: &Graph<FakeCloud>) -> Desk {
    let desk = Desk::new(Arc::default());
    desk.publish(graph).await.unwrap();
    desk.events();
    desk
}

fn at(changes: &[String], change: &str) -> usize {
    changes.iter().position(|c| c == change).unwrap_or_else(|| panic!("{change} is not in {changes:#?}"))
}

#[tokio::test]
async fn a_first_publish_makes_everything_and_a_second_nothing() {
    let desk = Desk::new(Arc::default());
    let report = desk.publish(&shop()).await.unwrap();
    assert_eq!((report.planned, report.in_place, report.total), (7, 7, 7));
    assert!(report.done.iter().all(|step| step.verb == Verb::Create));
    let (changes, entries) = (desk.cloud.changes(), desk.journal.read().unwrap());
    assert_eq!((changes.len(), entries.len()), (7, 14));
    assert!(desk.plan(&shop()).await.unwrap().is_noop());
    let again = desk.publish(&shop()).await.unwrap();
    assert_eq!((again.done, again.planned, again.in_place), (vec![], 0, 7));
    assert_eq!((desk.cloud.changes(), desk.journal.read().unwrap()), (changes, entries));
}

#[tokio::test]
async fn outputs_flow_along_the_edges_and_can_be_asked_of_the_plan() {
    let desk = Desk::new(Arc::default());
    let plan = desk.plan(&shop()).await.unwrap();
    assert_eq!(plan.output("site"), None);
    desk.apply(&plan, &shop()).await.unwrap();
    assert_eq!(plan.output("site"), Some(json!({ "id": "fake.site shop#1" })));
    assert_eq!(desk.cloud.things()["fake.policy of bucket"].stored["reader"], "fake.site shop#1");
    assert_eq!(desk.plan(&shop()).await.unwrap().output("site"), plan.output("site"));
}

#[tokio::test]
async fn a_missing_edge_is_a_readable_error_of_ours() {
    let graph = graph(|graph| {
        graph.add("a-site", Site::new("shop", &["bucket"]), &[])?;
        graph.add("bucket", Bucket::new("b"), &[])
    });
    let mut desk = Desk::new(Arc::default());
    desk.parallel = 1;
    let plan = desk.plan(&graph).await.unwrap();
    let failure = desk.apply(&plan, &graph).await.unwrap_err();
    assert_eq!(failure.blame(), Blame::Bug);
    let text = failure.errors[0].chain();
    assert_eq!(text, "could not go on: a-site needs the output of bucket, which has not been applied");
}

#[tokio::test]
async fn a_graph_that_makes_no_sense_is_no_plan() {
    let mut graph = graph(|graph| graph.add("a", Bucket::new("a"), &["b"]));
    let error = Desk::new(Arc::default()).plan(&graph).await.unwrap_err();
    assert!(matches!(error, PlanError::Graph(GraphError::Unknown { .. })), "{error}");
    graph.add("b", Bucket::new("b"), &["a"]).unwrap();
    let error = Desk::new(Arc::default()).plan(&graph).await.unwrap_err();
    assert!(matches!(error, PlanError::Graph(GraphError::Cycle(_))), "{error}");
}

#[tokio::test]
async fn as_many_steps_run_at_once_as_allowed_and_no_more() {
    let graph =
        graph(|graph| (0..12).map(|i| i.to_string()).try_for_each(|name| graph.add(&name, Bucket::new(&name), &[])));
    // The barrier opens only for four at once: with fewer the test would hang.
    let mut desk = Desk::new(Arc::new(FakeCloud::crowded(4)));
    desk.parallel = 4;
    desk.publish(&graph).await.unwrap();
    assert_eq!(desk.cloud.most.load(Ordering::SeqCst), 4);
}

#[tokio::test]
async fn put_and_delete_may_be_called_twice() {
    let desk = desk_with(&shop()).await;
    let things = desk.cloud.things();
    let plan = desk.plan(&shop()).await.unwrap();
    let (events, _) = tokio::sync::mpsc::unbounded_channel();
    let outputs = plan.outputs.clone();
    for node in shop().order().unwrap() {
        let cx = Context::new(desk.cloud.clone(), &node, outputs.clone(), events.clone());
        let step = shop().step(&node).unwrap().clone();
        let found = Some(plan.found[&node].clone());
        assert_eq!(step.put(&cx, found).await.unwrap(), plan.output(&node).unwrap());
        assert_eq!(step.put(&cx, None).await.unwrap(), plan.output(&node).unwrap());
    }
    assert_eq!(desk.cloud.things(), things);
    for node in shop().order().unwrap().into_iter().rev() {
        let cx = Context::new(desk.cloud.clone(), &node, outputs.clone(), events.clone());
        for _ in 0..2 {
            shop().step(&node).unwrap().delete(&cx, plan.found[&node].clone()).await.unwrap();
        }
    }
    assert_eq!(desk.cloud.things(), BTreeMap::new());
}

#[tokio::test]
async fn applying_the_same_plan_twice_ends_the_same() {
    let desk = Desk::new(Arc::default());
    let plan = desk.plan(&shop()).await.unwrap();
    desk.apply(&plan, &shop()).await.unwrap();
    let things = desk.cloud.things();
    desk.apply(&plan, &shop()).await.unwrap();
    assert_eq!(desk.cloud.things(), things);
}

#[tokio::test]
async fn a_changed_shop_is_updated_replaced_followed_and_cleared() {
    let desk = desk_with(&shop()).await;
    let expected = [
        "bucket update",
        "drafts delete",
        "logs create",
        "policy same?",
        "preview replace",
        "preview-policy same?",
        "site update",
    ];
    let mut verbs = desk.verbs(&shop_later()).await;
    verbs.sort();
    assert_eq!(verbs, expected);
    let report = desk.publish(&shop_later()).await.unwrap();
    let verb = |node: &str| report.done.iter().find(|step| step.node == node).map(|step| step.verb);
    assert_eq!(verb("policy"), None);
    assert_eq!((verb("preview"), verb("preview-policy")), (Some(Verb::Replace), Some(Verb::Update)));
    assert_eq!((report.done.len(), report.planned), (6, 6));
    let things = desk.cloud.things();
    assert_eq!(things["fake.policy of files"].stored["reader"], "fake.site shop-preview#2");
    assert!(!things.contains_key("fake.bucket shop-drafts"));
    assert!(desk.plan(&shop_later()).await.unwrap().is_noop());
}

#[tokio::test]
async fn what_is_dropped_goes_after_those_that_used_it_have_let_go() {
    let desk = desk_with(&shop()).await;
    let before = desk.cloud.changes().len();
    desk.publish(&shop_later()).await.unwrap();
    let changes = desk.cloud.changes().split_off(before);
    assert!(at(&changes, "update fake.site shop") < at(&changes, "delete fake.bucket shop-drafts"));
    assert!(at(&changes, "create fake.bucket shop-logs") < at(&changes, "update fake.bucket shop-site"));
}

#[tokio::test]
async fn a_dropped_node_is_revived_from_the_inventory_alone() {
    let mut desk = desk_with(&shop()).await;
    let text = serde_json::to_string(&Inventory::of(&shop())).unwrap();
    desk.known = serde_json::from_str::<Inventory>(&text).unwrap().graph(&kinds()).unwrap();
    let report = desk.publish(&shop_later()).await.unwrap();
    assert!(!desk.cloud.things().contains_key("fake.bucket shop-drafts"));
    let left = Inventory::of(&shop()).with(&shop_later()).without(&report.done);
    assert!(left.made.iter().all(|made| made.name != "shop-drafts"));
    assert_eq!(left.made.len(), shop_later().nodes().len());
}

#[tokio::test]
async fn destroy_takes_everything_but_data_down_in_the_reverse_order() {
    let desk = desk_with(&shop()).await;
    let before = desk.cloud.changes().len();
    let report = desk.publish(&nothing()).await.unwrap();
    assert_eq!(desk.cloud.things().keys().collect::<Vec<_>>(), ["fake.bucket shop-files"]);
    assert_eq!((report.in_place, report.total), (6, 6));
    let changes = desk.cloud.changes().split_off(before);
    assert!(at(&changes, "delete fake.policy of bucket") < at(&changes, "delete fake.site shop"));
    assert!(at(&changes, "delete fake.site shop") < at(&changes, "delete fake.bucket shop-site"));
    assert!(at(&changes, "delete fake.site shop-preview") < at(&changes, "delete fake.bucket shop-site"));
    let plan = desk.plan(&nothing()).await.unwrap();
    assert!(plan.is_noop());
    assert_eq!(plan.counts(), Counts { keep: 1, ..Counts::default() });
}

#[tokio::test]
async fn destroy_takes_data_too_when_asked() {
    let mut desk = desk_with(&shop()).await;
    desk.delete_data = true;
    assert_eq!(
        desk.plan(&nothing()).await.unwrap().loses_data().map(|s| s.name.as_str()).collect::<Vec<_>>(),
        ["shop-files"]
    );
    desk.publish(&nothing()).await.unwrap();
    assert_eq!(desk.cloud.things(), BTreeMap::new());
    assert!(desk.plan(&nothing()).await.unwrap().steps.is_empty());
}

#[tokio::test]
async fn what_kept_data_stands_on_is_kept_too() {
    let graph = graph(|graph| {
        graph.add("net", Bucket::new("net"), &[])?;
        graph.add("zone", Bucket::new("zone"), &["net"])?;
        graph.add("database", Bucket::with_data("database"), &["zone"])?;
        graph.add("other", Bucket::new("other"), &["net"])
    });
    let mut desk = desk_with(&graph).await;
    desk.known = graph;
    let plan = desk.plan(&nothing()).await.unwrap();
    let kept = |node: &str| plan.get(node).map(|step| (step.verb, step.kept_for.as_deref()));
    assert_eq!(kept("database"), Some((Verb::Keep, None)));
    assert_eq!(kept("zone"), Some((Verb::Keep, Some("database"))));
    assert_eq!(kept("net"), Some((Verb::Keep, Some("database"))));
    assert_eq!(kept("other"), Some((Verb::Delete, None)));
    desk.apply(&plan, &nothing()).await.unwrap();
    assert_eq!(desk.cloud.things().len(), 3);
}

#[tokio::test]
async fn what_goes_with_a_replaced_thing_is_made_again() {
    let graph = |region: &str| {
        graph(|graph| {
            graph.add("bucket", Bucket { region: region.into(), ..Bucket::new("b") }, &[])?;
            graph.add("site", Site::new("s", &[]), &[])?;
            graph.add("policy", policy("bucket", "site"), &["bucket", "site"])
        })
    };
    let desk = desk_with(&graph("here")).await;
    assert_eq!(desk.verbs(&graph("there")).await, ["bucket replace", "policy same?"]);
    let report = desk.publish(&graph("there")).await.unwrap();
    assert_eq!(report.done.iter().map(|step| step.verb).collect::<Vec<_>>(), [Verb::Replace, Verb::Create]);
    assert_eq!(desk.cloud.things()["fake.bucket b"].id, "fake.bucket b#2");
    assert!(desk.plan(&graph("there")).await.unwrap().is_noop());
    let events: Vec<_> = desk.events().into_iter().filter(|e| matches!(e, Event::Started { .. })).collect();
    assert_eq!(events.len(), 2, "a replacement is one step: {events:?}");
}

#[tokio::test]
async fn what_gives_something_else_though_it_is_the_same_is_followed_too() {
    let later = |versioned| {
        let bucket = Bucket { versioned, ..Bucket::new("b") };
        graph(|graph| {
            graph.add("bucket", bucket, &[])?;
            graph.add("files", Bucket::new("f"), &[])?;
            graph.add("site", Site::new("s", &["bucket"]), &["bucket"])?;
            graph.add("policy", policy("files", "site"), &["files", "site"])
        })
    };
    let desk = desk_with(&later(false)).await;
    let plan = desk.plan(&later(true)).await.unwrap();
    desk.cloud.meddle("fake.site s", |thing| thing.id = "another".into());
    let report = desk.apply(&plan, &later(true)).await.unwrap();
    assert_eq!(report.done.iter().map(|step| step.node.as_str()).collect::<Vec<_>>(), ["bucket", "policy"]);
    assert_eq!(desk.cloud.things()["fake.policy of files"].stored["reader"], "another");
}

#[tokio::test]
async fn an_order_that_cannot_be_had_in_full_is_no_deadlock() {
    // The old part waits for the user's put, that for the replacement, and the replacement's
    // delete for the old part's: the first of these gives way.
    let before = graph(|graph| {
        graph.add("base", Bucket::new("base"), &[])?;
        graph.add("part", Bucket::new("part"), &["base"])?;
        graph.add("user", Bucket::new("user"), &["base", "part"])
    });
    let after = graph(|graph| {
        graph.add("base", Bucket { region: "there".into(), ..Bucket::new("base") }, &[])?;
        graph.add("user", Bucket { versioned: true, ..Bucket::new("user") }, &["base"])
    });
    let mut desk = desk_with(&before).await;
    desk.known = before;
    desk.publish(&after).await.unwrap();
    let changes = desk.cloud.changes().split_off(3);
    assert_eq!(
        changes,
        ["delete fake.bucket part", "delete fake.bucket base", "create fake.bucket base", "update fake.bucket user"]
    );
}

#[tokio::test]
async fn the_clouds_refusal_to_replace_what_is_in_use_is_shown() {
    let desk = desk_with(&shop()).await;
    let things = desk.cloud.things();
    let moved = Bucket { region: "there".into(), ..Bucket::new("shop-site") };
    let later = graph(|graph| graph.add("bucket", moved, &[])).union(&shop());
    let plan = desk.plan(&later).await.unwrap();
    let failure = desk.apply(&plan, &later).await.unwrap_err();
    assert_eq!(failure.blame(), Blame::Cloud);
    assert!(failure.errors[0].chain().contains("uses it"), "{failure}");
    assert_eq!(desk.cloud.things(), things);
}

#[tokio::test]
async fn data_is_not_replaced_unless_that_was_asked_for() {
    let graph = |region: &str| {
        graph(|graph| {
            graph.add("files", Bucket { region: region.into(), ..Bucket::with_data("f") }, &[])?;
            graph.add("other", Bucket::new(region), &[])
        })
    };
    let mut desk = desk_with(&graph("here")).await;
    let plan = desk.plan(&graph("there")).await.unwrap();
    assert_eq!(plan.loses_data().count(), 1);
    let before = desk.cloud.changes();
    let failure = desk.apply(&plan, &graph("there")).await.unwrap_err();
    assert_eq!((failure.blame(), failure.to_string().as_str()), (Blame::Yours, "could not replace f"));
    assert_eq!(failure.left.iter().map(|left| left.node.as_str()).collect::<Vec<_>>(), ["other"]);
    assert_eq!(desk.cloud.changes(), before);
    desk.delete_data = true;
    desk.publish(&graph("there")).await.unwrap();
    assert_eq!(desk.cloud.things()["fake.bucket f"].id, "fake.bucket f#2");
}

#[tokio::test]
async fn a_node_with_another_name_moves_from_the_old_thing_to_the_new() {
    let graph = |name: &str| {
        graph(|graph| {
            graph.add("bucket", Bucket::new(name), &[])?;
            graph.add("site", Site::new("s", &["bucket"]), &["bucket"])
        })
    };
    let mut desk = desk_with(&graph("old")).await;
    desk.known = Inventory::of(&graph("old")).with(&graph("new")).graph(&kinds()).unwrap();
    desk.publish(&graph("new")).await.unwrap();
    let things = desk.cloud.things();
    assert_eq!(things.keys().collect::<Vec<_>>(), ["fake.bucket new", "fake.site s"]);
}

#[tokio::test]
async fn a_renamed_node_leaves_its_thing_alone() {
    let graph = |node: &str| {
        graph(|graph| {
            graph.add(node, Bucket::new("b"), &[])?;
            graph.add("site", Site::new("s", &[node]), &[node])
        })
    };
    let mut desk = desk_with(&graph("old")).await;
    desk.known = graph("old");
    assert!(desk.plan(&graph("new")).await.unwrap().is_noop());
}

#[tokio::test]
async fn a_foreign_thing_that_is_wanted_stops_the_plan_and_is_untouched() {
    let desk = Desk::new(Arc::default());
    desk.cloud.occupy("fake.bucket shop-site");
    let Err(PlanError::Step(error)) = desk.plan(&shop()).await else { panic!("there is a plan") };
    assert_eq!(error.blame, Blame::Yours);
    assert!(
        error.chain().starts_with("could not use shop-site: a fake.bucket of this name exists"),
        "{}",
        error.chain()
    );
    assert_eq!(desk.cloud.changes(), Vec::<String>::new());
}

#[tokio::test]
async fn a_foreign_thing_that_is_not_wanted_is_none_of_our_business() {
    let desk = Desk::new(Arc::default());
    desk.cloud.occupy("fake.bucket shop-drafts");
    desk.publish(&shop_later()).await.unwrap();
    desk.publish(&nothing()).await.unwrap();
    assert!(desk.cloud.things().contains_key("fake.bucket shop-drafts"));
}

#[tokio::test]
async fn drift_is_named_field_by_field_and_mended() {
    let desk = desk_with(&shop()).await;
    desk.cloud.meddle("fake.bucket shop-drafts", |thing| thing.stored["versioned"] = json!(true));
    let plan = desk.plan(&shop()).await.unwrap();
    let fields = vec![FieldChange { path: "versioned".into(), from: json!(true), to: json!(false) }];
    assert_eq!((plan.get("drafts").unwrap().verb, &plan.get("drafts").unwrap().fields), (Verb::Update, &fields));
    desk.apply(&plan, &shop()).await.unwrap();
    assert!(desk.plan(&shop()).await.unwrap().is_noop());
}

#[tokio::test]
async fn a_plan_has_one_shape_as_json() {
    let graph = graph(|graph| {
        graph.add("b", Bucket::new("b"), &[])?;
        graph.add("s", Site::new("s", &["b"]), &["b"])
    });
    let desk = desk_with(&graph).await;
    desk.cloud.meddle("fake.bucket b", |thing| thing.stored["versioned"] = json!(true));
    let expected = json!({
        "noop": false,
        "counts": { "create": 0, "update": 1, "replace": 0, "delete": 0, "keep": 0, "same": 1 },
        "steps": [
            { "node": "b", "kind": "fake.bucket", "name": "b", "verb": "update",
              "fields": [{ "path": "versioned", "from": true, "to": false }], "recheck": false, "holds_data": false,
              "waits": false },
            { "node": "s", "kind": "fake.site", "name": "s", "verb": "same",
              "fields": [], "recheck": true, "holds_data": false, "waits": false,
              "why": "looked at again after b changes" },
        ]
    });
    assert_eq!(serde_json::to_value(desk.plan(&graph).await.unwrap()).unwrap(), expected);
}

#[tokio::test]
async fn those_who_watch_hear_of_every_step() {
    let desk = Desk::new(Arc::default());
    desk.publish(&graph(|graph| graph.add("site", Site::new("s", &[]), &[]))).await.unwrap();
    let (node, name, verb) = ("site".to_owned(), "s".to_owned(), Verb::Create);
    let events = desk.events();
    assert_eq!(events[0], Event::Started { node: node.clone(), kind: "fake.site", name, verb });
    assert_eq!(events[1], Event::Note { node, text: "waiting until it answers".into() });
    assert!(matches!(&events[2..], [Event::Done { node, verb: Verb::Create, .. }] if node == "site"));
}

#[tokio::test]
async fn a_failure_says_what_is_in_place_and_what_was_not_begun() {
    let mut desk = Desk::new(Arc::default());
    desk.parallel = 1;
    let plan = desk.plan(&shop()).await.unwrap();
    // A bucket takes four calls: it is put, and read until it is ready.
    desk.cloud.inject(9, When::Before, What::Fail);
    let failure = desk.apply(&plan, &shop()).await.unwrap_err();
    assert_eq!(failure.blame(), Blame::Cloud);
    let report = &failure.report;
    assert_eq!((report.in_place, report.total, report.done.len(), report.planned), (2, 7, 2, 7));
    let failed = Undone { node: "files".into(), kind: "fake.bucket", name: "shop-files".into(), verb: Verb::Create };
    assert_eq!((failure.failed.as_slice(), failure.left.len()), ([failed].as_slice(), 4));
    let told = |event: &Event| matches!(event, Event::Failed { node, .. } if node == "files");
    assert!(desk.events().iter().any(told));
    assert_eq!(desk.open_steps(), Vec::<String>::new());
}

#[tokio::test]
async fn a_panic_is_an_error_of_ours_and_can_be_continued_from() {
    let desk = Desk::new(Arc::default());
    let plan = desk.plan(&shop()).await.unwrap();
    desk.cloud.inject(6, When::After, What::Panic);
    let failure = desk.apply(&plan, &shop()).await.unwrap_err();
    assert_eq!(failure.blame(), Blame::Bug);
    assert!(failure.errors[0].chain().contains("lost its head"), "{failure}");
    desk.publish(&shop()).await.unwrap();
    assert_eq!(desk.cloud.things(), desk_with(&shop()).await.cloud.things());
}

/// A journal on a full disk.
struct Full;

impl Journal for Full {
    fn append(&self, _: Entry) -> Result<(), JournalError> {
        Err(JournalError::File { path: "journal".into(), source: std::io::ErrorKind::StorageFull.into() })
    }

    fn read(&self) -> Result<Vec<Entry>, JournalError> {
        Ok(Vec::new())
    }
}

#[tokio::test]
async fn without_a_journal_nothing_is_changed() {
    let mut desk = Desk::new(Arc::default());
    desk.journal = Arc::new(Full);
    let plan = desk.plan(&shop()).await.unwrap();
    let failure = desk.apply(&plan, &shop()).await.unwrap_err();
    assert_eq!((failure.blame(), failure.to_string().as_str()), (Blame::Yours, "could not write the journal"));
    assert_eq!(desk.cloud.changes(), Vec::<String>::new());
}

#[tokio::test]
async fn a_second_look_may_show_that_data_would_be_lost() {
    let later = shop().union(&nothing());
    let desk = desk_with(&later).await;
    let later = graph(|graph| {
        graph.add("logs", Bucket::new("shop-logs"), &[])?;
        graph.add("files", Bucket::with_data("shop-files"), &["logs"])
    });
    let plan = desk.plan(&later).await.unwrap();
    assert!(plan.get("files").unwrap().recheck);
    desk.cloud.meddle("fake.bucket shop-files", |thing| thing.stored["region"] = json!("there"));
    let failure = desk.apply(&plan, &later).await.unwrap_err();
    assert_eq!((failure.blame(), failure.to_string().as_str()), (Blame::Yours, "could not replace shop-files"));
    assert!(desk.cloud.things().contains_key("fake.bucket shop-files"));
}
