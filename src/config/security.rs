//! `[security]`: what browsers are told to refuse.

use serde::{Deserialize, Serialize};

use super::Fault;

/// Longest policy: CloudFront's limit for a `content-security-policy` value.
const CSP_LENGTH: usize = 1783;

/// The `[security]` table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Security {
    /// The `content-security-policy` of every answer.
    pub csp: String,
}

impl Default for Security {
    fn default() -> Self {
        Self {
            csp: "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; \
                  object-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors 'none'"
                .into(),
        }
    }
}

impl Security {
    /// Says what is wrong with the table.
    pub fn validate(&self, faults: &mut Vec<Fault>) {
        if self.csp.len() > CSP_LENGTH || !self.csp.bytes().all(|b| (0x20..0x7f).contains(&b)) {
            faults.push(Fault::new(
                "security.csp",
                format!("must be one line of at most {CSP_LENGTH} printable ASCII characters"),
            ));
        }
    }

    /// The headers that every answer carries, in the order they are sent.
    ///
    /// `strict-transport-security` is not among them: it means nothing over plain HTTP, so only
    /// the edge sends it.
    pub fn headers(&self) -> Vec<(&'static str, String)> {
        vec![
            ("content-security-policy", self.csp.clone()),
            ("x-content-type-options", "nosniff".into()),
            ("referrer-policy", "strict-origin-when-cross-origin".into()),
            ("x-frame-options", "DENY".into()),
            ("permissions-policy", "camera=(), microphone=(), geolocation=()".into()),
        ]
    }
}
