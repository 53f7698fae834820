//! The customer's secrets of a stage: one secret of Secrets Manager, a JSON object of names and
//! values. Values are never part of a plan, a journal or an error.

use std::collections::BTreeMap;

use aws_sdk_secretsmanager::operation::describe_secret::DescribeSecretOutput;
use aws_sdk_secretsmanager::types as secrets;
use serde::{Deserialize, Serialize};

use crate::aws::error::{CallError, answer};
use crate::aws::{Cloud, Cx, Names, Tell};
use crate::deploy::{Found, Resource, StepError};

/// Value of a secret without entries.
const EMPTY: &str = "{}";
/// Days in which a deleted secret can be restored; the least that AWS has.
const RECOVERY_DAYS: i64 = 7;
/// Most bytes of one secret.
///
/// Source: Secrets Manager API reference, PutSecretValue.
const LARGEST: usize = 65_536;
/// The stage of the version that is used.
const CURRENT: &str = "AWSCURRENT";
/// The stage of a version that is about to be used.
const NEXT: &str = "ARQSITENEXT";
/// How often a change is tried when others change the same secret.
const TRIES: usize = 5;

/// A secret; its value is not part of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Secret {
    /// Name, unique in the region.
    pub name: String,
    /// What it is for.
    pub description: String,
}

/// What others need of a secret.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SecretOutput {
    /// ARN.
    pub arn: String,
}

impl Secret {
    /// The customer's secrets of this stage.
    pub fn of_stage(names: &Names) -> Self {
        Self { name: names.part("secrets"), description: format!("{}: secrets that the API may use", names.mark()) }
    }
}

impl Resource for Secret {
    const KIND: &'static str = "secretsmanager.secret";
    type Cloud = crate::aws::Cloud;
    type Output = SecretOutput;

    fn name(&self) -> String {
        self.name.clone()
    }

    fn holds_data(&self) -> bool {
        true
    }

    /// One that is scheduled for deletion counts as absent; `put` restores it.
    fn loses(&self) -> Option<String> {
        Some("all secrets of this stage; they can be restored for 7 days".into())
    }

    async fn find(&self, cx: &Cx) -> Result<Option<Found<Self>>, StepError> {
        let Some(secret) = self.ours(&cx.cloud).await? else { return Ok(None) };
        if secret.deleted_date.is_some() {
            return Ok(None);
        }
        let spec = Self { name: self.name.clone(), description: secret.description.unwrap_or_default() };
        Ok(Some(Found { spec, output: SecretOutput { arn: secret.arn.unwrap_or_default() } }))
    }

    async fn put(&self, cx: &Cx, found: Option<Found<Self>>) -> Result<SecretOutput, StepError> {
        let found = match found {
            Some(found) => found,
            None => self.create(cx).await?,
        };
        if found.spec.description != self.description {
            let call = cx.cloud.secrets.update_secret().secret_id(&self.name).description(&self.description);
            answer("UpdateSecret", call.send().await).telling(|| format!("describe the secret {}", self.name))?;
        }
        Ok(found.output)
    }

    async fn delete(&self, cx: &Cx, _: Found<Self>) -> Result<(), StepError> {
        let call = cx.cloud.secrets.delete_secret().secret_id(&self.name).recovery_window_in_days(RECOVERY_DAYS);
        match answer("DeleteSecret", call.send().await) {
            Err(e) if e.is("ResourceNotFoundException") || is_scheduled(&e) => Ok(()),
            result => result.map(|_| ()).telling(|| format!("delete the secret {}", self.name)),
        }
    }
}

impl Secret {
    /// The secret, also when it is scheduled for deletion, if it is ours.
    async fn ours(&self, cloud: &Cloud) -> Result<Option<DescribeSecretOutput>, StepError> {
        let call = cloud.secrets.describe_secret().secret_id(&self.name);
        let secret = match answer("DescribeSecret", call.send().await) {
            Err(e) if e.is("ResourceNotFoundException") => return Ok(None),
            result => result.telling(|| format!("look at the secret {}", self.name))?,
        };
        let tags = secret.tags().iter().map(|t| (t.key().unwrap_or_default(), t.value().unwrap_or_default()));
        if !cloud.names.owns(tags) {
            return Err(StepError::foreign("secret", &self.name));
        }
        Ok(Some(secret))
    }

    async fn create(&self, cx: &Cx) -> Result<Found<Self>, StepError> {
        let making = || format!("make the secret {}", self.name);
        let mut call = cx.cloud.secrets.create_secret().name(&self.name).description(&self.description);
        for (key, value) in cx.cloud.names.tags() {
            call = call.tags(secrets::Tag::builder().key(key).value(value).build());
        }
        match answer("CreateSecret", call.secret_string(EMPTY).send().await) {
            Ok(made) => {
                let output = SecretOutput { arn: made.arn.unwrap_or_default() };
                Ok(Found { spec: self.clone(), output })
            }
            Err(e) if is_scheduled(&e) => self.restore(cx).await,
            // The answer to an earlier try was lost.
            Err(e) if e.is("ResourceExistsException") => match self.find(cx).await? {
                Some(found) => Ok(found),
                None => Err(e.while_doing(making())),
            },
            Err(e) => Err(e.while_doing(making())),
        }
    }

    /// Takes back a deletion, with the values that the secret had.
    async fn restore(&self, cx: &Cx) -> Result<Found<Self>, StepError> {
        let restoring = || format!("restore the secret {}", self.name);
        if self.ours(&cx.cloud).await?.is_none() {
            return Err(StepError::cloud(restoring(), "it was deleted for good at this very moment"));
        }
        let call = cx.cloud.secrets.restore_secret().secret_id(&self.name);
        answer("RestoreSecret", call.send().await).telling(restoring)?;
        self.find(cx).await?.ok_or_else(|| StepError::cloud(restoring(), "it is still scheduled for deletion"))
    }
}

/// Names of the secrets of this stage, sorted.
pub async fn names(cloud: &Cloud) -> Result<Vec<String>, StepError> {
    Ok(read(cloud, &Secret::of_stage(&cloud.names)).await?.values.into_keys().collect())
}

/// Sets one secret of this stage.
pub async fn set(cloud: &Cloud, key: &str, value: &str) -> Result<(), StepError> {
    let set = |values: &mut BTreeMap<String, String>| {
        values.insert(key.to_owned(), value.to_owned());
    };
    change(cloud, &format!("set the secret {key}"), set).await.map(|_| ())
}

/// Removes one secret of this stage; says whether there was one.
pub async fn remove(cloud: &Cloud, key: &str) -> Result<bool, StepError> {
    let remove = |values: &mut BTreeMap<String, String>| {
        values.remove(key);
    };
    change(cloud, &format!("remove the secret {key}"), remove).await
}

/// The values as they are, and which version that is.
struct Current {
    version: String,
    values: BTreeMap<String, String>,
}

async fn read(cloud: &Cloud, secret: &Secret) -> Result<Current, StepError> {
    let reading = || format!("read the secret {}", secret.name);
    let unpublished = || {
        StepError::yours(reading(), "it does not exist in this stage")
            .hint("Run arqsite publish first: it makes the place where secrets are kept.")
    };
    if secret.ours(cloud).await?.is_none_or(|secret| secret.deleted_date.is_some()) {
        return Err(unpublished());
    }
    let call = cloud.secrets.get_secret_value().secret_id(&secret.name).version_stage(CURRENT);
    let current = answer("GetSecretValue", call.send().await).telling(reading)?;
    let values = parse(current.secret_string()).ok_or_else(|| {
        StepError::yours(reading(), "its value is not a JSON object of texts")
            .hint("Somebody wrote it by another way than arqsite secret. Put an object of texts into it, or {}.")
    })?;
    Ok(Current { version: current.version_id.unwrap_or_default(), values })
}

/// SECURITY: the error of a JSON parser quotes what it read, so it is not passed on.
fn parse(text: Option<&str>) -> Option<BTreeMap<String, String>> {
    serde_json::from_str(text.unwrap_or(EMPTY)).ok()
}

/// Changes the values; says whether anything was changed.
///
/// A new version becomes current only if the version that was read still is, so that two people
/// who change secrets at once both get theirs in.
async fn change(cloud: &Cloud, doing: &str, edit: impl Fn(&mut BTreeMap<String, String>)) -> Result<bool, StepError> {
    let secret = Secret::of_stage(&cloud.names);
    for attempt in 1.. {
        let current = read(cloud, &secret).await?;
        let mut values = current.values.clone();
        edit(&mut values);
        if values == current.values {
            return Ok(false);
        }
        let text = serde_json::to_string(&values).map_err(|_| StepError::bug("secrets cannot be written as JSON"))?;
        if text.len() > LARGEST {
            let why = format!("all secrets of a stage together may have {LARGEST} bytes");
            return Err(StepError::yours(doing, why));
        }
        match write(cloud, &secret, &current.version, text).await {
            Ok(()) => return Ok(true),
            Err(e) if attempt < TRIES && moved(&e) => {}
            Err(e) => return Err(e.while_doing(doing)),
        }
    }
    Err(StepError::bug("a change has no end"))
}

async fn write(cloud: &Cloud, secret: &Secret, was: &str, text: String) -> Result<(), CallError> {
    let call = cloud.secrets.put_secret_value().secret_id(&secret.name).secret_string(text).version_stages(NEXT);
    let next = answer("PutSecretValue", call.send().await)?.version_id.unwrap_or_default();
    let call = cloud.secrets.update_secret_version_stage().secret_id(&secret.name).version_stage(CURRENT);
    let call = call.remove_from_version_id(was).move_to_version_id(next);
    answer("UpdateSecretVersionStage", call.send().await).map(|_| ())
}

/// The version that was read is not the current one any more.
///
/// Source: Secrets Manager API reference, UpdateSecretVersionStage, RemoveFromVersionId.
fn moved(error: &CallError) -> bool {
    error.operation == "UpdateSecretVersionStage" && error.is("InvalidParameterException")
}

/// Source: Secrets Manager user guide, "Delete a secret": a name is blocked until the deletion.
fn is_scheduled(error: &CallError) -> bool {
    error.says("InvalidRequestException", "deletion")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_secret_of_a_stage_is_named_after_it() {
        let names = Names::new("shop", "preview", "1", "r");
        assert_eq!(Secret::of_stage(&names).name, "shop-preview-secrets");
    }

    #[test]
    fn only_an_object_of_texts_is_understood() {
        assert_eq!(parse(Some("{\"b\":\"2\",\"a\":\"1\"}")).unwrap().into_keys().collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!(parse(None).unwrap().len(), 0);
        for text in ["", "[]", "\"text\"", "{\"a\":1}"] {
            assert_eq!(parse(Some(text)), None);
        }
    }

    #[test]
    fn only_a_moved_stage_is_tried_again() {
        let error = |operation| CallError::part(operation, Some("InvalidParameterException"), None);
        assert!(moved(&error("UpdateSecretVersionStage")) && !moved(&error("PutSecretValue")));
    }
}
