//! `arqsite cost`: what the site costs a month, line by line.

use clap::Args;

use super::{Common, Failure, project};
use crate::aws::Names;
use crate::aws::compute::lambda_function::Engine;
use crate::aws::stack::{self, Wanted};
use crate::cli::intent::api_parts;
use crate::config::PRODUCTION;
use crate::cost::{Assumptions, components_of, estimate};
use crate::ui::{self, Ui};

/// Region whose prices are shown when none is set.
const REGION: &str = "us-east-1";
/// The account's id is part of names, and of no price.
const ANY_ACCOUNT: &str = "000000000000";

/// Show what the site costs a month, by part, and what was assumed
#[derive(Args)]
pub struct CostArgs {
    /// Stage to look at
    #[arg(long, default_value = PRODUCTION)]
    stage: String,
}

/// Reckons from the project alone; AWS is not asked.
pub fn run(ui: &Ui, common: &Common, args: &CostArgs) -> Result<(), Failure> {
    let project = project::open_own(common)?;
    let loaded = project::load(&project, &args.stage)?;
    let config = &loaded.config;
    let region = config.aws.region.clone().or_else(|| std::env::var("AWS_REGION").ok());
    let region = region.unwrap_or_else(|| REGION.into());
    let names = Names::new(&config.site.name, &args.stage, ANY_ACCOUNT, &region);
    let wanted = Wanted {
        names: &names,
        config,
        engine: Engine::default(),
        api: loaded.bundle.as_ref().map(api_parts),
        migrations: (!loaded.migrations.is_empty()).then(|| loaded.migrations.hash()),
        release: None,
    };
    let graph = stack::desired(&wanted).map_err(super::intent::bug)?;
    let parts = graph.nodes().values().map(|node| (node.step.kind(), node.step.spec()));
    let estimate = estimate(&components_of(parts), &region, &Assumptions::default());
    if ui.json() {
        ui.data_json(&estimate);
    } else {
        ui::cost::show(ui, &estimate);
    }
    Ok(())
}
