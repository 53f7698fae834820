//! A cluster as RDS describes it, and as its spec does.

use aws_sdk_rds::types as rds_types;

use super::rds_cluster::{Cluster, ClusterOutput};
use super::rds_parameter_group::ParameterGroup;
use super::rds_subnet_group::SubnetGroup;
use crate::aws::Cx;
use crate::aws::network::settle::as_nodes;
use crate::deploy::StepError;

/// What RDS describes, in the shape of `wanted`.
pub fn read(cx: &Cx, wanted: &Cluster, cluster: &rds_types::DbCluster) -> Result<Cluster, StepError> {
    let groups = cluster.vpc_security_groups().iter().filter(|group| group.status() != Some("removing"));
    let groups: Vec<_> = groups.filter_map(|group| group.vpc_security_group_id()).collect();
    let parameters = cx.try_output::<ParameterGroup>(&wanted.parameters)?.map(|output| output.name);
    let subnet_group = cx.try_output::<SubnetGroup>(&wanted.subnet_group)?.map(|output| output.name);
    let scaling = cluster.serverless_v2_scaling_configuration();
    let min_half_acu = halves(scaling.and_then(|scaling| scaling.min_capacity()));
    Ok(Cluster {
        name: wanted.name.clone(),
        subnet_group: as_node(cluster.db_subnet_group(), subnet_group.as_deref(), &wanted.subnet_group),
        groups: as_nodes(cx, &groups, &wanted.groups)?,
        parameters: as_node(cluster.db_cluster_parameter_group(), parameters.as_deref(), &wanted.parameters),
        major: major(cluster.engine_version().unwrap_or_default()),
        database: cluster.database_name().unwrap_or_default().to_owned(),
        master: cluster.master_username().unwrap_or_default().to_owned(),
        min_half_acu,
        max_half_acu: halves(scaling.and_then(|scaling| scaling.max_capacity())),
        pause_after_seconds: scaling.and_then(|s| s.seconds_until_auto_pause()).filter(|_| min_half_acu == 0),
        protected: cluster.deletion_protection().unwrap_or_default(),
        iam: cluster.iam_database_authentication_enabled().unwrap_or_default(),
        http_endpoint: cluster.http_endpoint_enabled().unwrap_or_default(),
        backup_days: cluster.backup_retention_period().unwrap_or_default(),
        encrypted: cluster.storage_encrypted().unwrap_or_default(),
        copy_tags: cluster.copy_tags_to_snapshot().unwrap_or_default(),
        logs: in_order(cluster.enabled_cloudwatch_logs_exports(), &wanted.logs),
        ready: cluster.status() == Some("available"),
    })
}

/// What others need of the cluster that RDS describes.
pub fn output(cluster: &rds_types::DbCluster) -> ClusterOutput {
    let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
    ClusterOutput {
        id: text(cluster.db_cluster_identifier()),
        arn: text(cluster.db_cluster_arn()),
        resource_id: text(cluster.db_cluster_resource_id()),
        endpoint: text(cluster.endpoint()),
        port: cluster.port().unwrap_or(5432),
        database: text(cluster.database_name()),
        master_secret_arn: cluster.master_user_secret().and_then(|secret| secret.secret_arn()).map(str::to_owned),
    }
}

/// How far it may shrink and grow, and when it sleeps.
pub fn scaling(cluster: &Cluster) -> rds_types::ServerlessV2ScalingConfiguration {
    rds_types::ServerlessV2ScalingConfiguration::builder()
        .min_capacity(f64::from(cluster.min_half_acu) / 2.0)
        .max_capacity(f64::from(cluster.max_half_acu) / 2.0)
        .set_seconds_until_auto_pause(cluster.pause_after_seconds.filter(|_| cluster.min_half_acu == 0))
        .build()
}

/// What makes the logs that are sent those that are wanted.
pub fn exports(wanted: &[String], had: &[String]) -> Option<rds_types::CloudwatchLogsExportConfiguration> {
    let without = |logs: &[String], others: &[String]| -> Option<Vec<String>> {
        let some: Vec<_> = logs.iter().filter(|log| !others.contains(log)).cloned().collect();
        Some(some).filter(|some| !some.is_empty())
    };
    let (on, off) = (without(wanted, had), without(had, wanted));
    (on.is_some() || off.is_some()).then(|| {
        rds_types::CloudwatchLogsExportConfiguration::builder()
            .set_enable_log_types(on)
            .set_disable_log_types(off)
            .build()
    })
}

fn as_node(name: Option<&str>, given: Option<&str>, node: &str) -> String {
    let name = name.unwrap_or_default();
    if given == Some(name) { node.to_owned() } else { name.to_owned() }
}

/// RDS gives whole and half units only.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
fn halves(units: Option<f64>) -> u32 {
    (units.unwrap_or_default() * 2.0).round() as u32
}

/// `16` of `16.6`. Since PostgreSQL 10 the major version is the first number.
fn major(version: &str) -> String {
    version.split('.').next().unwrap_or_default().to_owned()
}

fn in_order(there: &[String], wanted: &[String]) -> Vec<String> {
    let mut logs: Vec<_> = wanted.iter().filter(|log| there.contains(log)).cloned().collect();
    let mut extra: Vec<_> = there.iter().filter(|log| !wanted.contains(log)).cloned().collect();
    extra.sort();
    logs.append(&mut extra);
    logs
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn cluster() -> Cluster {
        Cluster::protected("shop-db".into(), "subnets", "group", "parameters")
    }

    #[test]
    fn capacity_is_counted_in_halves_and_sleep_needs_zero() {
        let asleep = scaling(&cluster());
        assert_eq!((asleep.min_capacity(), asleep.max_capacity()), (Some(0.0), Some(2.0)));
        assert_eq!(asleep.seconds_until_auto_pause(), Some(300));
        let awake = scaling(&Cluster { min_half_acu: 1, ..cluster() });
        assert_eq!((awake.min_capacity(), awake.seconds_until_auto_pause()), (Some(0.5), None));
        assert_eq!((halves(Some(0.5)), halves(Some(256.0)), halves(None)), (1, 512, 0));
    }

    #[test]
    fn only_logs_that_differ_are_switched() {
        let logs = |logs: &[&str]| logs.iter().map(|&log| log.to_owned()).collect::<Vec<_>>();
        assert!(exports(&logs(&["a", "b"]), &logs(&["b", "a"])).is_none());
        let both = exports(&logs(&["a"]), &logs(&["b"])).unwrap();
        assert_eq!((both.enable_log_types(), both.disable_log_types()), (&logs(&["a"])[..], &logs(&["b"])[..]));
    }

    #[test]
    fn a_version_has_one_major_number() {
        assert_eq!((major("16.6"), major("16")), ("16".to_owned(), "16".to_owned()));
    }
}
