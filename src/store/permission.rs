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
    /// When only they are allowed, as IAM writes it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub condition: Option<Value>,
}

impl Statement {
    /// The statement as IAM reads it.
    pub fn to_json(&self) -> Value {
        let mut statement =
            json!({"Sid": self.sid, "Effect": "Allow", "Action": self.actions, "Resource": self.resources});
        if let Some(condition) = &self.condition {
            statement["Condition"] = condition.clone();
        }
        statement
    }
}
