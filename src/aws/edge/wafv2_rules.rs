//! Rules of the firewall, between WAF's shape and the spec's.

use aws_sdk_wafv2::error::BuildError;
use aws_sdk_wafv2::primitives::Blob;
use aws_sdk_wafv2::types as waf;
use serde::{Deserialize, Serialize};

/// Whose rules the managed groups are.
const VENDOR: &str = "AWS";
/// The managed group whose limit on bodies is lifted for uploads.
const COMMON: &str = "AWSManagedRulesCommonRuleSet";
/// Its rule that blocks bodies of more than 8 KB, and the label that it leaves.
///
/// Source: WAF developer guide, "Core rule set (CRS) managed rule group".
const BODY_RULE: &str = "SizeRestrictions_BODY";
const BODY_LABEL: &str = "awswaf:managed:aws:core-rule-set:SizeRestrictions_Body";
/// Seconds over which requests of one client are counted.
const WINDOW: i64 = 300;
/// Rules that AWS Shield adds by itself.
const SHIELD: &str = "ShieldMitigationRuleGroup";

/// One rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rule {
    /// Name.
    pub name: String,
    /// Its place in the order; the lowest comes first.
    pub priority: i32,
    /// Whether it acts, and does not only count.
    pub acts: bool,
    /// What it looks for.
    pub what: What,
}

/// What a rule looks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// A group of rules that AWS keeps.
    Managed {
        /// Its name.
        group: String,
        /// Its rules that only count.
        counted: Vec<String>,
    },
    /// Too many requests of one client.
    Rate {
        /// How many are let through.
        limit: i64,
        /// In how many seconds.
        seconds: i64,
    },
    /// A large body, where no upload is taken.
    Body {
        /// Paths that take uploads begin so.
        uploads: Vec<String>,
    },
    /// Something that arqsite did not write.
    Other(String),
}

/// The rules of a site: those that cost least to check first.
pub fn of_site(rate_limit: i64, uploads: Vec<String>) -> Vec<Rule> {
    let managed = |name: &str, group: &str, counted: &[&str]| {
        let counted = counted.iter().map(|&rule| rule.to_owned()).collect();
        (name.to_owned(), What::Managed { group: group.to_owned(), counted })
    };
    let counted: &[&str] = if uploads.is_empty() { &[] } else { &[BODY_RULE] };
    let mut rules = vec![
        ("rate".to_owned(), What::Rate { limit: rate_limit, seconds: WINDOW }),
        managed("reputation", "AWSManagedRulesAmazonIpReputationList", &[]),
        managed("common", COMMON, counted),
    ];
    if !uploads.is_empty() {
        rules.push(("body-size".to_owned(), What::Body { uploads }));
    }
    rules.push(managed("bad-inputs", "AWSManagedRulesKnownBadInputsRuleSet", &[]));
    let number = |(priority, (name, what))| Rule { name, priority, acts: true, what };
    (0..).zip(rules).map(number).collect()
}

/// Whether the rule is one of Shield's own.
pub fn is_shields(rule: &waf::Rule) -> bool {
    rule.name().starts_with(SHIELD)
}

/// What is counted and sampled of a rule or a web ACL.
pub fn visible(name: &str) -> Result<waf::VisibilityConfig, BuildError> {
    waf::VisibilityConfig::builder()
        .sampled_requests_enabled(true)
        .cloud_watch_metrics_enabled(true)
        .metric_name(name)
        .build()
}

/// A rule in WAF's shape.
pub fn write(rule: &Rule) -> Result<waf::Rule, BuildError> {
    let start = waf::Rule::builder().name(&rule.name).priority(rule.priority).visibility_config(visible(&rule.name)?);
    let start = match (&rule.what, rule.acts) {
        (What::Managed { .. }, true) => {
            start.override_action(waf::OverrideAction::builder().none(waf::NoneAction::builder().build()).build())
        }
        (What::Managed { .. }, false) => {
            start.override_action(waf::OverrideAction::builder().count(waf::CountAction::builder().build()).build())
        }
        (_, true) => start.action(waf::RuleAction::builder().block(waf::BlockAction::builder().build()).build()),
        (_, false) => start.action(waf::RuleAction::builder().count(waf::CountAction::builder().build()).build()),
    };
    start.statement(statement(&rule.what)?).build()
}

fn statement(what: &What) -> Result<waf::Statement, BuildError> {
    let start = waf::Statement::builder();
    Ok(match what {
        What::Managed { group, counted } => {
            let mut managed = waf::ManagedRuleGroupStatement::builder().vendor_name(VENDOR).name(group);
            for rule in counted {
                let count = waf::RuleAction::builder().count(waf::CountAction::builder().build()).build();
                let count = waf::RuleActionOverride::builder().name(rule).action_to_use(count).build()?;
                managed = managed.rule_action_overrides(count);
            }
            start.managed_rule_group_statement(managed.build()?).build()
        }
        What::Rate { limit, seconds } => {
            let rate = waf::RateBasedStatement::builder().limit(*limit).evaluation_window_sec(*seconds);
            start
                .rate_based_statement(rate.aggregate_key_type(waf::RateBasedStatementAggregateKeyType::Ip).build()?)
                .build()
        }
        What::Body { uploads } => {
            let mut all = vec![label(BODY_LABEL)?];
            for path in uploads {
                let not = waf::NotStatement::builder().statement(begins(path)?).build();
                all.push(waf::Statement::builder().not_statement(not).build());
            }
            start.and_statement(waf::AndStatement::builder().set_statements(Some(all)).build()?).build()
        }
        What::Other(_) => start.build(),
    })
}

fn label(key: &str) -> Result<waf::Statement, BuildError> {
    let label = waf::LabelMatchStatement::builder().scope(waf::LabelMatchScope::Label).key(key).build()?;
    Ok(waf::Statement::builder().label_match_statement(label).build())
}

/// A path that begins so, however it is written: `/api/photos/../x` does not begin with `/api/photos`.
fn begins(path: &str) -> Result<waf::Statement, BuildError> {
    let transform = |priority, kind| waf::TextTransformation::builder().priority(priority).r#type(kind).build();
    let field = waf::FieldToMatch::builder().uri_path(waf::UriPath::builder().build()).build();
    let found = waf::ByteMatchStatement::builder()
        .search_string(Blob::new(path))
        .field_to_match(field)
        .text_transformations(transform(0, waf::TextTransformationType::UrlDecode)?)
        .text_transformations(transform(1, waf::TextTransformationType::NormalizePath)?)
        .positional_constraint(waf::PositionalConstraint::StartsWith)
        .build()?;
    Ok(waf::Statement::builder().byte_match_statement(found).build())
}

/// A rule as the spec has it.
pub fn read(rule: &waf::Rule) -> Rule {
    let counts = rule.override_action().is_some_and(|action| action.count().is_some())
        || rule.action().is_some_and(|action| action.count().is_some());
    let blocks = rule.override_action().is_some_and(|action| action.none().is_some())
        || rule.action().is_some_and(|action| action.block().is_some());
    let what = rule.statement().and_then(understood);
    let what = match what {
        // An action that is neither is not ours.
        Some(what) if counts || blocks => what,
        _ => What::Other(format!("a rule that arqsite did not write: {}", rule.name())),
    };
    Rule { name: rule.name().to_owned(), priority: rule.priority(), acts: !counts, what }
}

/// What a statement of ours means; `None` for any other.
fn understood(statement: &waf::Statement) -> Option<What> {
    if let Some(managed) = statement.managed_rule_group_statement() {
        let mut counted = Vec::new();
        for rule in managed.rule_action_overrides() {
            rule.action_to_use()?.count()?;
            counted.push(rule.name().to_owned());
        }
        let whole = managed.scope_down_statement().is_none()
            && managed.version().is_none()
            && managed.excluded_rules().is_empty()
            && managed.vendor_name() == VENDOR;
        return whole.then(|| What::Managed { group: managed.name().to_owned(), counted });
    }
    if let Some(rate) = statement.rate_based_statement() {
        let by_client = rate.aggregate_key_type() == &waf::RateBasedStatementAggregateKeyType::Ip;
        let whole = by_client && rate.scope_down_statement().is_none();
        return whole.then(|| What::Rate { limit: rate.limit(), seconds: rate.evaluation_window_sec() });
    }
    let (first, rest) = statement.and_statement()?.statements().split_first()?;
    let labelled = first.label_match_statement().is_some_and(|label| label.key() == BODY_LABEL);
    let uploads = rest.iter().map(|one| prefix(one.not_statement()?.statement()?)).collect::<Option<_>>()?;
    labelled.then_some(What::Body { uploads })
}

fn prefix(statement: &waf::Statement) -> Option<String> {
    let found = statement.byte_match_statement()?;
    let path = found.field_to_match()?.uri_path().is_some();
    let begins = found.positional_constraint() == &waf::PositionalConstraint::StartsWith;
    let kinds: Vec<_> = found.text_transformations().iter().map(|one| one.r#type().clone()).collect();
    let clean = kinds == [waf::TextTransformationType::UrlDecode, waf::TextTransformationType::NormalizePath];
    (path && begins && clean).then(|| String::from_utf8_lossy(found.search_string().as_ref()).into_owned())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn every_rule_reads_as_it_was_written() {
        let rules = of_site(2000, vec!["/api/photos".into(), "/api/videos".into()]);
        assert_eq!(rules.len(), 5);
        for rule in rules.into_iter().flat_map(|rule| [Rule { acts: false, ..rule.clone() }, rule]) {
            assert_eq!(read(&write(&rule).unwrap()), rule);
        }
    }

    #[test]
    fn bodies_are_limited_by_amazon_where_nothing_is_uploaded() {
        let rules = of_site(2000, Vec::new());
        let counted = |rule: &Rule| matches!(&rule.what, What::Managed { counted, .. } if !counted.is_empty());
        assert!(!rules.iter().any(counted));
        assert!(!rules.iter().any(|rule| matches!(rule.what, What::Body { .. })));
    }

    #[test]
    fn a_rule_of_somebody_else_is_shown_as_such() {
        let rule = Rule { name: "geo".into(), priority: 9, acts: true, what: What::Other(String::new()) };
        assert!(matches!(read(&write(&rule).unwrap()).what, What::Other(_)));
    }
}
