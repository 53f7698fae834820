//! Publishing to the practice account.

use serde_json::json;

use crate::support::account::Account;
use crate::support::http::Client;
use crate::support::project::Project;

fn published() -> (Account, Project) {
    let account = Account::start();
    let mut project = Project::small();
    account.give_to(&mut project);
    project.run(&["publish", "--yes"]).ok();
    (account, project)
}

#[test]
fn a_second_publish_makes_no_changing_call_and_one_page_costs_five_and_the_lock() {
    let (account, project) = published();
    account.forget_calls();
    project.run(&["publish", "--yes"]).ok();
    assert_eq!(account.changing_calls(), [""; 0]);
    project.write("site/about.html", "<!doctype html><title>About us</title>");
    project.run(&["publish", "--yes"]).ok();
    let lock = "s3 PutObject";
    assert_eq!(
        account.changing_calls(),
        [
            lock,
            "s3 PutObject",
            "s3 PutObject",
            "cloudfront-keyvaluestore UpdateKeys",
            "cloudfront-keyvaluestore PutKey",
            lock
        ]
    );
    assert!(account.edge().get("/about.html").text().contains("About us"));
}

#[test]
fn a_message_goes_all_the_way_and_only_the_owner_reads_it() {
    let (account, project) = published();
    let mut edge = account.edge();
    let form = [("content-type", "application/x-www-form-urlencoded"), ("accept", "text/html")];
    let taken = edge.send("POST", "/api/messages", &form, b"name=Ana&email=ana%40example.com&message=Hello");
    assert_eq!((taken.status, taken.header("location")), (303, "/thanks.html"));
    assert_eq!(edge.get("/api/messages").status, 401);
    let token = project.run(&["token", "new", "--stage", "production", "--quiet"]).ok();
    let owner = format!("Bearer {}", token.trim());
    let list = edge.send("GET", "/api/messages", &[("authorization", &owner)], b"").json();
    assert_eq!(list["items"][0]["name"], "Ana");
    let functions: Vec<_> = account
        .ask("GET", "calls?by=function", &json!(null))
        .text()
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()["operation"].as_str().unwrap().to_owned())
        .collect();
    assert!(functions.contains(&"PutItem".to_owned()) && functions.contains(&"Query".to_owned()), "{functions:?}");
}

#[test]
fn a_request_that_goes_round_the_distribution_is_refused() {
    let (account, _project) = published();
    let apis = account.snapshot()["apis"].clone();
    assert_eq!(apis["small-api"].as_array().unwrap().len(), 1);
    let host = account.ask("GET", "edge", &json!(null)).json()["apis"][0].as_str().unwrap().to_owned();
    let mut round = Client::new(account.edge_port).host(&host);
    for headers in [&[][..], &[("x-arq-origin", "guess")][..]] {
        let answer = round.send("GET", "/api/health", headers, b"");
        assert_eq!((answer.status, answer.json()["type"].as_str()), (403, Some("/problems/origin")));
    }
    assert_eq!(account.edge().get("/api/health").status, 200);
}

#[test]
fn destroy_keeps_the_tables_and_says_so_and_delete_data_leaves_nothing() {
    let account = Account::start();
    let mut project = Project::small();
    account.give_to(&mut project);
    let before = account.snapshot();
    project.run(&["publish", "--yes"]).ok();
    let told = project.run(&["destroy", "--yes"]);
    assert_eq!(told.code, Some(0), "{}", told.err);
    assert!(told.err.contains("Kept: dynamodb.table small-messages, which holds data"), "{}", told.err);
    let kept = account.snapshot();
    assert_eq!(kept["tables"].as_object().unwrap().len(), 2);
    project.run(&["destroy", "--yes", "--delete-data"]).ok();
    account.assert_equals(&before, "nothing is left");
    assert!(project.run(&["destroy", "--yes"]).failed_or_ok().contains("nothing to take down"));
}

#[test]
fn a_dropped_api_is_taken_down_and_its_table_is_kept() {
    let (account, project) = published();
    std::fs::remove_dir_all(project.path().join("api")).unwrap();
    let told = project.run(&["publish", "--yes"]);
    assert_eq!(told.code, Some(0), "{}{}", told.out, told.err);
    let after = account.snapshot();
    let functions: Vec<_> = after["functions"].as_object().unwrap().keys().collect();
    assert_eq!((functions, after["apis"].clone()), (vec![&"small-operator".to_owned()], json!({})));
    assert_eq!(after["tables"].as_object().unwrap().len(), 2);
    assert_eq!(account.edge().get("/api/messages").status, 404);
    assert_eq!(account.edge().get("/").status, 200);
}

#[test]
fn what_is_not_ours_is_never_touched() {
    let account = Account::start();
    let mut project = Project::small();
    account.give_to(&mut project);
    account.ask("POST", "taken", &json!({"bucket": "small-site-123456789012"}));
    let before = account.snapshot();
    let error = project.run(&["publish", "--yes"]).failed(1);
    assert!(error.contains("could not use the bucket small-site-123456789012"), "{error}");
    assert!(error.contains("Choose another site.name"), "{error}");
    account.assert_equals(&before, "nothing is left");
}
