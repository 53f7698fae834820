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
        Self { name: "my-site".into(), language: "en".into(), urls: Urls::AsIs }
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
    }
}
