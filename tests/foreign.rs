//! What somebody else made is never touched, whatever its name.

use serde_json::{Value, json};

use crate::support::account::Account;
use crate::support::project::Project;

const HOME: &str = "eu-west-1";
const EDGE: &str = "us-east-1";

/// A thing of a name that the project would use.
struct Foreign {
    /// What the message calls it.
    name: &'static str,
    /// Where it is in the snapshot.
    place: &'static str,
    /// Makes it.
    make: fn(&Account),
}

/// A project with every part but the database.
fn project(account: &Account) -> Project {
    let mut project = Project::everything();
    std::fs::remove_dir_all(project.path().join("migrations")).unwrap();
    account.give_to(&mut project);
    project
}

fn aws(account: &Account, region: &str, arguments: &[&str]) -> Value {
    let text = account.aws(&[arguments, &["--region", region, "--output", "json"]].concat());
    if text.trim().is_empty() { Value::Null } else { serde_json::from_str(&text).unwrap() }
}

const TRUST: &str = r#"{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole",
    "Principal": {"Service": "lambda.amazonaws.com"}}]}"#;

const FOREIGN: &[Foreign] = &[
    Foreign {
        name: "small-site-123456789012",
        place: "/buckets/small-site-123456789012",
        make: |account| {
            let bucket = ["--bucket", "small-site-123456789012"];
            let region = ["--create-bucket-configuration", "LocationConstraint=eu-west-1"];
            aws(account, HOME, &[&["s3api", "create-bucket"][..], &bucket, &region].concat());
            aws(account, HOME, &[&["s3api", "put-object", "--key", "theirs.txt"][..], &bucket].concat());
        },
    },
    Foreign {
        name: "small-api",
        place: "/roles/small-api",
        make: |account| {
            let role = ["--role-name", "small-api", "--assume-role-policy-document", TRUST];
            aws(account, HOME, &[&["iam", "create-role"][..], &role].concat());
        },
    },
    Foreign {
        name: "small-messages",
        place: "/tables/small-messages",
        make: |account| {
            let key = ["--attribute-definitions", "AttributeName=pk,AttributeType=S", "--key-schema"];
            let key = [&key[..], &["AttributeName=pk,KeyType=HASH", "--billing-mode", "PAY_PER_REQUEST"]].concat();
            aws(account, HOME, &[&["dynamodb", "create-table", "--table-name", "small-messages"][..], &key].concat());
        },
    },
    Foreign {
        name: "/aws/lambda/small-api",
        place: "/log_groups/~1aws~1lambda~1small-api",
        make: |account| {
            aws(account, HOME, &["logs", "create-log-group", "--log-group-name", "/aws/lambda/small-api"]);
        },
    },
    Foreign {
        name: "small-secrets",
        place: "/secrets/eu-west-1~1small-secrets",
        make: |account| {
            let secret = ["--name", "small-secrets", "--secret-string", "theirs"];
            aws(account, HOME, &[&["secretsmanager", "create-secret"][..], &secret].concat());
        },
    },
    Foreign {
        name: "small-function-errors",
        place: "/alarms/eu-west-1~1small-function-errors",
        make: |account| {
            let metric =
                ["--namespace", "AWS/Lambda", "--metric-name", "Errors", "--statistic", "Sum", "--period", "60"];
            let limit = ["--evaluation-periods", "1", "--threshold", "9"];
            let limit = [&limit[..], &["--comparison-operator", "GreaterThanThreshold"]].concat();
            let alarm = ["cloudwatch", "put-metric-alarm", "--alarm-name", "small-function-errors"];
            aws(account, HOME, &[&alarm[..], &metric, &limit].concat());
        },
    },
    Foreign {
        name: "small-alarms",
        place: "/topics/eu-west-1~1small-alarms",
        make: |account| {
            aws(account, HOME, &["sns", "create-topic", "--name", "small-alarms"]);
        },
    },
    Foreign { name: "small-audit", place: "/trails/eu-west-1~1small-audit", make: trail },
    Foreign {
        name: "small-certificate",
        place: "/rules/us-east-1~1small-certificate",
        make: |account| {
            let rule = ["--name", "small-certificate", "--event-pattern", r#"{"source": ["aws.acm"]}"#];
            aws(account, EDGE, &[&["events", "put-rule"][..], &rule].concat());
        },
    },
    Foreign {
        name: "small-rollback",
        place: "/documents/eu-west-1~1small-rollback",
        make: |account| {
            let content = r#"{"schemaVersion": "0.3", "mainSteps": [{"name": "wait", "action": "aws:sleep",
                "inputs": {"Duration": "PT1S"}}]}"#;
            let document = ["--name", "small-rollback", "--document-type", "Automation", "--content", content];
            aws(account, HOME, &[&["ssm", "create-document"][..], &document].concat());
        },
    },
    Foreign {
        name: "/arqsite/small/production/bucket",
        place: "/parameters/eu-west-1~1~1arqsite~1small~1production~1bucket",
        make: |account| {
            let parameter = ["--name", "/arqsite/small/production/bucket", "--type", "String", "--value", "theirs"];
            aws(account, HOME, &[&["ssm", "put-parameter"][..], &parameter].concat());
        },
    },
    Foreign {
        name: "small-schedules",
        place: "/schedule_groups/eu-west-1~1small-schedules",
        make: |account| {
            aws(account, HOME, &["scheduler", "create-schedule-group", "--name", "small-schedules"]);
        },
    },
    Foreign {
        name: "small-edge",
        place: "/stores/small-edge",
        make: |account| {
            aws(account, EDGE, &["cloudfront", "create-key-value-store", "--name", "small-edge"]);
        },
    },
    Foreign {
        name: "small-site",
        place: "/origin_access_controls",
        make: |account| {
            let control =
                "Name=small-site,SigningProtocol=sigv4,SigningBehavior=never,OriginAccessControlOriginType=s3";
            let create = ["cloudfront", "create-origin-access-control", "--origin-access-control-config", control];
            aws(account, EDGE, &create);
        },
    },
    Foreign {
        name: "small-firewall",
        place: "/web_acls/CLOUDFRONT us-east-1 small-firewall",
        make: |account| {
            let shown = "SampledRequestsEnabled=false,CloudWatchMetricsEnabled=false,MetricName=theirs";
            let acl = ["--name", "small-firewall", "--scope", "CLOUDFRONT", "--default-action", "Allow={}"];
            aws(account, EDGE, &[&["wafv2", "create-web-acl", "--visibility-config", shown][..], &acl].concat());
        },
    },
    Foreign {
        name: "example.com",
        place: "/zones/example.com.",
        make: |account| {
            let records = json!([{"Name": "example.com.", "Type": "A", "TTL": 60,
                "ResourceRecords": [{"Value": "192.0.2.7"}]}]);
            let zone = json!({"name": "example.com", "tags": {"owner": "them"}, "records": records});
            assert_eq!(account.ask("POST", "zone", &zone).status, 200);
        },
    },
];

/// A trail needs a bucket that lets it in.
fn trail(account: &Account) {
    let (name, resource) = ("their-logs", "arn:aws:s3:::their-logs");
    let region = ["--create-bucket-configuration", "LocationConstraint=eu-west-1"];
    aws(account, HOME, &[&["s3api", "create-bucket", "--bucket", name][..], &region].concat());
    let from = json!({"Service": "cloudtrail.amazonaws.com"});
    let policy = json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": from, "Action": "s3:GetBucketAcl", "Resource": resource},
        {"Effect": "Allow", "Principal": from, "Action": "s3:PutObject", "Resource": format!("{resource}/AWSLogs/123456789012/*"),
         "Condition": {"StringEquals": {"s3:x-amz-acl": "bucket-owner-full-control"}}}]});
    aws(account, HOME, &["s3api", "put-bucket-policy", "--bucket", name, "--policy", &policy.to_string()]);
    aws(account, HOME, &["cloudtrail", "create-trail", "--name", "small-audit", "--s3-bucket-name", name]);
}

#[test]
fn what_has_a_name_of_ours_and_not_our_tag_stops_the_publish_and_stays_as_it_is() {
    let account = Account::start();
    let project = project(&account);
    let mut failures = Vec::new();
    for foreign in FOREIGN {
        account.reset();
        (foreign.make)(&account);
        let before = account.snapshot();
        assert!(before.pointer(foreign.place).is_some(), "{} is not in the snapshot", foreign.place);
        let ran = project.run(&["publish", "--yes", "--wait", "0"]);
        let names_it = ran.err.contains(foreign.name);
        let way_out = ran.err.contains("Hint: Choose another site.name") || ran.err.contains("`zone = ");
        if ran.code != Some(1) || !names_it || !way_out {
            failures.push(format!("{}: publish ends with {:?}: {}", foreign.place, ran.code, ran.err));
        }
        let touched = account.differences(&before);
        if !touched.is_empty() {
            failures.push(format!("{}: publish changed {}", foreign.place, touched.join("; ")));
        }
        println!(
            "| {} | {} |",
            foreign.place,
            ran.err.lines().skip_while(|l| !l.starts_with("Error")).collect::<Vec<_>>().join(" ")
        );
        let gone = project.run(&["destroy", "--yes", "--delete-data"]);
        let touched = account.differences(&before);
        if gone.code != Some(0) || !touched.is_empty() {
            let touched = touched.join("; ");
            failures.push(format!("{}: destroy ends with {:?}: {} {touched}", foreign.place, gone.code, gone.err));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn what_appears_beside_a_published_site_survives_its_destroy() {
    let account = Account::start();
    let project = project(&account);
    let others = |account: &Account| {
        for name in ["small-tokens-copy", "smaller-messages"] {
            let key = ["--attribute-definitions", "AttributeName=pk,AttributeType=S", "--key-schema"];
            let key = [&key[..], &["AttributeName=pk,KeyType=HASH", "--billing-mode", "PAY_PER_REQUEST"]].concat();
            aws(account, HOME, &[&["dynamodb", "create-table", "--table-name", name][..], &key].concat());
        }
        aws(account, HOME, &["logs", "create-log-group", "--log-group-name", "/aws/lambda/small-api-other"]);
        aws(
            account,
            HOME,
            &["iam", "create-role", "--role-name", "small-other", "--assume-role-policy-document", TRUST],
        );
        aws(account, HOME, &["sns", "create-topic", "--name", "small-alarms-other"]);
        let other_stage = "Key=arqsite:site,Value=small Key=arqsite:stage,Value=preview";
        let tags: Vec<_> = other_stage.split(' ').collect();
        let topic = ["sns", "create-topic", "--name", "small-preview-alarms", "--tags"];
        aws(account, HOME, &[&topic[..], &tags].concat());
    };
    others(&account);
    let before = account.snapshot();
    project.run(&["publish", "--yes", "--wait", "0"]).ok();
    project.run(&["destroy", "--yes", "--delete-data"]).ok();
    assert_left(&account, &before);
}

/// All that is left is what was there before, and our secret, which can be brought back for some days.
fn assert_left(account: &Account, before: &Value) {
    let mut after = account.snapshot();
    let secret = after["secrets"].as_object_mut().unwrap().remove("eu-west-1/small-secrets").unwrap();
    assert_eq!(secret["deleted"], true);
    for part in after.as_object().unwrap().keys().chain(before.as_object().unwrap().keys()) {
        assert_eq!(after[part], before[part], "{part}");
    }
}

/// A zone that was there before, with the records of others; its id.
fn zone(account: &Account, records: &Value) -> String {
    let zone = json!({"name": "example.com", "tags": {"owner": "them"}, "records": records});
    account.ask("POST", "zone", &zone).json()["zone"].as_str().unwrap().to_owned()
}

fn mail() -> Value {
    json!({"Name": "example.com.", "Type": "MX", "TTL": 300, "ResourceRecords": [{"Value": "10 mail.example.net."}]})
}

/// Makes the project use this zone.
fn adopt(project: &Project, zone: &str) {
    let config = std::fs::read_to_string(project.path().join("arq.toml")).unwrap();
    project.write("arq.toml", &config.replace("[aws]\n", &format!("[aws]\nzone = \"{zone}\"\n")));
}

#[test]
fn an_adopted_zone_gets_our_records_and_keeps_its_own_when_ours_go() {
    let account = Account::start();
    let project = project(&account);
    let zone = zone(
        &account,
        &json!([mail(), {"Name": "shop.example.com.", "Type": "A", "TTL": 60,
        "ResourceRecords": [{"Value": "192.0.2.9"}]}]),
    );
    adopt(&project, &zone);
    let before = account.snapshot();
    project.run(&["publish", "--yes", "--wait", "1"]).ok();
    let ours = account.snapshot()["zones"]["example.com."].to_string();
    for name in ["www.example.com.", "mail.example.net.", "192.0.2.9", "alias"] {
        assert!(ours.contains(name), "{name}: {ours}");
    }
    assert!(project.run(&["status"]).ok().contains("domain    example.com (live)"));
    project.run(&["destroy", "--yes", "--delete-data"]).ok();
    assert_left(&account, &before);
}

#[test]
fn an_address_of_others_in_an_adopted_zone_is_never_overwritten() {
    for name in ["example.com.", "www.example.com."] {
        let account = Account::start();
        let project = project(&account);
        let theirs = json!({"Name": name, "Type": "A", "TTL": 60, "ResourceRecords": [{"Value": "192.0.2.7"}]});
        let zone = zone(&account, &json!([mail(), theirs]));
        adopt(&project, &zone);
        let before = account.snapshot();
        let error = project.run(&["publish", "--yes", "--wait", "1"]).failed(1);
        println!("{error}");
        assert!(error.contains(name.trim_end_matches('.')) && error.contains("192.0.2.7"), "{error}");
        assert!(error.contains("Hint: "), "{error}");
        account.assert_equals(&before, name);
        project.run(&["destroy", "--yes", "--delete-data"]).ok();
        account.assert_equals(&before, name);
    }
}
