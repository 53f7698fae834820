//! Drifts of the edge, the data and the domain.

use serde_json::{Value, json};

use super::{Drift, HOME, ask, query};
use crate::support::account::Account;

/// Region of what belongs to the edge.
const EDGE: &str = "us-east-1";
const SITE: &str = "small-site-123456789012";
const FILES: &str = "small-files-123456789012";

pub(super) const DRIFTS: &[Drift] = &[
    Drift {
        what: "the origin's secret header is removed",
        node: "distribution",
        field: "origins",
        anew: "/functions/small-api/",
        make: |account| {
            change_distribution(account, |config| {
                for origin in config["Origins"]["Items"].as_array_mut().unwrap() {
                    origin["CustomHeaders"] = json!({"Quantity": 0});
                }
            });
        },
    },
    Drift {
        what: "pages are served over plain HTTP too",
        node: "distribution",
        field: "behaviours",
        anew: "",
        make: |account| {
            change_distribution(account, |config| {
                config["DefaultCacheBehavior"]["ViewerProtocolPolicy"] = "allow-all".into();
            });
        },
    },
    Drift {
        what: "the distribution is without its firewall",
        node: "distribution",
        field: "firewall",
        anew: "",
        make: |account| change_distribution(account, |config| config["WebACLId"] = "".into()),
    },
    Drift {
        what: "the distribution is disabled",
        node: "distribution",
        field: "enabled",
        anew: "",
        make: |account| change_distribution(account, |config| config["Enabled"] = false.into()),
    },
    Drift {
        what: "the distribution is without its name",
        node: "distribution-domain",
        field: "aliases",
        anew: "",
        make: |account| {
            change_distribution(account, |config| config["Aliases"] = json!({"Quantity": 1, "Items": ["example.com"]}));
        },
    },
    Drift {
        what: "the firewall only counts who asks too often",
        node: "firewall",
        field: "rules",
        anew: "",
        make: |account| {
            change_firewall(account, |rules| {
                let rate = rules.iter_mut().find(|rule| rule["Name"] == "rate").unwrap();
                rate["Action"] = json!({"Count": {}});
            });
        },
    },
    Drift {
        what: "a rule of the firewall is removed",
        node: "firewall",
        field: "rules",
        anew: "",
        make: |account| change_firewall(account, |rules| rules.retain(|rule| rule["Name"] != "bad-inputs")),
    },
    Drift {
        what: "the edge function has other code",
        node: "edge-function",
        field: "code",
        anew: "",
        make: other_edge_function,
    },
    Drift {
        what: "an address leads elsewhere",
        node: "records-www.example.com",
        field: "records",
        anew: "",
        make: |account| {
            change_address(account, |set| {
                set.as_object_mut().unwrap().remove("AliasTarget");
                (set["TTL"], set["ResourceRecords"]) = (60.into(), json!([{"Value": "192.0.2.1"}]));
            });
        },
    },
    Drift {
        what: "a table has no backups",
        node: "table-messages",
        field: "point_in_time_recovery",
        anew: "",
        make: |account| {
            let off = "PointInTimeRecoveryEnabled=false";
            let table = ["--table-name", "small-messages", "--point-in-time-recovery-specification", off];
            ask(account, HOME, &[&["dynamodb", "update-continuous-backups"][..], &table].concat());
        },
    },
    Drift {
        what: "a table may be deleted",
        node: "table-messages",
        field: "deletion_protection",
        anew: "",
        make: |account| {
            let table = ["--table-name", "small-messages", "--no-deletion-protection-enabled"];
            ask(account, HOME, &[&["dynamodb", "update-table"][..], &table].concat());
        },
    },
    Drift {
        what: "a bucket may be public",
        node: "files-bucket",
        field: "public_access_blocked",
        anew: "",
        make: |account| {
            ask(account, HOME, &["s3api", "delete-public-access-block", "--bucket", FILES]);
        },
    },
    Drift {
        what: "a bucket keeps no versions",
        node: "files-bucket",
        field: "versioned",
        anew: "",
        make: |account| {
            let off = ["--bucket", FILES, "--versioning-configuration", "Status=Suspended"];
            ask(account, HOME, &[&["s3api", "put-bucket-versioning"][..], &off].concat());
        },
    },
    Drift {
        what: "a bucket keeps what is out of use",
        node: "site-bucket",
        field: "lifecycle",
        anew: "",
        make: |account| {
            ask(account, HOME, &["s3api", "delete-bucket-lifecycle", "--bucket", SITE]);
        },
    },
    Drift {
        what: "somebody else may read the bucket",
        node: "site-bucket-policy",
        field: "others",
        anew: "",
        make: another_reader,
    },
    Drift {
        what: "the bucket may be read without TLS",
        node: "files-bucket-policy",
        field: "missing",
        anew: "",
        make: |account| {
            let everything = json!({"Version": "2012-10-17", "Statement": [{"Sid": "Own", "Effect": "Allow",
                "Principal": {"AWS": "arn:aws:iam::123456789012:root"}, "Action": "s3:GetObject",
                "Resource": format!("arn:aws:s3:::{FILES}/*")}]});
            let policy = everything.to_string();
            ask(account, HOME, &["s3api", "put-bucket-policy", "--bucket", FILES, "--policy", &policy]);
        },
    },
];

fn change_distribution(account: &Account, change: impl FnOnce(&mut Value)) {
    let id = query(account, EDGE, &["cloudfront", "list-distributions"], "DistributionList.Items[0].Id");
    let mut got = ask(account, EDGE, &["cloudfront", "get-distribution-config", "--id", &id]);
    change(&mut got["DistributionConfig"]);
    let (config, tag) = (got["DistributionConfig"].to_string(), got["ETag"].as_str().unwrap());
    let update =
        ["cloudfront", "update-distribution", "--id", &id, "--if-match", tag, "--distribution-config", &config];
    ask(account, EDGE, &update);
}

fn change_firewall(account: &Account, change: impl FnOnce(&mut Vec<Value>)) {
    let listed = ask(account, EDGE, &["wafv2", "list-web-acls", "--scope", "CLOUDFRONT"]);
    let id = listed["WebACLs"][0]["Id"].as_str().unwrap();
    let which = ["--scope", "CLOUDFRONT", "--name", "small-firewall", "--id", id];
    let mut got = ask(account, EDGE, &[&["wafv2", "get-web-acl"][..], &which].concat());
    change(got["WebACL"]["Rules"].as_array_mut().unwrap());
    let (acl, lock) = (&got["WebACL"], got["LockToken"].as_str().unwrap());
    // The CLI shows bytes in base64, and takes them as they are.
    let rules = acl["Rules"].to_string().replace("L2FwaS9waG90b3M=", "/api/photos");
    let shown = acl["VisibilityConfig"].to_string();
    let update =
        ["--lock-token", lock, "--default-action", "Allow={}", "--rules", &rules, "--visibility-config", &shown];
    ask(account, EDGE, &[&["wafv2", "update-web-acl"][..], &which, &update].concat());
}

fn other_edge_function(account: &Account) {
    let folder = tempfile::tempdir().unwrap();
    let code = folder.path().join("code.js");
    std::fs::write(&code, "function handler(event) { return event.request; }").unwrap();
    let got = ask(account, EDGE, &["cloudfront", "describe-function", "--name", "small-edge"]);
    let (tag, config) = (got["ETag"].as_str().unwrap(), got["FunctionSummary"]["FunctionConfig"].to_string());
    let code = format!("fileb://{}", code.display());
    let which = ["--name", "small-edge", "--function-code", &code, "--function-config", &config, "--if-match", tag];
    let updated = ask(account, EDGE, &[&["cloudfront", "update-function"][..], &which].concat());
    let tag = updated["ETag"].as_str().unwrap();
    ask(account, EDGE, &["cloudfront", "publish-function", "--name", "small-edge", "--if-match", tag]);
}

fn change_address(account: &Account, change: impl FnOnce(&mut Value)) {
    let zone = query(account, EDGE, &["route53", "list-hosted-zones"], "HostedZones[0].Id");
    let sets = ask(account, EDGE, &["route53", "list-resource-record-sets", "--hosted-zone-id", &zone]);
    let mut sets = sets["ResourceRecordSets"].as_array().unwrap().iter();
    let mut set = sets.find(|set| set["Name"] == "www.example.com." && set["Type"] == "A").unwrap().clone();
    change(&mut set);
    let batch = json!({"Changes": [{"Action": "UPSERT", "ResourceRecordSet": set}]}).to_string();
    let which = ["--hosted-zone-id", &zone, "--change-batch", &batch];
    ask(account, EDGE, &[&["route53", "change-resource-record-sets"][..], &which].concat());
}

fn another_reader(account: &Account) {
    let got = ask(account, HOME, &["s3api", "get-bucket-policy", "--bucket", SITE]);
    let mut policy: Value = serde_json::from_str(got["Policy"].as_str().unwrap()).unwrap();
    policy["Statement"].as_array_mut().unwrap().push(json!({"Sid": "Another", "Effect": "Allow",
        "Principal": {"AWS": "arn:aws:iam::210987654321:root"}, "Action": "s3:GetObject",
        "Resource": format!("arn:aws:s3:::{SITE}/*")}));
    ask(account, HOME, &["s3api", "put-bucket-policy", "--bucket", SITE, "--policy", &policy.to_string()]);
}
