//! Where things are kept.

pub mod dynamodb_table;
pub mod rds;
pub mod rds_cluster;
pub mod rds_cluster_end;
pub mod rds_cluster_shape;
pub mod rds_instance;
pub mod rds_parameter_group;
pub mod rds_roles;
pub mod rds_subnet_group;
pub mod s3_bucket;
pub mod s3_bucket_policy;
pub mod s3_lifecycle;
