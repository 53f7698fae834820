//! What the function may do, and nothing else.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::aws::error::{CallError, answer};
use crate::aws::retry::Patience;
use crate::aws::{Cx, Tell, template};
use crate::deploy::{Found, Resource, StepError};

/// Name of the one inline policy.
const POLICY: &str = "arqsite";

/// A role that one AWS service may take, with one inline policy.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Role {
    /// Name, unique in the account.
    pub name: String,
    /// Who may take it: a policy document.
    pub trust: Value,
    /// What it may do: a policy document, in which `${node}` stands for a node's ARN.
    pub policy: Value,
}

/// What others need of a role.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RoleOutput {
    /// ARN.
    pub arn: String,
}

impl Role {
    /// A role that Lambda may take.
    pub fn for_lambda(name: String, statements: Vec<Value>) -> Self {
        Self::of(name, json!({"Service": "lambda.amazonaws.com"}), None, statements)
    }

    /// A role that another service may take, for things of this account alone.
    pub fn for_service(name: String, service: &str, account: &str, statements: Vec<Value>) -> Self {
        // SECURITY: else the service could be made to act for somebody else's account.
        let condition = json!({"StringEquals": {"aws:SourceAccount": account}});
        Self::of(name, json!({"Service": service}), Some(condition), statements)
    }

    fn of(name: String, principal: Value, condition: Option<Value>, statements: Vec<Value>) -> Self {
        let mut trust = json!({"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"});
        if let (Some(condition), Some(trust)) = (condition, trust.as_object_mut()) {
            trust.insert("Condition".into(), condition);
        }
        Self { name, trust: document(vec![trust]), policy: document(statements) }
    }
}

fn document(statements: Vec<Value>) -> Value {
    json!({"Version": "2012-10-17", "Statement": statements})
}

impl Resource for Role {
    const KIND: &'static str = "iam.role";
    type Cloud = crate::aws::Cloud;
    type Output = RoleOutput;

    fn name(&self) -> String {
        self.name.clone()
    }

    async fn find(&self, cx: &Cx) -> Result<Option<Found<Self>>, StepError> {
        let looking = || format!("look at the role {}", self.name);
        let role = match answer("GetRole", cx.cloud.iam.get_role().role_name(&self.name).send().await) {
            Err(e) if e.is_any(&["NoSuchEntity", "NoSuchEntityException"]) => return Ok(None),
            result => result.telling(looking)?.role,
        };
        let Some(role) = role else { return Ok(None) };
        if !cx.cloud.names.owns(role.tags().iter().map(|t| (t.key(), t.value()))) {
            return Err(StepError::foreign("role", &self.name));
        }
        let spec = Self {
            name: self.name.clone(),
            trust: decode(role.assume_role_policy_document()),
            policy: template::unfill(cx, &self.policy(cx).await.telling(looking)?, &self.policy),
        };
        Ok(Some(Found { spec, output: RoleOutput { arn: role.arn } }))
    }

    async fn put(&self, cx: &Cx, found: Option<Found<Self>>) -> Result<RoleOutput, StepError> {
        let (arn, was) = match found {
            Some(found) => (found.output.arn, Some(found.spec)),
            None => (self.create(cx).await?, None),
        };
        if was.as_ref().is_some_and(|was| was.trust != self.trust) {
            settle(|| async {
                let call = cx.cloud.iam.update_assume_role_policy().role_name(&self.name);
                answer("UpdateAssumeRolePolicy", call.policy_document(self.trust.to_string()).send().await).map(|_| ())
            })
            .await
            .telling(|| format!("say who may take the role {}", self.name))?;
        }
        if was.is_none_or(|was| was.policy != self.policy) {
            let policy = template::fill(cx, &self.policy)?.to_string();
            settle(|| async {
                let call = cx.cloud.iam.put_role_policy().role_name(&self.name).policy_name(POLICY);
                answer("PutRolePolicy", call.policy_document(&policy).send().await).map(|_| ())
            })
            .await
            .telling(|| format!("say what the role {} may do", self.name))?;
        }
        Ok(RoleOutput { arn })
    }

    async fn delete(&self, cx: &Cx, _: Found<Self>) -> Result<(), StepError> {
        let result = Patience::PROPAGATION
            .retry(
                |e| e.is_any(&["DeleteConflict", "ConcurrentModification"]),
                || async {
                    self.strip(cx).await?;
                    answer("DeleteRole", cx.cloud.iam.delete_role().role_name(&self.name).send().await).map(|_| ())
                },
            )
            .await;
        match result {
            Err(e) if e.is_any(&["NoSuchEntity", "NoSuchEntityException"]) => Ok(()),
            result => result.telling(|| format!("delete the role {}", self.name)),
        }
    }
}

impl Role {
    async fn policy(&self, cx: &Cx) -> Result<Value, CallError> {
        let call = cx.cloud.iam.get_role_policy().role_name(&self.name).policy_name(POLICY);
        match answer("GetRolePolicy", call.send().await) {
            Ok(output) => Ok(decode(Some(output.policy_document()))),
            Err(e) if e.is_any(&["NoSuchEntity", "NoSuchEntityException"]) => Ok(Value::Null),
            Err(e) => Err(e),
        }
    }

    async fn create(&self, cx: &Cx) -> Result<String, StepError> {
        let making = || format!("make the role {}", self.name);
        let mut call =
            cx.cloud.iam.create_role().role_name(&self.name).assume_role_policy_document(self.trust.to_string());
        call = call.description(cx.cloud.names.mark());
        for (key, value) in cx.cloud.names.tags() {
            let tag = aws_sdk_iam::types::Tag::builder().key(key).value(value).build();
            call = call.tags(tag.telling(making)?);
        }
        let result = Patience::PROPAGATION
            .retry(
                |e| e.is("ConcurrentModification") || e.says("MalformedPolicyDocument", "Invalid principal"),
                || async { answer("CreateRole", call.clone().send().await) },
            )
            .await;
        match result {
            Ok(output) => Ok(output.role.map(|role| role.arn).unwrap_or_default()),
            Err(e) if e.is_any(&["EntityAlreadyExists", "EntityAlreadyExistsException"]) => {
                match self.find(cx).await? {
                    Some(found) => Ok(found.output.arn),
                    None => Err(e.while_doing(making())),
                }
            }
            Err(e) => Err(e.while_doing(making())),
        }
    }

    /// A role with policies cannot be deleted.
    async fn strip(&self, cx: &Cx) -> Result<(), CallError> {
        let attached = answer(
            "ListAttachedRolePolicies",
            cx.cloud.iam.list_attached_role_policies().role_name(&self.name).send().await,
        )?;
        for policy in attached.attached_policies() {
            let call = cx.cloud.iam.detach_role_policy().role_name(&self.name);
            answer("DetachRolePolicy", call.set_policy_arn(policy.policy_arn.clone()).send().await)?;
        }
        let inline = answer("ListRolePolicies", cx.cloud.iam.list_role_policies().role_name(&self.name).send().await)?;
        for policy in inline.policy_names() {
            let call = cx.cloud.iam.delete_role_policy().role_name(&self.name).policy_name(policy);
            answer("DeleteRolePolicy", call.send().await)?;
        }
        Ok(())
    }
}

/// A role that was made a moment ago is not yet known everywhere.
async fn settle<F, Fut>(call: F) -> Result<(), CallError>
where
    F: FnMut() -> Fut,
    Fut: Future<Output = Result<(), CallError>>,
{
    let passing = |e: &CallError| {
        e.is_any(&[
            "NoSuchEntity",
            "NoSuchEntityException",
            "ConcurrentModification",
            "ConcurrentModificationException",
        ])
    };
    Patience::PROPAGATION.retry(passing, call).await
}

/// IAM gives documents back percent-encoded.
fn decode(document: Option<&str>) -> Value {
    let text = percent_encoding::percent_decode_str(document.unwrap_or_default()).decode_utf8_lossy();
    serde_json::from_str(&text).unwrap_or_else(|_| Value::String(text.into_owned()))
}
