//! One page that shows how the site is doing.

use std::collections::BTreeMap;

use aws_sdk_cloudwatch::types as cw;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::aws::compute::apigateway_api::HttpApi;
use crate::aws::edge::cloudfront_distribution::Distribution;
use crate::aws::error::{CallError, answer};
use crate::aws::manage::placeholder::{abstracted, substituted};
use crate::aws::{Cx, EDGE_REGION, Names, Place, Tell};
use crate::deploy::{Found, Resource, StepError};

/// Placeholder of the distribution's id.
const DISTRIBUTION: &str = "distribution";
/// Placeholder of the API's id.
const API: &str = "api";
/// Width of a dashboard, in its own units.
const WIDTH: usize = 24;
/// Height of a graph.
const HEIGHT: usize = 6;
/// Height of the words above.
const HEADING: usize = 2;
/// Graphs beside each other.
const COLUMNS: usize = 2;
/// Seconds of one point.
const PERIOD: u32 = 300;

/// A dashboard. Dashboards are of the account, not of a region.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Dashboard {
    /// Name, unique in the account.
    pub name: String,
    /// What it shows, with the placeholders `${distribution}` and `${api}` for their ids. The mark
    /// of the site is among its words: by it the dashboard is known as ours, since it is read
    /// anyway, and dashboards that were made before they could be tagged have no tags.
    pub body: Value,
    /// Node of the distribution.
    pub distribution: Option<String>,
    /// Node of the API.
    pub api: Option<String>,
}

/// A dashboard gives nothing.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct DashboardOutput {}

/// What a dashboard shows; only what exists.
#[derive(Debug, Clone, Copy, Default)]
pub struct Shown<'a> {
    /// Node of the distribution.
    pub distribution: Option<&'a str>,
    /// Node of the API.
    pub api: Option<&'a str>,
    /// Name of the function.
    pub function: Option<&'a str>,
    /// Names of the tables.
    pub tables: &'a [String],
    /// Name of the database cluster.
    pub cluster: Option<&'a str>,
}

impl Dashboard {
    /// The dashboard of this site and stage.
    pub fn of_site(names: &Names, shown: &Shown<'_>) -> Self {
        Self {
            // Others of the account's regions would have the same name.
            name: format!("{}-{}", names.prefix(), names.region),
            body: body(names, shown),
            distribution: shown.distribution.map(str::to_owned),
            api: shown.api.map(str::to_owned),
        }
    }
}

impl Resource for Dashboard {
    const KIND: &'static str = "cloudwatch.dashboard";
    type Cloud = crate::aws::Cloud;
    type Output = DashboardOutput;

    fn name(&self) -> String {
        self.name.clone()
    }

    async fn find(&self, cx: &Cx) -> Result<Option<Found<Self>>, StepError> {
        let call = cx.cloud.cloudwatch.at(Place::Home).get_dashboard().dashboard_name(&self.name);
        let text = match answer("GetDashboard", call.send().await) {
            Err(e) if absent(&e) => return Ok(None),
            result => result.telling(|| format!("look at the dashboard {}", self.name))?.dashboard_body,
        };
        let text = text.unwrap_or_default();
        let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
        if !is_marked(&body, &cx.cloud.names.mark()) {
            return Err(StepError::foreign("dashboard", &self.name));
        }
        let body = abstracted(&body, &self.known(cx)?);
        Ok(Some(Found { spec: Self { body, ..self.clone() }, output: DashboardOutput {} }))
    }

    async fn put(&self, cx: &Cx, _: Option<Found<Self>>) -> Result<DashboardOutput, StepError> {
        let making = || format!("make the dashboard {}", self.name);
        let known = self.known(cx)?;
        let wanted = [(DISTRIBUTION, &self.distribution), (API, &self.api)];
        if wanted.iter().any(|(name, node)| node.is_some() && !known.contains_key(*name)) {
            return Err(StepError::bug(format!("the dashboard {} shows what is not there", self.name)));
        }
        let body = substituted(&self.body, &known).to_string();
        let call = cx.cloud.cloudwatch.at(Place::Home).put_dashboard().dashboard_name(&self.name).dashboard_body(body);
        // Of a dashboard that is there the tags are left as they are.
        let tags = cx.cloud.names.tags().map(|(key, value)| cw::Tag::builder().key(key).value(value).build());
        let output = answer("PutDashboard", call.set_tags(Some(tags.into())).send().await).telling(making)?;
        match output.dashboard_validation_messages() {
            [] => Ok(DashboardOutput {}),
            messages => Err(StepError::cloud(making(), complaints(messages))),
        }
    }

    async fn delete(&self, cx: &Cx, _: Found<Self>) -> Result<(), StepError> {
        let call = cx.cloud.cloudwatch.at(Place::Home).delete_dashboards().dashboard_names(&self.name);
        match answer("DeleteDashboards", call.send().await) {
            Err(e) if !absent(&e) => Err(e.while_doing(format!("delete the dashboard {}", self.name))),
            _ => Ok(()),
        }
    }
}

impl Dashboard {
    /// The ids that placeholders stand for, as far as they exist.
    fn known(&self, cx: &Cx) -> Result<BTreeMap<String, String>, StepError> {
        let mut known = BTreeMap::new();
        if let Some(node) = &self.distribution {
            known.extend(cx.try_output::<Distribution>(node)?.map(|output| (DISTRIBUTION.to_owned(), output.id)));
        }
        if let Some(node) = &self.api {
            known.extend(cx.try_output::<HttpApi>(node)?.map(|output| (API.to_owned(), output.id)));
        }
        Ok(known)
    }
}

/// The first is the code of the protocol, the second that of the model.
fn absent(error: &CallError) -> bool {
    error.is_any(&["ResourceNotFound", "DashboardNotFoundError"])
}

/// The call succeeds, and keeps the dashboard, even when it finds fault with it.
fn complaints(messages: &[cw::DashboardValidationMessage]) -> String {
    let complaint = |message: &cw::DashboardValidationMessage| {
        format!("{}: {}", message.data_path().unwrap_or_default(), message.message().unwrap_or_default())
    };
    messages.iter().map(complaint).collect::<Vec<_>>().join("; ")
}

/// Whether a text of the dashboard has the mark.
fn is_marked(body: &Value, mark: &str) -> bool {
    match body {
        Value::String(text) => text.contains(mark),
        Value::Array(list) => list.iter().any(|value| is_marked(value, mark)),
        Value::Object(fields) => fields.values().any(|value| is_marked(value, mark)),
        _ => false,
    }
}

/// Source: CloudWatch API reference, "Dashboard body structure and syntax".
fn body(names: &Names, shown: &Shown<'_>) -> Value {
    let words = format!("# {}\n{}. Made anew by every publish that finds it changed.", names.site, names.mark());
    let mut widgets = vec![json!({
        "type": "text", "x": 0, "y": 0, "width": WIDTH, "height": HEADING, "properties": {"markdown": words},
    })];
    let graphs =
        [edge(shown), function(names, shown), gateway(names, shown), tables(names, shown), cluster(names, shown)];
    for (i, graph) in graphs.into_iter().flatten().enumerate() {
        let width = WIDTH / COLUMNS;
        widgets.push(json!({
            "type": "metric",
            "x": (i % COLUMNS) * width,
            "y": HEADING + (i / COLUMNS) * HEIGHT,
            "width": width,
            "height": HEIGHT,
            "properties": graph,
        }));
    }
    json!({"widgets": widgets})
}

/// A graph of metrics that share a region; each names its own statistic.
fn graph(title: &str, region: &str, metrics: Vec<Value>) -> Value {
    json!({"title": title, "view": "timeSeries", "stacked": false, "region": region, "period": PERIOD,
           "metrics": metrics})
}

fn edge(shown: &Shown<'_>) -> Vec<Value> {
    if shown.distribution.is_none() {
        return Vec::new();
    }
    let metric = |name: &str, statistic: &str, label: &str| {
        let id = format!("${{{DISTRIBUTION}}}");
        json!(["AWS/CloudFront", name, "Region", "Global", "DistributionId", id, {"stat": statistic, "label": label}])
    };
    let rates = vec![
        metric("4xxErrorRate", "Average", "not found, refused (4xx)"),
        metric("5xxErrorRate", "Average", "errors (5xx)"),
    ];
    // Its metrics are in one region, wherever the site is.
    vec![
        graph("Requests at the edge", EDGE_REGION, vec![metric("Requests", "Sum", "requests")]),
        graph("Errors at the edge, %", EDGE_REGION, rates),
    ]
}

fn function(names: &Names, shown: &Shown<'_>) -> Vec<Value> {
    let Some(function) = shown.function else { return Vec::new() };
    let metric = |name: &str, statistic: &str, label: &str| {
        let options = json!({"stat": statistic, "label": label});
        json!(["AWS/Lambda", name, "FunctionName", function, options])
    };
    let calls = vec![
        metric("Invocations", "Sum", "calls"),
        metric("Errors", "Sum", "failures"),
        metric("Throttles", "Sum", "refused"),
    ];
    let times = vec![metric("Duration", "p50", "half of the calls"), metric("Duration", "p95", "95 % of the calls")];
    vec![
        graph("Calls of the API's function", &names.region, calls),
        graph("Time of the API's function, ms", &names.region, times),
    ]
}

fn gateway(names: &Names, shown: &Shown<'_>) -> Vec<Value> {
    if shown.api.is_none() {
        return Vec::new();
    }
    let metric = |name: &str, statistic: &str, label: &str| {
        let id = format!("${{{API}}}");
        json!(["AWS/ApiGateway", name, "ApiId", id, {"stat": statistic, "label": label}])
    };
    let times =
        vec![metric("Latency", "p50", "half of the requests"), metric("Latency", "p95", "95 % of the requests")];
    let counts = vec![metric("Count", "Sum", "requests"), metric("5xx", "Sum", "errors (5xx)")];
    vec![graph("Requests to the API", &names.region, counts), graph("Time of the API, ms", &names.region, times)]
}

fn tables(names: &Names, shown: &Shown<'_>) -> Vec<Value> {
    if shown.tables.is_empty() {
        return Vec::new();
    }
    let metrics = |pairs: [(&str, &str); 2]| {
        let of_table = |table: &String| {
            pairs.map(|(name, label)| {
                json!(["AWS/DynamoDB", name, "TableName", table, {"stat": "Sum", "label": format!("{table}: {label}")}])
            })
        };
        shown.tables.iter().flat_map(of_table).collect()
    };
    let used = metrics([("ConsumedReadCapacityUnits", "read"), ("ConsumedWriteCapacityUnits", "written")]);
    let refused = metrics([("ReadThrottleEvents", "reads refused"), ("WriteThrottleEvents", "writes refused")]);
    vec![graph("Units used by tables", &names.region, used), graph("Refused by tables", &names.region, refused)]
}

fn cluster(names: &Names, shown: &Shown<'_>) -> Vec<Value> {
    let Some(cluster) = shown.cluster else { return Vec::new() };
    let metric = |name: &str, statistic: &str, label: &str| {
        let options = json!({"stat": statistic, "label": label});
        json!(["AWS/RDS", name, "DBClusterIdentifier", cluster, options])
    };
    let capacity = vec![metric("ServerlessDatabaseCapacity", "Average", "capacity units (ACU)")];
    let load = vec![metric("ACUUtilization", "Average", "of the capacity allowed")];
    vec![
        graph("Capacity of the database, ACU", &names.region, capacity),
        graph("Load of the database, %", &names.region, load),
    ]
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn names() -> Names {
        Names::new("shop", "production", "1", "sa-east-1")
    }

    fn whole() -> Dashboard {
        let tables = ["shop-orders".to_owned()];
        let (distribution, api) = (Some("distribution"), Some("http-api"));
        let (function, cluster) = (Some("shop-api"), Some("shop-database"));
        Dashboard::of_site(&names(), &Shown { distribution, api, function, tables: &tables, cluster })
    }

    #[test]
    fn only_what_exists_is_shown() {
        let titles = |dashboard: &Dashboard| dashboard.body["widgets"].as_array().unwrap().len();
        assert_eq!(titles(&whole()), 11);
        let site = Shown { distribution: Some("distribution"), ..Shown::default() };
        assert_eq!(titles(&Dashboard::of_site(&names(), &site)), 3);
    }

    #[test]
    fn widgets_do_not_overlap() {
        let body = whole().body;
        let widgets = body["widgets"].as_array().unwrap();
        let places: std::collections::BTreeSet<_> =
            widgets.iter().map(|w| (w["x"].as_u64().unwrap(), w["y"].as_u64().unwrap())).collect();
        assert_eq!(places.len(), widgets.len());
        assert!(widgets.iter().all(|w| w["x"].as_u64().unwrap() + w["width"].as_u64().unwrap() <= 24));
    }

    #[test]
    fn ids_are_read_back_as_placeholders() {
        let known = BTreeMap::from([(DISTRIBUTION.to_owned(), "E1X".to_owned()), (API.to_owned(), "a1b2".to_owned())]);
        let there = substituted(&whole().body, &known);
        assert!(there.to_string().contains("E1X") && !there.to_string().contains("${"));
        assert_eq!(abstracted(&there, &known), whole().body);
    }

    #[test]
    fn a_dashboard_without_the_mark_is_not_ours() {
        assert!(is_marked(&whole().body, &names().mark()));
        assert!(!is_marked(&json!({"widgets": []}), &names().mark()));
        assert!(!is_marked(&whole().body, &Names::new("other", "production", "1", "r").mark()));
    }
}
