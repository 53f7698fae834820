//! `arqsite releases`: what was published, when, by whom, and what it changed.

use clap::Args;
use serde_json::json;

use super::intent::{connect, context, now, routes_of};
use super::{Common, Failure, project};
use crate::aws::Cloud;
use crate::aws::content::s3_ledger::{self, Seen};
use crate::aws::content::{release_live, release_manifest};
use crate::aws::edge::cloudfront_key_value_store::KeyValueStore;
use crate::config::PRODUCTION;
use crate::deploy::Resource;
use crate::release::history::Made;
use crate::release::{Difference, Past, Pointer, ReleaseId};
use crate::ui::releases::{Detail, Line, State};
use crate::ui::{self, Ui};

/// How many are shown, unless all are asked for.
const SHOWN: usize = 10;

/// List the releases: when, by whom, what each changed, and which is live
#[derive(Args)]
pub struct ReleasesArgs {
    /// Show everything that this release changed; its id, the beginning of it, or its last ten characters
    #[arg(value_name = "ID")]
    release: Option<String>,
    /// Stage to look at
    #[arg(long, default_value = PRODUCTION)]
    stage: String,
    /// List all, not the last ten
    #[arg(long)]
    all: bool,
}

/// A site that was published, as its pointer and its ledger say.
pub struct Site {
    /// The account.
    pub cloud: Cloud,
    /// ARN of the edge store.
    pub store: String,
    /// What is live.
    pub pointer: Pointer,
    /// The ledger.
    pub ledger: Seen,
}

impl Site {
    /// Looks what is live.
    pub async fn open(cloud: Cloud) -> Result<Self, Failure> {
        let cx = context(&cloud);
        let nothing = || Failure::yours("nothing has been published yet").hint("Run `arqsite publish`.");
        let store = KeyValueStore::ready(cloud.names.part("edge"));
        let found = Resource::find(&store, &cx).await?.filter(|found| found.output.ready);
        let store = found.ok_or_else(nothing)?.output.arn;
        let pointer = async {
            release_live::read(&cx, &store).await.map_err(|error| error.while_doing("read which release is live"))
        };
        let (pointer, ledger) = tokio::try_join!(pointer, s3_ledger::read(&cloud))?;
        let pointer = pointer.ok_or_else(nothing)?;
        Ok(Self { cloud, store, pointer, ledger })
    }

    /// What is remembered of the releases, with what the pointer says.
    pub fn past(&self) -> Past {
        let mut past = self.ledger.past();
        past.complete(&self.pointer, None);
        past
    }

    /// The address of the distribution, as the account itself says it.
    pub async fn url(&self) -> Option<String> {
        let host = crate::aws::manage::ssm_parameter::value(&self.cloud, "address").await.ok()??;
        Some(format!("https://{host}/"))
    }
}

/// The one release of those whose id is `text`, or begins or ends with it.
pub fn find(there: &[ReleaseId], text: &str) -> Result<ReleaseId, Failure> {
    let fits = |id: &&ReleaseId| !text.is_empty() && (id.as_str().starts_with(text) || id.digest() == text);
    let those: Vec<&ReleaseId> = there.iter().filter(fits).collect();
    let list = |ids: &mut dyn Iterator<Item = &ReleaseId>| ids.map(ToString::to_string).collect::<Vec<_>>();
    let mut failure = match those[..] {
        [one] => return Ok(one.clone()),
        [] => Failure::yours(format!("there is no release {text}")),
        _ => Failure::yours(format!("{text} may be any of {} releases", those.len())),
    };
    failure.causes = match those.is_empty() {
        true => list(&mut there.iter().rev().take(SHOWN)),
        false => list(&mut those.into_iter()),
    };
    Err(failure.hint("`arqsite releases` says more of each."))
}

/// Looks, and changes nothing.
pub async fn run(ui: &Ui, common: &Common, args: &ReleasesArgs) -> Result<(), Failure> {
    let project = project::open_own(common)?;
    let config = crate::config::load(&project, &args.stage)?;
    let site = Site::open(connect(&config, &args.stage).await?).await?;
    match &args.release {
        Some(text) => one(ui, &site, text).await,
        None => list(ui, &site, args.all).await,
    }
}

async fn list(ui: &Ui, site: &Site, all: bool) -> Result<(), Failure> {
    let there = release_manifest::list(&site.cloud).await?.releases;
    let shown = if all { there.len() } else { SHOWN };
    let (past, at) = (site.past(), now()?.as_second());
    let mut looks = tokio::task::JoinSet::new();
    for (place, id) in there.iter().rev().take(shown).cloned().enumerate() {
        let cloud = site.cloud.clone();
        looks.spawn(async move { (place, release_manifest::made(&cloud, &id).await, id) });
    }
    let mut lines = Vec::new();
    while let Some(look) = looks.join_next().await {
        let (place, made, id) = look.map_err(crate::deploy::StepError::bug)?;
        // One that was taken away a moment ago is no release any more.
        let Some(made) = made? else { continue };
        lines.push((place, line(site, &past, id, made)));
    }
    lines.sort_by_key(|(place, _)| *place);
    let lines: Vec<Line> = lines.into_iter().map(|(_, line)| line).collect();
    if ui.json() {
        ui.data_json(&json!({"releases": lines, "of": there.len()}));
        return Ok(());
    }
    ui::releases::list(ui, &lines, at);
    if there.len() > lines.len() {
        ui.status(format!("{} older ones; --all lists them.", there.len() - lines.len()));
    }
    Ok(())
}

fn line(site: &Site, past: &Past, id: ReleaseId, made: Made) -> Line {
    let before = site.pointer.previous.as_ref().is_some_and(|slot| slot.release == id);
    let linked = past.previews.iter().any(|preview| preview.release == id);
    let state = match () {
        () if site.pointer.live.release == id => State::Live,
        () if before => State::Before,
        () if past.was_never_live(&id) && linked => State::Preview,
        () if past.was_never_live(&id) => State::Never,
        () => State::Earlier,
    };
    let live = past.last_live(&id);
    let (since, until) = (live.map(|(since, _)| since), live.and_then(|(_, until)| until));
    Line { made_at: id.seconds(), id, state, live_since: since, live_until: until, made }
}

async fn one(ui: &Ui, site: &Site, text: &str) -> Result<(), Failure> {
    let id = find(&release_manifest::list(&site.cloud).await?.releases, text)?;
    let gone = || Failure::yours(format!("there is no release {id} any more"));
    let (made, manifest) =
        tokio::try_join!(release_manifest::made(&site.cloud, &id), release_manifest::read(&site.cloud, &id))?;
    let (made, manifest) = (made.ok_or_else(gone)?, manifest.ok_or_else(gone)?);
    let before = match &made.after {
        Some(after) => release_manifest::read(&site.cloud, after).await?,
        None => None,
    };
    // Against a release that is gone, only the numbers are known.
    let compared = (made.after.is_none() || before.is_some()).then(|| Difference::between(before.as_ref(), &manifest));
    let (old, routes) =
        tokio::try_join!(routes_of(&site.cloud, before.as_ref()), routes_of(&site.cloud, Some(&manifest)))?;
    let changes = compared.map(|pages| if pages.api.changed { pages.with_routes(&old, &routes) } else { pages });
    let detail = Detail {
        line: line(site, &site.past(), id.clone(), made),
        paths: manifest.paths.len(),
        bytes: manifest.objects.values().map(|entry| entry.size).sum(),
        routes,
        changes,
    };
    if ui.json() {
        ui.data_json(&detail);
    } else {
        ui::releases::detail(ui, &detail, now()?.as_second());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_release_is_found_by_its_beginning_or_its_digest() {
        let ids = ["20250310-020405-0123456789", "20250310-020406-aaaaaaaaaa", "20250311-000000-bbbbbbbbbb"];
        let there = ids.map(|id| ReleaseId::parse(id).unwrap());
        let found = |text| find(&there, text).map(|id| id.to_string()).map_err(|failure| failure.what);
        assert_eq!(found(ids[1]).unwrap(), ids[1]);
        assert_eq!(found("20250311").unwrap(), ids[2]);
        assert_eq!(found("0123456789").unwrap(), ids[0]);
        assert_eq!(found("20250310").unwrap_err(), "20250310 may be any of 2 releases");
        assert_eq!(found("cccc").unwrap_err(), "there is no release cccc");
        assert_eq!(find(&there, "").unwrap_err().causes, [ids[2], ids[1], ids[0]]);
    }
}
