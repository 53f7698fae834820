//! The network that a database lives in: no way in from outside, and no way out unless it is asked for.

pub mod ec2;
pub mod element;
pub mod parameters;

#[cfg(test)]
mod ec2_tests;
