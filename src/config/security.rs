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
    /// Whether a firewall stands before the site.
    pub waf: bool,
    /// Requests that one client may make in five minutes, 10 or more.
    pub rate_limit: u32,
}

impl Default for Security {
    fn default() -> Self {
        Self {
            csp: "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; \
                  object-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors 'none'"
                .into(),
            waf: true,
            rate_limit: 2000,
        }
    }
}

impl Security {
    /// Says what is wrong with the table.
    pub fn validate(&self, faults: &mut Vec<Fault>) {
        // Source: WAF developer guide, "Rate-based rule settings".
        if self.rate_limit < 10 {
            faults.push(Fault::new(
                "security.rate_limit",
                format!("{} is less than 10, the least that WAF takes", self.rate_limit),
            ));
        }
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
