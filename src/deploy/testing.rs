//! Three fake resources, and a wait, in a fake cloud that refuses what a real one would refuse.
//!
//! The cloud does not let go of what is in use, does not let anything use what does not exist or
//! is not ready, and takes the policy of a bucket away with the bucket. So an order that is
//! wrong shows in any test. That something is not ready yet is a part of its spec, so that a run
//! that follows an interrupted one waits for it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::{Barrier, Notify};
use tokio::task::yield_now;

use super::*;

/// How often a new or changed thing is read before it is ready.
const SETTLING_READS: usize = 2;

/// An account in memory.
#[derive(Default)]
pub(crate) struct FakeCloud {
    state: Mutex<Account>,
    /// Lets changing calls through only in groups of its size.
    crowd: Option<Barrier>,
    inside: AtomicUsize,
    /// The most changing calls that were made at once.
    pub(crate) most: AtomicUsize,
}

#[derive(Default, Clone)]
struct Account {
    things: BTreeMap<String, Thing>,
    /// How often each thing was created.
    births: BTreeMap<String, usize>,
    changes: Vec<String>,
    calls: usize,
    fault: Option<Fault>,
}

/// What the account has under a kind and a name.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Thing {
    /// Made anew it has another one.
    pub(crate) id: String,
    pub(crate) stored: Value,
    /// Ids of what it needs; they cannot be deleted.
    uses: Vec<String>,
    /// Id of what it goes with.
    part_of: Option<String>,
    foreign: bool,
    settling: usize,
}

/// Something that goes wrong at a call.
#[derive(Clone)]
pub(crate) struct Fault {
    /// Number of the call, from 1.
    pub(crate) call: usize,
    pub(crate) when: When,
    pub(crate) what: What,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum When {
    /// Before the call is carried out.
    Before,
    /// After it was carried out.
    After,
}

#[derive(Clone)]
pub(crate) enum What {
    /// The call fails.
    Fail,
    /// The step panics.
    Panic,
    /// The program is killed: the caller has to drop the run when it is notified.
    Kill(Arc<Notify>),
    /// The run is asked to stop.
    Stop(StopSignal),
    /// The call takes until it is notified.
    Pause(Arc<Notify>),
}

impl What {
    async fn strike(self) -> Result<(), StepError> {
        match self {
            Self::Fail => Err(StepError::cloud("call the cloud", "it has a bad day")),
            Self::Panic => panic!("a step has lost its head"),
            Self::Kill(killed) => {
                killed.notify_one();
                std::future::pending().await
            }
            Self::Pause(go_on) => {
                go_on.notified().await;
                Ok(())
            }
            Self::Stop(signal) => {
                signal.stop();
                Ok(())
            }
        }
    }
}

impl FakeCloud {
    /// Lets something go wrong once.
    pub(crate) fn inject(&self, call: usize, when: When, what: What) {
        let mut account = self.state.lock().unwrap();
        account.calls = 0;
        account.fault = Some(Fault { call, when, what });
    }

    /// Takes the fault back; whether it had struck already.
    pub(crate) fn struck(&self) -> bool {
        self.state.lock().unwrap().fault.take().is_none()
    }

    /// The account as it is, ready things only.
    pub(crate) fn things(&self) -> BTreeMap<String, Thing> {
        let things = self.state.lock().unwrap().things.clone();
        assert!(things.values().all(|thing| thing.settling == 0), "something is not ready: {things:?}");
        things
    }

    /// What was changed so far, one `verb kind name` each.
    pub(crate) fn changes(&self) -> Vec<String> {
        self.state.lock().unwrap().changes.clone()
    }

    /// An account whose changing calls go through in groups of `size`.
    pub(crate) fn crowded(size: usize) -> Self {
        Self { crowd: Some(Barrier::new(size)), ..Self::default() }
    }

    /// Changes something behind the engine's back.
    pub(crate) fn meddle(&self, key: &str, with: impl FnOnce(&mut Thing)) {
        with(self.state.lock().unwrap().things.entry(key.to_owned()).or_default());
    }

    /// Takes something away behind the engine's back.
    pub(crate) fn vanish(&self, key: &str) {
        self.state.lock().unwrap().things.remove(key);
    }

    /// Puts something that is not ours in the way.
    pub(crate) fn occupy(&self, key: &str) {
        self.meddle(key, |thing| thing.foreign = true);
    }

    /// Another account with the same things.
    pub(crate) fn fork(&self) -> Arc<Self> {
        let state = Mutex::new(self.state.lock().unwrap().clone());
        Arc::new(Self { state, ..Self::default() })
    }

    async fn call<T>(&self, work: impl FnOnce(&mut Account) -> Result<T, StepError>) -> Result<T, StepError> {
        yield_now().await;
        let fault = self.due();
        if let Some(Fault { when: When::Before, what, .. }) = fault.clone() {
            what.strike().await?;
        }
        let result = work(&mut self.state.lock().unwrap());
        if let Some(Fault { when: When::After, what, .. }) = fault {
            what.strike().await?;
        }
        result
    }

    fn due(&self) -> Option<Fault> {
        let mut account = self.state.lock().unwrap();
        account.calls += 1;
        let now = account.calls;
        account.fault.take_if(|fault| fault.call == now)
    }

    async fn change<T>(&self, work: impl FnOnce(&mut Account) -> Result<T, StepError>) -> Result<T, StepError> {
        self.most.fetch_max(self.inside.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
        if let Some(crowd) = &self.crowd {
            crowd.wait().await;
        }
        let result = self.call(work).await;
        self.inside.fetch_sub(1, Ordering::SeqCst);
        result
    }

    async fn read(&self, kind: &str, name: &str) -> Result<Option<Thing>, StepError> {
        let key = format!("{kind} {name}");
        self.call(|account| {
            let Some(thing) = account.things.get_mut(&key) else { return Ok(None) };
            if thing.foreign {
                return Err(StepError::foreign(kind, name));
            }
            let read = thing.clone();
            thing.settling = thing.settling.saturating_sub(1);
            Ok(Some(read))
        })
        .await
    }

    async fn put(&self, kind: &str, name: &str, thing: Thing) -> Result<String, StepError> {
        self.change(|account| account.put(&format!("{kind} {name}"), thing)).await?;
        loop {
            match self.read(kind, name).await? {
                Some(thing) if thing.settling == 0 => return Ok(thing.id),
                Some(_) => {}
                None => return Err(refused("wait for", name, "it has vanished")),
            }
        }
    }

    async fn delete(&self, kind: &str, name: &str) -> Result<(), StepError> {
        self.change(|account| account.delete(&format!("{kind} {name}"))).await
    }
}

impl Account {
    fn put(&mut self, key: &str, thing: Thing) -> Result<(), StepError> {
        for id in thing.uses.iter().chain(&thing.part_of) {
            match self.things.values().find(|other| other.id == *id) {
                None => return Err(refused("put", key, &format!("{id} does not exist"))),
                Some(other) if other.settling > 0 => {
                    return Err(refused("put", key, &format!("{id} is not ready")));
                }
                Some(_) => {}
            }
        }
        let id = match self.things.get(key) {
            Some(old) if old.foreign => return Err(refused("put", key, "it belongs to somebody else")),
            Some(old) => old.id.clone(),
            None => self.birth(key),
        };
        let verb = if self.things.contains_key(key) { "update" } else { "create" };
        self.changes.push(format!("{verb} {key}"));
        self.things.insert(key.to_owned(), Thing { id, settling: SETTLING_READS, ..thing });
        Ok(())
    }

    fn birth(&mut self, key: &str) -> String {
        let births = self.births.entry(key.to_owned()).or_default();
        *births += 1;
        format!("{key}#{births}")
    }

    fn delete(&mut self, key: &str) -> Result<(), StepError> {
        let Some(thing) = self.things.get(key).cloned() else { return Ok(()) };
        if thing.foreign {
            return Err(refused("delete", key, "it belongs to somebody else"));
        }
        if let Some((user, _)) = self.things.iter().find(|(_, other)| other.uses.contains(&thing.id)) {
            return Err(refused("delete", key, &format!("{user} uses it")));
        }
        self.changes.push(format!("delete {key}"));
        self.things.remove(key);
        self.things.retain(|_, other| other.part_of.as_ref() != Some(&thing.id));
        Ok(())
    }
}

fn refused(verb: &str, name: &str, why: &str) -> StepError {
    StepError::cloud(format!("{verb} {name}"), why)
}

/// What every fake gives.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Id {
    pub(crate) id: String,
}

type Cx = Context<FakeCloud>;

/// A thing on its own. In another region it is another one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Bucket {
    pub(crate) name: String,
    pub(crate) region: String,
    pub(crate) versioned: bool,
    pub(crate) data: bool,
    pub(crate) ready: bool,
}

impl Bucket {
    pub(crate) fn new(name: &str) -> Self {
        Self { name: name.into(), region: "here".into(), versioned: false, data: false, ready: true }
    }

    pub(crate) fn with_data(name: &str) -> Self {
        Self { data: true, ..Self::new(name) }
    }
}

impl Resource for Bucket {
    const KIND: &'static str = "fake.bucket";
    type Cloud = FakeCloud;
    type Output = Id;

    fn name(&self) -> String {
        self.name.clone()
    }

    fn change(&self, found: &Self) -> Change {
        match self {
            _ if self == found => Change::Same,
            _ if self.region != found.region => Change::Replace,
            _ => Change::Update,
        }
    }

    fn replaces_because(&self, found: &Self) -> Option<String> {
        Some(format!("a bucket cannot move from {} to {}", found.region, self.region))
    }

    fn loses(&self) -> Option<String> {
        Some(format!("all files in {}", self.name))
    }

    fn holds_data(&self) -> bool {
        self.data
    }

    async fn find(&self, cx: &Cx) -> Result<Option<Found<Self>>, StepError> {
        let Some(thing) = cx.cloud.read(Self::KIND, &self.name).await? else { return Ok(None) };
        let spec: Self = serde_json::from_value(thing.stored).map_err(StepError::bug)?;
        let spec = Self { ready: thing.settling == 0, ..spec };
        Ok(Some(Found { spec, output: Id { id: thing.id } }))
    }

    async fn put(&self, cx: &Cx, _: Option<Found<Self>>) -> Result<Id, StepError> {
        let thing = Thing { stored: serde_json::to_value(self).unwrap(), ..Thing::default() };
        Ok(Id { id: cx.cloud.put(Self::KIND, &self.name, thing).await? })
    }

    async fn delete(&self, cx: &Cx, _: Found<Self>) -> Result<(), StepError> {
        cx.cloud.delete(Self::KIND, &self.name).await
    }
}

/// A thing that uses others. Of another class it is another one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Site {
    pub(crate) name: String,
    pub(crate) class: String,
    /// Nodes of buckets.
    pub(crate) origins: Vec<String>,
    pub(crate) ready: bool,
}

impl Site {
    pub(crate) fn new(name: &str, origins: &[&str]) -> Self {
        let origins = origins.iter().map(|origin| (*origin).to_owned()).collect();
        Self { name: name.into(), class: "a".into(), origins, ready: true }
    }
}

impl Resource for Site {
    const KIND: &'static str = "fake.site";
    type Cloud = FakeCloud;
    type Output = Id;

    fn name(&self) -> String {
        self.name.clone()
    }

    fn change(&self, found: &Self) -> Change {
        match self {
            _ if self == found => Change::Same,
            _ if self.class != found.class => Change::Replace,
            _ => Change::Update,
        }
    }

    async fn find(&self, cx: &Cx) -> Result<Option<Found<Self>>, StepError> {
        let Some(thing) = cx.cloud.read(Self::KIND, &self.name).await? else { return Ok(None) };
        let mut origins = thing.uses.clone();
        for node in &self.origins {
            let Some(bucket) = cx.try_output::<Bucket>(node)? else { continue };
            origins.iter_mut().filter(|id| **id == bucket.id).for_each(|id| id.clone_from(node));
        }
        let class = thing.stored["class"].as_str().unwrap().to_owned();
        let spec = Self { name: self.name.clone(), class, origins, ready: thing.settling == 0 };
        Ok(Some(Found { spec, output: Id { id: thing.id } }))
    }

    async fn put(&self, cx: &Cx, _: Option<Found<Self>>) -> Result<Id, StepError> {
        let uses =
            self.origins.iter().map(|node| Ok(cx.output::<Bucket>(node)?.id)).collect::<Result<_, StepError>>()?;
        let thing = Thing { stored: json!({ "class": self.class }), uses, ..Thing::default() };
        cx.note("waiting until it answers");
        Ok(Id { id: cx.cloud.put(Self::KIND, &self.name, thing).await? })
    }

    async fn delete(&self, cx: &Cx, _: Found<Self>) -> Result<(), StepError> {
        cx.cloud.delete(Self::KIND, &self.name).await
    }
}

/// A part of a bucket that names a site.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Policy {
    /// Node of the bucket.
    pub(crate) bucket: String,
    /// Node of the site.
    pub(crate) reader: String,
    pub(crate) ready: bool,
}

impl Resource for Policy {
    const KIND: &'static str = "fake.policy";
    type Cloud = FakeCloud;
    type Output = Id;

    fn name(&self) -> String {
        format!("of {}", self.bucket)
    }

    async fn find(&self, cx: &Cx) -> Result<Option<Found<Self>>, StepError> {
        let Some(thing) = cx.cloud.read(Self::KIND, &self.name()).await? else { return Ok(None) };
        let stored = thing.stored["reader"].as_str().unwrap().to_owned();
        let site = cx.try_output::<Site>(&self.reader)?;
        let reader = if site.is_some_and(|site| site.id == stored) { self.reader.clone() } else { stored };
        let spec = Self { bucket: self.bucket.clone(), reader, ready: thing.settling == 0 };
        Ok(Some(Found { spec, output: Id { id: thing.id } }))
    }

    async fn put(&self, cx: &Cx, _: Option<Found<Self>>) -> Result<Id, StepError> {
        let thing = Thing {
            stored: json!({ "reader": cx.output::<Site>(&self.reader)?.id }),
            part_of: Some(cx.output::<Bucket>(&self.bucket)?.id),
            ..Thing::default()
        };
        Ok(Id { id: cx.cloud.put(Self::KIND, &self.name(), thing).await? })
    }

    async fn delete(&self, cx: &Cx, _: Found<Self>) -> Result<(), StepError> {
        cx.cloud.delete(Self::KIND, &self.name()).await
    }
}

/// What somebody outside of the account has to do; a pure wait.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Delegation {
    pub(crate) domain: String,
}

impl Delegation {
    pub(crate) fn new(domain: &str) -> Self {
        Self { domain: domain.into() }
    }
}

impl Resource for Delegation {
    const KIND: &'static str = "fake.delegation";
    type Cloud = FakeCloud;
    type Output = Id;

    fn name(&self) -> String {
        self.domain.clone()
    }

    fn waits(&self) -> bool {
        true
    }

    async fn find(&self, cx: &Cx) -> Result<Option<Found<Self>>, StepError> {
        let thing = cx.cloud.read(Self::KIND, &self.domain).await?;
        Ok(thing.map(|thing| Found { spec: self.clone(), output: Id { id: thing.id } }))
    }

    async fn put(&self, cx: &Cx, _: Option<Found<Self>>) -> Result<Id, StepError> {
        if self.domain.starts_with("never.") {
            std::future::pending::<()>().await;
        }
        let waiting = || StepError::waiting(format!("use {}", self.domain), "nobody has delegated it");
        let thing = cx.cloud.read(Self::KIND, &self.domain).await?;
        thing.map(|thing| Id { id: thing.id }).ok_or_else(|| waiting().hint("Ask the registrar."))
    }

    async fn delete(&self, _: &Cx, _: Found<Self>) -> Result<(), StepError> {
        Ok(())
    }
}

/// The three fakes.
pub(crate) fn kinds() -> Kinds<FakeCloud> {
    Kinds::new().with::<Bucket>().with::<Site>().with::<Policy>()
}

/// A graph that is known to be sound.
pub(crate) fn graph(add: impl FnOnce(&mut Graph<FakeCloud>) -> Result<(), GraphError>) -> Graph<FakeCloud> {
    let mut graph = Graph::new();
    add(&mut graph).unwrap();
    graph
}

/// A shop: a site in front of three buckets, one with data, and a preview of it.
pub(crate) fn shop() -> Graph<FakeCloud> {
    graph(|graph| {
        graph.add("bucket", Bucket::new("shop-site"), &[])?;
        graph.add("drafts", Bucket::new("shop-drafts"), &[])?;
        graph.add("files", Bucket::with_data("shop-files"), &[])?;
        graph.add("site", Site::new("shop", &["bucket", "drafts", "files"]), &["bucket", "drafts", "files"])?;
        graph.add("policy", policy("bucket", "site"), &["bucket", "site"])?;
        graph.add("preview", Site::new("shop-preview", &["bucket"]), &["bucket"])?;
        graph.add("preview-policy", policy("files", "preview"), &["files", "preview"])
    })
}

/// The shop a year later. It has a log and no drafts; a bucket is changed, the site lets go of
/// the drafts, the preview is replaced, and the policy that names it has to follow.
pub(crate) fn shop_later() -> Graph<FakeCloud> {
    graph(|graph| {
        graph.add("bucket", Bucket { versioned: true, ..Bucket::new("shop-site") }, &["logs"])?;
        graph.add("files", Bucket::with_data("shop-files"), &[])?;
        graph.add("logs", Bucket::new("shop-logs"), &[])?;
        graph.add("site", Site::new("shop", &["bucket", "files"]), &["bucket", "files"])?;
        graph.add("policy", policy("bucket", "site"), &["bucket", "site"])?;
        graph.add("preview", Site { class: "b".into(), ..Site::new("shop-preview", &["bucket"]) }, &["bucket"])?;
        graph.add("preview-policy", policy("files", "preview"), &["files", "preview"])
    })
}

/// A policy of a bucket that names a site, both by their nodes.
pub(crate) fn policy(bucket: &str, reader: &str) -> Policy {
    Policy { bucket: bucket.into(), reader: reader.into(), ready: true }
}

/// All that the shop may have made.
pub(crate) fn shop_ever() -> Graph<FakeCloud> {
    Inventory::of(&shop()).with(&shop_later()).graph(&kinds()).unwrap()
}

/// A line of a journal.
pub(crate) fn entry(run: &str, node: &str, state: State) -> Entry {
    Entry {
        run: run.into(),
        at: "2026-01-02T03:04:05Z".into(),
        node: node.into(),
        kind: "fake.bucket".into(),
        name: format!("shop-{node}"),
        verb: Verb::Create,
        state,
        error: None,
    }
}

/// A lock that is written nowhere, and what was asked of it.
#[derive(Default)]
pub(crate) struct FakeLock {
    /// Answers in turn; after the last it is all granted.
    pub(crate) takes: Mutex<Vec<LockError>>,
    /// What renewals say in turn; after the last it is all granted.
    pub(crate) renewals: Mutex<Vec<LockError>>,
    pub(crate) calls: Mutex<Vec<&'static str>>,
    /// Told at every renewal.
    pub(crate) renewed: Notify,
    /// How many changes there were when it was taken, and when it was given back.
    pub(crate) changes: Mutex<Vec<usize>>,
    pub(crate) cloud: Arc<FakeCloud>,
}

impl FakeLock {
    pub(crate) fn of(cloud: &Arc<FakeCloud>) -> Arc<Self> {
        Arc::new(Self { cloud: cloud.clone(), ..Self::default() })
    }

    pub(crate) fn calls(&self) -> Vec<&'static str> {
        self.calls.lock().unwrap().clone()
    }

    fn called(&self, name: &'static str) {
        self.calls.lock().unwrap().push(name);
        if name != "renew" {
            self.changes.lock().unwrap().push(self.cloud.changes().len());
        }
    }
}

#[async_trait::async_trait]
impl Lock for FakeLock {
    async fn take(&self) -> Result<(), LockError> {
        self.called("take");
        self.takes.lock().unwrap().pop().map_or(Ok(()), Err)
    }

    async fn renew(&self) -> Result<(), LockError> {
        self.called("renew");
        let answer = self.renewals.lock().unwrap().pop();
        self.renewed.notify_one();
        answer.map_or(Ok(()), Err)
    }

    async fn release(&self) {
        self.called("release");
    }
}

/// Plans and applies as a command would.
pub(crate) struct Desk {
    pub(crate) cloud: Arc<FakeCloud>,
    pub(crate) journal: Arc<dyn Journal>,
    pub(crate) known: Graph<FakeCloud>,
    pub(crate) delete_data: bool,
    pub(crate) parallel: usize,
    pub(crate) stop: StopSignal,
    pub(crate) lock: Option<Arc<FakeLock>>,
    pub(crate) lock_after: Option<&'static str>,
    runs: AtomicUsize,
    sender: UnboundedSender<Event>,
    events: Mutex<UnboundedReceiver<Event>>,
}

impl Desk {
    pub(crate) fn new(cloud: Arc<FakeCloud>) -> Self {
        let (sender, events) = unbounded_channel();
        Self {
            cloud,
            journal: Arc::new(MemoryJournal::default()),
            known: shop_ever(),
            delete_data: false,
            parallel: PlanOptions::default().parallel,
            stop: StopSignal::new(),
            lock: None,
            lock_after: None,
            runs: AtomicUsize::new(0),
            sender,
            events: Mutex::new(events),
        }
    }

    pub(crate) async fn plan(&self, desired: &Graph<FakeCloud>) -> Result<Plan, PlanError> {
        let options = PlanOptions { delete_data: self.delete_data, parallel: self.parallel };
        super::plan(desired, &self.known, &self.cloud, options, &self.sender).await
    }

    pub(crate) async fn apply(&self, plan: &Plan, desired: &Graph<FakeCloud>) -> Result<Report, RunFailure> {
        let number = self.runs.fetch_add(1, Ordering::SeqCst);
        let run = Run {
            id: format!("run-{number}-of-{self:p}"),
            clock: &|| "2026-01-02T03:04:05Z".to_owned(),
            journal: &*self.journal,
            events: self.sender.clone(),
            stop: self.stop.clone(),
            lock: self.lock.as_deref().map(|lock| lock as &dyn Lock),
            lock_after: self.lock_after,
            renew_every: Duration::from_millis(1),
        };
        super::apply(plan, desired, &self.known, &self.cloud, &run).await
    }

    /// Plans and applies; an error of either is an error.
    pub(crate) async fn publish(&self, desired: &Graph<FakeCloud>) -> Result<Report, String> {
        let plan = self.plan(desired).await.map_err(|e| e.to_string())?;
        self.apply(&plan, desired).await.map_err(|e| e.to_string())
    }

    /// Steps of the last run that have no end in the journal, as `verb kind name`.
    pub(crate) fn open_steps(&self) -> Vec<String> {
        let entries = self.journal.read().unwrap();
        let open = journal::interrupted(&entries).into_iter();
        open.map(|entry| format!("{} {} {}", entry.verb, entry.kind, entry.name)).collect()
    }

    /// What was told since the last time.
    pub(crate) fn events(&self) -> Vec<Event> {
        let mut events = self.events.lock().unwrap();
        std::iter::from_fn(|| events.try_recv().ok()).collect()
    }

    /// Verbs of a plan, as `node verb`, without those that are the same for good.
    pub(crate) async fn verbs(&self, desired: &Graph<FakeCloud>) -> Vec<String> {
        let plan = self.plan(desired).await.unwrap();
        let show = |step: &Planned| format!("{} {}{}", step.node, step.verb, if step.recheck { "?" } else { "" });
        plan.steps.iter().filter(|s| s.verb != Verb::Same || s.recheck).map(show).collect()
    }
}
