//! A project in a folder of its own, and the program run in it with nothing of the outside.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// A project that is removed at the end.
pub struct Project {
    folder: tempfile::TempDir,
    variables: Vec<(String, String)>,
}

const EVERYTHING: &str = "[site]
name = \"small\"
domain = \"example.com\"
redirect_from = [\"www.example.com\"]
[aws]
region = \"eu-west-1\"
[api]
secrets = [\"PAYMENT_KEY\"]
[observe]
notify = \"owner@example.com\"
[[schedule]]
name = \"nightly\"
at = \"cron(0 6 * * ? *)\"
timezone = \"America/Sao_Paulo\"
run = \"POST /api/messages\"
body = '{\"name\": \"Nightly\", \"email\": \"night@example.com\", \"message\": \"Good night\"}'
";
const PHOTOS: &str = "[collection]
store = \"files\"
[rules]
create = \"true\"
get = \"true\"
list = \"auth.role == 'owner'\"
";
const MIGRATION: &str = "create table products (
    id bigint generated always as identity primary key,
    name text not null,
    price numeric(10, 2) not null
);
";

/// What the program printed, and how it ended.
#[derive(Debug)]
#[must_use = "assert the exit code with .ok() or .failed()"]
pub struct Ran {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

impl Ran {
    /// What it printed to stdout; it must have succeeded.
    pub fn ok(self) -> String {
        assert_eq!(self.code, Some(0), "{}{}", self.out, self.err);
        self.out
    }

    /// What it printed to stderr, however it ended.
    pub fn failed_or_ok(self) -> String {
        self.err
    }

    /// What it printed to stdout; it must have ended with this code.
    pub fn failed_with_data(self, code: i32) -> String {
        assert_eq!(self.code, Some(code), "{}{}", self.out, self.err);
        self.out
    }

    /// What it printed to stderr; it must have ended with this code.
    pub fn failed(self, code: i32) -> String {
        assert_eq!(self.code, Some(code), "{}{}", self.out, self.err);
        self.err
    }
}

impl Project {
    /// An empty folder.
    pub fn empty() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), variables: Vec::new() }
    }

    /// A site of these files, by name relative to the project.
    pub fn with(files: &[(&str, &str)]) -> Self {
        let project = Self::empty();
        for (name, text) in files {
            project.write(name, text);
        }
        project
    }

    /// A small site with the starter's API.
    pub fn small() -> Self {
        Self::with(&[
            ("arq.toml", "[site]\nname = \"small\"\n"),
            ("site/index.html", "<!doctype html><title>Home</title><a href=\"/about.html\">About</a>"),
            ("site/about.html", "<!doctype html><title>About</title>"),
            ("site/404.html", "<!doctype html><title>Gone</title>"),
            ("api/messages.toml", include_str!("../../api/messages.toml")),
        ])
    }

    /// A site with every part of the architecture: domain, API, documents, files, a migration, a
    /// secret, a schedule, alarms by mail. The domain waits until the account has it delegated.
    pub fn everything() -> Self {
        let project = Self::small();
        project.write("arq.toml", EVERYTHING);
        project.write("api/photos.toml", PHOTOS);
        project.write("migrations/0001_products.sql", MIGRATION);
        project
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    pub fn write(&self, name: &str, text: &str) {
        let path = self.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    /// Changes a file.
    pub fn replace(&self, name: &str, old: &str, new: &str) {
        let text = std::fs::read_to_string(self.path().join(name)).unwrap();
        assert!(text.contains(old), "{name} has no {old:?}");
        self.write(name, &text.replace(old, new));
    }

    /// Sets a variable for every run.
    pub fn variable(&mut self, name: &str, value: &str) {
        self.variables.retain(|(known, _)| known != name);
        self.variables.push((name.into(), value.into()));
    }

    /// The program, ready to be run in the project.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(program());
        self.clean(&mut command);
        command.args(arguments);
        command
    }

    /// A shell that becomes the program when it is sent a line: its process id is known before.
    pub fn waiting(&self, arguments: &[&str]) -> Child {
        let mut command = Command::new("/bin/sh");
        self.clean(&mut command);
        command.args(["-c", "read _ && exec \"$@\"", "sh"]).arg(program()).args(arguments);
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
    }

    pub fn run(&self, arguments: &[&str]) -> Ran {
        let output = self.command(arguments).stdin(Stdio::null()).output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Ran { code: output.status.code(), out: text(&output.stdout), err: text(&output.stderr) }
    }

    fn clean(&self, command: &mut Command) {
        command.env_clear().current_dir(self.path()).env("HOME", self.path()).env("PATH", "/usr/bin:/bin");
        // Without it the SDK asks the machine's own address for credentials, and waits.
        command.env("AWS_EC2_METADATA_DISABLED", "true");
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
    }
}

/// Lets a [`Project::waiting`] child begin.
pub fn begin(child: &mut Child) {
    child.stdin.take().unwrap().write_all(b"\n").unwrap();
}

/// The program as it was built for the tests, or another build, such as a released one.
fn program() -> PathBuf {
    std::env::var_os("ARQ_TEST_PROGRAM").map_or_else(|| env!("CARGO_BIN_EXE_arqsite").into(), PathBuf::from)
}
