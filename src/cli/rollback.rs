//! `arqsite rollback`: an earlier release, live again.

use std::time::Instant;

use clap::Args;
use serde_json::json;

use super::intent::{connect, context, live, now, routes_of};
use super::releases::{Site, find};
use super::{Common, Failure, Kind, project};
use crate::aws::content::{release_back, release_keys, release_manifest};
use crate::config::PRODUCTION;
use crate::deploy::StepError;
use crate::deploy::lock::LockError;
use crate::release::{Difference, Keys, Manifest, Pointer, ReleaseId, Slot};
use crate::ui::{self, Ui, duration};

const MORE: &str = "The release is named by its id, the beginning of it, or its last ten characters; `arqsite releases` \
lists them. Pages and API go back together, by one write. Data stays as it is: documents, files and the database, \
whose migrations are not undone.";

/// Make an earlier release live again, within seconds
#[derive(Args)]
#[command(after_help = MORE)]
pub struct RollbackArgs {
    /// The release; without it, the one before the live one
    #[arg(value_name = "ID")]
    release: Option<String>,
    /// Stage to change
    #[arg(long, default_value = PRODUCTION)]
    stage: String,
    /// Answer yes to every question
    #[arg(short, long)]
    yes: bool,
    /// Do it though somebody is publishing
    #[arg(long)]
    force: bool,
}

/// A release that can be made live.
struct Target {
    id: ReleaseId,
    manifest: Manifest,
    /// What the edge store says of it; `None` when its keys have left the store.
    slot: Option<Slot>,
}

/// Looks, asks, and moves the pointer.
pub async fn run(ui: &Ui, common: &Common, args: &RollbackArgs) -> Result<(), Failure> {
    let start = Instant::now();
    let project = project::open_own(common)?;
    let config = crate::config::load(&project, &args.stage)?;
    let site = Site::open(connect(&config, &args.stage).await?).await?;
    refuse_beside_a_publish(&site, args.force)?;
    let id = wanted(&site, args.release.as_deref()).await?;
    if id == site.pointer.live.release {
        return finish(ui, &site, None, start).await;
    }
    let target = target(&site, id).await?;
    let pages = difference(&site, &target.manifest).await?;
    if !ui.json() {
        show(ui, &site, &target, &pages);
    }
    if !args.yes {
        ui.confirm(&format!("Make {} live?", target.id), "--yes")?;
    }
    let pointer = make_live(ui, &site, target).await?;
    finish(ui, &site, Some((&pointer, &pages)), start).await
}

/// A publish under way has planned with what is live now.
fn refuse_beside_a_publish(site: &Site, force: bool) -> Result<(), Failure> {
    match site.ledger.holder() {
        Some(holder) if !force => Err(Failure::from(StepError::from(LockError::Held(holder.clone())))
            .hint("Wait for its end, or add --force; that publish then may make its own release live all the same.")),
        _ => Ok(()),
    }
}

/// The release that is named, or the one before the live one.
async fn wanted(site: &Site, named: Option<&str>) -> Result<ReleaseId, Failure> {
    let before = site.pointer.previous.as_ref().map(|slot| slot.release.clone());
    match (named, before) {
        (None, Some(before)) => Ok(before),
        (None, None) => Err(Failure::yours("there is no release before the live one")
            .hint("`arqsite releases` lists those that there are.")),
        // A whole id needs no look at the others.
        (Some(text), _) => match ReleaseId::parse(text) {
            Some(id) => Ok(id),
            None => find(&release_manifest::list(&site.cloud).await?.releases, text),
        },
    }
}

/// Checks that everything is there which the edge and the API need of a release.
async fn target(site: &Site, id: ReleaseId) -> Result<Target, Failure> {
    let cx = context(&site.cloud);
    let slot = async { release_keys::slot(&cx, &site.store, &id).await.map_err(|e| e.while_doing("read its keys")) };
    let (slot, manifest) = tokio::try_join!(slot, release_manifest::read(&site.cloud, &id))?;
    let Some(manifest) = manifest else {
        return Err(match find(&release_manifest::list(&site.cloud).await?.releases, id.as_str()) {
            Err(failure) => failure,
            Ok(_) => Failure::new(Kind::Cloud, format!("the manifest of {id} could not be read")),
        });
    };
    if let Some(bundle) = &manifest.api
        && !release_manifest::is_there(&site.cloud, &bundle.key()).await?
    {
        return Err(Failure::yours(format!("the API of {id} is no longer there: {} is missing", bundle.key()))
            .hint("Publish the sources of that release again."));
    }
    Ok(Target { id, manifest, slot })
}

async fn difference(site: &Site, target: &Manifest) -> Result<Difference, Failure> {
    let now = live(&site.cloud).await?.and_then(|live| live.manifest);
    let pages = Difference::between(now.as_ref(), target);
    if !pages.api.changed {
        return Ok(pages);
    }
    let (before, after) = tokio::try_join!(routes_of(&site.cloud, now.as_ref()), routes_of(&site.cloud, Some(target)))?;
    Ok(pages.with_routes(&before, &after))
}

fn show(ui: &Ui, site: &Site, target: &Target, pages: &Difference) {
    ui.data(format!("From {} to {}:", site.pointer.live.release, target.id));
    ui::plan::contents(pages).iter().for_each(|line| ui.data(line));
    if target.slot.is_none() {
        ui.data("Its keys have left the edge store; they are written first.");
    }
    if !pages.api.added.is_empty() {
        ui.warning(
            "its API answers routes that the live one does not; what only they use in the account, such as the right \
             to a table, may be gone: publishing the sources of that release brings it back",
        );
    }
}

/// One write when the keys are there.
async fn make_live(ui: &Ui, site: &Site, target: Target) -> Result<Pointer, Failure> {
    let cx = context(&site.cloud);
    let slot = match target.slot {
        Some(slot) => slot,
        None => {
            let (id, manifest) = (target.id, target.manifest);
            let keys = Keys::of(&manifest, id).map_err(|error| Failure::from_error(Kind::Yours, &error))?;
            ui.faint(format!("Writing {} keys.", keys.slot.keys().len()));
            release_keys::write(&cx, &site.store, &keys).await?;
            keys.slot
        }
    };
    let at = now()?.as_second();
    Ok(release_back::make_live(&cx, &site.store, &slot, &site.pointer, at).await?)
}

async fn finish(ui: &Ui, site: &Site, changed: Option<(&Pointer, &Difference)>, start: Instant) -> Result<(), Failure> {
    let ms = u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX);
    let pointer = changed.map_or(&site.pointer, |(pointer, _)| pointer);
    let (live, before) = (&pointer.live.release, pointer.previous.as_ref().map(|slot| &slot.release));
    let url = site.url().await;
    if ui.json() {
        ui.data_json(&json!({"live": live, "before": before, "changed": changed.is_some(), "url": url, "ms": ms,
            "pages": changed.map(|(_, pages)| pages)}));
        return Ok(());
    }
    ui.status(match changed {
        Some(_) => format!("Rolled back in {}: release {live} is live", duration(ms)),
        None => format!("Nothing to change: release {live} is live already"),
    });
    ui.data(url.unwrap_or_default());
    Ok(())
}
