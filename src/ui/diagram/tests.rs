//! Pictures of a small site and of everything.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeMap;

use super::layout::{Layout, Rect};
use super::*;

const SMALL: &[(&str, &str, &str)] = &[
    ("site-bucket", "s3.bucket", "padaria-sol-site-123456789012"),
    ("site-bucket-policy", "s3.bucket_policy", "padaria-sol-site-123456789012"),
    ("edge-store", "cloudfront.key_value_store", "padaria-sol-edge"),
    ("edge-function", "cloudfront.function", "padaria-sol-edge"),
    ("distribution", "cloudfront.distribution", "arqsite padaria-sol"),
    ("release-live", "release.live", "2026-11-24"),
];

const MORE: &[(&str, &str, &str)] = &[
    ("zone", "route53.zone", "padariasol.com.br"),
    ("certificate", "acm.certificate", "padariasol.com.br"),
    ("certificate-issued", "acm.validation", "padariasol.com.br"),
    ("firewall", "wafv2.web_acl", "padaria-sol-edge"),
    ("http-api", "apigateway.api", "padaria-sol"),
    ("http-api-route", "apigateway.route", "$default"),
    ("function", "lambda.function", "padaria-sol-api"),
    ("operator", "lambda.function", "padaria-sol-operator"),
    ("function-role", "iam.role", "padaria-sol-api"),
    ("operator-role", "iam.role", "padaria-sol-operator"),
    ("vpc", "ec2.vpc", "padaria-sol"),
    ("subnet-a", "ec2.subnet", "padaria-sol-a"),
    ("subnet-b", "ec2.subnet", "padaria-sol-b"),
    ("security-group", "ec2.security_group", "padaria-sol-function"),
    ("gateway-endpoint-s3", "ec2.gateway_endpoint", "padaria-sol-s3"),
    ("gateway-endpoint-dynamodb", "ec2.gateway_endpoint", "padaria-sol-dynamodb"),
    ("cluster", "rds.cluster", "padaria-sol"),
    ("instance", "rds.instance", "padaria-sol-1"),
    ("table-tokens", "dynamodb.table", "padaria-sol-tokens"),
    ("table-messages", "dynamodb.table", "padaria-sol-messages"),
    ("table-orders", "dynamodb.table", "padaria-sol-orders"),
    ("table-a", "dynamodb.table", "padaria-sol-a"),
    ("table-b", "dynamodb.table", "padaria-sol-b"),
    ("table-c", "dynamodb.table", "padaria-sol-c"),
    ("files-bucket", "s3.bucket", "padaria-sol-files-123456789012"),
    ("secret", "secretsmanager.secret", "arqsite/padaria-sol/production"),
    ("logs-bucket", "s3.bucket", "padaria-sol-logs-123456789012"),
    ("log-group", "logs.group", "/aws/lambda/padaria-sol-api"),
    ("alarm-1", "cloudwatch.alarm", "padaria-sol-edge-errors"),
    ("alarm-2", "cloudwatch.alarm", "padaria-sol-api-errors"),
    ("alarm-3", "cloudwatch.alarm", "padaria-sol-api-throttles"),
    ("alarm-4", "cloudwatch.alarm", "padaria-sol-api-latency"),
    ("alarm-5", "cloudwatch.alarm", "padaria-sol-database-load"),
    ("alarm-6", "cloudwatch.alarm", "padaria-sol-edge-latency"),
    ("dashboard", "cloudwatch.dashboard", "padaria-sol"),
    ("topic", "sns.topic", "padaria-sol-alarms"),
    ("trail", "cloudtrail.trail", "padaria-sol"),
    ("schedule", "scheduler.schedule", "padaria-sol-nightly"),
    ("rule", "events.rule", "padaria-sol-uploads"),
    ("runbook-rollback", "ssm.document", "padaria-sol-rollback"),
    ("runbook-maintenance", "ssm.document", "padaria-sol-maintenance"),
    ("parameter", "ssm.parameter", "/arqsite/padaria-sol/live"),
];

fn steps(all: &[(&'static str, &'static str, &'static str)], verb: impl Fn(usize) -> Verb) -> Vec<Planned> {
    let step = |(place, (node, kind, name)): (usize, &(&str, &'static str, &str))| Planned {
        holds_data: *kind == "dynamodb.table",
        ..Planned::new(*node, kind, *name, verb(place))
    };
    all.iter().enumerate().map(step).collect()
}

fn edges(all: &[(&str, &[&str])]) -> Edges {
    let set = |needs: &[&str]| needs.iter().map(|need| (*need).to_owned()).collect();
    all.iter().map(|(node, needs)| ((*node).to_owned(), set(needs))).collect()
}

fn small() -> Picture {
    picture_of("padaria-sol · production · sa-east-1", &steps(SMALL, |_| Verb::Create), &Edges::new())
}

fn everything() -> Picture {
    let verbs = [Verb::Same, Verb::Create, Verb::Same, Verb::Update, Verb::Same, Verb::Same, Verb::Replace];
    let verbs = [&verbs[..], &[Verb::Same, Verb::Delete, Verb::Keep]].concat();
    let all = [SMALL, MORE].concat();
    picture_of("padaria-sol · production · sa-east-1", &steps(&all, |place| verbs[place % verbs.len()]), &Edges::new())
}

fn arrow(from: &str, to: &str) -> (String, String) {
    (from.to_owned(), to.to_owned())
}

/// Every tag is closed by its own, and nothing is left open.
fn is_well_formed(xml: &str) {
    let mut open = Vec::new();
    for tag in xml.split('<').skip(1) {
        let (tag, text) = tag.split_once('>').expect("a tag ends");
        assert!(!text.contains('>'), "a bare > after {tag}");
        assert_eq!(tag.matches('"').count() % 2, 0, "{tag}");
        let name = tag.split([' ', '/']).next().unwrap_or_default();
        match tag.strip_prefix('/') {
            Some(name) => assert_eq!(open.pop(), Some(name)),
            None if tag.ends_with('/') => {}
            None => open.push(name),
        }
    }
    assert_eq!(open, Vec::<&str>::new());
    assert!(
        xml.split('&').skip(1).all(|rest| ["amp;", "lt;", "gt;", "quot;", "#39;"].iter().any(|e| rest.starts_with(e)))
    );
}

#[test]
fn a_small_site_is_a_visitor_an_edge_and_a_bucket() {
    let picture = small();
    let ids: Vec<&str> = picture.boxes.iter().map(|drawn| drawn.id.as_str()).collect();
    assert_eq!(ids, ["visitor", "distribution", "edge-function", "edge-store", "site-bucket"]);
    let expected = [
        arrow("visitor", "distribution"),
        arrow("distribution", "edge-function"),
        arrow("edge-function", "edge-store"),
        arrow("distribution", "site-bucket"),
    ];
    assert_eq!(picture.arrows, expected);
    is_well_formed(&svg(&picture));
}

#[test]
fn requests_go_through_zone_and_firewall_and_not_to_the_operator() {
    let arrows = everything().arrows;
    for (from, to) in
        [("visitor", "zone"), ("zone", "firewall"), ("firewall", "distribution"), ("http-api", "function")]
    {
        assert!(arrows.contains(&arrow(from, to)), "{from} -> {to}");
    }
    let wrong = [arrow("zone", "distribution"), arrow("http-api", "operator"), arrow("distribution", "files-bucket")];
    assert!(wrong.iter().all(|wrong| !arrows.contains(wrong)));
}

#[test]
fn edges_tell_which_of_several_things_belong_together() {
    let all = [("api", "apigateway.api", "a"), ("one", "lambda.function", "one"), ("two", "lambda.function", "two")];
    let edges = edges(&[("route", &["api", "alias"]), ("alias", &["two"])]);
    // The route needs both; the API itself needs neither.
    let through = edges.get("route").cloned().unwrap();
    let edges: Edges = [("api".to_owned(), through), ("alias".to_owned(), edges["alias"].clone())].into();
    let picture = picture_of("t", &steps(&all, |_| Verb::Same), &edges);
    assert_eq!(picture.arrows, [arrow("api", "two")]);
}

#[test]
fn nothing_lies_on_anything_else_and_all_lies_inside() {
    let picture = folded(&everything());
    let layout = Layout::of(&picture);
    let apart = |a: &Rect, b: &Rect| a.x + a.w <= b.x || b.x + b.w <= a.x || a.y + a.h <= b.y || b.y + b.h <= a.y;
    let rects: Vec<&Rect> = layout.boxes.iter().map(|(_, rect)| rect).collect();
    for (place, one) in rects.iter().enumerate() {
        assert!(rects[place + 1..].iter().all(|other| apart(one, other)));
        assert!(one.x >= 0.0 && one.x + one.w <= layout.width && one.y + one.h <= layout.height);
    }
    let frames: Vec<&Rect> = layout.frames.values().collect();
    for (place, one) in frames.iter().enumerate() {
        assert!(frames[place + 1..].iter().all(|other| apart(one, other)));
    }
    assert_eq!(layout.boxes.len(), picture.boxes.len() - 1, "all but the network, which is around others");
}

#[test]
fn more_than_four_of_a_title_become_one() {
    let picture = folded(&everything());
    let named = |title: &str| picture.boxes.iter().filter(|drawn| drawn.title == title).count();
    assert_eq!((named("DynamoDB table"), named("Alarm"), named("and 2 more")), (4, 4, 2));
    let tables = picture.arrows.iter().filter(|(_, to)| to.contains("table-")).count();
    assert_eq!(tables, 5);
}

#[test]
fn every_state_has_its_own_look_and_the_legend_says_it() {
    let text = svg(&everything());
    for word in ["new", "changed", "replaced", "removed", "kept", "unchanged"] {
        assert!(text.contains(&format!(">{word}</text>")), "{word}");
    }
    let states: BTreeMap<State, usize> = everything().boxes.iter().map(|drawn| (drawn.state, 1)).collect();
    assert_eq!(states.len(), 6);
}

#[test]
fn names_cannot_break_out_of_their_text() {
    let all = [("b", "s3.bucket", "</text><script>alert(\"1\")</script>&'")];
    let text = svg(&picture_of("<a> & \u{0}b", &steps(&all, |_| Verb::Same), &Edges::new()));
    is_well_formed(&text);
    assert!(!text.contains("<script") && !text.contains('\u{0}') && text.contains("&lt;a&gt; &amp;  b"));
}
