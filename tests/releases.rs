//! Earlier releases: which stay, which can be live again, and what is known of them.

use serde_json::{Value, json};

use crate::support::account::Account;
use crate::support::http::Client;
use crate::support::project::Project;

const BUCKET: &str = "small-site-123456789012";
const NOTES: &str = "[collection]
store = \"documents\"
[fields]
text = { type = \"text\", required = true }
[rules]
create = \"true\"
list = \"true\"
";

fn started(rules: &str) -> (Account, Project) {
    let account = Account::start();
    let mut project = Project::small();
    account.give_to(&mut project);
    project.write("arq.toml", &format!("[site]\nname = \"small\"\n[releases]\n{rules}\n"));
    (account, project)
}

/// Publishes a page of this title at a time of its own, in hours; gives the release.
fn publish(project: &mut Project, title: &str, hour: i64) -> String {
    project.write("site/about.html", &page(title));
    published(project, hour)
}

fn page(title: &str) -> String {
    // Long enough to be kept in encodings, too.
    format!("<!doctype html><title>{title}</title>{}", format!("<p>{title}</p>").repeat(100))
}

fn published(project: &mut Project, hour: i64) -> String {
    project.variable("SOURCE_DATE_EPOCH", &(1_700_000_000 + hour * 3600).to_string());
    let told: Value = serde_json::from_str(&project.run(&["publish", "--yes", "--json"]).ok()).unwrap();
    told["release"].as_str().unwrap().to_owned()
}

fn title(account: &Account) -> String {
    let text = account.edge().get("/about.html").text();
    text.split(['<', '>']).nth(4).unwrap_or_default().to_owned()
}

fn keys(account: &Account) -> Vec<String> {
    let answer = account.ask("GET", "kvs/small-edge", &json!(null)).json();
    answer["keys"].as_object().unwrap().keys().cloned().collect()
}

/// The releases whose keys are in the edge store.
fn in_store(account: &Account) -> Vec<String> {
    let mut all: Vec<String> = keys(account).iter().filter_map(|key| Some(key.split_once(':')?.0.to_owned())).collect();
    all.dedup();
    all
}

/// Removes keys of a release from the store, as somebody else does; the practice account does not check
/// the arithmetic of this kind of signature.
fn remove_keys(account: &Account, release: &str, those: impl Fn(&str) -> bool) {
    let query = ["cloudfront", "describe-key-value-store", "--name", "small-edge", "--query", "KeyValueStore.ARN"];
    let arn = encoded(account.aws(&query).trim().trim_matches('"'));
    for key in keys(account).iter().filter(|key| key.starts_with(release) && those(key)) {
        let tag = account.ask("GET", "kvs/small-edge", &json!(null)).json()["etag"].as_str().unwrap().to_owned();
        let headers = [
            (
                "authorization",
                "AWS4-ECDSA-P256-SHA256 Credential=practice/20260101/cloudfront-keyvaluestore/aws4_request, \
                 SignedHeaders=host, Signature=00",
            ),
            ("x-amz-region-set", "*"),
            ("if-match", tag.as_str()),
        ];
        let answer = Client::new(account.port).send(
            "DELETE",
            &format!("/key-value-stores/{arn}/keys/{}", encoded(key)),
            &headers,
            b"",
        );
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
}

fn encoded(text: &str) -> String {
    text.replace(':', "%3A").replace('/', "%2F")
}

fn objects(account: &Account, prefix: &str) -> Vec<String> {
    let snapshot = account.aws(&["s3api", "list-objects-v2", "--bucket", BUCKET, "--prefix", prefix]);
    let list: Value = serde_json::from_str(&snapshot).unwrap_or_default();
    let keys = list["Contents"].as_array().cloned().unwrap_or_default();
    keys.iter().map(|each| each["Key"].as_str().unwrap().to_owned()).collect()
}

fn list(project: &Project) -> Vec<Value> {
    let told: Value = serde_json::from_str(&project.run(&["releases", "--all", "--json"]).ok()).unwrap();
    told["releases"].as_array().unwrap().clone()
}

#[test]
fn only_the_last_three_stay_with_all_that_they_refer_to() {
    let (account, mut project) = started("keep = 3\ndays = 0");
    let made: Vec<String> = (0..12).map(|number| publish(&mut project, &format!("n{number}"), number)).collect();
    // The function falls back to the first, which stays for that.
    let kept: Vec<String> = [&made[0], &made[9], &made[10], &made[11]].into_iter().cloned().collect();
    let manifests: Vec<String> = kept.iter().map(|id| format!("releases/{id}.json")).collect();
    assert_eq!(objects(&account, "releases/"), manifests);
    assert_eq!(in_store(&account), kept);
    // Home and the not-found page, and four about pages, as they are at least.
    let plain: Vec<String> = objects(&account, "c/").into_iter().filter(|key| !key.contains('.')).collect();
    assert_eq!(plain.len(), 2 + 4, "{plain:?}");
    assert_eq!(objects(&account, "api/").len(), 1);
    assert_eq!(title(&account), "n11");
    // Each of them can be live again, by one write.
    for (number, id) in [(9, &kept[1]), (0, &kept[0]), (11, &kept[3])] {
        account.forget_calls();
        project.run(&["rollback", id, "--yes"]).ok();
        assert_eq!(account.changing_calls(), ["cloudfront-keyvaluestore PutKey"]);
        assert_eq!(title(&account), format!("n{number}"));
    }
}

#[test]
fn a_publish_that_changes_nothing_reads_one_manifest_and_lists_nothing() {
    let (account, mut project) = started("keep = 2\ndays = 0");
    (0..4).for_each(|number| drop(publish(&mut project, &format!("n{number}"), number)));
    account.forget_calls();
    published(&mut project, 5);
    assert_eq!(account.changing_calls(), [""; 0]);
    let calls = account.calls("calls");
    let of = |operation: &str| calls.iter().filter(|call| call["operation"] == operation).count();
    assert_eq!((of("ListObjectsV2"), of("ListKeys"), of("DeleteObjects")), (0, 0, 0));
    // The manifest of the live release, and the ledger.
    assert_eq!(of("GetObject"), 2);
}

#[test]
fn nothing_has_to_go_so_nothing_is_looked_at() {
    let (account, mut project) = started("");
    publish(&mut project, "one", 0);
    account.forget_calls();
    publish(&mut project, "two", 1);
    let calls = account.calls("calls");
    let of = |operation: &str| calls.iter().filter(|call| call["operation"] == operation).count();
    // The look whether this content was published before; of manifests the live one, and the ledger twice.
    assert_eq!((of("ListObjectsV2"), of("GetObject"), of("DeleteObjects")), (1, 3, 0));
}

#[test]
fn a_rollback_is_one_write_and_says_what_visitors_get() {
    let (account, mut project) = started("");
    let one = publish(&mut project, "one", 0);
    project.write("site/new.html", &page("new"));
    let two = publish(&mut project, "two", 1);
    account.forget_calls();
    let ran = project.run(&["rollback", "--yes"]);
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    assert_eq!(account.changing_calls(), ["cloudfront-keyvaluestore PutKey"]);
    assert!(ran.out.contains("0 added, 1 changed, 1 removed") && ran.out.contains("- /new.html"), "{}", ran.out);
    assert!(ran.out.contains("https://"), "{}", ran.out);
    assert!(ran.err.contains("Rolled back in"), "{}", ran.err);
    assert_eq!((title(&account).as_str(), account.edge().get("/new.html").status), ("one", 404));
    // There already, by a part of its id.
    account.forget_calls();
    let told = project.run(&["rollback", one.rsplit('-').next().unwrap(), "--yes"]).ok();
    assert!(told.contains("https://"));
    assert_eq!(account.changing_calls(), [""; 0]);
    // And back, which is the one before now.
    let told: Value = serde_json::from_str(&project.run(&["rollback", "--yes", "--json"]).ok()).unwrap();
    assert_eq!((&told["live"], &told["before"], &told["changed"]), (&json!(two), &json!(one), &json!(true)));
    assert_eq!(title(&account), "two");
}

#[test]
fn what_is_no_release_is_told_with_those_that_there_are() {
    let (account, mut project) = started("");
    let error = project.run(&["rollback", "--yes"]).failed(1);
    assert!(error.contains("nothing has been published yet"), "{error}");
    let one = publish(&mut project, "one", 0);
    let error = project.run(&["rollback", "--yes"]).failed(1);
    assert!(error.contains("no release before the live one"), "{error}");
    for unknown in ["ffffffffff", "20200101-000000-0123456789"] {
        let error = project.run(&["rollback", unknown, "--yes"]).failed(1);
        assert!(error.contains(&format!("there is no release {unknown}")) && error.contains(&one), "{error}");
    }
    publish(&mut project, "two", 1);
    let error = project.run(&["rollback", "2023", "--yes"]).failed(1);
    assert!(error.contains("may be any of 2 releases"), "{error}");
    // Nobody can answer, so nothing is done.
    let error = project.run(&["rollback"]).failed(1);
    assert!(error.contains("--yes"), "{error}");
    // An API bundle that is gone.
    let bundle = objects(&account, "api/").remove(0);
    account.aws(&["s3api", "delete-object", "--bucket", BUCKET, "--key", &bundle]);
    let error = project.run(&["rollback", "--yes"]).failed(1);
    assert!(error.contains("is no longer there"), "{error}");
    assert_eq!(title(&account), "two");
}

#[test]
fn a_rollback_refuses_beside_a_publish_unless_it_is_forced() {
    let (account, mut project) = started("");
    publish(&mut project, "one", 0);
    publish(&mut project, "two", 1);
    let text = account.aws(&["s3", "cp", &format!("s3://{BUCKET}/ledger.json"), "-"]);
    let mut ledger: Value = serde_json::from_str(&text).unwrap();
    ledger["holder"] = json!({"owner": "arn:aws:iam::123456789012:user/ana", "host": "build-7", "process": "",
        "since": "2026-01-01T00:00:00Z", "expires": "2999-01-01T00:00:00Z", "run": "1"});
    let file = project.path().join("ledger.json");
    std::fs::write(&file, ledger.to_string()).unwrap();
    let put = ["s3api", "put-object", "--bucket", BUCKET, "--key", "ledger.json", "--body", file.to_str().unwrap()];
    account.aws(&put);
    account.forget_calls();
    let error = project.run(&["rollback", "--yes"]).failed(3);
    assert!(error.contains("user/ana on build-7") && error.contains("--force"), "{error}");
    assert_eq!(account.changing_calls(), [""; 0]);
    project.run(&["rollback", "--yes", "--force"]).ok();
    assert_eq!(title(&account), "one");
}

#[test]
fn a_release_whose_keys_have_left_the_store_has_them_written_first() {
    let (account, mut project) = started("");
    let one = publish(&mut project, "one", 0);
    publish(&mut project, "two", 1);
    publish(&mut project, "three", 2);
    remove_keys(&account, &one, |_| true);
    account.forget_calls();
    let told = project.run(&["rollback", &one, "--yes"]).ok();
    assert!(told.contains("they are written first"), "{told}");
    let calls = account.changing_calls();
    assert_eq!(calls, ["cloudfront-keyvaluestore UpdateKeys", "cloudfront-keyvaluestore PutKey"]);
    assert_eq!(title(&account), "one");
}

#[test]
fn what_an_interrupted_cleaning_left_goes_the_next_time() {
    let (account, mut project) = started("keep = 1\ndays = 0");
    publish(&mut project, "fallback", 0);
    let one = publish(&mut project, "one", 1);
    publish(&mut project, "two", 2);
    // As a cleaning leaves it that was killed: no slot any more, and the manifest set aside.
    remove_keys(&account, &one, |key| key.ends_with(":p"));
    let (from, to) =
        (format!("s3://{BUCKET}/releases/{one}.json"), format!("s3://{BUCKET}/releases/leaving/{one}.json"));
    account.aws(&["s3", "cp", &from, &to]);
    let error = project.run(&["rollback", "nothing", "--yes"]).failed(1);
    assert!(error.contains("there is no release nothing"), "{error}");
    publish(&mut project, "three", 3);
    assert!(!in_store(&account).contains(&one), "{:?}", keys(&account));
    assert_eq!(objects(&account, "releases/").len(), 3);
    let plain: Vec<String> = objects(&account, "c/").into_iter().filter(|key| !key.contains('.')).collect();
    assert_eq!(plain.len(), 2 + 3, "{plain:?}");
}

#[test]
fn a_release_that_was_taken_back_to_is_protected_again() {
    let (account, mut project) = started("keep = 2\ndays = 0");
    publish(&mut project, "fallback", 0);
    let one = publish(&mut project, "one", 1);
    publish(&mut project, "two", 2);
    project.run(&["rollback", &one, "--yes"]).ok();
    publish(&mut project, "three", 3);
    publish(&mut project, "four", 4);
    // `one` was live until `three` was, later than `two` was.
    let titles: Vec<String> = list(&project).iter().map(|each| each["id"].as_str().unwrap().to_owned()).collect();
    assert_eq!(titles.len(), 3, "{titles:?}");
    publish(&mut project, "three", 5);
    let left = list(&project);
    assert!(!left.iter().any(|each| each["id"] == json!(one)), "{left:?}");
    assert_eq!(title(&account), "three");
}

#[test]
fn what_was_live_in_the_last_days_stays_whatever_their_number() {
    let (_account, mut project) = started("keep = 1\ndays = 2");
    (0..5).for_each(|number| drop(publish(&mut project, &format!("n{number}"), number * 24)));
    // The fallback; those that were live 47, 24 and 0 hours ago.
    let states: Vec<Value> = list(&project).iter().map(|each| each["state"].clone()).collect();
    assert_eq!(states, ["live", "before", "earlier", "earlier"], "{states:?}");
    // Fewer days from now on: what is too many goes at once, with no other change.
    project.replace("arq.toml", "days = 2", "days = 0");
    published(&mut project, 100);
    assert_eq!(list(&project).len(), 3);
}

#[test]
fn the_list_says_who_when_and_what() {
    let (account, mut project) = started("");
    let one = publish(&mut project, "one", 0);
    project.write("api/notes.toml", NOTES);
    project.write("site/new.html", &page("new"));
    let two = publish(&mut project, "two", 3);
    let text = project.run(&["releases"]).ok();
    let lines: Vec<&str> = text.lines().collect();
    assert!(lines[0].starts_with(&format!("{two}  live")), "{text}");
    assert!(lines[0].contains("(just now)") && lines[0].contains("+1 ~1 -0 pages, API: "), "{text}");
    assert!(lines[0].contains("+POST /api/notes"), "{text}");
    assert!(lines[1].starts_with(&format!("{one}  before")) && lines[1].contains("(3 hours ago)"), "{text}");
    let who = account.aws(&["sts", "get-caller-identity", "--query", "Arn"]);
    let detail = project.run(&["releases", &two]).ok();
    for part in [who.trim().trim_matches('"'), "+ /new.html", "~ /about.html", "POST /api/notes", "live      from"] {
        assert!(detail.contains(part), "{part}: {detail}");
    }
    let json: Value = serde_json::from_str(&project.run(&["releases", &one, "--json"]).ok()).unwrap();
    assert_eq!((&json["state"], &json["live_since"]), (&json!("before"), &json!(1_700_000_000)));
    // The plan says the same before.
    project.write("site/new.html", &page("newer"));
    std::fs::remove_file(project.path().join("api/notes.toml")).unwrap();
    let plan = project.run(&["plan"]).ok();
    assert!(plan.contains("~ /new.html") && plan.contains("- POST /api/notes"), "{plan}");
}

#[test]
fn pages_and_api_are_of_one_release_at_every_moment() {
    let (account, mut project) = started("");
    publish(&mut project, "without", 0);
    project.write("api/notes.toml", NOTES);
    publish(&mut project, "with", 1);
    for _ in 0..3 {
        for (title_wanted, status) in [("without", 404), ("with", 200)] {
            project.run(&["rollback", "--yes"]).ok();
            assert_eq!(title(&account), title_wanted);
            assert_eq!(account.edge().get("/api/notes").status, status, "{title_wanted}");
        }
    }
}

#[test]
fn what_an_interrupted_publish_left_goes_after_a_day_and_not_before() {
    let (account, mut project) = started("");
    publish(&mut project, "one", 0);
    let clean = objects(&account, "c/").len();
    // As a publish leaves it that was killed before its manifest was written.
    let text = account.aws(&["s3", "cp", &format!("s3://{BUCKET}/ledger.json"), "-"]);
    let mut ledger: Value = serde_json::from_str(&text).unwrap();
    ledger["begun"] = json!(["20231115-000000-0123456789"]);
    let file = project.path().join("ledger.json");
    std::fs::write(&file, ledger.to_string()).unwrap();
    let body = file.to_str().unwrap();
    for key in ["c/orphan-orpha", "ledger.json"] {
        account.aws(&["s3api", "put-object", "--bucket", BUCKET, "--key", key, "--body", body]);
    }
    publish(&mut project, "two", 2);
    assert!(objects(&account, "c/").contains(&"c/orphan-orpha".to_owned()));
    // The objects are of the machine's time: two days after it.
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let hour = i64::try_from(now).unwrap() / 3600 - 1_700_000_000 / 3600 + 48;
    publish(&mut project, "three", hour);
    let left = objects(&account, "c/");
    assert!(!left.contains(&"c/orphan-orpha".to_owned()), "{left:?}");
    assert!(left.len() > clean);
    assert_eq!(title(&account), "three");
}
