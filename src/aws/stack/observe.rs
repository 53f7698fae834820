//! What is seen of the site: alarms, a dashboard, mail to the owner, and the account's own record.

use serde_json::json;

use super::Wanted;
use crate::aws::manage::events_rule::{Rule, Target};
use crate::aws::observe::cloudtrail_trail::Trail;
use crate::aws::observe::cloudwatch_alarm::Alarm;
use crate::aws::observe::cloudwatch_dashboard::{Dashboard, Shown};
use crate::aws::observe::sns_subscription::Subscription;
use crate::aws::observe::sns_topic::Topic;
use crate::aws::{Cloud, EDGE_REGION, Place};
use crate::deploy::{Graph, GraphError};

pub(super) fn add(graph: &mut Graph<Cloud>, wanted: &Wanted<'_>) -> Result<(), GraphError> {
    topics(graph, wanted)?;
    alarms(graph, wanted)?;
    dashboard(graph, wanted)?;
    if wanted.config.observe.audit {
        let trail = Trail::audit(wanted.names, wanted.names.logs_bucket());
        graph.add("audit", trail, &["logs-bucket-policy"])?;
    }
    Ok(())
}

/// A topic for each region that alarms are in: an alarm reaches topics of its own region only.
fn topics(graph: &mut Graph<Cloud>, wanted: &Wanted<'_>) -> Result<(), GraphError> {
    let Some(address) = &wanted.config.observe.notify else { return Ok(()) };
    let mut places = vec![("topic-edge", Place::Edge)];
    if wanted.names.region != EDGE_REGION {
        places.push(("topic", Place::Home));
    }
    for (node, place) in places {
        graph.add(node, Topic::alarms(wanted.names, place), &[])?;
        graph.add(&format!("{node}-mail"), Subscription::by_mail(node, place, address), &[node])?;
    }
    Ok(())
}

/// The topic that alarms of a region are told to.
fn topic(wanted: &Wanted<'_>, place: Place) -> Option<&'static str> {
    wanted.config.observe.notify.as_ref()?;
    let home = place == Place::Home && wanted.names.region != EDGE_REGION;
    Some(if home { "topic" } else { "topic-edge" })
}

fn alarms(graph: &mut Graph<Cloud>, wanted: &Wanted<'_>) -> Result<(), GraphError> {
    let names = wanted.names;
    let (home, edge) = (topic(wanted, Place::Home), topic(wanted, Place::Edge));
    let mut alarms = vec![("alarm-edge-errors", Alarm::edge_errors(names, "distribution", edge), "distribution")];
    if wanted.has_api() {
        let function = names.part("api");
        alarms.push(("alarm-function-errors", Alarm::function_errors(names, &function, home), "function"));
        alarms.push(("alarm-function-throttles", Alarm::function_throttles(names, &function, home), "function"));
        alarms.push(("alarm-function-slow", Alarm::function_slow(names, &function, home), "function"));
        alarms.push(("alarm-api-errors", Alarm::api_errors(names, "http-api", home), "http-api"));
    }
    if wanted.migrations.is_some() {
        let cluster = names.part("database");
        alarms.push(("alarm-database-load", Alarm::database_load(names, &cluster, home), "database"));
    }
    for (node, alarm, of) in alarms {
        let needs: Vec<String> = alarm.topic.iter().cloned().chain([of.to_owned()]).collect();
        graph.add(node, alarm, &needs.iter().map(String::as_str).collect::<Vec<_>>())?;
    }
    certificate_warning(graph, wanted)
}

/// AWS says 45 days before the end that a certificate could not be renewed.
///
/// Source: ACM user guide, "Amazon EventBridge support for ACM".
fn certificate_warning(graph: &mut Graph<Cloud>, wanted: &Wanted<'_>) -> Result<(), GraphError> {
    let (Some(topic), true) = (topic(wanted, Place::Edge), wanted.config.site.domain.is_some()) else { return Ok(()) };
    let pattern = json!({
        "source": ["aws.acm"],
        "detail-type": ["ACM Certificate Approaching Expiration", "ACM Certificate Renewal Action Required"],
    });
    let name = wanted.names.part("certificate");
    let rule = Rule::new(name, Place::Edge, "A certificate is not being renewed", pattern, Target::Topic(topic.into()));
    graph.add("certificate-warning", rule, &[topic])
}

fn dashboard(graph: &mut Graph<Cloud>, wanted: &Wanted<'_>) -> Result<(), GraphError> {
    let names = wanted.names;
    let documents = wanted.api.iter().flat_map(|api| &api.documents);
    let tables: Vec<_> = documents.map(|collection| names.part(collection)).collect();
    let (function, cluster) = (names.part("api"), names.part("database"));
    let has_database = wanted.migrations.is_some();
    let shown = Shown {
        distribution: Some("distribution"),
        api: wanted.has_api().then_some("http-api"),
        function: wanted.has_api().then_some(function.as_str()),
        tables: &tables,
        cluster: has_database.then_some(cluster.as_str()),
    };
    let needs: Vec<&str> = ["distribution"].into_iter().chain(shown.api).collect();
    graph.add("dashboard", Dashboard::of_site(names, &shown), &needs)
}
