//! The rules of a security group: all of them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::ec2_endpoint::service_name;
use super::ec2_vpc::{close, revoke};
use super::element::Element;
use super::parameters::Parameters;
use super::settle::{Identified, id_of, needed, settling, unknown};
use crate::aws::error::CallError;
use crate::aws::{Cx, Tell};
use crate::deploy::{Found, Resource, StepError};

/// Everything that a group lets through; a rule that is not listed is revoked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupRules {
    /// What they are called in plans.
    pub name: String,
    /// Node of the group.
    pub group: String,
    /// What may come in.
    pub ingress: Vec<Rule>,
    /// What may go out.
    pub egress: Vec<Rule>,
}

/// One rule.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Rule {
    /// `tcp`, `udp`, or `-1` for every protocol.
    pub protocol: String,
    /// First port.
    pub from: i32,
    /// Last port.
    pub to: i32,
    /// From where, or to where.
    pub peer: Peer,
}

/// The other end.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Peer {
    /// Whatever is in the group of this node.
    Group(String),
    /// Addresses.
    Cidr(String),
    /// The addresses of `s3` or `dynamodb`, which AWS keeps in a prefix list.
    PrefixList(String),
}

impl Rule {
    /// One port of TCP.
    pub fn tcp(port: i32, peer: Peer) -> Self {
        Self { protocol: "tcp".into(), from: port, to: port, peer }
    }
}

impl Resource for GroupRules {
    const KIND: &'static str = "ec2.group_rules";
    type Cloud = crate::aws::Cloud;
    type Output = Identified;

    fn name(&self) -> String {
        self.name.clone()
    }

    async fn find(&self, cx: &Cx) -> Result<Option<Found<Self>>, StepError> {
        let looking = || format!("look at the rules of {}", self.name);
        let Some(id) = id_of(cx, &self.group)? else { return Ok(None) };
        let rules = read(cx, &id).await.telling(looking)?;
        // A group without rules has had none made.
        if rules.is_empty() && !(self.ingress.is_empty() && self.egress.is_empty()) {
            return Ok(None);
        }
        let peers = self.peers(cx).await?;
        let side = |egress: bool, wanted: &[Rule]| {
            let side = rules.iter().filter(|rule| rule.is("isEgress") == egress);
            in_order(side.map(|rule| peers.rule(rule)).collect(), wanted)
        };
        let (ingress, egress) = (side(false, &self.ingress), side(true, &self.egress));
        let spec = Self { name: self.name.clone(), group: self.group.clone(), ingress, egress };
        Ok(Some(Found { spec, output: Identified { id } }))
    }

    async fn put(&self, cx: &Cx, _: Option<Found<Self>>) -> Result<Identified, StepError> {
        let changing = || format!("set the rules of {}", self.name);
        let id = needed(cx, &self.group)?;
        let peers = self.peers(cx).await?;
        let there = settling(|| read(cx, &id)).await.telling(changing)?;
        let wanted = |rule: &Element| {
            let side = if rule.is("isEgress") { &self.egress } else { &self.ingress };
            side.contains(&peers.rule(rule))
        };
        for (egress, rules) in [(false, &self.ingress), (true, &self.egress)] {
            let has = |rule: &&Rule| there.iter().any(|t| t.is("isEgress") == egress && peers.rule(t) == **rule);
            for rule in rules.iter().filter(|rule| !has(rule)) {
                let permission =
                    peers.permission(rule, &id).ok_or_else(|| StepError::cloud(changing(), missing(rule)))?;
                settling(|| authorize(cx, egress, &permission)).await.telling(changing)?;
            }
        }
        let extra: Vec<_> = there.iter().filter(|rule| !wanted(rule)).cloned().collect();
        revoke(cx, &id, &extra).await.telling(changing)?;
        Ok(Identified { id })
    }

    async fn delete(&self, cx: &Cx, found: Found<Self>) -> Result<(), StepError> {
        match close(cx, &found.output.id).await {
            Err(e) if !unknown(&e) => Err(e.while_doing(format!("revoke the rules of {}", self.name))),
            _ => Ok(()),
        }
    }
}

fn missing(rule: &Rule) -> String {
    format!("AWS has no {:?}", rule.peer)
}

async fn read(cx: &Cx, group: &str) -> Result<Vec<Element>, CallError> {
    let answer = cx.cloud.ec2.call("DescribeSecurityGroupRules", &Parameters::new().filter("group-id", group)).await?;
    Ok(answer.list("securityGroupRuleSet").to_vec())
}

async fn authorize(cx: &Cx, egress: bool, permission: &Parameters) -> Result<(), CallError> {
    let result = if egress {
        cx.cloud.ec2.call("AuthorizeSecurityGroupEgress", permission).await
    } else {
        cx.cloud.ec2.call("AuthorizeSecurityGroupIngress", permission).await
    };
    match result {
        Err(e) if !e.is("InvalidPermission.Duplicate") => Err(e),
        _ => Ok(()),
    }
}

/// Those that are wanted in the order in which they are wanted, then the others.
fn in_order(mut there: Vec<Rule>, wanted: &[Rule]) -> Vec<Rule> {
    there.sort();
    let mut rules: Vec<_> = wanted.iter().filter(|rule| there.contains(rule)).cloned().collect();
    rules.extend(there.into_iter().filter(|rule| !wanted.contains(rule)));
    rules
}

impl GroupRules {
    /// The ids of all peers that the rules name.
    async fn peers(&self, cx: &Cx) -> Result<Peers, StepError> {
        let mut peers = Peers::default();
        for rule in self.ingress.iter().chain(&self.egress) {
            match &rule.peer {
                Peer::Group(node) => peers.groups.extend(id_of(cx, node)?.map(|id| (id, node.clone()))),
                Peer::PrefixList(service) if !peers.lists.values().any(|known| known == service) => {
                    let id =
                        prefix_list(cx, service).await.telling(|| format!("look for the addresses of {service}"))?;
                    peers.lists.extend(id.map(|id| (id, service.clone())));
                }
                _ => {}
            }
        }
        Ok(peers)
    }
}

async fn prefix_list(cx: &Cx, service: &str) -> Result<Option<String>, CallError> {
    let name = service_name(&cx.cloud.names.region, service);
    let answer = cx.cloud.ec2.call("DescribePrefixLists", &Parameters::new().filter("prefix-list-name", &name)).await?;
    let list = answer.list("prefixListSet").iter().find(|list| list.get("prefixListName") == name);
    Ok(list.map(|list| list.get("prefixListId").to_owned()))
}

/// Nodes and services by their ids.
#[derive(Debug, Default)]
struct Peers {
    groups: BTreeMap<String, String>,
    lists: BTreeMap<String, String>,
}

impl Peers {
    /// An item of `DescribeSecurityGroupRules` as a rule.
    fn rule(&self, item: &Element) -> Rule {
        let known = |ids: &BTreeMap<String, String>, id: &str| ids.get(id).cloned().unwrap_or_else(|| id.to_owned());
        let group = item.at(&["referencedGroupInfo", "groupId"]);
        let list = item.get("prefixListId");
        let peer = if !group.is_empty() {
            Peer::Group(known(&self.groups, group))
        } else if !list.is_empty() {
            Peer::PrefixList(known(&self.lists, list))
        } else {
            let cidr = item.get("cidrIpv4");
            Peer::Cidr(if cidr.is_empty() { item.get("cidrIpv6") } else { cidr }.to_owned())
        };
        let port = |name: &str| item.get(name).parse().unwrap_or(-1);
        Rule { protocol: item.get("ipProtocol").to_owned(), from: port("fromPort"), to: port("toPort"), peer }
    }

    /// The parameters that add a rule to a group; `None` when its peer does not exist.
    fn permission(&self, rule: &Rule, group: &str) -> Option<Parameters> {
        let known = |ids: &BTreeMap<String, String>, name: &str| {
            ids.iter().find(|(_, known)| *known == name).map(|(id, _)| id.clone())
        };
        let parameters = Parameters::new()
            .with("GroupId", group)
            .with("IpPermissions.1.IpProtocol", &rule.protocol)
            .with("IpPermissions.1.FromPort", rule.from.to_string())
            .with("IpPermissions.1.ToPort", rule.to.to_string());
        let (name, value) = match &rule.peer {
            Peer::Group(node) => ("Groups.1.GroupId", known(&self.groups, node)?),
            Peer::PrefixList(service) => ("PrefixListIds.1.PrefixListId", known(&self.lists, service)?),
            Peer::Cidr(cidr) if cidr.contains(':') => ("Ipv6Ranges.1.CidrIpv6", cidr.clone()),
            Peer::Cidr(cidr) => ("IpRanges.1.CidrIp", cidr.clone()),
        };
        Some(parameters.with(&format!("IpPermissions.1.{name}"), value))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn peers() -> Peers {
        Peers {
            groups: [("sg-2".to_owned(), "database group".to_owned())].into(),
            lists: [("pl-1".to_owned(), "s3".to_owned())].into(),
        }
    }

    fn item(peer: &str) -> Element {
        let text =
            format!("<item><ipProtocol>tcp</ipProtocol><fromPort>5432</fromPort><toPort>5432</toPort>{peer}</item>");
        Element::parse(text.as_bytes()).unwrap()
    }

    #[test]
    fn a_rule_names_nodes_and_services_and_shows_ids_that_are_foreign() {
        let peer = |text: &str| peers().rule(&item(text)).peer;
        let group = |id: &str| format!("<referencedGroupInfo><groupId>{id}</groupId></referencedGroupInfo>");
        assert_eq!(peer(&group("sg-2")), Peer::Group("database group".into()));
        assert_eq!(peer(&group("sg-9")), Peer::Group("sg-9".into()));
        assert_eq!(peer("<prefixListId>pl-1</prefixListId>"), Peer::PrefixList("s3".into()));
        assert_eq!(peer("<cidrIpv6>::/0</cidrIpv6>"), Peer::Cidr("::/0".into()));
        assert_eq!(peers().rule(&item("<cidrIpv4>10.0.0.0/8</cidrIpv4>")), {
            Rule::tcp(5432, Peer::Cidr("10.0.0.0/8".into()))
        });
    }

    #[test]
    fn a_permission_has_ec2s_names() {
        let permission = peers().permission(&Rule::tcp(5432, Peer::Group("database group".into())), "sg-1").unwrap();
        let lines: Vec<_> = permission.iter().map(|(name, value)| format!("{name}={value}")).collect();
        assert_eq!(
            lines,
            [
                "GroupId=sg-1",
                "IpPermissions.1.IpProtocol=tcp",
                "IpPermissions.1.FromPort=5432",
                "IpPermissions.1.ToPort=5432",
                "IpPermissions.1.Groups.1.GroupId=sg-2",
            ]
        );
        assert!(peers().permission(&Rule::tcp(1, Peer::PrefixList("dynamodb".into())), "sg-1").is_none());
    }

    #[test]
    fn rules_are_a_set() {
        let rule = |port| Rule::tcp(port, Peer::Cidr("10.0.0.0/8".into()));
        assert_eq!(in_order(vec![rule(1), rule(2)], &[rule(2), rule(1)]), [rule(2), rule(1)]);
        assert_eq!(in_order(vec![rule(9), rule(1)], &[rule(1), rule(2)]), [rule(1), rule(9)]);
    }
}
