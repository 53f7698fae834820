#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
use super::*;
#[test]
fn placeholder() {
    let security = crate::config::security::Security::default();
    println!("{}", text(&security.headers(), None).len());
}
