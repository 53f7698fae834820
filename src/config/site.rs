//! `[site]`: what the site is called and how its pages are addressed.

use serde::{Deserialize, Serialize};

use super::Fault;

/// Shortest and longest `name`: resource names add to it, and a bucket's name ends at 63.
const NAME_LENGTH: std::ops::RangeInclusive<usize> = 3..=24;

/// The `[site]` table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Site {
    /// Name of the site; every resource in the account carries it. `[a-z0-9-]`, 3 to 24 characters.
    pub name: String,
    /// Language of the pages, a BCP 47 tag.
    pub language: String,
    /// How pages are addressed.
    pub urls: Urls,
    /// Whether pages and style sheets refer to files by names that never change their contents.
    pub fingerprint: bool,
    /// Domain of the site; without it, it lives on its cloudfront.net name.
    pub domain: Option<String>,
    /// Names that lead to the domain.
    pub redirect_from: Vec<String>,
}

/// How a page made from `a.html` is addressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Urls {
    /// `/a.html`, as the file is called.
    AsIs,
    /// `/a`.
    Clean,
}

impl Default for Site {
    fn default() -> Self {
        Self {
            name: "my-site".into(),
            language: "en".into(),
            urls: Urls::AsIs,
            fingerprint: true,
            domain: None,
            redirect_from: Vec::new(),
        }
    }
}

impl Site {
    /// Says what is wrong with the table.
    pub fn validate(&self, faults: &mut Vec<Fault>) {
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if !NAME_LENGTH.contains(&self.name.len())
            || !self.name.chars().all(plain)
            || !self.name.starts_with(|c: char| c.is_ascii_lowercase())
            || self.name.ends_with('-')
            || self.name.contains("--")
        {
            faults.push(Fault::new(
                "site.name",
                format!(
                    "\"{}\" cannot name the resources; use 3 to 24 of a-z, 0-9 and single hyphens, beginning with a letter",
                    self.name
                ),
            ));
        }
        if !self.language.chars().all(|c| c.is_ascii_alphanumeric() || c == '-') || self.language.len() < 2 {
            faults.push(Fault::new(
                "site.language",
                format!("\"{}\" is not a language tag such as \"en\" or \"pt-BR\"", self.language),
            ));
        }
        for (key, name) in self.names() {
            if !host_name(name) {
                faults.push(Fault::new(
                    key,
                    format!("\"{name}\" is no domain name such as \"example.com\"; lower case, no https://"),
                ));
            }
        }
        if self.domain.is_none() && !self.redirect_from.is_empty() {
            faults.push(Fault::new("site.redirect_from", "leads to site.domain, which is not set"));
        }
        let mut names: Vec<_> = self.names().map(|(_, name)| name).collect();
        names.sort_unstable();
        if let Some(twice) = names.windows(2).find(|pair| pair[0] == pair[1]) {
            faults.push(Fault::new("site.redirect_from", format!("{} is named twice", twice[0])));
        }
        // Source: ACM user guide, "Quotas": ten names in a certificate.
        if names.len() > 10 {
            faults.push(Fault::new(
                "site.redirect_from",
                "has more than 9 names, which is all that one certificate takes",
            ));
        }
    }

    fn names(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let domain = self.domain.iter().map(|name| ("site.domain", name.as_str()));
        domain.chain(self.redirect_from.iter().map(|name| ("site.redirect_from", name.as_str())))
    }
}

/// Whether it is a host name of at least two labels, in lower case.
///
/// Source: RFC 1123, section 2.1.
fn host_name(name: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    name.len() <= 253
        && name.contains('.')
        && name.split('.').all(label)
        && !name.rsplit('.').next().is_some_and(|last| last.bytes().all(|b| b.is_ascii_digit()))
}
