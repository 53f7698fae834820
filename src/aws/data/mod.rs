//! Where things are kept.

pub mod dynamodb_table;
pub mod s3_bucket;
pub mod s3_bucket_policy;
pub mod s3_lifecycle;
