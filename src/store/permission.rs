//! What a store's calls have to be allowed to do.

use serde::Serialize;
use serde_json::{Value, json};

/// One statement of an IAM policy, beside the calls that need it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Statement {
    /// Id of the statement.
    pub sid: &'static str,
    /// Actions, such as `dynamodb:GetItem`.
    pub actions: Vec<&'static str>,
    /// ARNs.
    pub resources: Vec<String>,
}

impl Statement {
    /// The statement as IAM reads it.
    pub fn to_json(&self) -> Value {
        json!({"Sid": self.sid, "Effect": "Allow", "Action": self.actions, "Resource": self.resources})
    }
}
