//! The hosted zone: who answers for the domain's names.

use aws_sdk_route53::types as dns;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::hex;
use crate::aws::error::{CallError, answer};
use crate::aws::retry::Patience;
use crate::aws::{Cx, Tell};
use crate::deploy::{Found, Resource, StepError};

/// How many references are tried: each zone that was made and deleted has used one up.
const GENERATIONS: u32 = 32;
/// How many records of others an error names.
const NAMED: usize = 10;

/// A public hosted zone.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Zone {
    /// Name of the zone, without a dot at its end; for an adopted one, a name inside it.
    pub domain: String,
    /// Id of an existing zone that the owner has named: it is read and never changed.
    pub adopted: Option<String>,
    /// Whether it has our tags, which can only be set after it was made.
    pub tagged: bool,
}

/// What others need of a hosted zone.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ZoneOutput {
    /// Id, without `/hostedzone/`.
    pub id: String,
    /// Name, without a dot at its end.
    pub name: String,
    /// The name servers that the registrar has to name, sorted.
    pub name_servers: Vec<String>,
    /// Whether arqsite made it for this site.
    pub made_here: bool,
}

impl Zone {
    /// The zone of this name, made for this site.
    pub fn own(domain: String) -> Self {
        Self { domain, adopted: None, tagged: true }
    }

    /// The existing zone with this id, in which `domain` lies.
    pub fn adopted(domain: String, id: String) -> Self {
        Self { domain, adopted: Some(bare_id(&id).to_owned()), tagged: true }
    }
}

impl Resource for Zone {
    const KIND: &'static str = "route53.zone";
    type Cloud = crate::aws::Cloud;
    type Output = ZoneOutput;

    fn name(&self) -> String {
        match &self.adopted {
            Some(id) => format!("{id} (not made by arqsite)"),
            None => self.domain.clone(),
        }
    }

    async fn find(&self, cx: &Cx) -> Result<Option<Found<Self>>, StepError> {
        if let Some(id) = &self.adopted {
            return self.read_adopted(cx, id).await.map(Some);
        }
        let looking = || format!("look for the hosted zone {}", self.domain);
        let zones = self.of_this_name(cx).await.telling(looking)?;
        for zone in &zones {
            let marked = zone.config().and_then(|c| c.comment()) == Some(cx.cloud.names.mark().as_str());
            let tagged = has_our_tags(cx, zone.id()).await.telling(looking)?;
            if marked || tagged {
                let output = read(cx, zone.id(), true).await.telling(looking)?;
                return Ok(Some(Found { spec: Self { tagged, ..self.clone() }, output }));
            }
        }
        match zones.first() {
            Some(zone) => Err(self.foreign(bare_id(zone.id()))),
            None => Ok(None),
        }
    }

    async fn put(&self, cx: &Cx, found: Option<Found<Self>>) -> Result<ZoneOutput, StepError> {
        let found = match found {
            Some(found) => found,
            None => self.create(cx).await?,
        };
        if self.adopted.is_none() && !found.spec.tagged {
            let tagging = || format!("tag the hosted zone {}", self.domain);
            passing(|| async {
                let call = cx.cloud.route53.change_tags_for_resource().resource_id(&found.output.id);
                let call = call.resource_type(dns::TagResourceType::Hostedzone).set_add_tags(Some(tags(cx)));
                answer("ChangeTagsForResource", call.send().await).map(|_| ())
            })
            .await
            .telling(tagging)?;
        }
        Ok(found.output)
    }

    async fn delete(&self, cx: &Cx, found: Found<Self>) -> Result<(), StepError> {
        if self.adopted.is_some() || !found.output.made_here {
            return Ok(());
        }
        let deleting = || format!("delete the hosted zone {}", self.domain);
        let id = &found.output.id;
        let others = match self.records_of_others(cx, id).await {
            Err(e) if e.is("NoSuchHostedZone") => return Ok(()),
            result => result.telling(deleting)?,
        };
        if !others.is_empty() {
            return Err(self.in_use(&others));
        }
        let delete = || async { answer("DeleteHostedZone", cx.cloud.route53.delete_hosted_zone().id(id).send().await) };
        match passing(delete).await {
            Err(e) if e.is("NoSuchHostedZone") => Ok(()),
            // Made since they were looked for.
            Err(e) if e.is("HostedZoneNotEmpty") => {
                Err(self.in_use(&self.records_of_others(cx, id).await.telling(deleting)?))
            }
            result => result.map(|_| ()).telling(deleting),
        }
    }
}

impl Zone {
    fn foreign(&self, id: &str) -> StepError {
        StepError::foreign_with(
            format!("use the hosted zone {}", self.domain),
            "a hosted zone of this name exists already and was not made by arqsite for this site",
            format!(
                "To let arqsite add its records to it, set `zone = \"{id}\"` under [aws] in arq.toml; \
                 to make the records yourself, set `dns = \"manual\"`."
            ),
        )
    }

    fn in_use(&self, records: &[String]) -> StepError {
        let mut list = records.iter().take(NAMED).cloned().collect::<Vec<_>>().join(", ");
        if records.len() > NAMED {
            list = format!("{list} and {} more", records.len() - NAMED);
        }
        let deleting = format!("delete the hosted zone {}", self.domain);
        StepError::yours(deleting, format!("it has records that arqsite did not make: {list}"))
            .hint("Move these records elsewhere or delete them, then run the same command.")
    }

    /// The zone that the owner named. Whatever is wrong with it concerns a thing that is not ours.
    async fn read_adopted(&self, cx: &Cx, id: &str) -> Result<Found<Self>, StepError> {
        let using = || format!("use the hosted zone {id}");
        let hint = "Set `zone` under [aws] in arq.toml to the id of the public hosted zone of the domain, \
                    or remove it to have one made.";
        let call = cx.cloud.route53.get_hosted_zone().id(id);
        let zone = match answer("GetHostedZone", call.send().await) {
            Err(e) if e.is_any(&["NoSuchHostedZone", "InvalidInput"]) => {
                return Err(StepError::foreign_with(using(), "this account has no hosted zone with this id", hint));
            }
            result => result.telling(using)?,
        };
        if zone.hosted_zone().and_then(dns::HostedZone::config).is_some_and(|c| c.private_zone()) {
            return Err(StepError::foreign_with(using(), "it is private: the internet does not see it", hint));
        }
        let output = output(&zone, id, false);
        if !is_inside(&self.domain, &output.name) {
            let why = format!("it is the zone of {}, and {} is not inside it", output.name, self.domain);
            return Err(StepError::foreign_with(using(), why, hint));
        }
        Ok(Found { spec: self.clone(), output })
    }

    /// Every public zone of exactly this name: Route 53 lets several have the same.
    async fn of_this_name(&self, cx: &Cx) -> Result<Vec<dns::HostedZone>, CallError> {
        let mut zones = Vec::new();
        let mut next = (Some(self.domain.clone()), None);
        loop {
            let call = cx.cloud.route53.list_hosted_zones_by_name();
            let call = call.set_dns_name(next.0).set_hosted_zone_id(next.1);
            let page = answer("ListHostedZonesByName", call.send().await)?;
            let (same, others): (Vec<_>, Vec<_>) =
                page.hosted_zones.into_iter().partition(|zone| plain(zone.name()) == self.domain);
            let public = |zone: &dns::HostedZone| !zone.config().is_some_and(|c| c.private_zone());
            zones.extend(same.into_iter().filter(public));
            // They come in the order of their names, this one first.
            if !others.is_empty() || !page.is_truncated {
                return Ok(zones);
            }
            next = (page.next_dns_name, page.next_hosted_zone_id);
        }
    }

    async fn create(&self, cx: &Cx) -> Result<Found<Self>, StepError> {
        let making = || format!("make the hosted zone {}", self.domain);
        let comment = dns::HostedZoneConfig::builder().comment(cx.cloud.names.mark()).build();
        for generation in 0..GENERATIONS {
            let call = cx.cloud.route53.create_hosted_zone().name(&self.domain).hosted_zone_config(comment.clone());
            let call = call.caller_reference(self.reference(cx, generation));
            match passing(|| async { answer("CreateHostedZone", call.clone().send().await) }).await {
                Ok(made) => {
                    let id = made.hosted_zone().map(dns::HostedZone::id).unwrap_or_default();
                    let output = read(cx, id, true).await.telling(making)?;
                    return Ok(Found { spec: Self { tagged: false, ..self.clone() }, output });
                }
                // An answer was lost, or a zone with this reference was made and deleted before.
                Err(e) if e.is("HostedZoneAlreadyExists") => {
                    if let Some(found) = self.find(cx).await? {
                        return Ok(found);
                    }
                }
                Err(e) if e.is("TooManyHostedZones") => {
                    let hint = "Ask for a higher quota of hosted zones in the Service Quotas console, or delete one.";
                    return Err(e.while_doing(making()).hint(hint));
                }
                Err(e) => return Err(e.while_doing(making())),
            }
        }
        Err(StepError::cloud(making(), "every reference has been used by a zone that is gone"))
    }

    /// The same for every try, so that a try whose answer was lost makes no second zone.
    fn reference(&self, cx: &Cx, generation: u32) -> String {
        let names = &cx.cloud.names;
        let identity = format!("{}\n{}\n{}\n{}", names.account, names.site, names.stage, self.domain);
        format!("arqsite-{}-{generation}", hex(&Sha256::digest(identity)[..20]))
    }

    /// All but the two sets that every zone is born with.
    async fn records_of_others(&self, cx: &Cx, id: &str) -> Result<Vec<String>, CallError> {
        let mut records = Vec::new();
        let mut next: (Option<String>, Option<dns::RrType>, Option<String>) = (None, None, None);
        loop {
            let call = cx.cloud.route53.list_resource_record_sets().hosted_zone_id(id);
            let call = call.set_start_record_name(next.0).set_start_record_type(next.1);
            let call = call.set_start_record_identifier(next.2);
            let page = answer("ListResourceRecordSets", call.send().await)?;
            let born = |set: &&dns::ResourceRecordSet| {
                plain(set.name()) == self.domain && matches!(set.r#type, dns::RrType::Ns | dns::RrType::Soa)
            };
            let others = page.resource_record_sets.iter().filter(|set| !born(set));
            records.extend(others.map(|set| format!("{} {}", plain(set.name()), set.r#type.as_str())));
            if !page.is_truncated {
                return Ok(records);
            }
            next = (page.next_record_name, page.next_record_type, page.next_record_identifier);
        }
    }
}

async fn read(cx: &Cx, id: &str, made_here: bool) -> Result<ZoneOutput, CallError> {
    let read = || async { answer("GetHostedZone", cx.cloud.route53.get_hosted_zone().id(id).send().await) };
    // A zone that was made a moment ago may not be known everywhere.
    let zone = Patience::PROPAGATION.retry(|e| e.is("NoSuchHostedZone"), read).await?;
    Ok(output(&zone, id, made_here))
}

fn output(
    zone: &aws_sdk_route53::operation::get_hosted_zone::GetHostedZoneOutput,
    id: &str,
    made_here: bool,
) -> ZoneOutput {
    let servers = zone.delegation_set().map(dns::DelegationSet::name_servers).unwrap_or_default();
    let mut name_servers: Vec<_> = servers.iter().map(|server| plain(server)).collect();
    name_servers.sort();
    let name = zone.hosted_zone().map(|zone| plain(zone.name())).unwrap_or_default();
    ZoneOutput { id: bare_id(id).to_owned(), name, name_servers, made_here }
}

async fn has_our_tags(cx: &Cx, id: &str) -> Result<bool, CallError> {
    let call = cx.cloud.route53.list_tags_for_resource().resource_id(bare_id(id));
    let call = call.resource_type(dns::TagResourceType::Hostedzone);
    let set = answer("ListTagsForResource", call.send().await)?.resource_tag_set;
    let tags = set.as_ref().map(dns::ResourceTagSet::tags).unwrap_or_default();
    Ok(cx.cloud.names.owns(tags.iter().map(|t| (t.key().unwrap_or_default(), t.value().unwrap_or_default()))))
}

fn tags(cx: &Cx) -> Vec<dns::Tag> {
    cx.cloud.names.tags().iter().map(|(key, value)| dns::Tag::builder().key(*key).value(*value).build()).collect()
}

/// Another change of the same zone is under way, or too many are.
pub(super) async fn passing<T, F, Fut>(call: F) -> Result<T, CallError>
where
    F: FnMut() -> Fut,
    Fut: Future<Output = Result<T, CallError>>,
{
    let passing = |e: &CallError| e.is_any(&["PriorRequestNotComplete", "Throttling", "ThrottlingException"]);
    Patience::CONFLICT.retry(passing, call).await
}

/// The id as other calls and people write it: some answers put `/hostedzone/` before it.
fn bare_id(id: &str) -> &str {
    id.trim_start_matches("/hostedzone/")
}

/// A name in lower case and without the dot at its end, as the spec has it.
pub(super) fn plain(name: &str) -> String {
    // Route 53 answers with the octal code of what is no letter, digit, hyphen or underscore.
    name.trim_end_matches('.').to_ascii_lowercase().replace("\\052", "*")
}

fn is_inside(domain: &str, zone: &str) -> bool {
    domain == zone || domain.strip_suffix(zone).is_some_and(|rest| rest.ends_with('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_zone_holds_its_own_name_and_those_below_it() {
        assert!(is_inside("shop.example", "shop.example") && is_inside("www.shop.example", "shop.example"));
        assert!(!is_inside("myshop.example", "shop.example") && !is_inside("example", "shop.example"));
    }

    #[test]
    fn names_and_ids_read_in_one_way() {
        assert_eq!(plain("\\052.Shop.Example."), "*.shop.example");
        assert_eq!(bare_id("/hostedzone/Z1"), "Z1");
        assert_eq!(Zone::adopted("a".into(), "/hostedzone/Z1".into()).adopted.as_deref(), Some("Z1"));
    }

    #[test]
    fn what_stands_in_the_way_is_named() {
        let zone = Zone::own("shop.example".into());
        let error = zone.foreign("Z1");
        assert!(error.is_foreign() && error.hint.is_some_and(|hint| hint.contains("`zone = \"Z1\"`")));
        let records: Vec<_> = (0..12).map(|n| format!("{n}.shop.example A")).collect();
        assert!(zone.in_use(&records).chain().ends_with("9.shop.example A and 2 more"));
    }
}
