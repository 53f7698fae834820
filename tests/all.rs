//! Every test that runs the program, in one binary: each would link it anew.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod cli;
#[cfg(all(feature = "publish", feature = "lambda"))]
mod drift;
#[cfg(all(feature = "publish", feature = "lambda"))]
mod faults;
#[cfg(all(feature = "publish", feature = "lambda"))]
mod foreign;
#[cfg(all(feature = "publish", feature = "lambda"))]
mod lock;
#[cfg(all(feature = "publish", feature = "lambda"))]
mod operate;
#[cfg(all(feature = "serve", feature = "publish", feature = "lambda"))]
mod parity;
#[cfg(all(feature = "publish", feature = "lambda"))]
mod preview;
#[cfg(all(feature = "publish", feature = "lambda"))]
mod publish;
#[cfg(all(feature = "publish", feature = "lambda"))]
mod reading;
#[cfg(all(feature = "publish", feature = "lambda"))]
mod releases;
#[cfg(all(feature = "publish", feature = "lambda"))]
mod resume;
#[cfg(feature = "serve")]
mod serve;
#[cfg(all(feature = "publish", feature = "lambda"))]
mod smoke;
mod support;
#[cfg(all(feature = "publish", feature = "lambda"))]
mod uploads;

#[test]
fn no_test_file_is_forgotten() {
    let text = include_str!("all.rs");
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests");
    for entry in std::fs::read_dir(folder).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        if let Some(module) = name.strip_suffix(".rs").filter(|name| *name != "all") {
            assert!(text.contains(&format!("mod {module};")), "tests/{name} is not part of all.rs");
        }
    }
}
