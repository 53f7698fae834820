//! Lists the AWS operations that `src/aws` calls, so that the permissions a deployer needs are read
//! from the calls that are compiled in and from nowhere else.
//!
//! A call is written `cloud.<client>.<operation>(`, for a service of two regions
//! `cloud.<client>.at(place).<operation>(`, and for EC2 `.call("Operation"` or `.call_once("Operation"`.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

/// Fields of `Cloud` that are clients.
const CLIENTS: [&str; 21] = [
    "acm",
    "cloudfront",
    "cloudwatch",
    "dynamodb",
    "ec2",
    "events",
    "gateway",
    "iam",
    "lambda",
    "logs",
    "rds",
    "rdsdata",
    "route53",
    "s3",
    "scheduler",
    "secrets",
    "sns",
    "ssm",
    "store",
    "trail",
    "waf",
];

fn main() -> io::Result<()> {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=src/aws");
    let mut calls = BTreeSet::new();
    let root = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default()).join("src/aws");
    scan(&root, &mut calls)?;
    let mut text = String::from(
        "/// File (without its ending), client and operation of every call.\npub const CALLS: &[(&str, &str, &str)] = &[\n",
    );
    for (file, client, operation) in &calls {
        text += &format!("    ({file:?}, {client:?}, {operation:?}),\n");
    }
    text += "];\n";
    fs::write(PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default()).join("calls.rs"), text)
}

fn scan(folder: &Path, calls: &mut BTreeSet<(String, String, String)>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            scan(&path, calls)?;
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            let file = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            let text = fs::read_to_string(&path)?;
            // What tests call is not called by the program.
            let text = text.split("#[cfg(test)]").next().unwrap_or_default();
            let direct: Vec<_> = sdk_calls(text).into_iter().chain(ec2_calls(text)).collect();
            let others = answered(text, &direct);
            let found = direct.into_iter().chain(others);
            calls.extend(found.map(|(client, operation)| (file.clone(), client, operation)));
        }
    }
    Ok(())
}

fn sdk_calls(text: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for (at, _) in text.match_indices("cloud.") {
        let mut words = Words(&text[at + "cloud.".len()..]);
        let Some(client) = words.word() else { continue };
        if !CLIENTS.contains(&client.as_str()) || !words.dot() {
            continue;
        }
        let Some(mut operation) = words.word() else { continue };
        if operation == "at" {
            words.parenthesised();
            match words.dot().then(|| words.word()).flatten() {
                Some(next) => operation = next,
                None => continue,
            }
        }
        if words.0.starts_with('(') && operation.contains('_') || words.0.starts_with("()") {
            found.push((client, camel(&operation)));
        }
    }
    found
}

/// Operations whose answers are looked at, of calls that are written in another way: in a file with
/// one client they are that client's.
fn answered(text: &str, direct: &[(String, String)]) -> Vec<(String, String)> {
    let clients: BTreeSet<_> = text
        .match_indices("cloud.")
        .filter_map(|(at, _)| Words(&text[at + "cloud.".len()..]).word())
        .filter(|word| CLIENTS.contains(&word.as_str()))
        .collect();
    let [client] = clients.iter().collect::<Vec<_>>()[..] else { return Vec::new() };
    let names = text.match_indices("answer(\"").filter_map(|(at, start)| text[at + start.len()..].split('"').next());
    let new = |name: &&str| !direct.iter().any(|(_, known)| known.eq_ignore_ascii_case(name));
    names.filter(new).map(|name| (client.clone(), name.to_owned())).collect()
}

fn ec2_calls(text: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for start in [".call(", ".call_once("] {
        for (at, _) in text.match_indices(start) {
            let rest = text[at + start.len()..].trim_start();
            if let Some(name) = rest.strip_prefix('"').and_then(|rest| rest.split('"').next()) {
                found.push(("ec2".to_owned(), name.to_owned()));
            }
        }
    }
    found
}

struct Words<'a>(&'a str);

impl Words<'_> {
    fn word(&mut self) -> Option<String> {
        let end = self.0.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(self.0.len());
        let word = &self.0[..end];
        self.0 = &self.0[end..];
        (!word.is_empty()).then(|| word.to_owned())
    }

    fn dot(&mut self) -> bool {
        let rest = self.0.trim_start();
        let found = rest.strip_prefix('.');
        self.0 = found.unwrap_or(rest);
        found.is_some()
    }

    fn parenthesised(&mut self) {
        if let Some(end) = self.0.find(')') {
            self.0 = &self.0[end + 1..];
        }
    }
}

fn camel(name: &str) -> String {
    let part = |part: &str| {
        let mut letters = part.chars();
        letters.next().map(|first| first.to_ascii_uppercase()).into_iter().chain(letters).collect::<String>()
    };
    name.split('_').map(part).collect()
}
