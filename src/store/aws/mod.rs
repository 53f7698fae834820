//! Documents in the customer's AWS account.

pub mod dynamodb;
pub mod value;

pub use dynamodb::DynamoStore;
