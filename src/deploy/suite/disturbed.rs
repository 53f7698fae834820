//! Every call of every run fails, is killed or stopped once; then the run is continued.

use super::*;

/// From one state of the shop to another.
struct Way {
    from: Graph<FakeCloud>,
    to: Graph<FakeCloud>,
    delete_data: bool,
}

fn ways() -> [Way; 5] {
    let way = |from, to, delete_data| Way { from, to, delete_data };
    [
        way(nothing(), shop(), false),
        way(shop(), shop_later(), false),
        way(shop_later(), shop(), false),
        way(shop(), nothing(), false),
        way(shop_later(), nothing(), true),
    ]
}

impl Way {
    /// A desk at its beginning.
    async fn begin(&self) -> Desk {
        let mut desk = Desk::new(desk_with(&self.from).await.cloud);
        desk.delete_data = self.delete_data;
        desk
    }

    /// The account at its end, when nothing comes between.
    async fn end(&self) -> BTreeMap<String, Thing> {
        let desk = self.begin().await;
        desk.publish(&self.to).await.unwrap();
        desk.cloud.things()
    }
}

/// Continues after a disturbance, and again.
async fn continued(desk: &Desk, way: &Way, told: &str) {
    desk.publish(&way.to).await.unwrap_or_else(|error| panic!("{told}: {error}"));
    assert_eq!(desk.cloud.things(), way.end().await, "{told}");
    assert!(desk.plan(&way.to).await.unwrap().is_noop(), "{told}");
}

/// Runs `publish` with a fault at every call, and tells how often one struck.
async fn at_every_call(way: &Way, when: When, disturb: impl AsyncFn(Desk, usize) -> Option<Desk>) -> usize {
    for call in 1.. {
        let Some(desk) = disturb(way.begin().await, call).await else { return call - 1 };
        continued(&desk, way, &format!("call {call}, {when:?}")).await;
    }
    0
}

#[tokio::test]
async fn every_call_may_fail_once_before_or_after_it_was_carried_out() {
    for way in ways() {
        for when in [When::Before, When::After] {
            let struck = at_every_call(&way, when, async |desk, call| {
                desk.cloud.inject(call, when, What::Fail);
                let result = desk.publish(&way.to).await;
                if !desk.cloud.struck() {
                    return None;
                }
                result.expect_err("the fault was passed over");
                assert_eq!(desk.open_steps(), Vec::<String>::new(), "a failure is an end");
                Some(desk)
            });
            assert!(struck.await > 12);
        }
    }
}

/// Publishes until the fault kills the program; the journal at that moment is kept.
async fn killed(desk: &Desk, way: &Way, call: usize, when: When) -> bool {
    let dead = Arc::new(Notify::new());
    desk.cloud.inject(call, when, What::Kill(dead.clone()));
    tokio::select! {
        biased;
        () = dead.notified() => {}
        result = desk.publish(&way.to) => drop(result.unwrap()),
    }
    desk.cloud.struck()
}

#[tokio::test]
async fn the_program_may_be_killed_at_every_call() {
    for way in ways() {
        for when in [When::Before, When::After] {
            let before = way.begin().await.cloud.changes().len();
            let struck = at_every_call(&way, when, async |desk, call| {
                if !killed(&desk, &way, call, when).await {
                    return None;
                }
                let changes = desk.cloud.changes().split_off(before);
                announced(&changes, &desk.journal.read().unwrap());
                Some(desk)
            });
            assert!(struck.await > 12);
        }
    }
}

/// Whatever was changed was in the journal first.
fn announced(changes: &[String], entries: &[Entry]) {
    for change in changes {
        let said = |e: &&Entry| change.ends_with(&format!(" {} {}", e.kind, e.name)) && e.state == State::Started;
        assert!(entries.iter().any(|entry| said(&entry)), "{change} was not announced: {entries:#?}");
    }
}

#[tokio::test]
async fn the_journal_of_a_killed_run_says_what_was_under_way() {
    let [way, ..] = ways();
    let mut desk = way.begin().await;
    desk.parallel = 1;
    let known = shop_ever().nodes().len();
    assert!(killed(&desk, &way, known + 1, When::After).await);
    assert_eq!(desk.open_steps(), desk.cloud.changes());
    assert_eq!(desk.open_steps().len(), 1);
}

#[tokio::test]
async fn the_journal_may_be_cut_anywhere() {
    let [_, way, ..] = ways();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal.jsonl");
    let mut desk = way.begin().await;
    desk.journal = Arc::new(FileJournal::open(path.clone()).unwrap());
    assert!(killed(&desk, &way, 30, When::After).await);
    let bytes = std::fs::read(&path).unwrap();
    let ends: Vec<_> = (0..=bytes.len()).filter(|i| *i == 0 || bytes[i - 1] == b'\n').collect();
    assert!(ends.len() > 6, "{}", ends.len());
    let torn = ends.windows(2).map(|pair| pair[0].midpoint(pair[1]));
    for cut in ends.iter().copied().chain(torn) {
        std::fs::write(&path, &bytes[..cut]).unwrap();
        let mut resumed = Desk::new(desk.cloud.fork());
        resumed.journal = Arc::new(FileJournal::open(path.clone()).unwrap());
        continued(&resumed, &way, &format!("cut at byte {cut}")).await;
        assert_eq!(resumed.open_steps(), Vec::<String>::new());
    }
}

#[tokio::test]
async fn a_run_may_be_stopped_at_every_call() {
    for way in ways() {
        let struck = at_every_call(&way, When::Before, async |mut desk, call| {
            let plan = desk.plan(&way.to).await.unwrap();
            desk.cloud.inject(call, When::Before, What::Stop(desk.stop.clone()));
            let result = desk.apply(&plan, &way.to).await;
            if !desk.cloud.struck() {
                return None;
            }
            orderly(result, &plan);
            assert_eq!(desk.open_steps(), Vec::<String>::new(), "what ran was not finished");
            desk.stop = StopSignal::new();
            Some(desk)
        });
        assert!(struck.await > 4);
    }
}

/// Either the last steps were running already, or it says what is left.
fn orderly(result: Result<Report, RunFailure>, plan: &Plan) {
    let Err(failure) = result else { return };
    assert!(failure.errors.is_empty());
    assert_eq!(failure.blame(), Blame::Interrupted);
    assert_eq!(failure.to_string(), "could not finish, because the run was interrupted");
    let settled = |left: &Undone| plan.get(&left.node).is_some_and(|step| step.verb.changes());
    assert!(failure.left.iter().all(settled));
}

#[tokio::test]
async fn a_run_that_is_stopped_before_it_begins_does_nothing() {
    let desk = Desk::new(Arc::default());
    let plan = desk.plan(&shop()).await.unwrap();
    desk.stop.stop();
    let failure = desk.apply(&plan, &shop()).await.unwrap_err();
    assert_eq!((failure.left.len(), failure.report.in_place), (7, 0));
    assert_eq!(desk.cloud.changes(), Vec::<String>::new());
}
