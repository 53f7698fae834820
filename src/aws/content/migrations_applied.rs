//! The migrations, run.

use aws_sdk_lambda::primitives::Blob;
use aws_sdk_ssm::types as ssm;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::aws::compute::lambda_function::Function;
use crate::aws::error::{CallError, answer};
use crate::aws::retry::Patience;
use crate::aws::{Cx, Tell};
use crate::deploy::{Found, Resource, StepError};

/// A database in which all migrations of one hash have run.
///
/// The database's own table is the truth; but asking it would wake a database that sleeps, so a
/// parameter says what the last run left.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MigrationsApplied {
    /// Node of the function that runs them.
    pub migrator: String,
    /// Name of the parameter.
    pub parameter: String,
    /// Hash over the migrations.
    pub hash: String,
}

/// What was run is of use to nobody else.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct MigrationsAppliedOutput {}

impl Resource for MigrationsApplied {
    const KIND: &'static str = "migrations.applied";
    type Cloud = crate::aws::Cloud;
    type Output = MigrationsAppliedOutput;

    fn name(&self) -> String {
        self.parameter.clone()
    }

    async fn find(&self, cx: &Cx) -> Result<Option<Found<Self>>, StepError> {
        let looking = || format!("look at the parameter {}", self.parameter);
        let call = cx.cloud.ssm.get_parameter().name(&self.parameter);
        let hash = match answer("GetParameter", call.send().await) {
            Err(e) if e.is("ParameterNotFound") => return Ok(None),
            result => result.telling(looking)?.parameter.and_then(|p| p.value).unwrap_or_default(),
        };
        let call = cx.cloud.ssm.list_tags_for_resource().resource_type(ssm::ResourceTypeForTagging::Parameter);
        let tags = answer("ListTagsForResource", call.resource_id(&self.parameter).send().await).telling(looking)?;
        if !cx.cloud.names.owns(tags.tag_list().iter().map(|tag| (tag.key(), tag.value()))) {
            return Err(StepError::foreign("parameter", &self.parameter));
        }
        Ok(Some(Found { spec: Self { hash, ..self.clone() }, output: MigrationsAppliedOutput {} }))
    }

    async fn put(&self, cx: &Cx, found: Option<Found<Self>>) -> Result<MigrationsAppliedOutput, StepError> {
        cx.note("running the migrations");
        self.run(cx).await?;
        self.write_down(cx, found.is_some()).await.telling(|| format!("write the parameter {}", self.parameter))?;
        Ok(MigrationsAppliedOutput {})
    }

    /// What ran stays in the database; the parameter that said so goes.
    async fn delete(&self, cx: &Cx, _: Found<Self>) -> Result<(), StepError> {
        match answer("DeleteParameter", cx.cloud.ssm.delete_parameter().name(&self.parameter).send().await) {
            Err(e) if e.is("ParameterNotFound") => Ok(()),
            result => result.map(|_| ()).telling(|| format!("delete the parameter {}", self.parameter)),
        }
    }
}

impl MigrationsApplied {
    /// Invokes the migrator; a database that sleeps is woken, which takes half a minute.
    async fn run(&self, cx: &Cx) -> Result<(), StepError> {
        let running = || "run the migrations";
        let function = cx.output::<Function>(&self.migrator)?.arn;
        let call = cx.cloud.lambda.invoke().function_name(function).payload(Blob::new(r#"{"do":"migrate"}"#));
        let invoke = || async { answer("Invoke", call.clone().send().await) };
        let passing = |e: &CallError| e.is_any(&["ResourceConflictException", "ResourceNotReadyException"]);
        let output = Patience::PROPAGATION.retry(passing, invoke).await.telling(running)?;
        if output.function_error.is_none() {
            return Ok(());
        }
        let said = output.payload.map(Blob::into_inner).unwrap_or_default();
        let said: Value = serde_json::from_slice(&said).unwrap_or_default();
        let words = said["errorMessage"].as_str().unwrap_or("the function failed without a word").to_owned();
        Err(StepError::yours(running(), words)
            .hint("The live release is as it was. Mend the migration and publish again."))
    }

    async fn write_down(&self, cx: &Cx, exists: bool) -> Result<(), CallError> {
        let mut call = cx.cloud.ssm.put_parameter().name(&self.parameter).value(&self.hash);
        call = call.r#type(ssm::ParameterType::String).description("Hash of the migrations that have run");
        if exists {
            // Source: SSM API reference, PutParameter: tags and overwriting exclude each other.
            call = call.overwrite(true);
        } else {
            for (key, value) in cx.cloud.names.tags() {
                let tag = ssm::Tag::builder().key(key).value(value).build();
                call = call.tags(tag.map_err(|e| CallError::unbuilt("PutParameter", &e))?);
            }
        }
        let put = || async { answer("PutParameter", call.clone().send().await) };
        match Patience::PROPAGATION.retry(|e| e.is("TooManyUpdates"), put).await {
            // An earlier try wrote it, perhaps with another hash.
            Err(e) if e.is("ParameterAlreadyExists") => {
                let call = cx.cloud.ssm.put_parameter().name(&self.parameter).value(&self.hash).overwrite(true);
                answer("PutParameter", call.send().await).map(|_| ())
            }
            result => result.map(|_| ()),
        }
    }
}
