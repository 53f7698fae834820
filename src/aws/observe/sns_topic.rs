//! The topic that mails the owner.

use std::collections::HashMap;

use aws_sdk_sns::types as sns;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::region;
use crate::aws::error::{CallError, answer};
use crate::aws::retry::Patience;
use crate::aws::{Cx, Names, Place, Tell};
use crate::deploy::{Found, Resource, StepError};

/// A topic of SNS.
///
/// It is not encrypted with a key of KMS: CloudWatch alarms cannot publish to a topic that uses
/// the key `alias/aws/sns`, whose policy cannot be changed, and a key of its own costs money when
/// idle. What is sent are names of alarms and their numbers.
///
/// Source: SNS developer guide, "Managing Amazon SNS encryption keys and costs" (event sources
/// need a customer managed key).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Topic {
    /// Name.
    pub name: String,
    /// Where it is; an alarm can only use a topic of its own region.
    pub place: Place,
    /// Name that its mails come from.
    pub display: String,
    /// The services of AWS that may publish, for this account, and nobody else but its owner.
    pub policy_services: Vec<String>,
}

/// What others need of a topic.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct TopicOutput {
    /// ARN.
    pub arn: String,
}

impl Topic {
    /// The topic of the alarms of one region.
    pub fn alarms(names: &Names, place: Place) -> Self {
        let part = match place {
            Place::Home => "alarms",
            // Of a site in that very region there would be two of one name.
            Place::Edge => "edge-alarms",
        };
        let services = ["cloudwatch.amazonaws.com", "events.amazonaws.com"];
        Self {
            name: names.part(part),
            place,
            display: names.prefix(),
            policy_services: services.map(str::to_owned).to_vec(),
        }
    }
}

impl Resource for Topic {
    const KIND: &'static str = "sns.topic";
    type Cloud = crate::aws::Cloud;
    type Output = TopicOutput;

    fn name(&self) -> String {
        self.name.clone()
    }

    async fn find(&self, cx: &Cx) -> Result<Option<Found<Self>>, StepError> {
        let looking = || format!("look at the topic {}", self.name);
        let arn = self.arn(&cx.cloud.names);
        let call = cx.cloud.sns.at(self.place).get_topic_attributes().topic_arn(&arn);
        let attributes = match answer("GetTopicAttributes", call.send().await) {
            Err(e) if gone(&e) => return Ok(None),
            result => result.telling(looking)?.attributes.unwrap_or_default(),
        };
        let call = cx.cloud.sns.at(self.place).list_tags_for_resource().resource_arn(&arn);
        let tags = answer("ListTagsForResource", call.send().await).telling(looking)?;
        if !cx.cloud.names.owns(tags.tags().iter().map(|t| (t.key(), t.value()))) {
            return Err(StepError::foreign("topic", &self.name));
        }
        let policy = attributes.get("Policy").and_then(|text| serde_json::from_str(text).ok());
        let spec = Self {
            name: self.name.clone(),
            place: self.place,
            display: attributes.get("DisplayName").cloned().unwrap_or_default(),
            policy_services: policy.map(|p| self.services(&cx.cloud.names, &p)).unwrap_or_default(),
        };
        Ok(Some(Found { spec, output: TopicOutput { arn } }))
    }

    async fn put(&self, cx: &Cx, found: Option<Found<Self>>) -> Result<TopicOutput, StepError> {
        let names = &cx.cloud.names;
        let was = match found {
            Some(found) => Some(found.spec),
            None => self.create(cx).await?,
        };
        let arn = self.arn(names);
        if let Some(was) = was {
            if was.display != self.display {
                self.set(cx, "DisplayName", &self.display).await?;
            }
            if was.policy_services != self.policy_services {
                self.set(cx, "Policy", &self.policy(names, &self.policy_services).to_string()).await?;
            }
        }
        Ok(TopicOutput { arn })
    }

    async fn delete(&self, cx: &Cx, found: Found<Self>) -> Result<(), StepError> {
        let call = cx.cloud.sns.at(self.place).delete_topic().topic_arn(&found.output.arn);
        match answer("DeleteTopic", call.send().await) {
            Err(e) if !gone(&e) => Err(e.while_doing(format!("delete the topic {}", self.name))),
            _ => Ok(()),
        }
    }
}

impl Topic {
    fn arn(&self, names: &Names) -> String {
        format!("arn:aws:sns:{}:{}:{}", region(names, self.place), names.account, self.name)
    }

    /// Makes it, and gives what was there already when an earlier try's answer was lost.
    async fn create(&self, cx: &Cx) -> Result<Option<Self>, StepError> {
        let making = || format!("make the topic {}", self.name);
        let names = &cx.cloud.names;
        let attributes = HashMap::from([
            ("DisplayName".to_owned(), self.display.clone()),
            ("Policy".to_owned(), self.policy(names, &self.policy_services).to_string()),
        ]);
        let mut call = cx.cloud.sns.at(self.place).create_topic().name(&self.name).set_attributes(Some(attributes));
        for (key, value) in names.tags() {
            call = call.tags(sns::Tag::builder().key(key).value(value).build().telling(making)?);
        }
        match answer("CreateTopic", call.send().await) {
            Ok(_) => Ok(None),
            // One is there, with other attributes or tags.
            Err(e) if e.is_any(&["InvalidParameter", "InvalidParameterException"]) => match self.find(cx).await? {
                Some(found) => Ok(Some(found.spec)),
                None => Err(e.while_doing(making())),
            },
            Err(e) => Err(e.while_doing(making())),
        }
    }

    async fn set(&self, cx: &Cx, attribute: &str, value: &str) -> Result<(), StepError> {
        let arn = self.arn(&cx.cloud.names);
        Patience::PROPAGATION
            .retry(gone, || async {
                let call = cx.cloud.sns.at(self.place).set_topic_attributes().topic_arn(&arn);
                let call = call.attribute_name(attribute).attribute_value(value);
                answer("SetTopicAttributes", call.send().await).map(|_| ())
            })
            .await
            .telling(|| format!("set the {attribute} of the topic {}", self.name))
    }

    fn policy(&self, names: &Names, services: &[String]) -> Value {
        // SECURITY: without SourceAccount alarms and rules of other accounts could mail the owner.
        json!({"Version": "2012-10-17", "Statement": [{
            "Sid": "ServicesPublish", "Effect": "Allow", "Principal": {"Service": services},
            "Action": "sns:Publish", "Resource": self.arn(names),
            "Condition": {"StringEquals": {"aws:SourceAccount": names.account}}}]})
    }

    /// The services that a policy lets publish; none when it is not exactly one of ours.
    fn services(&self, names: &Names, policy: &Value) -> Vec<String> {
        let services = match &policy["Statement"][0]["Principal"]["Service"] {
            Value::String(one) => vec![one.clone()],
            Value::Array(many) => many.iter().filter_map(|one| one.as_str().map(str::to_owned)).collect(),
            _ => Vec::new(),
        };
        let ours = single(&self.policy(names, &services)) == single(policy);
        if ours { services } else { Vec::new() }
    }
}

/// The same policy where a list of one is that one, as AWS writes it.
fn single(policy: &Value) -> Value {
    match policy {
        Value::Array(list) if list.len() == 1 && list[0].is_string() => list[0].clone(),
        Value::Array(list) => list.iter().map(single).collect(),
        Value::Object(fields) => fields.iter().map(|(key, value)| (key.clone(), single(value))).collect(),
        other => other.clone(),
    }
}

/// The code of the query protocol, and the name of the exception.
pub(super) fn gone(error: &CallError) -> bool {
    error.is_any(&["NotFound", "NotFoundException"])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names() -> Names {
        Names::new("shop", "production", "123456789012", "sa-east-1")
    }

    #[test]
    fn a_topic_is_in_the_region_of_its_alarms() {
        let (home, edge) = (Topic::alarms(&names(), Place::Home), Topic::alarms(&names(), Place::Edge));
        assert_eq!(home.arn(&names()), "arn:aws:sns:sa-east-1:123456789012:shop-alarms");
        assert_eq!(edge.arn(&names()), "arn:aws:sns:us-east-1:123456789012:shop-edge-alarms");
    }

    #[test]
    fn the_services_of_our_policy_are_read_back() {
        let topic = Topic::alarms(&names(), Place::Home);
        for count in [1, 2] {
            let wanted = topic.policy_services[..count].to_vec();
            let kept = single(&topic.policy(&names(), &wanted));
            assert_eq!(topic.services(&names(), &kept), wanted);
        }
    }

    #[test]
    fn a_policy_that_allows_more_is_a_difference() {
        let topic = Topic::alarms(&names(), Place::Home);
        let mut policy = topic.policy(&names(), &topic.policy_services);
        policy["Statement"][0]["Action"] = "sns:*".into();
        assert!(topic.services(&names(), &policy).is_empty());
    }
}
