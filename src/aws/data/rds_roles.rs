//! Who may do what in the database.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::rds;
use super::rds_cluster::{Cluster, ClusterOutput};
use crate::aws::error::{CallError, answer};
use crate::aws::retry::Patience;
use crate::aws::{Cx, Tell};
use crate::deploy::{Found, Resource, StepError};

/// Tag of the cluster that says which roles were made in it: to look is then no reason to wake it.
pub const ROLES_TAG: &str = "arqsite:database-roles";
/// The schema of the site's tables.
pub const SCHEMA: &str = "app";
/// How long a database that sleeps may take to wake, and one that is new to answer.
///
/// Source: Aurora user guide, "Scaling to zero ACUs": 15 seconds, 30 and more after a day.
const WAKING: Patience = Patience { total: Duration::from_secs(90), pause: Duration::from_secs(3) };

/// Two roles that sign in with tokens of IAM and have no password: the owner of the schema `app`,
/// as which migrations run, and the role of the site's function, which reads and writes rows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DatabaseRoles {
    /// What they are called in plans.
    pub name: String,
    /// Node of the cluster.
    pub cluster: String,
    /// Node of the instance that runs the statements.
    pub instance: String,
    /// The role that owns the schema.
    pub owner: String,
    /// The role that reads and writes rows.
    pub app: String,
    /// Raised when the statements change, so that they are run again.
    pub version: u32,
}

/// Nothing is needed of the roles but that they are there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DatabaseRolesOutput {
    /// The role that owns the schema.
    pub owner: String,
    /// The role that reads and writes rows.
    pub app: String,
}

impl DatabaseRoles {
    /// The roles, under the names that the function and the operator use.
    pub fn of(name: String, cluster: &str, instance: &str) -> Self {
        let (owner, app) = ("arq_owner".to_owned(), "arq_app".to_owned());
        Self { name, cluster: cluster.to_owned(), instance: instance.to_owned(), owner, app, version: 1 }
    }
}

impl Resource for DatabaseRoles {
    const KIND: &'static str = "rds.roles";
    type Cloud = crate::aws::Cloud;
    type Output = DatabaseRolesOutput;

    fn name(&self) -> String {
        self.name.clone()
    }

    async fn find(&self, cx: &Cx) -> Result<Option<Found<Self>>, StepError> {
        let Some(cluster) = cx.try_output::<Cluster>(&self.cluster)? else { return Ok(None) };
        let tags = match rds::tags_of(cx, &cluster.arn).await {
            Err(e) if rds::is_absent(&e) => return Ok(None),
            result => result.telling(|| format!("look at the tags of {}", cluster.id))?,
        };
        let tag = rds::pairs(&tags).find(|(key, _)| *key == ROLES_TAG).map(|(_, value)| value);
        let spec = tag.and_then(|tag| self.read(tag));
        Ok(spec.map(|spec| Found { output: spec.output(), spec }))
    }

    async fn put(&self, cx: &Cx, _: Option<Found<Self>>) -> Result<DatabaseRolesOutput, StepError> {
        let cluster = cx.output::<Cluster>(&self.cluster)?;
        for statement in statements(&self.owner, &self.app, &cluster.database) {
            self.run(cx, &cluster, &statement).await?;
        }
        let tag = aws_sdk_rds::types::Tag::builder().key(ROLES_TAG).value(self.tag()).build();
        let call = cx.cloud.rds.add_tags_to_resource().resource_name(&cluster.arn).tags(tag);
        rds::passing(|| async { answer("AddTagsToResource", call.clone().send().await) })
            .await
            .telling(|| format!("note the roles of {}", cluster.id))?;
        Ok(self.output())
    }

    /// Roles own what is in the database, and end with it: only the note of them is removed.
    async fn delete(&self, cx: &Cx, _: Found<Self>) -> Result<(), StepError> {
        let Some(cluster) = cx.try_output::<Cluster>(&self.cluster)? else { return Ok(()) };
        let call = cx.cloud.rds.remove_tags_from_resource().resource_name(&cluster.arn).tag_keys(ROLES_TAG);
        match rds::passing(|| async { answer("RemoveTagsFromResource", call.clone().send().await) }).await {
            Err(e) if !rds::is_absent(&e) => Err(e.while_doing(format!("forget the roles of {}", cluster.id))),
            _ => Ok(()),
        }
    }
}

impl DatabaseRoles {
    fn output(&self) -> DatabaseRolesOutput {
        DatabaseRolesOutput { owner: self.owner.clone(), app: self.app.clone() }
    }

    fn tag(&self) -> String {
        format!("{} {} {}", self.version, self.owner, self.app)
    }

    fn read(&self, tag: &str) -> Option<Self> {
        let mut words = tag.split(' ');
        let version = words.next()?.parse().ok()?;
        let (owner, app) = (words.next()?.to_owned(), words.next()?.to_owned());
        Some(Self { version, owner, app, ..self.clone() })
    }

    /// Runs a statement as the master user, over the Data API: the VPC has no way in.
    async fn run(&self, cx: &Cx, cluster: &ClusterOutput, sql: &str) -> Result<(), StepError> {
        let making = || format!("make the roles of the database {}", cluster.id);
        let secret = cluster.master_secret_arn.as_ref();
        let secret = secret.ok_or_else(|| StepError::cloud(making(), "AWS does not keep its master password"))?;
        let call = cx.cloud.rdsdata.execute_statement().resource_arn(&cluster.arn).secret_arn(secret);
        let call = call.database(&cluster.database).sql(sql);
        let result = WAKING
            .retry(
                |e| {
                    let waking = is_waking(e);
                    if waking {
                        cx.note("waiting until the database is awake; 15 to 30 seconds are usual");
                    }
                    waking
                },
                || async { answer("ExecuteStatement", call.clone().send().await) },
            )
            .await;
        match result {
            Err(e) if e.is_any(&["DatabaseErrorException", "BadRequestException"]) => Err(StepError::cloud(
                making(),
                e,
            )
            .hint(
                "The database refused a statement. If it was changed by hand, undo that; then run the same command.",
            )),
            result => result.map(|_| ()).telling(making),
        }
    }
}

/// Not there yet: it sleeps, it is new, or its endpoint or its secret is. Every statement may be
/// run again, so one whose outcome is unknown is.
fn is_waking(error: &CallError) -> bool {
    error.is_any(&[
        "DatabaseResumingException",
        "DatabaseUnavailableException",
        "HttpEndpointNotEnabledException",
        "InvalidResourceStateException",
        "SecretsErrorException",
        "ServiceUnavailableError",
        "StatementTimeoutException",
    ])
}

/// The statements, each of which changes nothing the second time.
///
/// Membership in `rds_iam`, also through another role, takes the password away from a user (RDS
/// user guide, "Creating a database account using IAM authentication"). To give the owner a schema
/// and default privileges the master user has to be a member of the owner, so that begins and ends
/// in one statement: nobody signs in in between.
///
/// No colon may be followed by a word: the Data API would take it for a parameter.
fn statements(owner: &str, app: &str, database: &str) -> Vec<String> {
    let (owner_id, app_id, database) = (identifier(owner), identifier(app), identifier(database));
    let schema = identifier(SCHEMA);
    vec![
        role(owner),
        role(app),
        format!(
            "DO $$ BEGIN \
             GRANT {owner_id} TO CURRENT_USER; \
             CREATE SCHEMA IF NOT EXISTS {schema} AUTHORIZATION {owner_id}; \
             ALTER SCHEMA {schema} OWNER TO {owner_id}; \
             REVOKE ALL ON DATABASE {database} FROM PUBLIC; \
             GRANT CONNECT ON DATABASE {database} TO {owner_id}, {app_id}; \
             REVOKE ALL ON SCHEMA public FROM PUBLIC; \
             GRANT USAGE ON SCHEMA {schema} TO {app_id}; \
             GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {schema} TO {app_id}; \
             GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA {schema} TO {app_id}; \
             ALTER DEFAULT PRIVILEGES FOR ROLE {owner_id} IN SCHEMA {schema} \
             GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO {app_id}; \
             ALTER DEFAULT PRIVILEGES FOR ROLE {owner_id} IN SCHEMA {schema} \
             GRANT USAGE, SELECT ON SEQUENCES TO {app_id}; \
             REVOKE {owner_id} FROM CURRENT_USER; \
             END $$"
        ),
        format!("ALTER ROLE {owner_id} IN DATABASE {database} SET search_path = {schema}"),
        format!("ALTER ROLE {app_id} IN DATABASE {database} SET search_path = {schema}"),
        format!("GRANT rds_iam TO {owner_id}, {app_id}"),
    ]
}

fn role(name: &str) -> String {
    format!("DO $$ BEGIN CREATE ROLE {} LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$", identifier(name))
}

fn identifier(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tag_says_what_was_made() {
        let roles = DatabaseRoles::of("shop-db roles".into(), "cluster", "instance");
        assert_eq!(roles.tag(), "1 arq_owner arq_app");
        assert_eq!(roles.read(&roles.tag()), Some(roles.clone()));
        assert_eq!(roles.read("2 arq_owner other").map(|r| (r.version, r.app)), Some((2, "other".into())));
        assert_eq!(roles.read("done"), None);
    }

    #[test]
    fn nothing_in_the_statements_looks_like_a_parameter() {
        let statements = statements("arq_owner", "arq_app", "app");
        assert!(statements.iter().all(|statement| !statement.contains(':')));
        assert_eq!(identifier("a\"b"), "\"a\"\"b\"");
    }

    #[test]
    fn the_master_user_is_a_member_of_the_owner_for_one_statement_only() {
        let statements = statements("arq_owner", "arq_app", "app");
        for statement in statements.iter().filter(|s| s.contains("TO CURRENT_USER")) {
            assert!(statement.ends_with("REVOKE \"arq_owner\" FROM CURRENT_USER; END $$"));
        }
    }
}
