//! A parameter of Parameter Store: what other tools may want to know of the site.

use aws_sdk_ssm::types as ssm;
use serde::{Deserialize, Serialize};

use crate::aws::compute::apigateway_api::HttpApi;
use crate::aws::edge::cloudfront_distribution::Distribution;
use crate::aws::error::{CallError, answer};
use crate::aws::retry::Patience;
use crate::aws::{Cloud, Cx, Names, Tell};
use crate::deploy::{Found, Resource, StepError};

/// A parameter that is no secret.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Parameter {
    /// Name, a path.
    pub name: String,
    /// Value.
    pub value: Value,
    /// What it is.
    pub description: String,
}

/// The value of a parameter.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Value {
    /// As it is.
    Text(String),
    /// The id of the distribution of this node.
    DistributionId(String),
    /// The cloudfront.net name of the distribution of this node.
    DistributionDomain(String),
    /// The host name of the API of this node.
    ApiHost(String),
}

/// What others need of a parameter.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ParameterOutput {
    /// ARN.
    pub arn: String,
}

impl Parameter {
    /// The parameter of this site and stage whose path ends with `part`.
    pub fn of_site(names: &Names, part: &str, value: Value, description: &str) -> Self {
        let name = format!("/arqsite/{}/{}/{part}", names.site, names.stage);
        Self { name, value, description: description.into() }
    }
}

/// What a parameter of the site says; `None` when it is not there.
pub async fn value(cloud: &Cloud, part: &str) -> Result<Option<String>, StepError> {
    let name = format!("/arqsite/{}/{}/{part}", cloud.names.site, cloud.names.stage);
    match answer("GetParameter", cloud.ssm.get_parameter().name(&name).send().await) {
        Err(e) if e.is("ParameterNotFound") => Ok(None),
        result => Ok(result.telling(|| format!("look at the parameter {name}"))?.parameter.and_then(|p| p.value)),
    }
}

impl Resource for Parameter {
    const KIND: &'static str = "ssm.parameter";
    type Cloud = crate::aws::Cloud;
    type Output = ParameterOutput;

    fn name(&self) -> String {
        self.name.clone()
    }

    async fn find(&self, cx: &Cx) -> Result<Option<Found<Self>>, StepError> {
        let looking = || format!("look at the parameter {}", self.name);
        let value = match answer("GetParameter", cx.cloud.ssm.get_parameter().name(&self.name).send().await) {
            Err(e) if e.is("ParameterNotFound") => return Ok(None),
            result => result.telling(looking)?.parameter.and_then(|p| p.value).unwrap_or_default(),
        };
        let (ours, description) = tokio::try_join!(self.is_ours(cx), self.described(cx)).telling(looking)?;
        if !ours {
            return Err(StepError::foreign("parameter", &self.name));
        }
        let wanted = resolved(cx, &self.value)?;
        let value = if wanted.as_ref() == Some(&value) { self.value.clone() } else { Value::Text(value) };
        let spec = Self { name: self.name.clone(), value, description };
        Ok(Some(Found { spec, output: self.output(cx) }))
    }

    async fn put(&self, cx: &Cx, found: Option<Found<Self>>) -> Result<ParameterOutput, StepError> {
        let writing = || format!("write the parameter {}", self.name);
        let value = resolved(cx, &self.value)?;
        let value = value.ok_or_else(|| StepError::bug(format!("{} has no value yet", self.name)))?;
        if found.is_none() {
            match self.write(cx, &value, false).await {
                // The answer to an earlier try was lost: look whose it is, then write over it.
                Err(e) if e.is("ParameterAlreadyExists") && self.find(cx).await?.is_some() => {}
                result => return result.map(|()| self.output(cx)).telling(writing),
            }
        }
        self.write(cx, &value, true).await.telling(writing)?;
        Ok(self.output(cx))
    }

    async fn delete(&self, cx: &Cx, _: Found<Self>) -> Result<(), StepError> {
        let result = in_turn(|| async {
            answer("DeleteParameter", cx.cloud.ssm.delete_parameter().name(&self.name).send().await).map(|_| ())
        });
        match result.await {
            Err(e) if e.is("ParameterNotFound") => Ok(()),
            result => result.telling(|| format!("delete the parameter {}", self.name)),
        }
    }
}

/// The value itself; `None` while its node does not exist.
fn resolved(cx: &Cx, value: &Value) -> Result<Option<String>, StepError> {
    Ok(match value {
        Value::Text(text) => Some(text.clone()),
        Value::DistributionId(node) => cx.try_output::<Distribution>(node)?.map(|output| output.id),
        Value::DistributionDomain(node) => cx.try_output::<Distribution>(node)?.map(|output| output.domain),
        Value::ApiHost(node) => cx.try_output::<HttpApi>(node)?.map(|output| output.host),
    })
}

impl Parameter {
    fn output(&self, cx: &Cx) -> ParameterOutput {
        let names = &cx.cloud.names;
        ParameterOutput { arn: format!("arn:aws:ssm:{}:{}:parameter{}", names.region, names.account, self.name) }
    }

    async fn is_ours(&self, cx: &Cx) -> Result<bool, CallError> {
        let call = cx.cloud.ssm.list_tags_for_resource().resource_type(ssm::ResourceTypeForTagging::Parameter);
        let tags = answer("ListTagsForResource", call.resource_id(&self.name).send().await)?;
        Ok(cx.cloud.names.owns(tags.tag_list().iter().map(|t| (t.key(), t.value()))))
    }

    /// Its description, which GetParameter does not give.
    async fn described(&self, cx: &Cx) -> Result<String, CallError> {
        let filter = ssm::ParameterStringFilter::builder().key("Name").option("Equals").values(&self.name).build();
        let filter = filter.map_err(|e| CallError::unbuilt("DescribeParameters", &e))?;
        let call = cx.cloud.ssm.describe_parameters().parameter_filters(filter);
        let seen = answer("DescribeParameters", call.send().await)?.parameters.unwrap_or_default();
        let seen = seen.into_iter().find(|parameter| parameter.name() == Some(&self.name));
        Ok(seen.and_then(|parameter| parameter.description).unwrap_or_default())
    }

    /// Tags can be given at creation only.
    async fn write(&self, cx: &Cx, value: &str, overwrite: bool) -> Result<(), CallError> {
        let mut call = cx.cloud.ssm.put_parameter().name(&self.name).value(value).description(&self.description);
        call = call.r#type(ssm::ParameterType::String).tier(ssm::ParameterTier::Standard);
        if overwrite {
            call = call.overwrite(true);
        } else {
            for (key, value) in cx.cloud.names.tags() {
                let tag = ssm::Tag::builder().key(key).value(value).build();
                call = call.tags(tag.map_err(|e| CallError::unbuilt("PutParameter", &e))?);
            }
        }
        in_turn(|| async { answer("PutParameter", call.clone().send().await).map(|_| ()) }).await
    }
}

/// Another change of the same parameter is under way; the SDK does not retry that.
async fn in_turn<F, Fut>(call: F) -> Result<(), CallError>
where
    F: FnMut() -> Fut,
    Fut: Future<Output = Result<(), CallError>>,
{
    Patience::PROPAGATION.retry(|e| e.is("TooManyUpdates"), call).await
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_parameter_is_below_its_site_and_stage() {
        let names = Names::new("shop", "production", "1", "r");
        let parameter = Parameter::of_site(&names, "address", Value::DistributionDomain("distribution".into()), "");
        assert_eq!(parameter.name, "/arqsite/shop/production/address");
        let json = serde_json::to_value(&parameter).unwrap();
        assert_eq!(json["value"], serde_json::json!({"distribution_domain": "distribution"}));
        assert_eq!(serde_json::from_value::<Parameter>(json).unwrap(), parameter);
    }
}
