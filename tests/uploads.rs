//! Large files: sent in parts, gone on with after a death, and never whole in memory.

use std::fs::File;
use std::io::{Seek, SeekFrom, Write};
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::support::account::{Account, python};
use crate::support::project::{Project, begin};

const BUCKET: &str = "small-site-123456789012";
const PUBLISH: &[&str] = &["publish", "--yes"];
const PART: u64 = 16 * 1024 * 1024;
/// More than is sent in one piece; its last part is half a one.
const FILM: u64 = 12 * PART + PART / 2;

/// Runs a command, and prints the most memory it had, in KiB.
const MEASURE: &str = "
import resource, subprocess, sys
code = subprocess.call(sys.argv[1:], stdout=subprocess.DEVNULL)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
sys.exit(code)
";

fn published() -> (Account, Project) {
    let account = Account::start();
    let mut project = Project::small();
    account.give_to(&mut project);
    project.run(PUBLISH).ok();
    account.forget_calls();
    (account, project)
}

/// A sparse file of which every part is another.
fn film(project: &Project, size: u64) {
    let mut file = File::create(project.path().join("site/film.mp4")).unwrap();
    file.set_len(size).unwrap();
    for (number, offset) in (1_u64..).zip((0..size).step_by(PART as usize)) {
        file.seek(SeekFrom::Start(offset)).unwrap();
        file.write_all(&number.to_be_bytes()).unwrap();
    }
}

fn s3(account: &Account, arguments: &[&str]) -> Value {
    let text = account.aws(&[&["s3api"], arguments, &["--bucket", BUCKET, "--output", "json"]].concat());
    serde_json::from_str(&text).unwrap_or(Value::Null)
}

/// Key and ETag of the object of that size.
fn object(account: &Account, size: u64) -> (String, String) {
    let all = s3(account, &["list-objects-v2", "--prefix", "c/"]);
    let found = all["Contents"].as_array().unwrap().iter().find(|object| object["Size"] == size).unwrap();
    (found["Key"].as_str().unwrap().into(), found["ETag"].as_str().unwrap().trim_matches('"').into())
}

fn uploads(account: &Account) -> Vec<Value> {
    s3(account, &["list-multipart-uploads"])["Uploads"].as_array().cloned().unwrap_or_default()
}

/// Calls about objects of the site, and lists of the bucket.
fn calls_of(account: &Account, operation: &str) -> usize {
    let object = format!("{BUCKET}/c/");
    let about = |call: &Value| call["resource"].as_str().is_some_and(|name| name.starts_with(&object));
    account.calls("calls").iter().filter(|call| call["operation"] == operation && about(call)).count()
}

/// What S3 has of the film between two bytes, both included.
fn range(account: &Account, project: &Project, key: &str, first: u64, last: u64) -> (Vec<u8>, Value) {
    let file = project.path().join("range");
    let (range, name) = (format!("bytes={first}-{last}"), file.to_str().unwrap());
    let head = s3(account, &["get-object", "--key", key, "--range", &range, name]);
    (std::fs::read(file).unwrap(), head)
}

#[test]
fn a_large_file_goes_in_parts_and_what_a_dead_publisher_sent_is_not_sent_again() {
    let (account, project) = published();
    film(&project, FILM);
    // The lock, the beginning of the upload, and some parts.
    let mut child = project.waiting(PUBLISH);
    let stop = json!({"stop_at": 8, "when": "after", "kill_pid": child.id()});
    assert_eq!(account.ask("POST", "faults", &stop).status, 200);
    begin(&mut child);
    assert_eq!(child.wait().unwrap().code(), None, "killed");
    account.ask("POST", "resume", &json!({}));
    account.ask("DELETE", "faults", &Value::Null);

    let [begun] = &uploads(&account)[..] else { panic!("one upload is under way") };
    let (key, id) = (begun["Key"].as_str().unwrap(), begun["UploadId"].as_str().unwrap());
    let parts = s3(&account, &["list-parts", "--key", key, "--upload-id", id]);
    let there = parts["Parts"].as_array().unwrap().len();
    assert!((1..13).contains(&there), "{there}");

    account.forget_calls();
    project.run(PUBLISH).ok();
    assert_eq!(calls_of(&account, "UploadPart"), 13 - there);
    assert_eq!(calls_of(&account, "CreateMultipartUpload"), 0);
    assert_eq!(uploads(&account), [Value::Null; 0]);

    let (stored, etag) = object(&account, FILM);
    assert_eq!(stored, key);
    assert!(etag.ends_with("-13"), "{etag}");
    let (bytes, head) = range(&account, &project, key, PART - 2, PART + 8);
    assert_eq!(bytes, [0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0]);
    assert_eq!(head["ContentRange"], format!("bytes {}-{}/{FILM}", PART - 2, PART + 8));
    assert_eq!((&head["ContentType"], &head["CacheControl"]), (&json!("video/mp4"), &json!(FOREVER)));
    let seen = account.edge().send("GET", "/film.mp4", &[("range", "bytes=0-7")], b"");
    assert_eq!((seen.status, seen.body), (206, vec![0, 0, 0, 0, 0, 0, 0, 1]));

    account.forget_calls();
    project.run(PUBLISH).ok();
    assert_eq!(account.changing_calls(), [""; 0]);
}

const FOREVER: &str = "public, max-age=31536000, immutable";

#[test]
fn an_upload_that_was_completed_by_another_run_is_taken_as_it_is() {
    let (account, project) = published();
    film(&project, FILM);
    // It dies between the objects and the manifest.
    let mut child = project.waiting(PUBLISH);
    let stop = json!({"stop_at": 1 + 1 + 13 + 1, "when": "after", "kill_pid": child.id()});
    account.ask("POST", "faults", &stop);
    begin(&mut child);
    assert_eq!(child.wait().unwrap().code(), None, "killed");
    account.ask("POST", "resume", &json!({}));
    account.ask("DELETE", "faults", &Value::Null);
    account.forget_calls();
    project.run(PUBLISH).ok();
    assert_eq!((calls_of(&account, "HeadObject"), calls_of(&account, "UploadPart")), (1, 0));
}

#[test]
fn an_answer_to_the_end_of_an_upload_that_is_lost_costs_no_second_upload() {
    let (account, project) = published();
    film(&project, FILM);
    let lost = json!([
        {"service": "s3", "operation": "CompleteMultipartUpload", "when": "after", "times": 1},
        {"service": "s3", "operation": "UploadPart", "when": "before", "times": 3, "code": "SlowDown", "status": 503},
        {"service": "s3", "operation": "UploadPart", "when": "before", "times": 2},
    ]);
    assert_eq!(account.ask("POST", "faults", &lost).status, 200);
    project.run(PUBLISH).ok();
    assert_eq!(calls_of(&account, "CreateMultipartUpload"), 1);
    assert_eq!(calls_of(&account, "UploadPart"), 13 + 3 + 2);
    assert_eq!(uploads(&account), [Value::Null; 0]);
    object(&account, FILM);
}

#[test]
fn a_large_file_that_changes_meanwhile_is_named_and_leaves_nothing() {
    let (account, project) = published();
    film(&project, FILM);
    let hold = json!({"service": "s3", "operation": "CreateMultipartUpload", "hold": true});
    account.ask("POST", "faults", &hold);
    let child = project.command(PUBLISH).stdin(Stdio::null()).stderr(Stdio::piped()).stdout(Stdio::null()).spawn();
    let child = child.unwrap();
    assert_eq!(account.ask("GET", "held", &Value::Null).status, 200);
    let mut file = File::options().write(true).open(project.path().join("site/film.mp4")).unwrap();
    file.seek(SeekFrom::Start(FILM / 2)).unwrap();
    file.write_all(b"cut").unwrap();
    account.ask("POST", "resume", &json!({}));
    let ended = child.wait_with_output().unwrap();
    let told = String::from_utf8_lossy(&ended.stderr).into_owned();
    assert_eq!(ended.status.code(), Some(1), "{told}");
    assert!(told.contains("film.mp4") && told.contains("the file changed while it was being published"), "{told}");
    assert_eq!(uploads(&account), [Value::Null; 0]);
}

#[test]
fn many_files_are_stored_though_s3_asks_for_less_all_the_time() {
    let (account, project) = published();
    let text = |number: u32| format!("<!doctype html><title>{number}</title>{}", "<p>The same again.</p>".repeat(60));
    for number in 0..120 {
        project.write(&format!("site/pages/{number}.html"), &text(number));
    }
    let object = format!("/{BUCKET}/c/");
    let busy = json!({"service": "s3", "operation": "PutObject", "match": object, "times": 150, "code": "SlowDown",
        "status": 503});
    account.ask("POST", "faults", &busy);
    project.run(PUBLISH).ok();
    let stored = s3(&account, &["list-objects-v2", "--prefix", "c/"])["Contents"].as_array().unwrap().len();
    // The three pages that were there are too small for encodings.
    assert_eq!(stored, 3 + 3 * 120);
    let (encoding, path) = (("accept-encoding", "br"), "/pages/7.html");
    let answer = account.edge().send("GET", path, &[encoding], b"");
    assert_eq!((answer.status, answer.header("content-encoding")), (200, "br"));
    assert_eq!(account.edge().get(path).text(), text(7));
}

/// The most memory that a publish had, in KiB.
fn memory(project: &Project) -> u64 {
    let publish = project.command(PUBLISH);
    let variables = publish.get_envs().filter_map(|(name, value)| Some((name, value?)));
    let mut measure = Command::new(python());
    measure.args(["-c", MEASURE]).arg(publish.get_program()).args(publish.get_args());
    measure.env_clear().envs(variables).current_dir(project.path()).stdin(Stdio::null());
    let measured = measure.output().unwrap();
    assert!(measured.status.success(), "{}", String::from_utf8_lossy(&measured.stderr));
    String::from_utf8_lossy(&measured.stdout).trim().parse().unwrap()
}

#[test]
fn a_gigabyte_takes_no_more_memory_than_what_may_be_under_way() {
    let (account, project) = published();
    project.write("site/about.html", "<!doctype html><title>About us</title>");
    // The program reads itself: how large it is depends on how it was built.
    let page = memory(&project);
    let size = 1 << 30;
    film(&project, size);
    let film = memory(&project);
    println!("{page} KiB for a page, {film} KiB for a gigabyte");
    assert!(film < page + 128 * 1024, "{page} KiB for a page, {film} KiB for a gigabyte");
    assert!(object(&account, size).1.ends_with("-64"));
}
