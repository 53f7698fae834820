//! `[api]`: the size of the function that answers `/api/*`.

use serde::{Deserialize, Serialize};

use super::Fault;

/// The `[api]` table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Api {
    /// Memory of the function, in MB, 128 to 10240; processor time grows with it.
    pub memory: u32,
    /// Requests a second that API Gateway lets through, and twice as many in a burst.
    pub rate: u32,
    /// Names of the secrets that it may read; `arqsite secret set NAME` gives them their values.
    pub secrets: Vec<String>,
}

impl Default for Api {
    fn default() -> Self {
        Self { memory: 256, rate: 100, secrets: Vec::new() }
    }
}

impl Api {
    /// Says what is wrong with the table.
    pub fn validate(&self, faults: &mut Vec<Fault>) {
        if !(128..=10240).contains(&self.memory) {
            faults.push(Fault::new("api.memory", format!("{} MB is outside 128 to 10240", self.memory)));
        }
        for name in self.secrets.iter().filter(|name| !secret_name(name)) {
            faults.push(Fault::new(
                "api.secrets",
                format!("\"{name}\" cannot name a secret; use 1 to 64 of A-Z, a-z, 0-9, _ and -"),
            ));
        }
        if !(1..=10_000).contains(&self.rate) {
            faults.push(Fault::new("api.rate", format!("{} requests a second are outside 1 to 10000", self.rate)));
        }
    }
}

/// Whether a secret can have this name.
pub fn secret_name(name: &str) -> bool {
    (1..=64).contains(&name.len()) && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-')
}
