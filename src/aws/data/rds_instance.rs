//! What runs the database: a cluster itself is only storage and an address.

use aws_sdk_rds::types as rds_types;
use serde::{Deserialize, Serialize};

use super::rds;
use super::rds_cluster::{Cluster, ENGINE};
use crate::aws::error::{CallError, answer};
use crate::aws::retry::Patience;
use crate::aws::{Cx, Tell};
use crate::deploy::{Change, Found, Resource, StepError};

/// An instance of an Aurora cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Instance {
    /// Identifier, unique in the region.
    pub name: String,
    /// Node of the cluster.
    pub cluster: String,
    /// Class.
    pub class: String,
    /// Whether it has a public address.
    pub public: bool,
    /// Whether Performance Insights is on.
    pub performance_insights: bool,
    /// Whether minor versions of the engine are installed by themselves.
    pub auto_minor: bool,
    /// Whether it can be used.
    pub ready: bool,
}

/// What others need of an instance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstanceOutput {
    /// ARN.
    pub arn: String,
    /// Identifier, as RDS writes it.
    pub id: String,
}

impl Instance {
    /// An instance that grows and shrinks with its work.
    pub fn serverless(name: String, cluster: &str) -> Self {
        let (cluster, class) = (cluster.to_owned(), "db.serverless".to_owned());
        Self { name, cluster, class, public: false, performance_insights: false, auto_minor: true, ready: true }
    }
}

impl Resource for Instance {
    const KIND: &'static str = "rds.instance";
    type Cloud = crate::aws::Cloud;
    type Output = InstanceOutput;

    fn name(&self) -> String {
        self.name.clone()
    }

    fn change(&self, found: &Self) -> Change {
        match found {
            _ if self.cluster != found.cluster => Change::Replace,
            _ if self != found => Change::Update,
            _ => Change::Same,
        }
    }

    async fn find(&self, cx: &Cx) -> Result<Option<Found<Self>>, StepError> {
        let looking = || format!("look at the database instance {}", self.name);
        let Some(instance) = self.describe(cx).await.telling(looking)? else { return Ok(None) };
        if !rds::owns(cx, instance.tag_list()) {
            return Err(StepError::foreign("database instance", &self.name));
        }
        if instance.db_instance_status() == Some("deleting") {
            self.wait_until_gone(cx).await?;
            return Ok(None);
        }
        Ok(Some(Found { spec: self.read(cx, &instance)?, output: output(&instance) }))
    }

    async fn put(&self, cx: &Cx, found: Option<Found<Self>>) -> Result<InstanceOutput, StepError> {
        let was = match found {
            Some(found) => Some(found.spec),
            None => self.create(cx).await?,
        };
        // What is still being made is waited for first: it cannot be changed.
        let instance = self.wait_until_available(cx).await?;
        if was.is_some_and(|was| Self { ready: true, ..was } != *self) {
            let call = cx.cloud.rds.modify_db_instance().db_instance_identifier(&self.name).apply_immediately(true);
            let call = call.db_instance_class(&self.class).publicly_accessible(self.public);
            let call = call.auto_minor_version_upgrade(self.auto_minor);
            let call = call.enable_performance_insights(self.performance_insights);
            rds::passing(|| async { answer("ModifyDBInstance", call.clone().send().await) })
                .await
                .telling(|| format!("change the database instance {}", self.name))?;
            self.wait_until_as_wanted(cx).await?;
        }
        Ok(output(&instance))
    }

    async fn delete(&self, cx: &Cx, _: Found<Self>) -> Result<(), StepError> {
        // The data are the cluster's; an instance of a cluster has no snapshots of its own.
        let call = cx.cloud.rds.delete_db_instance().db_instance_identifier(&self.name).skip_final_snapshot(true);
        let result = Patience::CONFLICT
            .retry(
                |e| e.is_any(&["InvalidDBInstanceState", "InvalidDBClusterStateFault"]) && !is_going(e),
                || async { answer("DeleteDBInstance", call.clone().send().await) },
            )
            .await;
        match result {
            Err(e) if rds::is_absent(&e) => return Ok(()),
            Err(e) if is_going(&e) => {}
            result => drop(result.telling(|| format!("delete the database instance {}", self.name))?),
        }
        self.wait_until_gone(cx).await
    }
}

impl Instance {
    async fn describe(&self, cx: &Cx) -> Result<Option<rds_types::DbInstance>, CallError> {
        let call = cx.cloud.rds.describe_db_instances().db_instance_identifier(&self.name);
        match answer("DescribeDBInstances", call.send().await) {
            Ok(output) => Ok(output.db_instances.unwrap_or_default().into_iter().next()),
            Err(e) if rds::is_absent(&e) => Ok(None),
            Err(e) => Err(e),
        }
    }

    fn read(&self, cx: &Cx, instance: &rds_types::DbInstance) -> Result<Self, StepError> {
        let id = instance.db_cluster_identifier().unwrap_or_default();
        let cluster = cx.try_output::<Cluster>(&self.cluster)?.filter(|cluster| cluster.id == id);
        Ok(Self {
            name: self.name.clone(),
            cluster: cluster.map_or_else(|| id.to_owned(), |_| self.cluster.clone()),
            class: instance.db_instance_class().unwrap_or_default().to_owned(),
            public: instance.publicly_accessible().unwrap_or_default(),
            performance_insights: instance.performance_insights_enabled().unwrap_or_default(),
            auto_minor: instance.auto_minor_version_upgrade().unwrap_or_default(),
            ready: instance.db_instance_status() == Some("available"),
        })
    }

    /// Makes it; what is there already, and ours, is given back.
    async fn create(&self, cx: &Cx) -> Result<Option<Self>, StepError> {
        let cluster = cx.output::<Cluster>(&self.cluster)?.id;
        let call = cx.cloud.rds.create_db_instance().db_instance_identifier(&self.name).db_cluster_identifier(cluster);
        let call = call.engine(ENGINE).db_instance_class(&self.class).publicly_accessible(self.public);
        let call = call.auto_minor_version_upgrade(self.auto_minor).set_tags(Some(rds::tags(cx)));
        let call = call.enable_performance_insights(self.performance_insights);
        match rds::passing(|| async { answer("CreateDBInstance", call.clone().send().await) }).await {
            Err(e) if rds::is_there(&e) => Ok(self.find(cx).await?.map(|found| found.spec)),
            result => result.map(|_| None).telling(|| format!("make the database instance {}", self.name)),
        }
    }

    async fn wait_until_available(&self, cx: &Cx) -> Result<rds_types::DbInstance, StepError> {
        let making = || format!("make the database instance {}", self.name);
        let ready = Patience::STATE.until(|| async {
            let instance = self.describe(cx).await?;
            let status = instance.as_ref().and_then(|i| i.db_instance_status()).unwrap_or_default().to_owned();
            match status.as_str() {
                "available" => return Ok(instance),
                "failed"
                | "incompatible-network"
                | "incompatible-parameters"
                | "inaccessible-encryption-credentials" => {
                    return Err(CallError::part("CreateDBInstance", Some(&status), Some("it did not start")));
                }
                _ => {}
            }
            cx.note(format!("waiting until the database is available ({status}); 10 minutes are usual"));
            Ok(None)
        });
        let ready = ready.await.telling(making)?;
        ready.ok_or_else(|| StepError::cloud(making(), "it is still being made after 30 minutes"))
    }

    /// A change begins some time after it was accepted, so it is its end that is looked for.
    async fn wait_until_as_wanted(&self, cx: &Cx) -> Result<(), StepError> {
        let changing = || format!("change the database instance {}", self.name);
        let done = Patience::STATE.until(|| async {
            let Some(instance) = self.describe(cx).await? else { return Ok(None) };
            let as_it_is = self.read(cx, &instance);
            if as_it_is.as_ref().is_ok_and(|as_it_is| as_it_is == self) {
                return Ok(Some(()));
            }
            cx.note("waiting until the database is as wanted; 10 minutes are usual");
            Ok(None)
        });
        let done = done.await.telling(changing)?;
        done.ok_or_else(|| StepError::cloud(changing(), "it is still being changed after 30 minutes"))
    }

    async fn wait_until_gone(&self, cx: &Cx) -> Result<(), StepError> {
        let deleting = || format!("delete the database instance {}", self.name);
        cx.note("waiting until the database instance is gone; 5 to 10 minutes are usual");
        let gone = Patience::STATE.until(|| async { Ok(self.describe(cx).await?.is_none().then_some(())) });
        let gone = gone.await.telling(deleting)?;
        gone.ok_or_else(|| StepError::cloud(deleting(), "it is still being deleted after 30 minutes"))
    }
}

fn is_going(error: &CallError) -> bool {
    error.says("InvalidDBInstanceState", "already being deleted")
}

fn output(instance: &rds_types::DbInstance) -> InstanceOutput {
    InstanceOutput {
        arn: instance.db_instance_arn().unwrap_or_default().to_owned(),
        id: instance.db_instance_identifier().unwrap_or_default().to_owned(),
    }
}
