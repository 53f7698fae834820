//! The database: an Aurora PostgreSQL cluster that sleeps when nobody needs it.

use aws_sdk_rds::types as rds_types;
use serde::{Deserialize, Serialize};

use super::rds;
use super::rds_cluster_end;
use super::rds_cluster_shape as shape;
use super::rds_parameter_group::ParameterGroup;
use super::rds_subnet_group::SubnetGroup;
use crate::aws::error::{CallError, answer};
use crate::aws::network::settle::needed;
use crate::aws::retry::Patience;
use crate::aws::{Cx, Tell};
use crate::deploy::{Change, Found, Resource, StepError};

/// The engine.
pub const ENGINE: &str = "aurora-postgresql";

/// An Aurora Serverless v2 cluster with PostgreSQL, whose master password AWS keeps and changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cluster {
    /// Identifier, unique in the region.
    pub name: String,
    /// Node of the subnet group.
    pub subnet_group: String,
    /// Nodes of the security groups.
    pub groups: Vec<String>,
    /// Node of the parameter group.
    pub parameters: String,
    /// Major version of PostgreSQL. The minor is the engine's default when the cluster is made,
    /// and AWS's affair from then on.
    pub major: String,
    /// Name of the database.
    pub database: String,
    /// Name of the master user.
    pub master: String,
    /// Least capacity, in halves of an Aurora capacity unit; 0 lets it sleep.
    pub min_half_acu: u32,
    /// Greatest capacity, in halves of an Aurora capacity unit.
    pub max_half_acu: u32,
    /// Idle seconds after which it sleeps; only where the least capacity is 0.
    pub pause_after_seconds: Option<i32>,
    /// Whether AWS refuses to delete it.
    pub protected: bool,
    /// Whether roles can sign in with a token of IAM.
    pub iam: bool,
    /// Whether the Data API answers for it.
    pub http_endpoint: bool,
    /// Days that can be restored.
    pub backup_days: i32,
    /// Whether it is encrypted.
    pub encrypted: bool,
    /// Whether snapshots have its tags.
    pub copy_tags: bool,
    /// Logs that go to CloudWatch.
    pub logs: Vec<String>,
    /// Whether it can be used.
    pub ready: bool,
}

/// What others need of a cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClusterOutput {
    /// Identifier, as RDS writes it.
    pub id: String,
    /// ARN.
    pub arn: String,
    /// The id that policies for `rds-db:connect` name.
    pub resource_id: String,
    /// Host name of the writer.
    pub endpoint: String,
    /// Port.
    pub port: i32,
    /// Name of the database.
    pub database: String,
    /// ARN of the secret that holds the master password.
    pub master_secret_arn: Option<String>,
}

impl Cluster {
    /// A protected, encrypted cluster that sleeps after five idle minutes and grows to two units.
    pub fn protected(name: String, subnet_group: &str, group: &str, parameters: &str) -> Self {
        Self {
            name,
            subnet_group: subnet_group.to_owned(),
            groups: vec![group.to_owned()],
            parameters: parameters.to_owned(),
            major: "16".into(),
            database: "app".into(),
            master: "arqsite".into(),
            min_half_acu: 0,
            max_half_acu: 4,
            pause_after_seconds: Some(300),
            protected: true,
            iam: true,
            http_endpoint: true,
            backup_days: 7,
            encrypted: true,
            copy_tags: true,
            logs: vec!["postgresql".into()],
            ready: true,
        }
    }
}

impl Resource for Cluster {
    const KIND: &'static str = "rds.cluster";
    type Cloud = crate::aws::Cloud;
    type Output = ClusterOutput;

    fn name(&self) -> String {
        self.name.clone()
    }

    fn change(&self, found: &Self) -> Change {
        let lasting = |c: &Self| (c.subnet_group.clone(), c.database.clone(), c.master.clone(), c.encrypted);
        match found {
            _ if lasting(self) != lasting(found) => Change::Replace,
            _ if self != found => Change::Update,
            _ => Change::Same,
        }
    }

    fn holds_data(&self) -> bool {
        true
    }

    fn loses(&self) -> Option<String> {
        Some("all tables of the database, but for a last snapshot".into())
    }

    async fn find(&self, cx: &Cx) -> Result<Option<Found<Self>>, StepError> {
        let looking = || format!("look at the database {}", self.name);
        let Some(cluster) = describe(cx, &self.name).await.telling(looking)? else { return Ok(None) };
        if !rds::owns(cx, cluster.tag_list()) {
            return Err(StepError::foreign("database cluster", &self.name));
        }
        if cluster.status() == Some("deleting") {
            rds_cluster_end::wait_until_gone(cx, &self.name).await?;
            return Ok(None);
        }
        Ok(Some(Found { spec: shape::read(cx, self, &cluster)?, output: shape::output(&cluster) }))
    }

    async fn put(&self, cx: &Cx, found: Option<Found<Self>>) -> Result<ClusterOutput, StepError> {
        let was = match found {
            Some(found) => Some(found.spec),
            None => self.create(cx).await?,
        };
        // What is still being made is waited for first: it cannot be changed.
        let cluster = self.wait_until_available(cx).await?;
        if let Some(was) = was.filter(|was| Self { ready: true, ..was.clone() } != *self) {
            self.update(cx, &was, &cluster).await?;
        }
        Ok(shape::output(&cluster))
    }

    async fn delete(&self, cx: &Cx, found: Found<Self>) -> Result<(), StepError> {
        rds_cluster_end::delete(cx, &found.spec, &found.output).await
    }
}

/// The cluster of this name.
pub async fn describe(cx: &Cx, name: &str) -> Result<Option<rds_types::DbCluster>, CallError> {
    let call = cx.cloud.rds.describe_db_clusters().db_cluster_identifier(name);
    match answer("DescribeDBClusters", call.send().await) {
        Ok(output) => Ok(output.db_clusters.unwrap_or_default().into_iter().next()),
        Err(e) if rds::is_absent(&e) => Ok(None),
        Err(e) => Err(e),
    }
}

impl Cluster {
    /// Makes it; what is there already, and ours, is given back.
    async fn create(&self, cx: &Cx) -> Result<Option<Self>, StepError> {
        let making = || format!("make the database {}", self.name);
        let groups = self.groups.iter().map(|node| needed(cx, node)).collect::<Result<Vec<_>, _>>()?;
        let version = self.version(cx).await.telling(making)?;
        let call = cx.cloud.rds.create_db_cluster().db_cluster_identifier(&self.name).engine(ENGINE);
        let call = call
            .engine_version(version)
            .database_name(&self.database)
            .master_username(&self.master)
            .manage_master_user_password(true)
            .db_subnet_group_name(cx.output::<SubnetGroup>(&self.subnet_group)?.name)
            .set_vpc_security_group_ids(Some(groups))
            .db_cluster_parameter_group_name(cx.output::<ParameterGroup>(&self.parameters)?.name)
            .serverless_v2_scaling_configuration(shape::scaling(self))
            .deletion_protection(self.protected)
            .enable_iam_database_authentication(self.iam)
            .enable_http_endpoint(self.http_endpoint)
            .backup_retention_period(self.backup_days)
            .storage_encrypted(self.encrypted)
            .copy_tags_to_snapshot(self.copy_tags)
            .set_enable_cloudwatch_logs_exports(Some(self.logs.clone()))
            .set_tags(Some(rds::tags(cx)));
        let result =
            Patience::CONFLICT.retry(is_early, || async { answer("CreateDBCluster", call.clone().send().await) }).await;
        match result {
            Err(e) if rds::is_there(&e) => Ok(self.find(cx).await?.map(|found| found.spec)),
            Err(e) if e.is("DBClusterQuotaExceededFault") => Err(StepError::yours(making(), e).hint(
                "The region has as many database clusters as it may; ask for more under Service Quotas, \
                 \"DB clusters\".",
            )),
            result => result.map(|_| None).telling(making),
        }
    }

    /// The version that the engine's makers recommend.
    ///
    /// Source: RDS API reference, DescribeDBEngineVersions, `DefaultOnly`.
    async fn version(&self, cx: &Cx) -> Result<String, CallError> {
        let call = cx.cloud.rds.describe_db_engine_versions().engine(ENGINE).engine_version(&self.major);
        let versions = answer("DescribeDBEngineVersions", call.default_only(true).send().await)?;
        let version = versions.db_engine_versions().iter().find_map(|version| version.engine_version());
        Ok(version.unwrap_or(&self.major).to_owned())
    }

    async fn update(&self, cx: &Cx, was: &Self, cluster: &rds_types::DbCluster) -> Result<(), StepError> {
        let changing = || format!("change the database {}", self.name);
        if was.major != self.major {
            let why = format!("it runs PostgreSQL {}, and {} is wanted", was.major, self.major);
            let hint =
                "Upgrade it yourself in the RDS console, after a snapshot; arqsite does not change major versions.";
            return Err(StepError::yours(changing(), why).hint(hint));
        }
        let groups = self.groups.iter().map(|node| needed(cx, node)).collect::<Result<Vec<_>, _>>()?;
        let call = cx.cloud.rds.modify_db_cluster().db_cluster_identifier(&self.name).apply_immediately(true);
        let call = call
            .set_vpc_security_group_ids(Some(groups))
            .db_cluster_parameter_group_name(cx.output::<ParameterGroup>(&self.parameters)?.name)
            .serverless_v2_scaling_configuration(shape::scaling(self))
            .deletion_protection(self.protected)
            .enable_iam_database_authentication(self.iam)
            .backup_retention_period(self.backup_days)
            .copy_tags_to_snapshot(self.copy_tags)
            .set_cloudwatch_logs_export_configuration(shape::exports(&self.logs, &was.logs));
        rds::passing(|| async { answer("ModifyDBCluster", call.clone().send().await) }).await.telling(changing)?;
        if was.http_endpoint != self.http_endpoint {
            let arn = cluster.db_cluster_arn().unwrap_or_default();
            rds::passing(|| self.switch_http_endpoint(cx, arn)).await.telling(changing)?;
        }
        self.wait_until_as_wanted(cx).await
    }

    /// Source: RDS API reference, ModifyDBCluster, `EnableHttpEndpoint`: for Serverless v2 it is
    /// these operations.
    async fn switch_http_endpoint(&self, cx: &Cx, arn: &str) -> Result<(), CallError> {
        if self.http_endpoint {
            let call = cx.cloud.rds.enable_http_endpoint().resource_arn(arn);
            answer("EnableHttpEndpoint", call.send().await).map(|_| ())
        } else {
            let call = cx.cloud.rds.disable_http_endpoint().resource_arn(arn);
            answer("DisableHttpEndpoint", call.send().await).map(|_| ())
        }
    }

    async fn wait_until_available(&self, cx: &Cx) -> Result<rds_types::DbCluster, StepError> {
        let making = || format!("make the database {}", self.name);
        let ready = Patience::STATE.until(|| async {
            let cluster = describe(cx, &self.name).await?;
            let status = cluster.as_ref().and_then(|c| c.status()).unwrap_or_default().to_owned();
            match status.as_str() {
                "available" => return Ok(cluster),
                "stopped" => {
                    // Only its owner can have stopped it; it cannot be published to as it is.
                    let call = cx.cloud.rds.start_db_cluster().db_cluster_identifier(&self.name);
                    rds::passing(|| async { answer("StartDBCluster", call.clone().send().await) }).await?;
                }
                "inaccessible-encryption-credentials" | "migration-failed" | "failed" => {
                    return Err(CallError::part("CreateDBCluster", Some(&status), Some("it cannot be used")));
                }
                _ => {}
            }
            cx.note(format!("waiting until the database cluster is available ({status}); 1 to 3 minutes are usual"));
            Ok(None)
        });
        let ready = ready.await.telling(making)?;
        ready.ok_or_else(|| StepError::cloud(making(), "it is still being made after 30 minutes"))
    }

    /// A change begins some time after it was accepted, so it is its end that is looked for.
    async fn wait_until_as_wanted(&self, cx: &Cx) -> Result<(), StepError> {
        let changing = || format!("change the database {}", self.name);
        let done = Patience::STATE.until(|| async {
            let Some(cluster) = describe(cx, &self.name).await? else { return Ok(None) };
            if shape::read(cx, self, &cluster).is_ok_and(|as_it_is| as_it_is == *self) {
                return Ok(Some(()));
            }
            cx.note("waiting until the database cluster is as wanted; 1 to 3 minutes are usual");
            Ok(None)
        });
        let done = done.await.telling(changing)?;
        done.ok_or_else(|| StepError::cloud(changing(), "it is still being changed after 30 minutes"))
    }
}

/// Something that the cluster stands on was made a moment ago: also, in an account that never had
/// a database, the role by which RDS works.
fn is_early(error: &CallError) -> bool {
    error.is_any(&["InvalidDBClusterStateFault", "InvalidDBSubnetGroupStateFault", "DBSubnetGroupNotFoundFault"])
        || error.is("DBClusterParameterGroupNotFound")
        || error.says("InvalidParameterValue", "service linked role")
        || error.says("InvalidParameterValue", "security group")
}
