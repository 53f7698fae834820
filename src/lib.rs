//! arqsite: a website and its API in one binary.

pub mod config;
