//! The database, in the private subnets; there when `migrations/` has a file.

use super::Wanted;
use super::manage::parameter_name;
use super::network::POSTGRESQL;
use crate::aws::compute::logs_group::LogGroup;
use crate::aws::content::migrations_applied::MigrationsApplied;
use crate::aws::content::migrations_bundle::MigrationsBundle;
use crate::aws::data::rds_cluster::Cluster;
use crate::aws::data::rds_instance::Instance;
use crate::aws::data::rds_parameter_group::ParameterGroup;
use crate::aws::data::rds_roles::DatabaseRoles;
use crate::aws::data::rds_subnet_group::SubnetGroup;
use crate::aws::network::ec2_group_rules::{GroupRules, Peer, Rule};
use crate::aws::network::ec2_security_group::SecurityGroup;
use crate::aws::{Cloud, Place};
use crate::deploy::{Graph, GraphError};

/// Role in the database that owns the tables; the migrator signs in as it.
pub(super) const OWNER: &str = "arq_owner";
/// Major version of PostgreSQL.
const MAJOR: &str = "16";

pub(super) fn add(graph: &mut Graph<Cloud>, wanted: &Wanted<'_>) -> Result<(), GraphError> {
    let Some(hash) = &wanted.migrations else { return Ok(()) };
    let names = wanted.names;
    let name = names.part("database");
    let group = SecurityGroup::closed(name.clone(), "vpc", "Database");
    graph.add("database-group", group, &["vpc"])?;
    let ingress = vec![Rule::tcp(POSTGRESQL, Peer::Group("function-group".into()))];
    let rules = GroupRules { name: name.clone(), group: "database-group".into(), ingress, egress: Vec::new() };
    graph.add("database-group-rules", rules, &["database-group", "function-group"])?;
    let subnets =
        SubnetGroup::of(name.clone(), "Private subnets of the site", vec!["subnet-a".into(), "subnet-b".into()]);
    graph.add("database-subnets", subnets, &["subnet-a", "subnet-b"])?;
    graph.add("database-parameters", ParameterGroup::encrypted(name.clone(), MAJOR), &[])?;
    cluster(graph, wanted, &name)?;
    migrations(graph, wanted, hash)
}

fn cluster(graph: &mut Graph<Cloud>, wanted: &Wanted<'_>, name: &str) -> Result<(), GraphError> {
    let config = &wanted.config.database;
    let pause = i32::try_from(config.pause_after.0).unwrap_or(i32::MAX);
    let cluster = Cluster {
        major: MAJOR.into(),
        min_half_acu: config.min_acu.0,
        max_half_acu: config.max_acu.0,
        pause_after_seconds: (config.min_acu.0 == 0).then_some(pause),
        ..Cluster::protected(name.to_owned(), "database-subnets", "database-group", "database-parameters")
    };
    // RDS would make a log group that never forgets.
    let days = i32::from(wanted.config.observe.retention_days);
    let log =
        LogGroup { name: format!("/aws/rds/cluster/{name}/postgresql"), retention_days: days, place: Place::Home };
    graph.add("database-log", log, &[])?;
    let needs = ["database-subnets", "database-group", "database-group-rules", "database-parameters", "database-log"];
    graph.add("database", cluster, &needs)?;
    graph.add("database-instance", Instance::serverless(name.to_owned(), "database"), &["database"])?;
    let roles = DatabaseRoles::of(name.to_owned(), "database", "database-instance");
    graph.add("database-roles", roles, &["database", "database-instance"])
}

fn migrations(graph: &mut Graph<Cloud>, wanted: &Wanted<'_>, hash: &str) -> Result<(), GraphError> {
    let bundle = MigrationsBundle { bucket: wanted.names.bucket(), hash: hash.to_owned() };
    graph.add("migrations-bundle", bundle, &["site-bucket"])?;
    let applied = MigrationsApplied {
        migrator: "migrator".into(),
        parameter: parameter_name(wanted, "migrations"),
        hash: hash.to_owned(),
    };
    let needs = ["migrator", "migrations-bundle", "database-roles", "database-group-rules"];
    graph.add("migrations-applied", applied, &needs)
}
