//! The end of a database: never without a last snapshot of it.

use super::rds;
use super::rds_cluster::{Cluster, ClusterOutput, describe};
use crate::aws::error::{CallError, answer};
use crate::aws::retry::Patience;
use crate::aws::{Cx, Tell};
use crate::deploy::StepError;

/// Deletes a cluster whose instances are gone, and returns when it is gone; a snapshot stays.
///
/// The engine asks for this only when data may be deleted, so the protection may go too.
pub async fn delete(cx: &Cx, found: &Cluster, output: &ClusterOutput) -> Result<(), StepError> {
    let deleting = || format!("delete the database {}", found.name);
    if found.protected {
        let call = cx.cloud.rds.modify_db_cluster().db_cluster_identifier(&found.name).apply_immediately(true);
        let call = call.deletion_protection(false);
        match rds::passing(|| async { answer("ModifyDBCluster", call.clone().send().await) }).await {
            Err(e) if rds::is_absent(&e) => return Ok(()),
            result => drop(result.telling(deleting)?),
        }
    }
    let snapshot = final_snapshot(&found.name, &output.resource_id);
    cx.note(format!("a last snapshot of the database is kept: {snapshot}"));
    let result = match end(cx, &found.name, Some(&snapshot)).await {
        Err(e) if e.is_any(&["DBClusterSnapshotAlreadyExistsFault", "DBClusterSnapshotAlreadyExists"]) => {
            wait_until_kept(cx, &snapshot).await?;
            end(cx, &found.name, None).await
        }
        result => result,
    };
    match result {
        Err(e) if rds::is_absent(&e) => return Ok(()),
        result => result.telling(deleting)?,
    }
    wait_until_gone(cx, &found.name).await
}

/// The name says which cluster it is of, so that a second try does not make a second snapshot.
fn final_snapshot(name: &str, resource_id: &str) -> String {
    let id = resource_id.to_ascii_lowercase();
    let id: String = id.chars().filter(char::is_ascii_alphanumeric).collect();
    format!("{name}-final-{}", &id[id.len().saturating_sub(8)..])
}

async fn end(cx: &Cx, name: &str, snapshot: Option<&str>) -> Result<(), CallError> {
    let call = cx.cloud.rds.delete_db_cluster().db_cluster_identifier(name);
    let call = call.skip_final_snapshot(snapshot.is_none());
    let call = call.set_final_db_snapshot_identifier(snapshot.map(str::to_owned));
    Patience::CONFLICT
        .retry(
            // The protection that was switched off may take a moment, too.
            |e| {
                e.is("InvalidDBClusterStateFault") && !e.message.contains("already being deleted")
                    || e.says("InvalidParameterCombination", "protect")
            },
            || async {
                match answer("DeleteDBCluster", call.clone().send().await) {
                    Err(e) if e.says("InvalidDBClusterStateFault", "already being deleted") => Ok(()),
                    result => result.map(|_| ()),
                }
            },
        )
        .await
}

/// An earlier try has begun the snapshot: the cluster goes only when it is complete.
async fn wait_until_kept(cx: &Cx, snapshot: &str) -> Result<(), StepError> {
    let keeping = || format!("keep the snapshot {snapshot}");
    let kept = Patience::STATE.until(|| async {
        let call = cx.cloud.rds.describe_db_cluster_snapshots().db_cluster_snapshot_identifier(snapshot);
        let answer = answer("DescribeDBClusterSnapshots", call.send().await)?;
        let available = answer.db_cluster_snapshots().iter().any(|s| s.status() == Some("available"));
        if !available {
            cx.note("waiting until the last snapshot is complete; 1 to 5 minutes are usual");
        }
        Ok(available.then_some(()))
    });
    let kept = kept.await.telling(keeping)?;
    kept.ok_or_else(|| StepError::cloud(keeping(), "it is still not complete after 30 minutes"))
}

/// Returns when the cluster of this name is gone.
pub async fn wait_until_gone(cx: &Cx, name: &str) -> Result<(), StepError> {
    let deleting = || format!("delete the database {name}");
    cx.note("waiting until the database is gone; 5 to 15 minutes are usual");
    let gone = Patience::STATE.until(|| async { Ok(describe(cx, name).await?.is_none().then_some(())) });
    let gone = gone.await.telling(deleting)?;
    gone.ok_or_else(|| StepError::cloud(deleting(), "it is still being deleted after 30 minutes"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_snapshot_has_one_name() {
        assert_eq!(final_snapshot("shop-db", "cluster-ABCDEFGHIJ"), "shop-db-final-cdefghij");
        assert_eq!(final_snapshot("shop-db", "x"), "shop-db-final-x");
    }
}
