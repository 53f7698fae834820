//! A rule of EventBridge: which events go where.

use aws_sdk_eventbridge::types as events;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::aws::compute::lambda_alias::Alias;
use crate::aws::error::{CallError, answer};
use crate::aws::observe::sns_topic::Topic;
use crate::aws::retry::Patience;
use crate::aws::{Cx, Place, Tell};
use crate::deploy::{Found, Resource, StepError};

/// Id of the one target.
const TARGET: &str = "arqsite";

/// A rule on the default bus, with one target.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Rule {
    /// Name, unique on the bus.
    pub name: String,
    /// Where it is: events of CloudFront, ACM and IAM are in one region.
    pub place: Place,
    /// What it is for.
    pub description: String,
    /// Which events: an event pattern.
    pub pattern: Value,
    /// Whether it is on.
    pub enabled: bool,
    /// Where they go.
    pub target: Target,
}

/// Where events go.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Target {
    /// To the topic of this node, whose policy must let EventBridge publish.
    Topic(String),
    /// To the function of this alias' node, which must let the rule call it.
    Function(String),
    /// Somewhere else, or changed on the way: never wanted.
    Other(String),
}

/// What others need of a rule.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RuleOutput {
    /// ARN; what a function's permission names.
    pub arn: String,
}

impl Rule {
    /// A rule that is on.
    pub fn new(name: String, place: Place, description: &str, pattern: Value, target: Target) -> Self {
        Self { name, place, description: description.into(), pattern, enabled: true, target }
    }
}

impl Resource for Rule {
    const KIND: &'static str = "events.rule";
    type Cloud = crate::aws::Cloud;
    type Output = RuleOutput;

    fn name(&self) -> String {
        self.name.clone()
    }

    async fn find(&self, cx: &Cx) -> Result<Option<Found<Self>>, StepError> {
        let looking = || format!("look at the rule {}", self.name);
        let rule = match answer("DescribeRule", self.client(cx).describe_rule().name(&self.name).send().await) {
            Err(e) if absent(&e) => return Ok(None),
            result => result.telling(looking)?,
        };
        let arn = rule.arn.unwrap_or_default();
        let call = self.client(cx).list_tags_for_resource().resource_arn(&arn);
        let (tags, targets) =
            tokio::try_join!(async { answer("ListTagsForResource", call.send().await) }, self.targets(cx),)
                .telling(looking)?;
        if !cx.cloud.names.owns(tags.tags().iter().map(|t| (t.key(), t.value()))) {
            return Err(StepError::foreign("rule", &self.name));
        }
        let pattern = rule.event_pattern.unwrap_or_default();
        let spec = Self {
            name: self.name.clone(),
            place: self.place,
            description: rule.description.unwrap_or_default(),
            pattern: serde_json::from_str(&pattern).unwrap_or(Value::String(pattern)),
            enabled: rule.state == Some(events::RuleState::Enabled),
            target: self.target.read(&targets, self.target.arn(cx)?.as_deref()),
        };
        Ok(Some(Found { spec, output: RuleOutput { arn } }))
    }

    async fn put(&self, cx: &Cx, _: Option<Found<Self>>) -> Result<RuleOutput, StepError> {
        let making = || format!("make the rule {}", self.name);
        let arn = self.target.arn(cx)?;
        let arn = arn.ok_or_else(|| StepError::bug(format!("the rule {} has no target yet", self.name)))?;
        let rule = self.rule(cx).await?;
        // Targets that are not ours would still get every event.
        let targets = self.targets(cx).await.telling(making)?;
        let strangers = targets.into_iter().map(|target| target.id).filter(|id| id != TARGET).collect();
        self.remove(cx, strangers).await.telling(making)?;
        self.aim(cx, &arn).await.telling(|| format!("set the target of the rule {}", self.name))?;
        Ok(RuleOutput { arn: rule })
    }

    async fn delete(&self, cx: &Cx, _: Found<Self>) -> Result<(), StepError> {
        let result = Patience::CONFLICT.retry(
            |e| e.says("ValidationException", "since it has targets") || e.is("ConcurrentModificationException"),
            || async {
                let targets = self.targets(cx).await?;
                self.remove(cx, targets.into_iter().map(|target| target.id).collect()).await?;
                answer("DeleteRule", self.client(cx).delete_rule().name(&self.name).send().await).map(|_| ())
            },
        );
        match result.await {
            Err(e) if absent(&e) => Ok(()),
            result => result.telling(|| format!("delete the rule {}", self.name)),
        }
    }
}

impl Rule {
    fn client<'a>(&self, cx: &'a Cx) -> &'a aws_sdk_eventbridge::Client {
        cx.cloud.events.at(self.place)
    }

    /// The whole rule: whatever is left out would be reset. Gives its ARN.
    async fn rule(&self, cx: &Cx) -> Result<String, StepError> {
        let making = || format!("make the rule {}", self.name);
        let state = if self.enabled { events::RuleState::Enabled } else { events::RuleState::Disabled };
        let call = self.client(cx).put_rule().name(&self.name).description(&self.description);
        let mut call = call.event_pattern(self.pattern.to_string()).state(state);
        // Of a rule that is there the tags are left as they are.
        for (key, value) in cx.cloud.names.tags() {
            call = call.tags(events::Tag::builder().key(key).value(value).build().telling(making)?);
        }
        let made = Patience::PROPAGATION
            .retry(is_changing, || async { answer("PutRule", call.clone().send().await) })
            .await
            .telling(making)?;
        Ok(made.rule_arn.unwrap_or_default())
    }

    async fn targets(&self, cx: &Cx) -> Result<Vec<events::Target>, CallError> {
        let (mut targets, mut token) = (Vec::new(), None);
        loop {
            let call = self.client(cx).list_targets_by_rule().rule(&self.name).set_next_token(token);
            let page = answer("ListTargetsByRule", call.send().await)?;
            targets.extend(page.targets.unwrap_or_default());
            match page.next_token {
                Some(next) => token = Some(next),
                None => return Ok(targets),
            }
        }
    }

    /// The call succeeds even when a target was not taken.
    async fn aim(&self, cx: &Cx, arn: &str) -> Result<(), CallError> {
        let target = plain(arn).map_err(|e| CallError::unbuilt("PutTargets", &e))?;
        Patience::PROPAGATION
            .retry(
                |e| is_changing(e) || absent(e),
                || async {
                    let call = self.client(cx).put_targets().rule(&self.name).targets(target.clone());
                    let output = answer("PutTargets", call.send().await)?;
                    let entry = output.failed_entries().first();
                    match (output.failed_entry_count, entry) {
                        (0, None) => Ok(()),
                        (_, entry) => Err(CallError::part(
                            "PutTargets",
                            entry.and_then(|entry| entry.error_code()),
                            entry.and_then(|entry| entry.error_message()),
                        )),
                    }
                },
            )
            .await
    }

    async fn remove(&self, cx: &Cx, ids: Vec<String>) -> Result<(), CallError> {
        if ids.is_empty() {
            return Ok(());
        }
        let call = self.client(cx).remove_targets().rule(&self.name).set_ids(Some(ids));
        let output = answer("RemoveTargets", call.send().await)?;
        match output.failed_entries().first() {
            Some(entry) => Err(CallError::part("RemoveTargets", entry.error_code(), entry.error_message())),
            None => Ok(()),
        }
    }
}

impl Target {
    /// ARN; `None` while the node does not exist.
    fn arn(&self, cx: &Cx) -> Result<Option<String>, StepError> {
        Ok(match self {
            Self::Topic(node) => cx.try_output::<Topic>(node)?.map(|topic| topic.arn),
            Self::Function(node) => cx.try_output::<Alias>(node)?.map(|alias| alias.arn),
            Self::Other(arn) => Some(arn.clone()),
        })
    }

    /// The targets in place: the wanted one when it is the only one and gets events unchanged.
    fn read(&self, targets: &[events::Target], arn: Option<&str>) -> Self {
        let exact = |target: &events::Target| arn.and_then(|arn| plain(arn).ok()).as_ref() == Some(target);
        match targets {
            [one] if exact(one) => self.clone(),
            others => Self::Other(others.iter().map(|target| target.arn()).collect::<Vec<_>>().join(" ")),
        }
    }
}

fn plain(arn: &str) -> Result<events::Target, aws_smithy_types::error::operation::BuildError> {
    events::Target::builder().id(TARGET).arn(arn).build()
}

fn absent(error: &CallError) -> bool {
    error.is("ResourceNotFoundException")
}

fn is_changing(error: &CallError) -> bool {
    error.is("ConcurrentModificationException")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn the_wanted_target_is_read_only_when_it_is_the_only_one() {
        let wanted = Target::Topic("topic".into());
        let (ours, other) = (plain("arn:t").unwrap(), plain("arn:o").unwrap());
        assert_eq!(wanted.read(std::slice::from_ref(&ours), Some("arn:t")), wanted);
        assert_eq!(wanted.read(&[ours.clone(), other], Some("arn:t")), Target::Other("arn:t arn:o".into()));
        assert_eq!(wanted.read(std::slice::from_ref(&ours), None), Target::Other("arn:t".into()));
        assert_eq!(wanted.read(&[], Some("arn:t")), Target::Other(String::new()));
    }

    #[test]
    fn a_target_that_gets_something_else_is_a_difference() {
        let wanted = Target::Topic("topic".into());
        let changed = events::Target::builder().id(TARGET).arn("arn:t").input("{}").build().unwrap();
        assert_eq!(wanted.read(&[changed], Some("arn:t")), Target::Other("arn:t".into()));
    }
}
