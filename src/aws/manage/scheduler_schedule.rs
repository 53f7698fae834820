//! A schedule: when a job of the API is run.

use aws_sdk_scheduler::operation::get_schedule::GetScheduleOutput;
use aws_sdk_scheduler::types as scheduler;
use serde::{Deserialize, Serialize};

use super::scheduler_group::Group;
use crate::aws::compute::iam_role::Role;
use crate::aws::compute::lambda_alias::Alias;
use crate::aws::error::{CallError, answer};
use crate::aws::retry::Patience;
use crate::aws::{Cx, Tell};
use crate::deploy::{Found, Resource, StepError};

/// What a role that was made a moment ago is refused with.
///
/// Source: EventBridge Scheduler user guide, "Troubleshooting".
const ROLE_IS_NEW: &str = "must allow AWS EventBridge Scheduler to assume the role";
/// Seconds after which a call that did not succeed is given up; the most that AWS has.
const OLDEST: i32 = 86_400;
/// How often a call that failed is made again.
const RETRIES: i32 = 3;

/// A schedule that calls the function.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Schedule {
    /// Node of the group.
    pub group: String,
    /// Name, unique in the group.
    pub name: String,
    /// When: `cron(…)`, `rate(…)` or `at(…)`.
    pub expression: String,
    /// The clock that `cron` means, `America/Sao_Paulo`.
    pub timezone: String,
    /// Whether it runs.
    pub enabled: bool,
    /// Whether it runs at that minute, not in a window around it.
    pub exact: bool,
    /// Node of the function's alias, or an ARN that is none of ours.
    pub alias: String,
    /// Node of the role that calls it, or an ARN that is none of ours.
    pub role: String,
    /// What the function is given, JSON.
    pub input: String,
    /// How often a call that failed is made again.
    pub retries: i32,
}

/// A schedule gives nothing.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ScheduleOutput {}

impl Schedule {
    /// Runs the function of `alias` with `input`, by the clock of `timezone`.
    pub fn new(name: &str, expression: &str, timezone: &str, input: String, nodes: Nodes<'_>) -> Self {
        Self {
            group: nodes.group.into(),
            name: name.into(),
            expression: expression.into(),
            timezone: timezone.into(),
            enabled: true,
            exact: true,
            alias: nodes.alias.into(),
            role: nodes.role.into(),
            input,
            retries: RETRIES,
        }
    }
}

/// The nodes that a schedule needs.
#[derive(Debug, Clone, Copy)]
pub struct Nodes<'a> {
    /// The group.
    pub group: &'a str,
    /// The function's alias.
    pub alias: &'a str,
    /// The role that calls it.
    pub role: &'a str,
}

impl Resource for Schedule {
    const KIND: &'static str = "scheduler.schedule";
    type Cloud = crate::aws::Cloud;
    type Output = ScheduleOutput;

    fn name(&self) -> String {
        self.name.clone()
    }

    async fn find(&self, cx: &Cx) -> Result<Option<Found<Self>>, StepError> {
        // The group is looked at first; when it is not ours, the run has stopped there.
        let Some(group) = cx.try_output::<Group>(&self.group)? else { return Ok(None) };
        let call = cx.cloud.scheduler.get_schedule().group_name(group.name).name(&self.name);
        let schedule = match answer("GetSchedule", call.send().await) {
            Err(e) if e.is("ResourceNotFoundException") => return Ok(None),
            result => result.telling(|| format!("look at the schedule {}", self.name))?,
        };
        let alias = cx.try_output::<Alias>(&self.alias)?.map(|alias| alias.arn);
        let role = cx.try_output::<Role>(&self.role)?.map(|role| role.arn);
        Ok(Some(Found { spec: self.read(&schedule, alias.as_deref(), role.as_deref()), output: ScheduleOutput {} }))
    }

    /// SDK calls of one try share a token, so that a lost answer makes no second schedule. It is
    /// another one in each run: after a schedule was deleted, the token that it was made with
    /// could be answered with the old success.
    async fn put(&self, cx: &Cx, found: Option<Found<Self>>) -> Result<ScheduleOutput, StepError> {
        let making = || format!("make the schedule {}", self.name);
        let group = cx.output::<Group>(&self.group)?.name;
        let target = self.target(cx)?;
        if found.is_none() {
            match self.create(cx, &group, &target).await {
                // An earlier run's: bring it to what is wanted.
                Err(e) if e.is("ConflictException") => {}
                result => return result.map(|()| ScheduleOutput {}).telling(making),
            }
        }
        self.update(cx, &group, &target).await.telling(making)?;
        Ok(ScheduleOutput {})
    }

    async fn delete(&self, cx: &Cx, _: Found<Self>) -> Result<(), StepError> {
        let Some(group) = cx.try_output::<Group>(&self.group)? else { return Ok(()) };
        let result = Patience::CONFLICT.retry(
            |e| e.is("ConflictException"),
            || async {
                let call = cx.cloud.scheduler.delete_schedule().group_name(&group.name).name(&self.name);
                answer("DeleteSchedule", call.send().await).map(|_| ())
            },
        );
        match result.await {
            Err(e) if e.is("ResourceNotFoundException") => Ok(()),
            result => result.telling(|| format!("delete the schedule {}", self.name)),
        }
    }
}

impl Schedule {
    fn read(&self, schedule: &GetScheduleOutput, alias: Option<&str>, role: Option<&str>) -> Self {
        let node = |seen: Option<&str>, known: Option<&str>, node: &str| match seen {
            Some(seen) if Some(seen) == known => node.to_owned(),
            seen => seen.unwrap_or_default().to_owned(),
        };
        let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
        let target = schedule.target();
        let retry = target.and_then(|target| target.retry_policy());
        Self {
            group: self.group.clone(),
            name: self.name.clone(),
            expression: text(schedule.schedule_expression()),
            timezone: schedule.schedule_expression_timezone().unwrap_or("UTC").to_owned(),
            enabled: schedule.state() == Some(&scheduler::ScheduleState::Enabled),
            exact: schedule.flexible_time_window().map(|w| w.mode()) == Some(&scheduler::FlexibleTimeWindowMode::Off),
            alias: node(target.map(|target| target.arn()), alias, &self.alias),
            role: node(target.map(|target| target.role_arn()), role, &self.role),
            input: text(target.and_then(|target| target.input())),
            retries: retry.and_then(|retry| retry.maximum_retry_attempts()).unwrap_or_default(),
        }
    }

    fn state(&self) -> scheduler::ScheduleState {
        if self.enabled { scheduler::ScheduleState::Enabled } else { scheduler::ScheduleState::Disabled }
    }

    fn target(&self, cx: &Cx) -> Result<scheduler::Target, StepError> {
        let retry = scheduler::RetryPolicy::builder().maximum_retry_attempts(self.retries);
        scheduler::Target::builder()
            .arn(cx.output::<Alias>(&self.alias)?.arn)
            .role_arn(cx.output::<Role>(&self.role)?.arn)
            .input(&self.input)
            .retry_policy(retry.maximum_event_age_in_seconds(OLDEST).build())
            .build()
            .telling(|| "target")
    }

    async fn create(&self, cx: &Cx, group: &str, target: &scheduler::Target) -> Result<(), CallError> {
        let window = at_that_minute("CreateSchedule")?;
        let call = cx.cloud.scheduler.create_schedule().group_name(group).name(&self.name);
        let call = call.schedule_expression(&self.expression).schedule_expression_timezone(&self.timezone);
        let call = call.state(self.state()).target(target.clone()).flexible_time_window(window);
        Patience::PROPAGATION
            .retry(role_is_new, || async { answer("CreateSchedule", call.clone().send().await).map(|_| ()) })
            .await
    }

    /// The whole schedule: whatever is left out would be reset.
    async fn update(&self, cx: &Cx, group: &str, target: &scheduler::Target) -> Result<(), CallError> {
        let window = at_that_minute("UpdateSchedule")?;
        let call = cx.cloud.scheduler.update_schedule().group_name(group).name(&self.name);
        let call = call.schedule_expression(&self.expression).schedule_expression_timezone(&self.timezone);
        let call = call.state(self.state()).target(target.clone()).flexible_time_window(window);
        Patience::PROPAGATION
            .retry(
                |e| role_is_new(e) || e.is("ConflictException"),
                || async { answer("UpdateSchedule", call.clone().send().await).map(|_| ()) },
            )
            .await
    }
}

fn at_that_minute(operation: &'static str) -> Result<scheduler::FlexibleTimeWindow, CallError> {
    let window = scheduler::FlexibleTimeWindow::builder().mode(scheduler::FlexibleTimeWindowMode::Off).build();
    window.map_err(|e| CallError::unbuilt(operation, &e))
}

fn role_is_new(error: &CallError) -> bool {
    error.says("ValidationException", ROLE_IS_NEW)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    const NODES: Nodes<'static> = Nodes { group: "schedules", alias: "function-alias", role: "schedule-role" };

    fn wanted() -> Schedule {
        Schedule::new("nightly", "cron(0 6 * * ? *)", "America/Sao_Paulo", "{\"run\":\"api/nightly.js\"}".into(), NODES)
    }

    fn there(alias: &str, mode: scheduler::FlexibleTimeWindowMode) -> GetScheduleOutput {
        let retry = scheduler::RetryPolicy::builder().maximum_retry_attempts(3).build();
        let target = scheduler::Target::builder().arn(alias).role_arn("arn:role").input(wanted().input);
        GetScheduleOutput::builder()
            .schedule_expression("cron(0 6 * * ? *)")
            .schedule_expression_timezone("America/Sao_Paulo")
            .state(scheduler::ScheduleState::Enabled)
            .target(target.retry_policy(retry).build().unwrap())
            .flexible_time_window(scheduler::FlexibleTimeWindow::builder().mode(mode).build().unwrap())
            .build()
    }

    #[test]
    fn arns_of_nodes_are_read_as_their_names() {
        let there = there("arn:alias", scheduler::FlexibleTimeWindowMode::Off);
        assert_eq!(wanted().read(&there, Some("arn:alias"), Some("arn:role")), wanted());
    }

    #[test]
    fn what_somebody_changed_is_a_difference() {
        let read = wanted().read(&there("arn:other", scheduler::FlexibleTimeWindowMode::Flexible), None, None);
        assert_eq!((read.alias.as_str(), read.role.as_str(), read.exact), ("arn:other", "arn:role", false));
    }
}
