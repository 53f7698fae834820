//! The group of the site's schedules, which carries their tags.

use aws_sdk_scheduler::types as scheduler;
use serde::{Deserialize, Serialize};

use crate::aws::error::{CallError, answer};
use crate::aws::retry::Patience;
use crate::aws::{Cx, Names, Tell};
use crate::deploy::{Found, Resource, StepError};

/// A group of schedules. A schedule cannot be tagged: whose it is, its group says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Group {
    /// Name, unique in the region.
    pub name: String,
}

/// What others need of a group.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct GroupOutput {
    /// Name.
    pub name: String,
    /// ARN; what a role may be taken for.
    pub arn: String,
}

impl Group {
    /// The group of this site and stage.
    pub fn of_site(names: &Names) -> Self {
        Self { name: names.part("schedules") }
    }
}

impl Resource for Group {
    const KIND: &'static str = "scheduler.group";
    type Cloud = crate::aws::Cloud;
    type Output = GroupOutput;

    fn name(&self) -> String {
        self.name.clone()
    }

    async fn find(&self, cx: &Cx) -> Result<Option<Found<Self>>, StepError> {
        let looking = || format!("look at the schedule group {}", self.name);
        let Some((arn, state)) = self.group(cx).await.telling(looking)? else { return Ok(None) };
        if state == Some(scheduler::ScheduleGroupState::Deleting) {
            self.wait_until_gone(cx).await.telling(looking)?;
            return Ok(None);
        }
        let call = cx.cloud.scheduler.list_tags_for_resource().resource_arn(&arn);
        let tags = answer("ListTagsForResource", call.send().await).telling(looking)?;
        if !cx.cloud.names.owns(tags.tags().iter().map(|t| (t.key(), t.value()))) {
            return Err(StepError::foreign("schedule group", &self.name));
        }
        Ok(Some(Found { spec: self.clone(), output: GroupOutput { name: self.name.clone(), arn } }))
    }

    async fn put(&self, cx: &Cx, found: Option<Found<Self>>) -> Result<GroupOutput, StepError> {
        if let Some(found) = found {
            return Ok(found.output);
        }
        let making = || format!("make the schedule group {}", self.name);
        let mut call = cx.cloud.scheduler.create_schedule_group().name(&self.name);
        for (key, value) in cx.cloud.names.tags() {
            call = call.tags(scheduler::Tag::builder().key(key).value(value).build().telling(making)?);
        }
        match answer("CreateScheduleGroup", call.send().await) {
            Ok(made) => Ok(GroupOutput { name: self.name.clone(), arn: made.schedule_group_arn }),
            // The answer to an earlier try was lost.
            Err(e) if e.is("ConflictException") => match self.find(cx).await? {
                Some(found) => Ok(found.output),
                None => Err(e.while_doing(making())),
            },
            Err(e) => Err(e.while_doing(making())),
        }
    }

    /// The schedules in it go with it.
    async fn delete(&self, cx: &Cx, _: Found<Self>) -> Result<(), StepError> {
        let deleting = || format!("delete the schedule group {}", self.name);
        let result = Patience::CONFLICT.retry(
            |e| e.is("ConflictException"),
            || async {
                let call = cx.cloud.scheduler.delete_schedule_group().name(&self.name);
                answer("DeleteScheduleGroup", call.send().await).map(|_| ())
            },
        );
        match result.await {
            Err(e) if e.is("ResourceNotFoundException") => return Ok(()),
            result => result.telling(deleting)?,
        }
        match self.wait_until_gone(cx).await.telling(deleting)? {
            true => Ok(()),
            false => Err(StepError::cloud(deleting(), "it is still being deleted after 30 minutes")),
        }
    }
}

impl Group {
    async fn group(&self, cx: &Cx) -> Result<Option<(String, Option<scheduler::ScheduleGroupState>)>, CallError> {
        let call = cx.cloud.scheduler.get_schedule_group().name(&self.name);
        match answer("GetScheduleGroup", call.send().await) {
            Ok(group) => Ok(Some((group.arn.unwrap_or_default(), group.state))),
            Err(e) if e.is("ResourceNotFoundException") => Ok(None),
            Err(e) => Err(e),
        }
    }

    /// A group is deleted with its schedules, which takes a while.
    async fn wait_until_gone(&self, cx: &Cx) -> Result<bool, CallError> {
        let gone = Patience::STATE
            .until(|| async {
                let gone = self.group(cx).await?.is_none();
                if !gone {
                    cx.note("waiting until the schedule group is gone");
                }
                Ok(gone.then_some(()))
            })
            .await?;
        Ok(gone.is_some())
    }
}
