//! What lets API Gateway call the alias.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::apigateway_api::HttpApi;
use super::lambda_alias::Alias;
use crate::aws::error::{CallError, answer};
use crate::aws::retry::Patience;
use crate::aws::{Cx, Tell};
use crate::deploy::{Found, Resource, StepError};

/// Id of the statement.
const STATEMENT: &str = "arqsite-http-api";
/// Who may call.
const PRINCIPAL: &str = "apigateway.amazonaws.com";

/// A statement of the alias's policy.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Permission {
    /// The function's name.
    pub function_name: String,
    /// Name of the alias.
    pub alias: String,
    /// Node of the API that may call it.
    pub api: String,
}

/// A permission gives nothing.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PermissionOutput {}

impl Resource for Permission {
    const KIND: &'static str = "lambda.permission";
    type Cloud = crate::aws::Cloud;
    type Output = PermissionOutput;

    fn name(&self) -> String {
        format!("{}:{} for {}", self.function_name, self.alias, self.api)
    }

    async fn find(&self, cx: &Cx) -> Result<Option<Found<Self>>, StepError> {
        if cx.try_output::<Alias>("function-alias")?.is_none() {
            return Ok(None);
        }
        let looking = || format!("read the policy of {}:{}", self.function_name, self.alias);
        let Some(statement) = self.statement(cx).await.telling(looking)? else { return Ok(None) };
        let wanted = cx.try_output::<HttpApi>(&self.api)?.map(|api| self.source(cx, &api.id));
        let actual = statement.pointer("/Condition/ArnLike/AWS:SourceArn").and_then(Value::as_str).unwrap_or_default();
        let ours =
            wanted.as_deref() == Some(actual) && statement.pointer("/Principal/Service") == Some(&PRINCIPAL.into());
        let api = if ours { self.api.clone() } else { actual.to_owned() };
        Ok(Some(Found { spec: Self { api, ..self.clone() }, output: PermissionOutput {} }))
    }

    async fn put(&self, cx: &Cx, found: Option<Found<Self>>) -> Result<PermissionOutput, StepError> {
        let allowing = || format!("let the API call {}:{}", self.function_name, self.alias);
        if found.is_some() {
            self.remove(cx).await.telling(allowing)?;
        }
        let source = self.source(cx, &cx.output::<HttpApi>(&self.api)?.id);
        match self.add(cx, &source).await {
            // The answer to an earlier try was lost; if the statement says something else, it is mended.
            Err(e) if e.is("ResourceConflictException") => match self.find(cx).await? {
                Some(found) if found.spec == *self => {}
                _ => {
                    self.remove(cx).await.telling(allowing)?;
                    self.add(cx, &source).await.telling(allowing)?;
                }
            },
            result => result.telling(allowing)?,
        }
        Ok(PermissionOutput {})
    }

    /// The policy goes with the function.
    async fn delete(&self, _: &Cx, _: Found<Self>) -> Result<(), StepError> {
        Ok(())
    }
}

impl Permission {
    fn source(&self, cx: &Cx, api: &str) -> String {
        let names = &cx.cloud.names;
        format!("arn:aws:execute-api:{}:{}:{api}/*/*", names.region, names.account)
    }

    async fn add(&self, cx: &Cx, source: &str) -> Result<(), CallError> {
        Patience::PROPAGATION
            // The alias may not be known everywhere yet.
            .retry(
                |e| e.is("ResourceNotFoundException"),
                || async {
                    let call =
                        cx.cloud.lambda.add_permission().function_name(&self.function_name).qualifier(&self.alias);
                    let call = call.statement_id(STATEMENT).action("lambda:InvokeFunction");
                    answer("AddPermission", call.principal(PRINCIPAL).source_arn(source).send().await).map(|_| ())
                },
            )
            .await
    }

    async fn statement(&self, cx: &Cx) -> Result<Option<Value>, CallError> {
        let call = cx.cloud.lambda.get_policy().function_name(&self.function_name).qualifier(&self.alias);
        let policy = match answer("GetPolicy", call.send().await) {
            Ok(output) => output.policy.unwrap_or_default(),
            Err(e) if e.is("ResourceNotFoundException") => return Ok(None),
            Err(e) => return Err(e),
        };
        let policy: Value = serde_json::from_str(&policy).unwrap_or_default();
        let statements = policy.get("Statement").and_then(Value::as_array).cloned().unwrap_or_default();
        Ok(statements.into_iter().find(|s| s.get("Sid").and_then(Value::as_str) == Some(STATEMENT)))
    }

    async fn remove(&self, cx: &Cx) -> Result<(), CallError> {
        let call = cx.cloud.lambda.remove_permission().function_name(&self.function_name).qualifier(&self.alias);
        match answer("RemovePermission", call.statement_id(STATEMENT).send().await) {
            Err(e) if !e.is("ResourceNotFoundException") => Err(e),
            _ => Ok(()),
        }
    }
}
