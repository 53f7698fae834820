//! The edge function: routes requests to the release that is live, and finishes the answers.

use aws_sdk_cloudfront::primitives::Blob;
use aws_sdk_cloudfront::types as cf;
use serde::{Deserialize, Serialize};

use super::cloudfront_key_value_store::KeyValueStore;
use super::etag;
use crate::aws::error::{CallError, answer};
use crate::aws::retry::Patience;
use crate::aws::{Cx, Tell, tags};
use crate::deploy::{Change, Found, Resource, StepError};
use crate::release::{Pointer, edge};

/// A CloudFront function, associated with a store and live.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Function {
    /// Name, unique in the account.
    pub name: String,
    /// Its text. That of a function in place is kept when only the fallback release differs.
    pub code: String,
    /// Node of the store it reads.
    pub store: String,
    /// Whether this text is the one that answers visitors.
    pub live: bool,
}

/// What others need of a function.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct FunctionOutput {
    /// ARN, without a stage.
    pub arn: String,
}

impl Resource for Function {
    const KIND: &'static str = "cloudfront.function";
    type Cloud = crate::aws::Cloud;
    type Output = FunctionOutput;

    fn name(&self) -> String {
        self.name.clone()
    }

    fn change(&self, found: &Self) -> Change {
        // A preview of a site that was never live makes the function without a fallback.
        let falls_back = edge::fallback_of(&found.code).is_some() || edge::fallback_of(&self.code).is_none();
        let same = edge::same_but_fallback(&self.code, &found.code) && falls_back;
        let same = same && self.store == found.store && found.live;
        if same { Change::Same } else { Change::Update }
    }

    async fn find(&self, cx: &Cx) -> Result<Option<Found<Self>>, StepError> {
        let looking = || format!("look at the edge function {}", self.name);
        // Before anything is changed.
        if self.code.len() > edge::FUNCTION_BYTES {
            let size = format!("it has {} bytes, and CloudFront takes {}", self.code.len(), edge::FUNCTION_BYTES);
            return Err(StepError::yours("fit the edge function into its limit", size)
                .hint("Shorten security.csp, or name fewer hosts in site.redirect_from."));
        }
        let Some((development, _)) = self.describe(cx, cf::FunctionStage::Development).await.telling(looking)? else {
            return Ok(None);
        };
        let Some(arn) = arn_of(&development) else { return Ok(None) };
        if !tags::are_ours(cx, &arn).await.telling(looking)? {
            return Err(StepError::foreign("CloudFront function", &self.name));
        }
        let live = self.describe(cx, cf::FunctionStage::Live).await.telling(looking)?.map(|(live, _)| live);
        let stage = if live.is_some() { cf::FunctionStage::Live } else { cf::FunctionStage::Development };
        let code = self.code_of(cx, stage).await.telling(looking)?;
        let store =
            match (cx.try_output::<KeyValueStore>(&self.store)?, stores_of(live.as_ref().unwrap_or(&development))) {
                (Some(wanted), [actual]) if wanted.arn == actual.key_value_store_arn() => self.store.clone(),
                (_, [actual]) => actual.key_value_store_arn().to_owned(),
                _ => String::new(),
            };
        let spec = Self { name: self.name.clone(), code, store, live: live.is_some() };
        Ok(Some(Found { spec, output: FunctionOutput { arn } }))
    }

    async fn put(&self, cx: &Cx, found: Option<Found<Self>>) -> Result<FunctionOutput, StepError> {
        let config = self.config(cx)?;
        let tag = match found {
            Some(_) => self.update(cx, config).await?,
            None => self.create(cx, config).await?,
        };
        let publishing = || format!("publish the edge function {}", self.name);
        let call = cx.cloud.cloudfront.publish_function().name(&self.name).if_match(tag);
        let output = answer("PublishFunction", call.send().await).telling(publishing)?;
        let arn = output.function_summary.as_ref().and_then(arn_of);
        arn.map(|arn| FunctionOutput { arn }).ok_or_else(|| StepError::cloud(publishing(), "the answer names no ARN"))
    }

    async fn delete(&self, cx: &Cx, _: Found<Self>) -> Result<(), StepError> {
        let result = Patience::CONFLICT
            .retry(
                |e| e.is_any(&["FunctionInUse", "PreconditionFailed", "InvalidIfMatchVersion"]),
                || async {
                    let Some((_, tag)) = self.describe(cx, cf::FunctionStage::Development).await? else {
                        return Ok(());
                    };
                    let call = cx.cloud.cloudfront.delete_function().name(&self.name).if_match(tag);
                    answer("DeleteFunction", call.send().await).map(|_| ())
                },
            )
            .await;
        match result {
            Err(e) if e.is("NoSuchFunctionExists") => Ok(()),
            result => result.telling(|| format!("delete the edge function {}", self.name)),
        }
    }
}

impl Function {
    fn config(&self, cx: &Cx) -> Result<cf::FunctionConfig, StepError> {
        let store = cx.output::<KeyValueStore>(&self.store)?;
        let store = cf::KeyValueStoreAssociation::builder().key_value_store_arn(store.arn).build();
        let stores = cf::KeyValueStoreAssociations::builder().quantity(1).items(store.telling(|| "associate")?).build();
        cf::FunctionConfig::builder()
            .comment(cx.cloud.names.mark())
            .runtime(cf::FunctionRuntime::CloudfrontJs20)
            .key_value_store_associations(stores.telling(|| "associate")?)
            .build()
            .telling(|| "describe it")
    }

    async fn create(&self, cx: &Cx, config: cf::FunctionConfig) -> Result<String, StepError> {
        let call = cx.cloud.cloudfront.create_function().name(&self.name).tags(tags::of(cx)?);
        let call = call.function_config(config.clone()).function_code(Blob::new(self.code.as_bytes()));
        let result = Patience::CONFLICT
            .retry(store_is_new, || async { answer("CreateFunction", call.clone().send().await) })
            .await;
        match result {
            Ok(output) => Ok(etag(output.e_tag())),
            // The answer to an earlier try was lost; whether it is ours is for find to tell.
            Err(e) if e.is("FunctionAlreadyExists") && self.find(cx).await?.is_some() => self.update(cx, config).await,
            Err(e) => Err(e.while_doing(format!("make the edge function {}", self.name))),
        }
    }

    async fn update(&self, cx: &Cx, config: cf::FunctionConfig) -> Result<String, StepError> {
        let changing = || format!("change the edge function {}", self.name);
        let result = Patience::CONFLICT
            .retry(
                |e| store_is_new(e) || e.is_any(&["PreconditionFailed", "InvalidIfMatchVersion"]),
                || async {
                    let described = self.describe(cx, cf::FunctionStage::Development).await?;
                    let tag = described.map(|(_, tag)| tag).unwrap_or_default();
                    let call = cx.cloud.cloudfront.update_function().name(&self.name).if_match(tag);
                    let call = call.function_config(config.clone()).function_code(Blob::new(self.code.as_bytes()));
                    answer("UpdateFunction", call.send().await)
                },
            )
            .await;
        result.map(|output| etag(output.e_tag())).telling(changing)
    }

    async fn describe(
        &self,
        cx: &Cx,
        stage: cf::FunctionStage,
    ) -> Result<Option<(cf::FunctionSummary, String)>, CallError> {
        let call = cx.cloud.cloudfront.describe_function().name(&self.name).stage(stage);
        match answer("DescribeFunction", call.send().await) {
            Ok(output) => {
                let tag = etag(output.e_tag());
                Ok(output.function_summary.map(|summary| (summary, tag)))
            }
            Err(e) if e.is("NoSuchFunctionExists") => Ok(None),
            Err(e) => Err(e),
        }
    }

    async fn code_of(&self, cx: &Cx, stage: cf::FunctionStage) -> Result<String, CallError> {
        let call = cx.cloud.cloudfront.get_function().name(&self.name).stage(stage);
        let code = answer("GetFunction", call.send().await)?.function_code.map(Blob::into_inner).unwrap_or_default();
        Ok(String::from_utf8_lossy(&code).into_owned())
    }
}

/// A store that was made a moment ago: "cannot be associated before the resource is provisioned".
fn store_is_new(error: &CallError) -> bool {
    error.says("InvalidArgument", "provisioned")
}

fn arn_of(summary: &cf::FunctionSummary) -> Option<String> {
    summary.function_metadata().map(|metadata| metadata.function_arn().to_owned())
}

fn stores_of(summary: &cf::FunctionSummary) -> &[cf::KeyValueStoreAssociation] {
    let stores = summary.function_config().and_then(|config| config.key_value_store_associations());
    stores.map(cf::KeyValueStoreAssociations::items).unwrap_or_default()
}

/// The release that the live text of the function of this name falls back to.
pub async fn fallback(cx: &Cx, name: &str) -> Result<Option<Pointer>, StepError> {
    Ok(text(cx, name).await?.and_then(|text| edge::fallback_of(&text)))
}

/// The live text of the function of this name.
pub async fn text(cx: &Cx, name: &str) -> Result<Option<String>, StepError> {
    let call = cx.cloud.cloudfront.get_function().name(name).stage(cf::FunctionStage::Live);
    match answer("GetFunction", call.send().await) {
        Ok(output) => {
            let code = output.function_code.map(Blob::into_inner).unwrap_or_default();
            Ok(Some(String::from_utf8_lossy(&code).into_owned()))
        }
        Err(e) if e.is("NoSuchFunctionExists") => Ok(None),
        Err(e) => Err(e.while_doing(format!("read the edge function {name}"))),
    }
}
