//! The network that a database lives in: no way in from outside, and no way out unless it is asked for.

pub mod ec2;
pub mod ec2_endpoint;
pub mod ec2_gateway;
pub mod ec2_group_rules;
pub mod ec2_route_table;
pub mod ec2_security_group;
pub mod ec2_subnet;
pub mod ec2_vpc;
pub mod element;
pub mod parameters;
pub mod settle;
pub mod token;

#[cfg(test)]
mod ec2_tests;
