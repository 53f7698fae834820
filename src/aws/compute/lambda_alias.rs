//! The alias that the API calls, on a version of the function as it is now.

use serde::{Deserialize, Serialize};

use super::lambda_function::Function;
use crate::aws::error::{CallError, answer};
use crate::aws::retry::Patience;
use crate::aws::{Cx, Tell};
use crate::deploy::{Found, Resource, StepError};

/// An alias, and the version that it points to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Alias {
    /// Node of the function.
    pub function: String,
    /// The function's name.
    pub function_name: String,
    /// Name of the alias.
    pub alias: String,
    /// Whether its version is the function as it is now.
    pub current: bool,
}

/// What others need of an alias.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AliasOutput {
    /// ARN, qualified by the alias.
    pub arn: String,
    /// Version it points to.
    pub version: String,
}

impl Resource for Alias {
    const KIND: &'static str = "lambda.alias";
    type Cloud = crate::aws::Cloud;
    type Output = AliasOutput;

    fn name(&self) -> String {
        format!("{}:{}", self.function_name, self.alias)
    }

    async fn find(&self, cx: &Cx) -> Result<Option<Found<Self>>, StepError> {
        let Some(function) = cx.try_output::<Function>(&self.function)? else { return Ok(None) };
        let call = cx.cloud.lambda.get_function_configuration().function_name(&self.function_name);
        let version = match answer("GetFunctionConfiguration", call.qualifier(&self.alias).send().await) {
            Err(e) if e.is("ResourceNotFoundException") => return Ok(None),
            result => result.telling(|| format!("look at the alias {}", Resource::name(self)))?,
        };
        // A version keeps the description, which says what was published.
        let current = version.description() == Some(&function.state);
        let output = self.output(&function.arn, version.version.unwrap_or_default());
        Ok(Some(Found { spec: Self { current, ..self.clone() }, output }))
    }

    async fn put(&self, cx: &Cx, found: Option<Found<Self>>) -> Result<AliasOutput, StepError> {
        let function = cx.output::<Function>(&self.function)?;
        let version = self.publish(cx).await.telling(|| format!("publish a version of {}", self.function_name))?;
        let moving = || format!("move the alias {}", Resource::name(self));
        if found.is_none() {
            let call = cx.cloud.lambda.create_alias().function_name(&self.function_name).name(&self.alias);
            match answer("CreateAlias", call.function_version(&version).send().await) {
                Ok(_) => return Ok(self.output(&function.arn, version)),
                // An earlier run's, or the answer to an earlier try was lost: move it.
                Err(e) if e.is("ResourceConflictException") => {}
                Err(e) => return Err(e.while_doing(moving())),
            }
        }
        in_turn(|| async {
            let call = cx.cloud.lambda.update_alias().function_name(&self.function_name).name(&self.alias);
            answer("UpdateAlias", call.function_version(&version).send().await).map(|_| ())
        })
        .await
        .telling(moving)?;
        Ok(self.output(&function.arn, version))
    }

    /// Versions and aliases go with the function.
    async fn delete(&self, _: &Cx, _: Found<Self>) -> Result<(), StepError> {
        Ok(())
    }
}

impl Alias {
    fn output(&self, function: &str, version: String) -> AliasOutput {
        AliasOutput { arn: format!("{function}:{}", self.alias), version }
    }

    /// Gives the version there is when nothing has changed since.
    async fn publish(&self, cx: &Cx) -> Result<String, CallError> {
        Patience::CONFLICT
            .retry(
                |e| e.is("ResourceConflictException"),
                || async {
                    let call = cx.cloud.lambda.publish_version().function_name(&self.function_name);
                    answer("PublishVersion", call.send().await).map(|output| output.version.unwrap_or_default())
                },
            )
            .await
    }
}

async fn in_turn<F, Fut>(call: F) -> Result<(), CallError>
where
    F: FnMut() -> Fut,
    Fut: Future<Output = Result<(), CallError>>,
{
    Patience::CONFLICT.retry(|e| e.is_any(&["ResourceConflictException", "PreconditionFailedException"]), call).await
}
