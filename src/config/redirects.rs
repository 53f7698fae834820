//! `[[redirects]]`: paths that lead elsewhere.

use serde::{Deserialize, Serialize};

use super::Fault;
use crate::site::redirects::Rule;

/// One `[[redirects]]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Redirect {
    /// A path, or with `/*` at its end all that begins with it.
    pub from: String,
    /// A path of the site or a URL; `:splat` stands for what the `*` matched.
    pub to: String,
    /// 301, 302, 303, 307 or 308; 200 answers with the page `to`, without leading there.
    pub status: u16,
    /// Whether it comes before the pages that it matches.
    pub force: bool,
    /// Only for visitors who prefer this language, such as `pt`; empty for all.
    pub language: String,
}

impl Default for Redirect {
    fn default() -> Self {
        Self { from: String::new(), to: String::new(), status: 301, force: false, language: String::new() }
    }
}

/// Says what is wrong with each; what is wrong between them is found when the site is read.
pub fn validate(redirects: &[Redirect], faults: &mut Vec<Fault>) {
    for (number, redirect) in redirects.iter().enumerate() {
        let Err(wrong) = Rule::of(redirect) else { continue };
        faults.extend(
            wrong.into_iter().map(|wrong| Fault::new(&format!("redirects.{number}.{}", wrong.key), wrong.what)),
        );
    }
}
