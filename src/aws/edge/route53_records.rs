//! The domain's records in its hosted zone.

use aws_sdk_route53::types as dns;
use serde::{Deserialize, Serialize};

use super::acm_certificate::Certificate;
use super::cloudfront_distribution::Distribution;
use super::route53_set::{Data, Set};
use super::route53_wish::{Wish, is_met, is_ours, of, refuse_others};
use super::route53_zone::{Zone, passing, plain};
use crate::aws::error::{CallError, answer};
use crate::aws::retry::Patience;
use crate::aws::{Cx, Names, Tell};
use crate::deploy::{Found, Resource, StepError};

/// For how many seconds resolvers keep a mark or a proof.
const TTL: i64 = 300;
/// How often a deletion is tried that others interfere with.
const TRIES: u32 = 3;

/// Records of one zone that are written together.
///
/// One name is best: its mark and its records are then made and deleted with it. A TXT record
/// `_arqsite.<name>` marks the name as ours. Without it, no record that says something else is
/// overwritten or deleted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Records {
    /// Node of the hosted zone.
    pub zone: String,
    /// What they are, for people.
    pub name: String,
    /// The text of the mark; empty for proofs, which have none.
    pub mark: String,
    /// The records.
    pub records: Vec<Record>,
}

/// A record, or the proofs of a certificate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// Name, without a dot at its end; empty for proofs.
    pub name: String,
    /// `A`, `AAAA`, `CNAME` or `TXT`.
    pub kind: String,
    /// What it says.
    pub target: Target,
}

/// What a record says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Target {
    /// The addresses of a distribution.
    Alias {
        /// Node of the distribution.
        node: String,
    },
    /// A value.
    Value {
        /// The value, as Route 53 writes it.
        value: String,
        /// For how many seconds resolvers keep it.
        ttl: i64,
    },
    /// Every CNAME by which a certificate's names are proved.
    Validation {
        /// Node of the certificate.
        node: String,
    },
}

/// What others need of the records.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RecordsOutput {
    /// Their names.
    pub names: Vec<String>,
}

impl Records {
    /// The addresses of one name: those of the distribution of that node.
    pub fn addresses(zone: &str, host: &str, distribution: &str, names: &Names) -> Self {
        let target = || Target::Alias { node: distribution.to_owned() };
        let record = |kind: &str| Record { name: host.to_owned(), kind: kind.to_owned(), target: target() };
        Self {
            zone: zone.to_owned(),
            name: format!("{host} addresses"),
            mark: format!("arqsite site={} stage={}", names.site, names.stage),
            records: vec![record("A"), record("AAAA")],
        }
    }

    /// The proofs of the certificate of that node.
    pub fn validation(zone: &str, domain: &str, certificate: &str) -> Self {
        let target = Target::Validation { node: certificate.to_owned() };
        Self {
            zone: zone.to_owned(),
            name: format!("{domain} proofs"),
            mark: String::new(),
            records: vec![Record { name: String::new(), kind: "CNAME".into(), target }],
        }
    }
}

impl Resource for Records {
    const KIND: &'static str = "route53.records";
    type Cloud = crate::aws::Cloud;
    type Output = RecordsOutput;

    fn name(&self) -> String {
        self.name.clone()
    }

    async fn find(&self, cx: &Cx) -> Result<Option<Found<Self>>, StepError> {
        let Some(zone) = cx.try_output::<Zone>(&self.zone)? else { return Ok(None) };
        let wishes = self.wishes(cx)?;
        let present = match at(cx, &zone.id, &wishes).await {
            Err(e) if e.is("NoSuchHostedZone") => return Ok(None),
            result => sets(&result.telling(|| self.looking())?),
        };
        refuse_others(&wishes, &present)?;
        Ok(self.read(&wishes, &present).map(|spec| Found { spec, output: output(&wishes) }))
    }

    async fn put(&self, cx: &Cx, _: Option<Found<Self>>) -> Result<RecordsOutput, StepError> {
        let zone = cx.output::<Zone>(&self.zone)?;
        let wishes = self.wishes(cx)?;
        // Read again at once: what others made since must not be overwritten.
        let present = sets(&at(cx, &zone.id, &wishes).await.telling(|| self.looking())?);
        refuse_others(&wishes, &present)?;
        let mut changes = Vec::new();
        for wish in wishes.iter().filter(|wish| !is_met(wish, &present)) {
            let set = wish.set.write().telling(|| "describe a record")?;
            let set = set.ok_or_else(|| StepError::bug(format!("{} has no value yet", wish.set.name)))?;
            changes.push(change(dns::ChangeAction::Upsert, set)?);
        }
        let making = || format!("make the records of {}", self.name);
        let change = submit(cx, &zone.id, changes).await.telling(making)?;
        wait_until_known(cx, change, making).await?;
        Ok(output(&wishes))
    }

    /// Deletes what is ours and says what we made it say: what was pointed elsewhere since is
    /// somebody's own.
    async fn delete(&self, cx: &Cx, _: Found<Self>) -> Result<(), StepError> {
        let Some(zone) = cx.try_output::<Zone>(&self.zone)? else { return Ok(()) };
        let deleting = || format!("delete the records of {}", self.name);
        let wishes = self.wishes(cx)?;
        for attempt in 1.. {
            let raw = match at(cx, &zone.id, &wishes).await {
                Err(e) if e.is("NoSuchHostedZone") => return Ok(()),
                result => result.telling(deleting)?,
            };
            let present = sets(&raw);
            let ours = raw.iter().filter(|set| is_ours(&Set::read(set), &wishes, &present));
            let changes =
                ours.map(|set| change(dns::ChangeAction::Delete, set.clone())).collect::<Result<Vec<_>, _>>()?;
            match submit(cx, &zone.id, changes).await {
                // One of them was deleted or changed since.
                Err(e) if e.is("InvalidChangeBatch") && attempt < TRIES => {}
                result => return wait_until_known(cx, result.telling(deleting)?, deleting).await,
            }
        }
        Err(StepError::bug("a deletion has no end"))
    }
}

impl Records {
    fn looking(&self) -> String {
        format!("look at the records of {}", self.name)
    }

    /// Every set that should be there, and its mark before it.
    fn wishes(&self, cx: &Cx) -> Result<Vec<Wish>, StepError> {
        let mut wishes = Vec::new();
        for (index, record) in self.records.iter().enumerate() {
            let of = Some(index);
            let data = match &record.target {
                Target::Validation { node } => {
                    let certificate = cx.try_output::<Certificate>(node)?;
                    let proofs = certificate.into_iter().flat_map(|certificate| certificate.records);
                    let set =
                        |proof: super::acm_certificate::ProofRecord| Set::of(&proof.name, "CNAME", &proof.value, TTL);
                    wishes.extend(proofs.map(|proof| Wish { set: set(proof), of, mark: None }));
                    continue;
                }
                Target::Alias { node } => Data::Alias(cx.try_output::<Distribution>(node)?.map(|d| plain(&d.domain))),
                Target::Value { value, ttl } => Data::Values(vec![value.clone()], *ttl),
            };
            let mark = format!("_arqsite.{}", record.name);
            if !wishes.iter().any(|wish: &Wish| wish.of.is_none() && wish.set.name == mark) {
                let set = Set::of(&mark, "TXT", &format!("\"{}\"", self.mark), TTL);
                wishes.push(Wish { set, of: None, mark: None });
            }
            let set = Set { name: plain(&record.name), kind: record.kind.clone(), data };
            wishes.push(Wish { set, of, mark: Some(mark) });
        }
        Ok(wishes)
    }

    /// The spec of what is there; `None` when nothing of it is.
    fn read(&self, wishes: &[Wish], present: &[Set]) -> Option<Self> {
        if !wishes.iter().any(|wish| of(wish, present).is_some()) {
            return None;
        }
        let records = self.records.iter().enumerate();
        let records = records.filter_map(|(index, record)| read_record(index, record, wishes, present)).collect();
        let mut marks = wishes.iter().filter(|wish| wish.of.is_none());
        let mark = if marks.all(|mark| is_met(mark, present)) { self.mark.clone() } else { String::new() };
        Some(Self { records, mark, ..self.clone() })
    }
}

/// A record as it is; proofs read as absent until every one is there.
fn read_record(index: usize, record: &Record, wishes: &[Wish], present: &[Set]) -> Option<Record> {
    let mut own = wishes.iter().filter(|wish| wish.of == Some(index)).peekable();
    own.peek()?;
    if let Target::Validation { .. } = record.target {
        return own.all(|wish| is_met(wish, present)).then(|| record.clone());
    }
    let wish = own.next()?;
    let is = of(wish, present)?;
    let target = if is_met(wish, present) {
        record.target.clone()
    } else {
        let (value, ttl) = is.data.words();
        Target::Value { value, ttl }
    };
    Some(Record { target, ..record.clone() })
}

fn output(wishes: &[Wish]) -> RecordsOutput {
    let mut names: Vec<_> = wishes.iter().filter(|wish| wish.of.is_some()).map(|wish| wish.set.name.clone()).collect();
    names.dedup();
    RecordsOutput { names }
}

fn sets(raw: &[dns::ResourceRecordSet]) -> Vec<Set> {
    raw.iter().map(Set::read).collect()
}

/// Every set of the wishes' names, and nothing else of the zone.
async fn at(cx: &Cx, zone: &str, wishes: &[Wish]) -> Result<Vec<dns::ResourceRecordSet>, CallError> {
    let mut names: Vec<_> = wishes.iter().map(|wish| wish.set.name.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    let mut found = Vec::new();
    for name in names {
        found.extend(of_name(cx, zone, name).await?);
    }
    Ok(found)
}

async fn of_name(cx: &Cx, zone: &str, name: &str) -> Result<Vec<dns::ResourceRecordSet>, CallError> {
    let mut found = Vec::new();
    let mut next = (Some(name.to_owned()), None, None);
    loop {
        let call = cx.cloud.route53.list_resource_record_sets().hosted_zone_id(zone).max_items(20);
        let call = call.set_start_record_name(next.0).set_start_record_type(next.1);
        let call = call.set_start_record_identifier(next.2);
        let page = answer("ListResourceRecordSets", call.send().await)?;
        let (same, others): (Vec<_>, Vec<_>) =
            page.resource_record_sets.into_iter().partition(|set| plain(set.name()) == name);
        found.extend(same);
        // They come in the order of their names, this one first.
        if !others.is_empty() || !page.is_truncated {
            return Ok(found);
        }
        next = (page.next_record_name, page.next_record_type, page.next_record_identifier);
    }
}

fn change(action: dns::ChangeAction, set: dns::ResourceRecordSet) -> Result<dns::Change, StepError> {
    dns::Change::builder().action(action).resource_record_set(set).build().telling(|| "describe a change")
}

/// Sends all changes as one: all are made, or none. Gives the id of what is under way.
async fn submit(cx: &Cx, zone: &str, changes: Vec<dns::Change>) -> Result<Option<String>, CallError> {
    if changes.is_empty() {
        return Ok(None);
    }
    let batch = dns::ChangeBatch::builder().comment(cx.cloud.names.mark()).set_changes(Some(changes)).build();
    let batch = batch.map_err(|e| CallError::unbuilt("ChangeResourceRecordSets", &e))?;
    let call = cx.cloud.route53.change_resource_record_sets().hosted_zone_id(zone).change_batch(batch);
    let changed = passing(|| async { answer("ChangeResourceRecordSets", call.clone().send().await) }).await?;
    Ok(changed.change_info.map(|info| info.id.trim_start_matches("/change/").to_owned()))
}

/// Waits until every name server answers with the change.
async fn wait_until_known(cx: &Cx, id: Option<String>, doing: impl Fn() -> String) -> Result<(), StepError> {
    let Some(id) = id else { return Ok(()) };
    let known = Patience::STATE
        .until(|| async {
            let change = answer("GetChange", cx.cloud.route53.get_change().id(&id).send().await)?.change_info;
            let known = change.is_some_and(|change| change.status == dns::ChangeStatus::Insync);
            if !known {
                cx.note("waiting until every name server of the zone has the records; a minute is usual");
            }
            Ok(known.then_some(()))
        })
        .await
        .telling(&doing)?;
    known.ok_or_else(|| StepError::cloud(doing(), "the name servers do not have the change after 30 minutes"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    const MARK: &str = "_arqsite.shop.example";

    /// A spec of two names, and its wishes.
    fn wished(host: Option<&str>) -> (Records, Vec<Wish>) {
        let names = Names::new("shop", "production", "1", "r");
        let spec = Records::addresses("zone", "shop.example", "distribution", &names);
        let mut wishes = vec![Wish { set: mark("production"), of: None, mark: None }];
        for (index, kind) in ["A", "AAAA"].into_iter().enumerate() {
            wishes.push(Wish { set: alias(kind, host), of: Some(index), mark: Some(MARK.into()) });
        }
        (spec, wishes)
    }

    fn mark(stage: &str) -> Set {
        Set::of(MARK, "TXT", &format!("\"arqsite site=shop stage={stage}\""), TTL)
    }

    fn alias(kind: &str, host: Option<&str>) -> Set {
        Set { name: "shop.example".into(), kind: kind.into(), data: Data::Alias(host.map(str::to_owned)) }
    }

    #[test]
    fn what_was_written_is_the_spec_again() {
        let (spec, wishes) = wished(Some("d1"));
        assert_eq!(spec.read(&wishes, &[]), None);
        let present: Vec<_> = wishes.iter().map(|wish| wish.set.clone()).collect();
        assert!(refuse_others(&wishes, &present).is_ok());
        assert_eq!(spec.read(&wishes, &present), Some(spec));
    }

    #[test]
    fn drift_shows_record_by_record() {
        let (spec, wishes) = wished(Some("d1"));
        let present = [mark("production"), Set::of("shop.example", "A", "192.0.2.1", 60)];
        let read = spec.read(&wishes, &present).unwrap();
        assert_eq!(read.records.len(), 1);
        assert_eq!(read.records[0].target, Target::Value { value: "192.0.2.1".into(), ttl: 60 });
        let unmarked = spec.read(&wishes, &[alias("A", Some("d1"))]).unwrap();
        assert_eq!((unmarked.mark.as_str(), unmarked.records[0].clone()), ("", spec.records[0].clone()));
    }

    #[test]
    fn proofs_are_there_when_every_one_is() {
        let spec = Records::validation("zone", "shop.example", "certificate");
        let proof = |name: &str| Set::of(name, "CNAME", "_v.acm", TTL);
        let wish = |name: &str| Wish { set: proof(name), of: Some(0), mark: None };
        let wishes = [wish("_a.shop.example"), wish("_b.shop.example")];
        let others_ttl = Set::of("_a.shop.example", "CNAME", "_v.acm", 60);
        assert_eq!(spec.read(&wishes, std::slice::from_ref(&others_ttl)).unwrap().records, []);
        assert_eq!(spec.read(&wishes, &[others_ttl, proof("_b.shop.example")]).unwrap(), spec);
        assert_eq!(spec.read(&[], &[]), None);
    }
}
