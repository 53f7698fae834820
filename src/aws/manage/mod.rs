//! What runs and keeps the site: secrets, schedules, events, parameters, runbooks.

pub mod events_rule;
pub mod placeholder;
pub mod runbooks;
pub mod scheduler_group;
pub mod scheduler_schedule;
pub mod secretsmanager_secret;
pub mod ssm_document;
pub mod ssm_parameter;
