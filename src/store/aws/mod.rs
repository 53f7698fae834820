//! Documents and files in the customer's AWS account.

pub mod dynamodb;
pub mod s3_files;
pub mod value;

pub use dynamodb::DynamoStore;
pub use s3_files::S3Files;
