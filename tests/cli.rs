//! The command line: what is said when something is wrong, and with which code it ends.

use crate::support::project::Project;

#[test]
fn a_wrong_key_is_named_with_its_line_and_the_nearest_right_one() {
    let project =
        Project::with(&[("arq.toml", "[site]\nname = \"shop\"\nlangage = \"en\"\n"), ("site/index.html", "x")]);
    let error = project.run(&["check"]).failed(1);
    assert_eq!(
        error,
        "Error: the configuration is not right.\n  arq.toml:3: there is no key site.langage; did you mean site.language?\n"
    );
}

#[test]
fn a_missing_site_is_named_with_the_way_out() {
    let project = Project::with(&[("arq.toml", "[site]\nname = \"shop\"\n")]);
    let error = project.run(&["check"]).failed(1);
    assert!(error.contains("site"), "{error}");
}

#[test]
fn the_starter_can_be_made_ones_own_and_is_without_a_fault() {
    let project = Project::empty();
    project.run(&["new", "mine"]).ok();
    let out = project.run(&["-C", "mine", "check"]).ok();
    assert!(out.contains("paths"), "{out}");
    let again = project.run(&["new", "mine"]).failed(1);
    assert!(again.contains("mine is there already and not empty"), "{again}");
}

#[test]
fn a_wrong_command_line_ends_with_two() {
    let _ = Project::empty().run(&["publsh"]).failed(2);
}

#[test]
fn failures_are_json_when_json_is_wanted() {
    let project = Project::with(&[("arq.toml", "[site]\nnam = \"shop\"\n")]);
    let ran = project.run(&["check", "--json"]);
    let told: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!((told["error"]["kind"].as_str(), told["error"]["exit_code"].as_u64()), (Some("yours"), Some(1)));
    let _ = ran.failed(1);
}

#[test]
fn a_token_is_shown_once_listed_without_its_secret_and_revoked() {
    let project = Project::empty();
    let token = project.run(&["token", "new", "--name", "phone", "--quiet"]).ok();
    let listed = project.run(&["token", "list"]).ok();
    let id = listed.split_whitespace().next().unwrap().to_owned();
    assert!(token.contains(&id) && !listed.contains(token.trim()), "{listed}");
    project.run(&["token", "rm", &id]).ok();
    assert!(project.run(&["token", "rm", &id]).failed(1).contains("there is no token"));
}

#[cfg(feature = "publish")]
#[test]
fn without_credentials_it_says_how_to_sign_in() {
    let mut project = Project::small();
    project.variable("AWS_REGION", "eu-west-1");
    let error = project.run(&["publish", "--yes"]).failed(1);
    assert!(error.contains("no AWS credentials were found") && error.contains("aws sso login"), "{error}");
}

#[cfg(feature = "publish")]
#[test]
fn an_endpoint_where_nobody_listens_is_named() {
    let mut project = Project::small();
    // A port that was free a moment ago.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    for (name, value) in [
        ("AWS_ENDPOINT_URL", format!("http://127.0.0.1:{port}")),
        ("AWS_ACCESS_KEY_ID", "x".into()),
        ("AWS_SECRET_ACCESS_KEY", "x".into()),
        ("AWS_REGION", "us-east-1".into()),
    ] {
        project.variable(name, &value);
    }
    let error = project.run(&["plan"]).failed(3);
    assert!(error.contains(&format!("AWS could not be reached at http://127.0.0.1:{port}")), "{error}");
}

#[cfg(feature = "publish")]
#[test]
fn nothing_is_published_where_there_is_no_project() {
    let error = Project::empty().run(&["publish", "--yes"]).failed(1);
    assert!(error.contains("there is no arq.toml"), "{error}");
}
