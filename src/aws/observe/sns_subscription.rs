//! The mail address that alarms are sent to.

use aws_sdk_sns::types as sns;
use serde::{Deserialize, Serialize};

use super::sns_topic::{Topic, gone};
use crate::aws::error::{CallError, answer};
use crate::aws::{Cx, Place, Tell};
use crate::deploy::{Change, Found, Resource, StepError};

/// The protocol of a subscription by mail.
const MAIL: &str = "email";
/// Instead of the ARN of a subscription that its reader has not confirmed yet.
const PENDING: &str = "PendingConfirmation";
/// Instead of the ARN of a subscription that was ended.
const ENDED: &str = "Deleted";

/// A subscription by mail.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Subscription {
    /// Node of the topic.
    pub topic: String,
    /// Where the topic is.
    pub place: Place,
    /// The mail address.
    pub endpoint: String,
    /// Whether its reader has confirmed it: only they can, so it is shown and not waited for.
    pub confirmed: bool,
}

/// What is known of a subscription.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SubscriptionOutput {
    /// Whether its reader has confirmed it.
    pub confirmed: bool,
    /// ARN, once it is confirmed.
    pub arn: Option<String>,
}

impl Subscription {
    /// Mails to this address from the topic of this node.
    pub fn by_mail(topic: &str, place: Place, address: &str) -> Self {
        Self { topic: topic.into(), place, endpoint: address.into(), confirmed: true }
    }
}

impl Resource for Subscription {
    const KIND: &'static str = "sns.subscription";
    type Cloud = crate::aws::Cloud;
    type Output = SubscriptionOutput;

    fn name(&self) -> String {
        format!("{} to {}", self.endpoint, self.topic)
    }

    /// Publishing again would not make a reader confirm sooner.
    fn change(&self, found: &Self) -> Change {
        if *self == (Self { confirmed: self.confirmed, ..found.clone() }) { Change::Same } else { Change::Update }
    }

    async fn find(&self, cx: &Cx) -> Result<Option<Found<Self>>, StepError> {
        let Some(topic) = cx.try_output::<Topic>(&self.topic)? else { return Ok(None) };
        let seen = self.subscription(cx, &topic.arn).await;
        let Some(seen) = seen.telling(|| format!("look for the subscription of {}", self.endpoint))? else {
            return Ok(None);
        };
        let output = output(seen.subscription_arn());
        Ok(Some(Found { spec: Self { confirmed: output.confirmed, ..self.clone() }, output }))
    }

    async fn put(&self, cx: &Cx, found: Option<Found<Self>>) -> Result<SubscriptionOutput, StepError> {
        if let Some(found) = found {
            return Ok(found.output);
        }
        let topic = cx.output::<Topic>(&self.topic)?.arn;
        // Of an address that waits already, AWS makes no second subscription.
        let call = cx.cloud.sns.at(self.place).subscribe().topic_arn(topic).protocol(MAIL).endpoint(&self.endpoint);
        let made = answer("Subscribe", call.send().await);
        let made = made.telling(|| format!("subscribe {} to alarms", self.endpoint))?;
        let output = output(made.subscription_arn());
        if !output.confirmed {
            cx.note(format!("confirm the mail that AWS sent to {}", self.endpoint));
        }
        Ok(output)
    }

    /// One that is not confirmed cannot be removed; AWS drops it after two days, or with its topic.
    ///
    /// Source: SNS API reference, Unsubscribe; SNS developer guide, "Deleting a subscription".
    async fn delete(&self, cx: &Cx, found: Found<Self>) -> Result<(), StepError> {
        let Some(arn) = found.output.arn else { return Ok(()) };
        let call = cx.cloud.sns.at(self.place).unsubscribe().subscription_arn(arn);
        match answer("Unsubscribe", call.send().await) {
            Err(e) if !gone(&e) => Err(e.while_doing(format!("end the subscription of {}", self.endpoint))),
            _ => Ok(()),
        }
    }
}

impl Subscription {
    async fn subscription(&self, cx: &Cx, topic: &str) -> Result<Option<sns::Subscription>, CallError> {
        let mut token = None;
        loop {
            let call = cx.cloud.sns.at(self.place).list_subscriptions_by_topic().topic_arn(topic);
            let page = match answer("ListSubscriptionsByTopic", call.set_next_token(token).send().await) {
                Err(e) if gone(&e) => return Ok(None),
                page => page?,
            };
            if let Some(seen) = page.subscriptions().iter().find(|seen| self.is(seen)) {
                return Ok(Some(seen.clone()));
            }
            match page.next_token {
                Some(next) => token = Some(next),
                None => return Ok(None),
            }
        }
    }

    fn is(&self, seen: &sns::Subscription) -> bool {
        seen.protocol() == Some(MAIL)
            && seen.endpoint() == Some(&self.endpoint)
            && seen.subscription_arn() != Some(ENDED)
    }
}

/// Subscribe says "pending confirmation", a list "PendingConfirmation".
fn output(arn: Option<&str>) -> SubscriptionOutput {
    let arn = arn.filter(|arn| *arn != PENDING && arn.starts_with("arn:")).map(str::to_owned);
    SubscriptionOutput { confirmed: arn.is_some(), arn }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subscription_that_waits_for_its_reader_is_no_difference() {
        let wanted = Subscription::by_mail("topic", Place::Home, "owner@example.com");
        assert_eq!(wanted.change(&Subscription { confirmed: false, ..wanted.clone() }), Change::Same);
        assert_eq!(wanted.change(&Subscription { endpoint: "x@example.com".into(), ..wanted.clone() }), Change::Update);
    }

    #[test]
    fn what_is_no_arn_is_not_confirmed() {
        for arn in [None, Some("pending confirmation"), Some(PENDING)] {
            assert!(!output(arn).confirmed);
        }
        assert!(output(Some("arn:aws:sns:r:1:t:id")).confirmed);
    }
}
