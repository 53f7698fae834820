//! `[network]`: whether the API lives in a network of its own, and what leads out of it.

use serde::{Deserialize, Serialize};

use super::Fault;

/// Services whose interface endpoints may be asked for: those that the functions call.
///
/// Source: VPC user guide, "AWS services that integrate with AWS PrivateLink".
const ENDPOINTS: [&str; 8] = ["events", "lambda", "logs", "monitoring", "rds-data", "secretsmanager", "sns", "ssm"];

/// The `[network]` table.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Network {
    /// Whether functions run in private subnets.
    pub private: Private,
    /// What leads out of the private subnets.
    pub egress: Egress,
    /// Services that are reached through an interface endpoint, each at a price for every hour.
    pub endpoints: Vec<String>,
}

/// Whether functions run in private subnets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(try_from = "Said", into = "Said")]
pub enum Private {
    /// When there is a database.
    #[default]
    Auto,
    /// Always.
    Always,
}

/// What leads out of the private subnets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Egress {
    /// Nothing but the endpoints.
    #[default]
    None,
    /// A NAT gateway, at a price for every hour.
    Nat,
}

/// How `private` is written.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Said {
    Switch(bool),
    Word(String),
}

impl TryFrom<Said> for Private {
    type Error = String;

    fn try_from(said: Said) -> Result<Self, String> {
        match said {
            Said::Switch(true) => Ok(Self::Always),
            Said::Word(word) if word == "auto" => Ok(Self::Auto),
            Said::Switch(false) => Err("a database is reached through private subnets only; use \"auto\"".into()),
            Said::Word(word) => Err(format!("\"{word}\" is neither \"auto\" nor true")),
        }
    }
}

impl From<Private> for Said {
    fn from(private: Private) -> Self {
        match private {
            Private::Auto => Self::Word("auto".into()),
            Private::Always => Self::Switch(true),
        }
    }
}

impl Network {
    /// Whether there is a network, given that there is a database or not.
    pub fn exists(&self, database: bool) -> bool {
        database || self.private == Private::Always
    }

    /// Says what is wrong with the table.
    pub fn validate(&self, faults: &mut Vec<Fault>) {
        for service in self.endpoints.iter().filter(|service| !ENDPOINTS.contains(&service.as_str())) {
            let known = ENDPOINTS.join(", ");
            let what = match service.as_str() {
                "s3" | "dynamodb" => format!("{service} has a gateway endpoint already, which is free"),
                _ => format!("\"{service}\" is no service with an endpoint that is of use here; known are {known}"),
            };
            faults.push(Fault::new("network.endpoints", what));
        }
    }
}
