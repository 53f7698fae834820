#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeSet;

use super::*;
use crate::aws::policy;
use crate::config::schedule::Schedule;
use crate::release::pointer::tests::slot;

fn names() -> Names {
    Names::new("shop", "production", "123456789012", "eu-west-1")
}

fn release() -> Option<ReleaseParts> {
    let pointer = Pointer::next(slot(2), Some(&Pointer::next(slot(1), None, 1)), 2);
    Some(ReleaseParts { pointer, flip: true, objects: 3 })
}

fn of(config: &Config, api: Option<ApiParts>, migrations: Option<String>) -> Graph<Cloud> {
    let names = names();
    let engine = Engine { identity: "e".into(), architecture: "x86_64".into() };
    desired(&Wanted { names: &names, config, engine, api, migrations, release: release() }).unwrap()
}

fn full() -> Graph<Cloud> {
    let mut config = Config::default();
    config.site.domain = Some("example.com".into());
    config.site.redirect_from = vec!["www.example.com".into()];
    config.observe.notify = Some("owner@example.com".into());
    config.api.secrets = vec!["KEY".into()];
    config.network.egress = crate::config::network::Egress::Nat;
    config.network.endpoints = vec!["secretsmanager".into()];
    let (name, at, run) = ("nightly".to_owned(), "rate(1 day)".to_owned(), "GET /api/health".to_owned());
    config.schedule = vec![Schedule { name, at, run, ..Schedule::default() }];
    let api = ApiParts { documents: vec!["messages".into()], files: vec!["photos".into()] };
    of(&config, Some(api), Some("hash".into()))
}

#[test]
fn every_graph_is_sound() {
    for (name, graph) in [
        ("static", of(&Config::default(), None, None)),
        ("api", of(&Config::default(), Some(ApiParts::default()), None)),
        ("full", full()),
    ] {
        assert_eq!(graph.validate(), Ok(()), "{name}");
    }
}

#[test]
fn what_costs_money_when_idle_is_there_only_when_it_is_used() {
    let kinds = |graph: &Graph<Cloud>| graph.nodes().values().map(|node| node.step.kind()).collect::<BTreeSet<_>>();
    let plain = kinds(&of(&Config::default(), Some(ApiParts::default()), None));
    for kind in ["rds.cluster", "ec2.vpc", "ec2.nat_gateway", "ec2.interface_endpoint", "secretsmanager.secret"] {
        assert!(!plain.contains(kind), "{kind}");
        assert!(kinds(&full()).contains(kind), "{kind}");
    }
}

#[test]
fn every_kind_but_those_of_a_release_can_be_revived() {
    let known: BTreeSet<_> = kinds::kinds().names().collect();
    let revived =
        |kind: &str| !["release.", "engine.", "migrations.bundle"].iter().any(|start| kind.starts_with(start));
    for (name, node) in full().nodes() {
        assert_eq!(known.contains(node.step.kind()), revived(node.step.kind()), "{name}: {}", node.step.kind());
        if known.contains(node.step.kind()) {
            let again = kinds::kinds().revive(node.step.kind(), &node.step.name(), node.step.spec()).unwrap();
            assert_eq!(again.spec(), node.step.spec(), "{name}");
        }
    }
}

#[test]
fn the_site_is_up_before_its_domain() {
    let graph = full();
    let mut needed = BTreeSet::new();
    let mut left = vec!["release-live".to_owned(), "distribution-deployed".to_owned()];
    while let Some(node) = left.pop() {
        left.extend(graph.nodes()[&node].needs.iter().cloned());
        needed.insert(node);
    }
    for node in ["certificate", "certificate-issued", "zone", "distribution-domain", "records-example.com"] {
        assert!(!needed.contains(node), "{node}");
    }
}

#[test]
fn a_lost_ledger_is_made_up_for_by_looking_at_every_part() {
    let (names, config) = (names(), Config::default());
    let engine = Engine::default();
    let wanted = Wanted { names: &names, config: &config, engine, api: None, migrations: None, release: release() };
    let without = known(&wanted, None).unwrap();
    for node in ["database", "vpc", "function", "nat-gateway", "topic", "secret", "files-bucket"] {
        assert!(without.contains(node), "{node}");
    }
    let with = known(&wanted, Some(&Inventory::default())).unwrap();
    assert!(!with.contains("database") && with.contains("distribution"));
}

#[test]
fn what_is_dropped_from_the_configuration_is_remembered() {
    let ledger = Inventory::of(&full());
    let ledger =
        Inventory { made: ledger.made.into_iter().filter(|made| !made.kind.starts_with("release.")).collect() };
    let ledger = Inventory {
        made: ledger.made.into_iter().filter(|m| m.kind != "engine.package" && m.kind != "migrations.bundle").collect(),
    };
    let (names, config) = (names(), Config::default());
    let engine = Engine::default();
    let wanted = Wanted { names: &names, config: &config, engine, api: None, migrations: None, release: release() };
    let known = known(&wanted, Some(&ledger)).unwrap();
    assert_eq!(known.validate(), Ok(()));
    for node in ["zone", "certificate", "schedule-nightly", "endpoint-secretsmanager", "table-messages"] {
        assert!(known.contains(node), "{node}");
    }
}

#[test]
fn every_kind_that_calls_aws_is_in_the_policy() {
    for (name, node) in full().nodes() {
        let kind = node.step.kind();
        let files = policy::actions_of([kind]);
        assert!(!files.is_empty(), "{name}: no calls were found for {kind}");
    }
}
