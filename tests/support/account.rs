//! The practice account, started for one test and ended with it.

use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, Stdio};

use serde_json::{Value, json};

use super::http::{Answer, Client};
use super::project::Project;

/// A running practice account.
pub struct Account {
    process: Child,
    _output: BufReader<ChildStdout>,
    /// Everything that it unpacks and keeps: removed with it, however it ends.
    _folder: tempfile::TempDir,
    pub port: u16,
    pub edge_port: u16,
    /// Of every edge, the first among them.
    pub edge_ports: Vec<u16>,
}

impl Account {
    /// Starts one, and waits until it answers.
    pub fn start() -> Self {
        Self::start_with(&[])
    }

    /// The same, with these arguments.
    pub fn start_with(arguments: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        // Its databases run as another user, who has to get through.
        std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o711)).unwrap();
        let ready = folder.path().join("ready.json");
        let mut process = Command::new(python())
            .args(["-m", "practice", "--port", "0", "--edge-port", "0", "--ready-file"])
            .arg(&ready)
            .args(arguments)
            .env("TMPDIR", folder.path())
            .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/tests"))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        // It says that it is ready when it is; the end of its output would be its death. The pipe is kept, since
        // it says more later.
        let mut output = BufReader::new(process.stdout.take().unwrap());
        let mut line = String::new();
        assert!(output.read_line(&mut line).unwrap() > 0, "the practice account did not start");
        let told: Value = serde_json::from_slice(&std::fs::read(&ready).unwrap()).unwrap();
        let port = |name: &str| u16::try_from(told[name].as_u64().unwrap()).unwrap();
        let edges =
            told["edge_ports"].as_array().unwrap().iter().map(|port| u16::try_from(port.as_u64().unwrap()).unwrap());
        Self {
            edge_ports: edges.collect(),
            port: port("port"),
            edge_port: port("edge_port"),
            process,
            _output: output,
            _folder: folder,
        }
    }

    /// Makes the program run in `project` use this account.
    pub fn give_to(&self, project: &mut Project) {
        project.variable("AWS_ENDPOINT_URL", &format!("http://127.0.0.1:{}", self.port));
        project.variable("ARQ_EDGE_ENDPOINT", &format!("http://127.0.0.1:{}", self.edge_port));
        project.variable("AWS_ACCESS_KEY_ID", "practice");
        project.variable("AWS_SECRET_ACCESS_KEY", "practice");
        project.variable("AWS_REGION", "us-east-1");
    }

    /// A visitor of what was published.
    pub fn edge(&self) -> Client {
        Client::new(self.edge_port)
    }

    /// One of the account's own doors.
    pub fn ask(&self, method: &str, door: &str, body: &Value) -> Answer {
        let text = if body.is_null() { String::new() } else { body.to_string() };
        let headers = [("content-type", "application/json")];
        Client::new(self.port).send(method, &format!("/_practice/{door}"), &headers, text.as_bytes())
    }

    /// An empty account.
    pub fn reset(&self) {
        assert_eq!(self.ask("POST", "reset", &json!({})).status, 200);
    }

    /// Everything in the account, comparable between runs.
    pub fn snapshot(&self) -> Value {
        self.ask("GET", "account", &Value::Null).json()
    }

    /// Compares with an earlier snapshot, and names what differs.
    pub fn assert_equals(&self, wanted: &Value, when: &str) {
        let differences = self.differences(wanted);
        assert!(differences.is_empty(), "{when}: {}", differences.join("; "));
    }

    /// What differs from an earlier snapshot, one line each.
    pub fn differences(&self, wanted: &Value) -> Vec<String> {
        let mut differences = Vec::new();
        differ("", wanted, &self.snapshot(), &mut differences);
        differences
    }

    /// What somebody does in the account with the AWS CLI, and what it prints.
    pub fn aws(&self, arguments: &[&str]) -> String {
        let mut command = Command::new(python().with_file_name("aws"));
        // Nothing of the outside: no profile, no other account.
        command.env_clear().env("PATH", "/usr/bin:/bin").env("HOME", "/nonexistent").env("AWS_PAGER", "");
        command.env("AWS_ENDPOINT_URL", format!("http://127.0.0.1:{}", self.port));
        command.env("AWS_ACCESS_KEY_ID", "practice").env("AWS_SECRET_ACCESS_KEY", "practice");
        command.env("AWS_DEFAULT_REGION", "us-east-1").env("AWS_EC2_METADATA_DISABLED", "true");
        let output = command.args(arguments).stdin(Stdio::null()).output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        assert!(output.status.success(), "aws {}: {}", arguments.join(" "), text(&output.stderr));
        text(&output.stdout)
    }

    /// Forgets the calls so far.
    pub fn forget_calls(&self) {
        let _ = self.ask("DELETE", "calls", &Value::Null);
    }

    /// `service operation` of the changing calls since they were forgotten.
    pub fn changing_calls(&self) -> Vec<String> {
        let name =
            |call: &Value| format!("{} {}", call["service"].as_str().unwrap(), call["operation"].as_str().unwrap());
        self.calls("calls?changing=1").iter().map(name).collect()
    }

    /// All calls since they were forgotten.
    pub fn calls(&self, door: &str) -> Vec<Value> {
        let text = self.ask("GET", door, &Value::Null).text();
        let calls = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        calls.filter(|call| call["by"] == "client").collect()
    }
}

impl Drop for Account {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The Python that plays the account.
pub fn python() -> PathBuf {
    let path = std::env::var_os("ARQ_TEST_PYTHON")
        .map_or_else(|| PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/.venv/bin/python")), PathBuf::from);
    assert!(path.exists(), "{} is missing: tests/run sets up what the tests need", path.display());
    path
}

fn differ(path: &str, wanted: &Value, found: &Value, differences: &mut Vec<String>) {
    match (wanted, found) {
        (Value::Object(a), Value::Object(b)) => {
            for key in a.keys().chain(b.keys().filter(|key| !a.contains_key(*key))) {
                let none = Value::Null;
                differ(&format!("{path}/{key}"), a.get(key).unwrap_or(&none), b.get(key).unwrap_or(&none), differences);
            }
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            for (i, (a, b)) in a.iter().zip(b).enumerate() {
                differ(&format!("{path}/{i}"), a, b, differences);
            }
        }
        (a, b) if a != b => differences.push(format!("{path}: {a} is {b}")),
        _ => {}
    }
}
