//! A set of records of one name and type, between Route 53's shape and one that can be compared.

use aws_sdk_route53::types as dns;
use aws_smithy_types::error::operation::BuildError;

use super::route53_zone::plain;

/// Zone of every distribution's aliases.
///
/// Source: Route 53 API reference, AliasTarget, HostedZoneId.
const CLOUDFRONT_ZONE: &str = "Z2FDTNDATAQYW2";

/// A set of records.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Set {
    /// Name, without a dot at its end.
    pub name: String,
    /// Type, such as `A`.
    pub kind: String,
    /// What it says.
    pub data: Data,
}

/// What a set of records says.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Data {
    /// An alias of a distribution with this host name; `None` while there is no distribution.
    Alias(Option<String>),
    /// Values, sorted, and for how many seconds they are kept.
    Values(Vec<String>, i64),
    /// Something that arqsite never writes, in words.
    Other(String),
}

impl Set {
    /// One value.
    pub(super) fn of(name: &str, kind: &str, value: &str, ttl: i64) -> Self {
        Self { name: name.to_owned(), kind: kind.to_owned(), data: Data::Values(vec![value.to_owned()], ttl) }
    }

    /// What Route 53 answered.
    pub(super) fn read(set: &dns::ResourceRecordSet) -> Self {
        let kind = set.r#type().as_str().to_owned();
        let data = match (set.set_identifier(), set.alias_target()) {
            (Some(id), _) => Data::Other(format!("one of several answers ({id})")),
            (None, Some(alias)) => read_alias(alias),
            (None, None) => {
                let names = matches!(set.r#type(), dns::RrType::Cname);
                let values = set.resource_records().iter().map(dns::ResourceRecord::value);
                let mut values: Vec<_> = values.map(|v| if names { plain(v) } else { v.to_owned() }).collect();
                values.sort();
                Data::Values(values, set.ttl().unwrap_or_default())
            }
        };
        Self { name: plain(set.name()), kind, data }
    }

    /// What is sent to Route 53; `None` for what arqsite never writes.
    pub(super) fn write(&self) -> Result<Option<dns::ResourceRecordSet>, BuildError> {
        let set = dns::ResourceRecordSet::builder().name(&self.name).r#type(self.kind.as_str().into());
        let set = match &self.data {
            Data::Alias(Some(host)) => {
                let alias = dns::AliasTarget::builder().hosted_zone_id(CLOUDFRONT_ZONE).dns_name(host);
                // CloudFront has no health that Route 53 could ask for.
                set.alias_target(alias.evaluate_target_health(false).build()?)
            }
            Data::Values(values, ttl) => {
                let record = |value: &String| dns::ResourceRecord::builder().value(value).build();
                let records = values.iter().map(record).collect::<Result<Vec<_>, _>>()?;
                set.ttl(*ttl).set_resource_records(Some(records))
            }
            Data::Alias(None) | Data::Other(_) => return Ok(None),
        };
        set.build().map(Some)
    }

    /// Whether both are of the same name and type.
    pub(super) fn is_where(&self, other: &Self) -> bool {
        (&self.name, &self.kind) == (&other.name, &other.kind)
    }

    /// Whether `present` says what this one wants, however long it is kept.
    pub(super) fn says_as(&self, present: &Self) -> bool {
        self.is_where(present)
            && match (&self.data, &present.data) {
                (Data::Alias(Some(wanted)), Data::Alias(Some(is))) => wanted == is,
                (Data::Values(wanted, _), Data::Values(are, _)) => wanted == are,
                _ => false,
            }
    }

    /// Whether a set of its name keeps this one from being written, whoever made it: a CNAME has
    /// its name for itself, and an answer of several cannot be replaced by a single one.
    pub(super) fn is_barred_by(&self, present: &Self) -> bool {
        if self.name != present.name {
            return false;
        }
        if self.kind == present.kind {
            return matches!(present.data, Data::Other(_));
        }
        self.kind == "CNAME" || present.kind == "CNAME"
    }
}

impl Data {
    /// In words, and for how many seconds it is kept.
    pub(super) fn words(&self) -> (String, i64) {
        match self {
            Self::Alias(host) => (format!("an alias of {}", host.as_deref().unwrap_or("a distribution")), 0),
            Self::Values(values, ttl) => (values.join(", "), *ttl),
            Self::Other(words) => (words.clone(), 0),
        }
    }
}

fn read_alias(alias: &dns::AliasTarget) -> Data {
    let host = plain(alias.dns_name());
    if alias.hosted_zone_id() == CLOUDFRONT_ZONE && !alias.evaluate_target_health() {
        return Data::Alias(Some(host));
    }
    Data::Other(format!("an alias of {host} in the zone {}", alias.hosted_zone_id()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn alias(kind: &str, host: &str) -> Set {
        Set { name: "shop.example".into(), kind: kind.into(), data: Data::Alias(Some(host.into())) }
    }

    #[test]
    fn what_is_written_reads_the_same() {
        for set in [
            alias("AAAA", "d1.cloudfront.net"),
            Set::of("_arqsite.shop.example", "TXT", "\"arqsite site=shop stage=production\"", 300),
            Set::of("_a.shop.example", "CNAME", "_b.acm-validations.aws", 300),
        ] {
            assert_eq!(Set::read(&set.write().unwrap().unwrap()), set);
        }
        assert_eq!(Set { data: Data::Alias(None), ..alias("A", "") }.write().unwrap(), None);
    }

    #[test]
    fn names_are_compared_as_dns_does() {
        let written = Set::of("_A.Shop.example.", "CNAME", "_B.acm.", 60).write().unwrap().unwrap();
        assert!(Set::of("_a.shop.example", "CNAME", "_b.acm", 300).says_as(&Set::read(&written)));
    }

    #[test]
    fn another_value_or_an_unknown_distribution_is_not_what_is_wanted() {
        let present = alias("A", "d1.cloudfront.net");
        assert!(present.says_as(&present) && !alias("A", "d2.cloudfront.net").says_as(&present));
        assert!(!alias("AAAA", "d1.cloudfront.net").says_as(&present));
        assert!(!Set { data: Data::Alias(None), ..present.clone() }.says_as(&present));
        assert!(!Set::of("shop.example", "A", "192.0.2.1", 60).says_as(&present));
    }

    #[test]
    fn a_cname_has_its_name_for_itself() {
        let cname = Set::of("shop.example", "CNAME", "elsewhere.example", 60);
        assert!(alias("A", "d1").is_barred_by(&cname) && cname.is_barred_by(&alias("A", "d1")));
        assert!(!alias("A", "d1").is_barred_by(&Set::of("shop.example", "MX", "10 mail.example", 60)));
        assert!(!alias("A", "d1").is_barred_by(&Set::of("shop.example", "A", "192.0.2.1", 60)));
        let weighted = Set { data: Data::Other("one of several answers (a)".into()), ..alias("A", "") };
        assert!(alias("A", "d1").is_barred_by(&weighted));
    }
}
