//! What a verb means to do to the account: both graphs, and what they were made from.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::project::Loaded;
use super::{Failure, Kind, account};
use crate::api::Bundle;
use crate::aws::compute::lambda_function::Engine;
use crate::aws::compute::package::EngineFile;
use crate::aws::content::release_manifest::Manifests;
use crate::aws::content::s3_ledger::{self, Seen};
use crate::aws::content::{Now, Publication, refused, release_live, release_manifest};
use crate::aws::edge::cloudfront_key_value_store::KeyValueStore;
use crate::aws::stack::{self, ApiParts, ReleaseParts, Wanted};
use crate::aws::{Cloud, Cx, kinds, policy};
use crate::config::{Config, Project};
use crate::cost::{Assumptions, Edges, Estimate, Expected, components_of, estimate, expected};
use crate::deploy::{
    Context, Event, Graph, GraphError, Inventory, KindError, Made, Outputs, Plan, PlanError, PlanOptions, Resource,
};
use crate::release::{Difference, Keys, Manifest, Past, Pointer, ReleaseId, Routes};
use crate::ui::diagram;

/// The graphs of one run.
pub struct Intent {
    /// The account.
    pub cloud: Arc<Cloud>,
    /// What there should be.
    pub desired: Graph<Cloud>,
    /// What may be there.
    pub known: Graph<Cloud>,
    /// What changes for visitors.
    pub pages: Option<Difference>,
    /// Who was publishing, and what was ever made, when the graphs were made.
    pub ledger: Seen,
    /// What was live.
    pub live: Option<Pointer>,
    /// Whether the graphs are a part of what the site has.
    partial: bool,
}

/// What the account says is live.
pub struct Live {
    /// The pointer.
    pub pointer: Pointer,
    /// The manifest of the live release, if it is there.
    pub manifest: Option<Manifest>,
}

impl Intent {
    /// To publish what was loaded.
    pub async fn to_publish(cloud: Cloud, project: &Project, loaded: &Loaded) -> Result<Self, Failure> {
        Self::to_make(cloud, project, loaded, true).await
    }

    /// To make all that what was loaded needs, and not make it live; where something is live, what a publish would do.
    pub async fn to_preview(cloud: Cloud, project: &Project, loaded: &Loaded) -> Result<Self, Failure> {
        Self::to_make(cloud, project, loaded, false).await
    }

    async fn to_make(cloud: Cloud, project: &Project, loaded: &Loaded, flip: bool) -> Result<Self, Failure> {
        let file = engine()?;
        let live = live(&cloud).await?;
        let pointer = live.as_ref().map(|live| &live.pointer);
        let manifest = loaded.release.manifest();
        let same = live.as_ref().is_some_and(|live| live.manifest.as_ref() == Some(&manifest));
        let (id, there) = match pointer {
            Some(pointer) if same => (pointer.live.release.clone(), None),
            _ => release_id(&cloud, &manifest).await?,
        };
        let at = self::now()?.as_second();
        let keys = Keys::of(&manifest, id.clone()).map_err(|error| Failure::from_error(Kind::Yours, &error))?;
        let next = Pointer::next(keys.slot.clone(), pointer, at);
        let ledger = s3_ledger::read(&cloud).await?;
        let before = live.as_ref().and_then(|live| live.manifest.as_ref());
        let pages = differences(&cloud, before, &manifest, loaded.bundle.as_ref()).await?;
        let past = past(&ledger, pointer, &id, there.as_ref());
        let flip = flip || pointer.is_some();
        let release = Some(ReleaseParts { pointer: next.clone(), flip, objects: loaded.release.objects.len() });
        let after = pointer.map(|pointer| pointer.live.release.clone()).filter(|after| *after != id);
        let was_live = pointer.cloned();
        let now = Now { at, pointer: Some(next), after, pages: pages.clone(), there };
        let previous = live.and_then(|live| live.manifest);
        let engine = Engine { identity: file.identity.clone(), architecture: file.architecture.to_owned() };
        let wanted = Wanted {
            names: &cloud.names,
            config: &loaded.config,
            engine,
            api: loaded.bundle.as_ref().map(api_parts),
            migrations: (!loaded.migrations.is_empty()).then(|| loaded.migrations.hash()),
            release,
        };
        let made = ledger.ledger.as_ref().map(|ledger| &ledger.inventory);
        let (desired, known) = (stack::desired(&wanted).map_err(bug)?, stack::known(&wanted, made).map_err(unknown)?);
        let (release, migrations) = (loaded.release.clone(), loaded.migrations.clone());
        let cache = project.data().join("cache");
        let publication = Publication::new(id, release, keys, file, migrations, previous, cache);
        let cloud = Arc::new(cloud.with(publication.into_site(now, past)));
        Ok(Self { cloud, desired, known, pages: Some(pages), ledger, live: was_live, partial: false })
    }

    /// To remove everything.
    pub async fn to_destroy(cloud: Cloud, config: &Config, api: Option<ApiParts>) -> Result<Self, Failure> {
        let ledger = s3_ledger::read(&cloud).await?;
        let made = ledger.ledger.as_ref().map(|ledger| &ledger.inventory);
        let engine = Engine::default();
        let wanted = Wanted { names: &cloud.names, config, engine, api, migrations: None, release: None };
        let known = stack::known(&wanted, made).map_err(unknown)?;
        let desired = Graph::new();
        Ok(Self { cloud: Arc::new(cloud), desired, known, pages: None, ledger, live: None, partial: false })
    }

    /// The same for these nodes alone; nothing is said of the others.
    pub fn only(self, nodes: &[&str]) -> Self {
        let desired = self.desired.only(nodes);
        Self { known: desired.clone(), desired, partial: true, ..self }
    }

    /// What may exist once `plan` is being carried out: what is wanted, and what was found.
    pub fn inventory(&self, plan: &Plan) -> Inventory {
        let mut inventory = self.ledger.ledger.as_ref().map(|ledger| ledger.inventory.clone()).unwrap_or_default();
        let there = |made: &Made| {
            plan.steps.iter().any(|step| step.kind == made.kind && step.name == made.name && plan.was_found(&step.node))
        };
        // A part says nothing of what it does not look at.
        inventory.made.retain(|made| self.partial || there(made));
        let mut inventory = inventory.with(&self.desired);
        let kinds: BTreeSet<_> = kinds::kinds().names().collect();
        inventory.made.retain(|made| kinds.contains(made.kind.as_str()));
        inventory
    }

    /// Every action that whoever carries out `plan` has to be allowed.
    pub fn actions(&self, plan: &Plan) -> BTreeSet<String> {
        policy::actions_of(plan.steps.iter().map(|step| step.kind))
    }

    /// The architecture as it is, and what becomes of it.
    pub fn picture(&self, plan: &Plan) -> String {
        let names = &self.cloud.names;
        let title = format!("{} ({}), {}", names.site, names.stage, names.region);
        diagram::svg(&diagram::picture_of(title, &plan.steps, &self.edges()))
    }

    /// What all that there should be costs a month.
    pub fn estimate(&self) -> Estimate {
        let wanted = self.desired.nodes().values().map(|node| (node.step.kind(), node.step.spec()));
        estimate(&components_of(wanted), &self.cloud.names.region, &Assumptions::default())
    }

    /// How long it takes to carry out `plan`.
    pub fn expected(&self, plan: &Plan) -> Expected {
        expected(&plan.steps, &self.edges())
    }

    /// What each node needs, or needed when it was made.
    pub fn edges(&self) -> Edges {
        let all = self.desired.union(&self.known);
        all.nodes().iter().map(|(name, node)| (name.clone(), node.needs.clone())).collect()
    }

    /// Looks at the account and says what would change.
    pub async fn plan(&self, delete_data: bool) -> Result<Plan, Failure> {
        let (events, _) = tokio::sync::mpsc::unbounded_channel::<Event>();
        let options = PlanOptions { delete_data, ..PlanOptions::default() };
        let plan = crate::deploy::plan(&self.desired, &self.known, &self.cloud, options, &events).await;
        plan.map_err(|error| match error {
            PlanError::Step(error) => error.into(),
            PlanError::Graph(error) => bug(error),
        })
    }
}

/// An inventory that another version of arqsite wrote.
fn unknown(error: KindError) -> Failure {
    let kind = if matches!(error, KindError::Graph(_)) { Kind::Bug } else { Kind::Yours };
    Failure::from_error(kind, &error).hint("Use the version of arqsite that published this site last, or a newer one.")
}

pub fn bug(error: GraphError) -> Failure {
    Failure::from_error(Kind::Bug, &error)
}

/// The running program, which becomes the function.
fn engine() -> Result<EngineFile, Failure> {
    if !cfg!(feature = "lambda") {
        return Err(Failure::yours("this build of arqsite cannot answer an API in Lambda")
            .hint("Publish with a build that has the feature `lambda`; the default build has it."));
    }
    EngineFile::running().map_err(|error| refused(error).into())
}

/// What the account says is live; `None` before the first publish.
pub async fn live(cloud: &Cloud) -> Result<Option<Live>, Failure> {
    let cx = context(cloud);
    let store = KeyValueStore::ready(cloud.names.part("edge"));
    let Some(store) = Resource::find(&store, &cx).await?.filter(|found| found.output.ready) else { return Ok(None) };
    let pointer =
        release_live::read(&cx, &store.output.arn).await.map_err(|e| e.while_doing("read which release is live"))?;
    let Some(pointer) = pointer else { return Ok(None) };
    let manifest = release_manifest::read(cloud, &pointer.live.release).await?;
    Ok(Some(Live { pointer, manifest }))
}

/// An earlier run of the same content may have been interrupted, or may have been live before: its
/// id is used again, so that nothing is there twice.
async fn release_id(cloud: &Cloud, manifest: &Manifest) -> Result<(ReleaseId, Option<Manifests>), Failure> {
    let new = manifest.release_id(now()?);
    let there = release_manifest::list(cloud).await?;
    let same = there.releases.iter().rfind(|id| id.digest() == new.digest()).cloned();
    Ok((same.unwrap_or(new), Some(there)))
}

/// What is remembered of the releases when the upload of `id` begins.
fn past(ledger: &Seen, pointer: Option<&Pointer>, id: &ReleaseId, there: Option<&Manifests>) -> Past {
    let mut past = ledger.past();
    if let Some(pointer) = pointer {
        past.complete(pointer, None);
    }
    if there.is_some_and(|there| !there.releases.contains(id)) {
        past.begin(id);
    }
    past
}

/// How what is published differs from what is live, the routes of the API by name.
async fn differences(
    cloud: &Cloud,
    before: Option<&Manifest>,
    after: &Manifest,
    bundle: Option<&Bundle>,
) -> Result<Difference, Failure> {
    let pages = Difference::between(before, after);
    if !pages.api.changed {
        return Ok(pages);
    }
    let before = routes_of(cloud, before).await?;
    Ok(pages.with_routes(&before, &bundle.map(Bundle::answered).unwrap_or_default()))
}

/// What the API of a release answers; nothing when that cannot be read.
pub async fn routes_of(cloud: &Cloud, manifest: Option<&Manifest>) -> Result<Routes, Failure> {
    let Some(id) = manifest.and_then(|manifest| manifest.api.as_ref()) else { return Ok(Routes::new()) };
    let bytes = release_manifest::bytes_at(cloud, &id.key()).await?;
    let bundle = bytes.and_then(|bytes| Bundle::parse(bytes).ok());
    Ok(bundle.as_ref().map(Bundle::answered).unwrap_or_default())
}

/// The time; `SOURCE_DATE_EPOCH` sets it, as for every tool that makes reproducible output.
pub fn now() -> Result<jiff::Timestamp, Failure> {
    let Ok(text) = std::env::var("SOURCE_DATE_EPOCH") else { return Ok(jiff::Timestamp::now()) };
    let seconds = text.parse().ok().and_then(|seconds| jiff::Timestamp::from_second(seconds).ok());
    seconds.ok_or_else(|| Failure::yours(format!("SOURCE_DATE_EPOCH is \"{text}\", which is no number of seconds")))
}

/// The parts of an API that live in the account.
pub fn api_parts(bundle: &Bundle) -> ApiParts {
    ApiParts { documents: bundle.document_collections(), files: bundle.file_collections() }
}

/// A context for a look that belongs to no step.
pub fn context(cloud: &Cloud) -> Cx {
    let (events, _) = tokio::sync::mpsc::unbounded_channel();
    Context::new(Arc::new(cloud.clone()), "look", Outputs::default(), events)
}

/// Connects to the account of this configuration and stage.
pub async fn connect(config: &Config, stage: &str) -> Result<Cloud, Failure> {
    account::connect(config, stage).await
}
