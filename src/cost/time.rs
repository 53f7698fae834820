//! How long a plan takes: typical times of each kind, and the longest way through the plan.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::deploy::{Planned, Verb};

/// What each node needs, by node.
pub type Edges = BTreeMap<String, BTreeSet<String>>;

/// How long a plan takes, when nothing goes wrong.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Expected {
    /// Seconds of the longest way: the others are done beside it.
    pub seconds: u64,
    /// The nodes of the longest way, from the first to the last.
    pub path: Vec<String>,
}

/// Typical seconds of a kind.
#[derive(Debug, Clone, Copy)]
pub struct Times {
    /// The kind.
    pub kind: &'static str,
    /// To make one, until others can use it.
    pub create: u64,
    /// To change one.
    pub update: u64,
    /// To delete one, until it is gone.
    pub delete: u64,
}

const fn times(kind: &'static str, create: u64, update: u64, delete: u64) -> Times {
    Times { kind, create, update, delete }
}

/// A kind that is not listed: a call or two.
const OTHERS: Times = times("", 2, 2, 2);

/// Kinds that take longer than a call or two. Typical times that users and AWS's documentation
/// report; on a bad day each may take five times as long.
pub const TIMES: &[Times] = &[
    // Until the validation record is seen; for ever where the domain is not delegated.
    times("acm.validation", 120, 120, 1),
    // A certificate that is no longer used can be deleted only some minutes later.
    times("acm.certificate", 5, 5, 60),
    // 3½ to 8 minutes until every edge has it; a change takes 1 to 5.
    times("cloudfront.deployment", 300, 180, 1),
    // It has to be disabled, and that everywhere, before it can be deleted.
    times("cloudfront.distribution", 5, 5, 360),
    times("cloudfront.function", 10, 10, 5),
    times("cloudfront.key_value_store", 30, 5, 5),
    times("dynamodb.table", 15, 10, 10),
    times("ec2.interface_endpoint", 120, 30, 60),
    times("ec2.nat_gateway", 120, 5, 60),
    // Until every part of IAM knows it, 5 to 15 seconds.
    times("iam.role", 10, 5, 2),
    times("lambda.function", 15, 15, 5),
    // Cluster and instance together take 6 to 13 minutes.
    times("rds.cluster", 120, 60, 120),
    times("rds.instance", 420, 120, 300),
    times("release.objects", 10, 10, 5),
    times("release.keys", 5, 5, 5),
    // A release that takes the place of another is asked before and after; mostly the edge knows it within seconds.
    times("release.live", 2, 15, 2),
    // Until all name servers answer it.
    times("route53.record", 60, 60, 30),
    times("s3.bucket", 5, 3, 10),
    times("wafv2.web_acl", 5, 5, 10),
];

/// A function in a VPC gets network interfaces when it is made, 1 to 3 minutes, and gives them
/// back long after it is deleted, 17 to 45 minutes.
const IN_VPC: Times = times("lambda.function", 90, 15, 1800);

/// The longest way through a plan. A node is put after all that it needs, and deleted after what
/// needs it.
pub fn expected(steps: &[Planned], edges: &Edges) -> Expected {
    let steps: BTreeMap<&str, &Planned> = steps.iter().map(|step| (step.node.as_str(), step)).collect();
    let mut ways = Ways { steps, edges, known: BTreeMap::new(), open: BTreeSet::new() };
    let nodes: Vec<&str> = ways.steps.keys().copied().collect();
    let all = nodes.into_iter().flat_map(|node| [ways.until(node, Part::Put), ways.until(node, Part::Delete)]);
    longest(all)
}

/// What is done to a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Part {
    Put,
    Delete,
}

struct Ways<'a> {
    steps: BTreeMap<&'a str, &'a Planned>,
    edges: &'a Edges,
    known: BTreeMap<(&'a str, Part), Expected>,
    /// What is being worked out: a plan whose edges are circular still has an end.
    open: BTreeSet<(&'a str, Part)>,
}

impl<'a> Ways<'a> {
    /// The longest way to the end of a part, with that part.
    fn until(&mut self, node: &'a str, part: Part) -> Expected {
        if let Some(known) = self.known.get(&(node, part)) {
            return known.clone();
        }
        if !self.open.insert((node, part)) {
            return Expected::default();
        }
        let mut way = longest(self.before(node, part).into_iter().map(|(node, part)| self.until(node, part)));
        let seconds = self.seconds(node, part);
        if seconds > 0 {
            way.seconds += seconds;
            // A replacement is one step.
            way.path.retain(|other| other != node);
            way.path.push(node.to_owned());
        }
        self.open.remove(&(node, part));
        self.known.insert((node, part), way.clone());
        way
    }

    /// What comes right before a part.
    fn before(&self, node: &'a str, part: Part) -> Vec<(&'a str, Part)> {
        let edges = self.edges;
        match part {
            Part::Put => {
                let needs = edges.get(node).into_iter().flatten().map(|needs| (needs.as_str(), Part::Put));
                needs.chain([(node, Part::Delete)]).collect()
            }
            Part::Delete => {
                let dependents = edges.iter().filter(|(_, needs)| needs.contains(node));
                dependents.map(|(dependent, _)| (dependent.as_str(), Part::Delete)).collect()
            }
        }
    }

    fn seconds(&self, node: &str, part: Part) -> u64 {
        let Some(step) = self.steps.get(node) else { return 0 };
        let times = self.times(step);
        match (step.verb, part) {
            (Verb::Create | Verb::Replace, Part::Put) => times.create,
            (Verb::Update, Part::Put) => times.update,
            // What is the same now is waited for when what it waits for has changed.
            (Verb::Same, Part::Put) if step.recheck && step.kind == "cloudfront.deployment" => times.update,
            (Verb::Delete | Verb::Replace, Part::Delete) => times.delete,
            _ => 0,
        }
    }

    fn times(&self, step: &Planned) -> Times {
        let needs = self.edges.get(&step.node).into_iter().flatten();
        let in_vpc = || {
            let mut kinds = needs.filter_map(|node| self.steps.get(node.as_str()));
            kinds.any(|step| matches!(step.kind, "ec2.subnet" | "ec2.security_group"))
        };
        match step.kind {
            "lambda.function" if in_vpc() => IN_VPC,
            kind => TIMES.iter().find(|times| times.kind == kind).copied().unwrap_or(OTHERS),
        }
    }
}

/// The first of the longest, so that equal plans have equal answers.
fn longest(ways: impl Iterator<Item = Expected>) -> Expected {
    ways.fold(Expected::default(), |longest, way| if way.seconds > longest.seconds { way } else { longest })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(node: &str, kind: &'static str, verb: Verb) -> Planned {
        Planned::new(node, kind, node, verb)
    }

    fn edges(all: &[(&str, &[&str])]) -> Edges {
        let set = |needs: &[&str]| needs.iter().map(|need| (*need).to_owned()).collect();
        all.iter().map(|(node, needs)| ((*node).to_owned(), set(needs))).collect()
    }

    fn way(seconds: u64, path: &[&str]) -> Expected {
        Expected { seconds, path: path.iter().map(|node| (*node).to_owned()).collect() }
    }

    #[test]
    fn the_longest_branch_decides() {
        let steps = [
            step("bucket", "s3.bucket", Verb::Create),
            step("store", "cloudfront.key_value_store", Verb::Create),
            step("edge", "cloudfront.function", Verb::Create),
            step("distribution", "cloudfront.distribution", Verb::Create),
            step("deployed", "cloudfront.deployment", Verb::Create),
        ];
        let edges =
            edges(&[("edge", &["store"]), ("distribution", &["bucket", "edge"]), ("deployed", &["distribution"])]);
        assert_eq!(expected(&steps, &edges), way(345, &["store", "edge", "distribution", "deployed"]));
    }

    #[test]
    fn what_is_the_same_takes_no_time_and_is_seen_through() {
        let steps = [
            step("a", "s3.bucket", Verb::Update),
            step("b", "cloudfront.distribution", Verb::Same),
            step("c", "cloudfront.deployment", Verb::Update),
        ];
        assert_eq!(expected(&steps, &edges(&[("b", &["a"]), ("c", &["b"])])), way(183, &["a", "c"]));
        assert_eq!(expected(&[], &Edges::new()), Expected::default());
    }

    #[test]
    fn deletes_go_the_other_way_and_a_vpc_waits_for_its_function() {
        let steps = [
            step("vpc", "ec2.vpc", Verb::Delete),
            step("subnet", "ec2.subnet", Verb::Delete),
            step("function", "lambda.function", Verb::Delete),
        ];
        let edges = edges(&[("subnet", &["vpc"]), ("function", &["subnet"])]);
        assert_eq!(expected(&steps, &edges), way(1804, &["function", "subnet", "vpc"]));
    }

    #[test]
    fn a_replacement_is_one_step_of_two_times() {
        let steps = [step("a", "s3.bucket", Verb::Replace), step("b", "iam.role", Verb::Create)];
        assert_eq!(expected(&steps, &edges(&[("b", &["a"])])), way(25, &["a", "b"]));
    }

    #[test]
    fn a_circle_has_an_end() {
        let steps = [step("a", "iam.role", Verb::Create), step("b", "iam.role", Verb::Create)];
        assert_eq!(expected(&steps, &edges(&[("a", &["b"]), ("b", &["a"])])).seconds, 20);
    }
}
