//! Alarms: what has to go wrong so that the owner is told.

use std::collections::BTreeMap;

use aws_sdk_cloudwatch::types as cw;
use serde::{Deserialize, Serialize};

use super::sns_topic::Topic;
use crate::aws::compute::apigateway_api::HttpApi;
use crate::aws::edge::cloudfront_distribution::Distribution;
use crate::aws::error::{CallError, answer};
use crate::aws::{Cx, Names, Place, Tell};
use crate::deploy::{Found, Resource, StepError};

/// Seconds of one period.
const FIVE_MINUTES: i32 = 300;

/// An alarm on one metric.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Alarm {
    /// Name, unique in the region.
    pub name: String,
    /// Where it is: with its metric and its topic.
    pub place: Place,
    /// What it means and what to look at, for whoever is woken by it.
    pub description: String,
    /// What is watched.
    pub metric: Metric,
    /// `Sum`, `Average`, … or a percentile, `p95`.
    pub statistic: String,
    /// Seconds of one period.
    pub period: i32,
    /// How many of the last periods are looked at.
    pub evaluation: i32,
    /// How many of them have to be bad.
    pub datapoints: i32,
    /// The bound.
    pub threshold: f64,
    /// How the bound is compared, as CloudWatch calls it.
    pub comparison: String,
    /// What a period without visitors counts as.
    pub missing: String,
    /// Node of the topic that is told, also when all is well again.
    pub topic: Option<String>,
    /// Whether anybody is told.
    pub enabled: bool,
}

/// A metric.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Metric {
    /// Namespace.
    pub namespace: String,
    /// Name.
    pub name: String,
    /// Of what.
    pub dimensions: BTreeMap<String, Dimension>,
}

/// The value of a dimension.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Dimension {
    /// As it is.
    Text(String),
    /// The id of the distribution of this node.
    Distribution(String),
    /// The id of the API of this node.
    Api(String),
}

/// What others need of an alarm.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct AlarmOutput {
    /// ARN.
    pub arn: String,
}

impl Alarm {
    /// More than one answer in twenty is an error, at the edge.
    pub fn edge_errors(names: &Names, distribution: &str, topic: Option<&str>) -> Self {
        let dimensions = BTreeMap::from([
            ("DistributionId".to_owned(), Dimension::Distribution(distribution.into())),
            ("Region".to_owned(), Dimension::Text("Global".into())),
        ]);
        let metric = Metric { namespace: "AWS/CloudFront".into(), name: "5xxErrorRate".into(), dimensions };
        let words = "5 % of the answers that visitors get are errors (5xx)";
        // CloudFront's metrics are in one region.
        let place = Place::Edge;
        Self { place, ..Self::on(names, "edge-errors", words, metric, "Average", 5.0, topic) }
    }

    /// The function failed, beyond an answer that says so.
    pub fn function_errors(names: &Names, function: &str, topic: Option<&str>) -> Self {
        let words = "the API's function crashed or ran out of time";
        let alarm = Self::on(names, "function-errors", words, lambda("Errors", function), "Sum", 1.0, topic);
        Self { evaluation: 1, datapoints: 1, ..alarm }
    }

    /// Requests were refused because too many were being answered.
    pub fn function_throttles(names: &Names, function: &str, topic: Option<&str>) -> Self {
        let words = "requests to the API were refused for want of concurrency";
        Self::on(names, "function-throttles", words, lambda("Throttles", function), "Sum", 1.0, topic)
    }

    /// One request in twenty takes longer than five seconds.
    pub fn function_slow(names: &Names, function: &str, topic: Option<&str>) -> Self {
        let words = "one request in twenty to the API takes more than 5 seconds";
        Self::on(names, "function-slow", words, lambda("Duration", function), "p95", 5000.0, topic)
    }

    /// The database is near the capacity that it may have.
    pub fn database_load(names: &Names, cluster: &str, topic: Option<&str>) -> Self {
        let dimensions = BTreeMap::from([("DBClusterIdentifier".to_owned(), Dimension::Text(cluster.into()))]);
        let metric = Metric { namespace: "AWS/RDS".into(), name: "ACUUtilization".into(), dimensions };
        let words = "the database uses 90 % of the capacity that database.max_acu allows";
        Self::on(names, "database-load", words, metric, "Average", 90.0, topic)
    }

    /// The API answers with errors.
    pub fn api_errors(names: &Names, api: &str, topic: Option<&str>) -> Self {
        let dimensions = BTreeMap::from([("ApiId".to_owned(), Dimension::Api(api.into()))]);
        let metric = Metric { namespace: "AWS/ApiGateway".into(), name: "5xx".into(), dimensions };
        let words = "the API answers with errors (5xx)";
        Self::on(names, "api-errors", words, metric, "Sum", 5.0, topic)
    }

    /// Bad in two of three periods, and told to the topic.
    fn on(
        names: &Names,
        part: &str,
        words: &str,
        metric: Metric,
        statistic: &str,
        threshold: f64,
        topic: Option<&str>,
    ) -> Self {
        Self {
            name: names.part(part),
            place: Place::Home,
            description: format!("{}: {words}. Look with: arqsite status, arqsite logs --errors", names.mark()),
            metric,
            statistic: statistic.into(),
            period: FIVE_MINUTES,
            evaluation: 3,
            datapoints: 2,
            threshold,
            comparison: "GreaterThanOrEqualToThreshold".into(),
            missing: "notBreaching".into(),
            topic: topic.map(str::to_owned),
            enabled: true,
        }
    }
}

fn lambda(name: &str, function: &str) -> Metric {
    let dimensions = BTreeMap::from([("FunctionName".to_owned(), Dimension::Text(function.into()))]);
    Metric { namespace: "AWS/Lambda".into(), name: name.into(), dimensions }
}

impl Resource for Alarm {
    const KIND: &'static str = "cloudwatch.alarm";
    type Cloud = crate::aws::Cloud;
    type Output = AlarmOutput;

    fn name(&self) -> String {
        self.name.clone()
    }

    async fn find(&self, cx: &Cx) -> Result<Option<Found<Self>>, StepError> {
        let looking = || format!("look at the alarm {}", self.name);
        let Some(alarm) = self.alarm(cx).await.telling(looking)? else { return Ok(None) };
        let arn = alarm.alarm_arn.clone().unwrap_or_default();
        let call = cx.cloud.cloudwatch.at(self.place).list_tags_for_resource().resource_arn(&arn);
        let tags = answer("ListTagsForResource", call.send().await).telling(looking)?;
        let tags = tags.tags().iter().map(|t| (t.key().unwrap_or_default(), t.value().unwrap_or_default()));
        if !cx.cloud.names.owns(tags) {
            return Err(StepError::foreign("alarm", &self.name));
        }
        let topic = match &self.topic {
            Some(topic) => cx.try_output::<Topic>(topic)?.map(|topic| topic.arn),
            None => None,
        };
        let spec = self.read(&alarm, topic.as_deref(), |dimension| value(cx, dimension))?;
        Ok(Some(Found { spec, output: AlarmOutput { arn } }))
    }

    async fn put(&self, cx: &Cx, _: Option<Found<Self>>) -> Result<AlarmOutput, StepError> {
        let making = || format!("make the alarm {}", self.name);
        let call = self.written(cx)?;
        answer("PutMetricAlarm", call.send().await).telling(making)?;
        let arn = self.alarm(cx).await.telling(making)?.and_then(|alarm| alarm.alarm_arn);
        Ok(AlarmOutput { arn: arn.unwrap_or_default() })
    }

    async fn delete(&self, cx: &Cx, _: Found<Self>) -> Result<(), StepError> {
        let call = cx.cloud.cloudwatch.at(self.place).delete_alarms().alarm_names(&self.name);
        match answer("DeleteAlarms", call.send().await) {
            Err(e) if !e.is_any(&["ResourceNotFound", "ResourceNotFoundException"]) => {
                Err(e.while_doing(format!("delete the alarm {}", self.name)))
            }
            _ => Ok(()),
        }
    }
}

/// What a dimension is in the account; `None` while its node does not exist.
fn value(cx: &Cx, dimension: &Dimension) -> Result<Option<String>, StepError> {
    Ok(match dimension {
        Dimension::Text(text) => Some(text.clone()),
        Dimension::Distribution(node) => cx.try_output::<Distribution>(node)?.map(|output| output.id),
        Dimension::Api(node) => cx.try_output::<HttpApi>(node)?.map(|output| output.id),
    })
}

impl Alarm {
    async fn alarm(&self, cx: &Cx) -> Result<Option<cw::MetricAlarm>, CallError> {
        let call = cx.cloud.cloudwatch.at(self.place).describe_alarms().alarm_names(&self.name);
        let call = call.alarm_types(cw::AlarmType::MetricAlarm);
        Ok(answer("DescribeAlarms", call.send().await)?.metric_alarms.unwrap_or_default().into_iter().next())
    }

    /// The alarm in the shape of the spec: ids and ARNs of our nodes are read as their names.
    fn read(
        &self,
        alarm: &cw::MetricAlarm,
        topic: Option<&str>,
        value: impl Fn(&Dimension) -> Result<Option<String>, StepError>,
    ) -> Result<Self, StepError> {
        let mut dimensions = BTreeMap::new();
        for dimension in alarm.dimensions() {
            let (name, id) = (dimension.name().unwrap_or_default(), dimension.value().unwrap_or_default());
            let seen = match self.metric.dimensions.get(name) {
                Some(wanted) if value(wanted)?.as_deref() == Some(id) => wanted.clone(),
                _ => Dimension::Text(id.to_owned()),
            };
            dimensions.insert(name.to_owned(), seen);
        }
        let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
        let (namespace, name) = (text(alarm.namespace()), text(alarm.metric_name()));
        Ok(Self {
            name: self.name.clone(),
            place: self.place,
            description: text(alarm.alarm_description()),
            metric: Metric { namespace, name, dimensions },
            statistic: text(alarm.statistic().map(cw::Statistic::as_str).or(alarm.extended_statistic())),
            period: alarm.period().unwrap_or_default(),
            evaluation: alarm.evaluation_periods().unwrap_or_default(),
            // Without a number every period has to be bad.
            datapoints: alarm.datapoints_to_alarm().or(alarm.evaluation_periods()).unwrap_or_default(),
            threshold: alarm.threshold().unwrap_or_default(),
            comparison: text(alarm.comparison_operator().map(cw::ComparisonOperator::as_str)),
            missing: text(alarm.treat_missing_data().or(Some("missing"))),
            topic: self.told(alarm, topic),
            enabled: alarm.actions_enabled().unwrap_or_default(),
        })
    }

    /// Who is told, by the node's name when it is exactly our topic, both of bad and of good.
    fn told(&self, alarm: &cw::MetricAlarm, topic: Option<&str>) -> Option<String> {
        let (bad, good) = (alarm.alarm_actions(), alarm.ok_actions());
        let only = |actions: &[String]| matches!(actions, [one] if Some(one.as_str()) == topic);
        let unknown = alarm.insufficient_data_actions();
        if only(bad) && only(good) && unknown.is_empty() {
            return self.topic.clone();
        }
        let all: Vec<_> = bad.iter().chain(good).chain(unknown).map(String::as_str).collect();
        if all.is_empty() { None } else { Some(all.join(" ")) }
    }

    /// The whole alarm: whatever is left out would be reset.
    fn written(
        &self,
        cx: &Cx,
    ) -> Result<aws_sdk_cloudwatch::operation::put_metric_alarm::builders::PutMetricAlarmFluentBuilder, StepError> {
        let call = cx.cloud.cloudwatch.at(self.place).put_metric_alarm().alarm_name(&self.name);
        let call = call.alarm_description(&self.description).actions_enabled(self.enabled);
        let call = call.namespace(&self.metric.namespace).metric_name(&self.metric.name).period(self.period);
        let call = call.evaluation_periods(self.evaluation).datapoints_to_alarm(self.datapoints);
        let call = call.threshold(self.threshold).comparison_operator(self.comparison.as_str().into());
        let mut call = call.treat_missing_data(&self.missing);
        call = match cw::Statistic::values().contains(&self.statistic.as_str()) {
            true => call.statistic(self.statistic.as_str().into()),
            false => call.extended_statistic(&self.statistic),
        };
        for (name, dimension) in &self.metric.dimensions {
            let value = value(cx, dimension)?;
            let value = value.ok_or_else(|| StepError::bug(format!("the dimension {name} has no value")))?;
            call = call.dimensions(cw::Dimension::builder().name(name).value(value).build());
        }
        if let Some(topic) = &self.topic {
            let arn = cx.output::<Topic>(topic)?.arn;
            call = call.alarm_actions(&arn).ok_actions(arn);
        }
        // Of an alarm that is there the tags are left as they are.
        for (key, value) in cx.cloud.names.tags() {
            call = call.tags(cw::Tag::builder().key(key).value(value).build());
        }
        Ok(call)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    const TOPIC: &str = "arn:aws:sns:us-east-1:1:shop-alarms";

    fn names() -> Names {
        Names::new("shop", "production", "123456789012", "sa-east-1")
    }

    fn ids(dimension: &Dimension) -> Result<Option<String>, StepError> {
        Ok(Some(match dimension {
            Dimension::Text(text) => text.clone(),
            Dimension::Distribution(_) => "E1".into(),
            Dimension::Api(_) => "a1".into(),
        }))
    }

    fn edge() -> cw::builders::MetricAlarmBuilder {
        let dimension = |name, value| cw::Dimension::builder().name(name).value(value).build();
        let wanted = Alarm::edge_errors(&names(), "distribution", Some("topic"));
        cw::MetricAlarm::builder()
            .alarm_description(wanted.description)
            .namespace("AWS/CloudFront")
            .metric_name("5xxErrorRate")
            .dimensions(dimension("Region", "Global"))
            .dimensions(dimension("DistributionId", "E1"))
            .statistic(cw::Statistic::Average)
            .period(300)
            .evaluation_periods(3)
            .datapoints_to_alarm(2)
            .threshold(5.0)
            .comparison_operator(cw::ComparisonOperator::GreaterThanOrEqualToThreshold)
            .treat_missing_data("notBreaching")
            .alarm_actions(TOPIC)
            .ok_actions(TOPIC)
            .actions_enabled(true)
    }

    #[test]
    fn ids_of_nodes_are_read_as_their_names() {
        let wanted = Alarm::edge_errors(&names(), "distribution", Some("topic"));
        assert_eq!(wanted.read(&edge().build(), Some(TOPIC), ids).unwrap(), wanted);
    }

    #[test]
    fn what_somebody_changed_is_a_difference() {
        let wanted = Alarm::edge_errors(&names(), "distribution", Some("topic"));
        let read = |alarm: cw::MetricAlarm| wanted.read(&alarm, Some(TOPIC), ids).unwrap();
        assert_eq!(
            read(edge().alarm_actions("arn:other").build()).topic.unwrap(),
            format!("{TOPIC} arn:other {TOPIC}")
        );
        assert_eq!(read(edge().set_ok_actions(None).set_alarm_actions(None).build()).topic, None);
        let other = edge().set_dimensions(None).build();
        assert_ne!(read(other).metric, wanted.metric);
    }

    #[test]
    fn a_percentile_is_read_where_cloudwatch_keeps_it() {
        let slow = Alarm::function_slow(&names(), "shop-api", None);
        let seen = cw::MetricAlarm::builder().extended_statistic("p95").build();
        assert_eq!(slow.read(&seen, None, ids).unwrap().statistic, "p95");
    }
}
