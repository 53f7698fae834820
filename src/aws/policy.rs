//! The permissions that a deployer needs, from the calls that are compiled in.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::Names;

mod calls {
    include!(concat!(env!("OUT_DIR"), "/calls.rs"));
}

pub use calls::CALLS;

/// Longest managed policy, in characters without white space.
///
/// Source: IAM user guide, "IAM and AWS STS quotas".
pub const MANAGED: usize = 6144;

/// Clients, and the prefix of their actions.
const PREFIXES: [(&str, &str); 21] = [
    ("acm", "acm"),
    ("cloudfront", "cloudfront"),
    ("cloudwatch", "cloudwatch"),
    ("dynamodb", "dynamodb"),
    ("ec2", "ec2"),
    ("events", "events"),
    ("gateway", "apigateway"),
    ("iam", "iam"),
    ("lambda", "lambda"),
    ("logs", "logs"),
    ("rds", "rds"),
    ("rdsdata", "rds-data"),
    ("route53", "route53"),
    ("s3", "s3"),
    ("scheduler", "scheduler"),
    ("secrets", "secretsmanager"),
    ("sns", "sns"),
    ("ssm", "ssm"),
    ("store", "cloudfront-keyvaluestore"),
    ("trail", "cloudtrail"),
    ("waf", "wafv2"),
];

/// Operations whose action has another name.
///
/// Source: service authorization reference, "Actions, resources, and condition keys".
const RENAMED: [(&str, &str); 23] = [
    ("s3:HeadObject", "s3:GetObject"),
    ("s3:HeadBucket", "s3:ListBucket"),
    ("s3:ListObjectsV2", "s3:ListBucket"),
    ("s3:ListObjectVersions", "s3:ListBucketVersions"),
    ("s3:ListMultipartUploads", "s3:ListBucketMultipartUploads"),
    ("s3:ListParts", "s3:ListMultipartUploadParts"),
    ("s3:DeleteObjects", "s3:DeleteObject"),
    ("s3:CreateMultipartUpload", "s3:PutObject"),
    ("s3:UploadPart", "s3:PutObject"),
    ("s3:CompleteMultipartUpload", "s3:PutObject"),
    ("s3:PutPublicAccessBlock", "s3:PutBucketPublicAccessBlock"),
    ("s3:GetPublicAccessBlock", "s3:GetBucketPublicAccessBlock"),
    ("s3:GetBucketEncryption", "s3:GetEncryptionConfiguration"),
    ("s3:PutBucketEncryption", "s3:PutEncryptionConfiguration"),
    ("s3:GetBucketLifecycleConfiguration", "s3:GetLifecycleConfiguration"),
    ("s3:PutBucketLifecycleConfiguration", "s3:PutLifecycleConfiguration"),
    ("s3:DeleteBucketLifecycle", "s3:PutLifecycleConfiguration"),
    ("lambda:Invoke", "lambda:InvokeFunction"),
    ("cloudfront:CreateDistributionWithTags", "cloudfront:CreateDistribution"),
    ("cloudwatch:GetMetricStatistics", "cloudwatch:GetMetricStatistics"),
    ("route53:ListHostedZonesByName", "route53:ListHostedZonesByName"),
    ("ec2:DescribeManagedPrefixLists", "ec2:DescribeManagedPrefixLists"),
    ("rds-data:ExecuteStatement", "rds-data:ExecuteStatement"),
];

/// What AWS asks for besides, where a call names tags, another service's thing, or a role.
///
/// Source: the same reference, "Dependent actions"; the services' guides on logging.
const IMPLIED: [(&str, &[&str]); 18] = [
    (
        "lambda:CreateFunction",
        &[
            "iam:PassRole",
            "lambda:TagResource",
            "ec2:DescribeSubnets",
            "ec2:DescribeSecurityGroups",
            "ec2:DescribeVpcs",
        ],
    ),
    ("cloudfront:CreateDistribution", &["cloudfront:TagResource", "cloudfront:UpdateDistribution"]),
    ("cloudfront:CreateFunction", &["cloudfront:TagResource"]),
    ("cloudfront:CreateKeyValueStore", &["cloudfront:TagResource"]),
    ("s3:DeleteObject", &["s3:DeleteObjectVersion"]),
    ("s3:CreateBucket", &["s3:PutBucketTagging", "s3:TagResource"]),
    ("iam:CreateRole", &["iam:TagRole", "iam:PassRole"]),
    ("dynamodb:CreateTable", &["dynamodb:TagResource", "dynamodb:ListTagsOfResource"]),
    ("logs:CreateLogGroup", &["logs:TagResource"]),
    ("logs:CreateDelivery", &["logs:TagResource", "cloudfront:AllowVendedLogDeliveryForResource"]),
    (
        "apigateway:POST",
        &["logs:CreateLogDelivery", "logs:UpdateLogDelivery", "logs:GetLogDelivery", "logs:ListLogDeliveries"],
    ),
    (
        "wafv2:PutLoggingConfiguration",
        &[
            "logs:CreateLogDelivery",
            "logs:PutResourcePolicy",
            "logs:DescribeResourcePolicies",
            "iam:CreateServiceLinkedRole",
        ],
    ),
    ("wafv2:CreateWebACL", &["wafv2:TagResource"]),
    (
        "rds:CreateDBCluster",
        &[
            "rds:AddTagsToResource",
            "secretsmanager:CreateSecret",
            "secretsmanager:TagResource",
            "kms:DescribeKey",
            "iam:CreateServiceLinkedRole",
        ],
    ),
    ("rds-data:ExecuteStatement", &["secretsmanager:GetSecretValue"]),
    ("sns:CreateTopic", &["sns:TagResource"]),
    ("scheduler:CreateSchedule", &["iam:PassRole"]),
    ("ec2:CreateVpc", &["ec2:CreateTags"]),
];

/// The action that a call needs.
fn action(client: &str, operation: &str) -> Option<String> {
    let (_, prefix) = PREFIXES.iter().find(|(known, _)| *known == client)?;
    if *prefix == "apigateway" {
        let verb = match operation {
            _ if operation.starts_with("Get") => "GET",
            _ if operation.starts_with("Create") => "POST",
            _ if operation.starts_with("Update") => "PATCH",
            _ if operation.starts_with("Delete") => "DELETE",
            _ => "PUT",
        };
        return Some(format!("apigateway:{verb}"));
    }
    let plain = format!("{prefix}:{}", acronyms(operation));
    let renamed = RENAMED.iter().find(|(from, _)| *from == plain).map(|(_, to)| (*to).to_owned());
    Some(renamed.unwrap_or(plain))
}

/// The SDK writes `CreateDbCluster` where AWS writes `CreateDBCluster`; IAM does not mind, people do.
fn acronyms(operation: &str) -> String {
    let mut text = operation.to_owned();
    for (from, to) in [("Db", "DB"), ("WebAcl", "WebACL"), ("V2", "V2")] {
        text = text.replace(from, to);
    }
    text
}

/// Every action that publishing and destroying can need.
pub fn actions() -> BTreeSet<String> {
    closure(CALLS.iter().filter_map(|(_, client, operation)| action(client, operation)))
}

/// The actions behind these kinds of resources, for a plan.
pub fn actions_of<'a>(kinds: impl IntoIterator<Item = &'a str>) -> BTreeSet<String> {
    let files: BTreeSet<String> = kinds.into_iter().flat_map(files_of).collect();
    let calls = CALLS.iter().filter(|(file, ..)| files.contains(*file));
    closure(calls.filter_map(|(_, client, operation)| action(client, operation)))
}

/// The files that hold the calls of a kind: its own, and those that it shares with others.
fn files_of(kind: &str) -> Vec<String> {
    let (service, _) = kind.split_once('.').unwrap_or((kind, ""));
    let shared: &[&str] = match kind {
        "acm.validation" => &["acm_certificate"],
        "release.objects" => &["list", "multipart", "single"],
        "cloudfront.domain" | "cloudfront.deployment" => &["cloudfront_distribution"],
        "release.kept" => &["release_sweep", "release_keys", "release_live", "release_manifest"],
        "ec2.gateway_endpoint" | "ec2.interface_endpoint" => &["ec2_endpoint"],
        "ec2.internet_gateway" | "ec2.elastic_ip" | "ec2.nat_gateway" => &["ec2_gateway"],
        _ => &[],
    };
    let of_service: &[&str] = match service {
        "cloudfront" => &["tags"],
        "ec2" => &["settle"],
        "rds" => &["rds", "rds_cluster_end"],
        "release" => &["s3_ledger"],
        _ => &[],
    };
    let own = kind.replace('.', "_");
    shared.iter().chain(of_service).map(|&file| file.to_owned()).chain([own]).collect()
}

fn closure(direct: impl Iterator<Item = String>) -> BTreeSet<String> {
    let direct: BTreeSet<String> = direct.filter(|action| !action.starts_with("sts:")).collect();
    let implied = IMPLIED.iter().filter(|(action, _)| direct.contains(*action)).flat_map(|(_, more)| more.iter());
    let implied: Vec<String> = implied.map(|&action| action.to_owned()).collect();
    direct.into_iter().chain(implied).collect()
}

/// The policy: every action, on the narrowest resources that its service lets be named before they
/// exist.
pub fn document(names: &Names) -> Value {
    let mut groups = BTreeMap::<String, BTreeSet<String>>::new();
    for action in actions().into_iter().filter(|action| !SPECIAL.contains(&action.as_str())) {
        let service = action.split(':').next().unwrap_or_default().to_owned();
        groups.entry(service).or_default().insert(action);
    }
    let mut statements: Vec<Value> = groups
        .into_iter()
        .map(|(service, actions)| {
            let resources = resources(&service, names);
            json!({"Sid": sid(&service), "Effect": "Allow", "Action": actions, "Resource": resources})
        })
        .collect();
    statements.push(json!({
        "Sid": "PassRole", "Effect": "Allow", "Action": "iam:PassRole",
        "Resource": role(names),
        "Condition": {"StringEquals": {"iam:PassedToService": [
            "lambda.amazonaws.com", "scheduler.amazonaws.com", "ssm.amazonaws.com"]}},
    }));
    statements.push(json!({
        "Sid": "ServiceLinkedRoles", "Effect": "Allow", "Action": "iam:CreateServiceLinkedRole", "Resource": "*",
        "Condition": {"StringEquals": {"iam:AWSServiceName": [
            "rds.amazonaws.com", "wafv2.amazonaws.com", "ops.apigateway.amazonaws.com"]}},
    }));
    json!({"Version": "2012-10-17", "Statement": statements})
}

/// Actions with a statement of their own.
const SPECIAL: [&str; 2] = ["iam:PassRole", "iam:CreateServiceLinkedRole"];

fn sid(service: &str) -> String {
    service.split('-').map(|part| format!("{}{}", part[..1].to_ascii_uppercase(), &part[1..])).collect()
}

fn role(names: &Names) -> String {
    format!("arn:aws:iam::{}:role/{}-*", names.account, names.prefix())
}

/// What the actions of a service may be used on; `*` where AWS makes up the names.
fn resources(service: &str, names: &Names) -> Vec<String> {
    let (prefix, account, region) = (names.prefix(), &names.account, &names.region);
    let regional = |service: &str, rest: String| format!("arn:aws:{service}:{region}:{account}:{rest}");
    match service {
        "s3" => vec![format!("arn:aws:s3:::{prefix}-*"), format!("arn:aws:s3:::{prefix}-*/*")],
        "iam" => vec![role(names)],
        "lambda" => vec![regional("lambda", format!("function:{prefix}-*"))],
        "dynamodb" => vec![regional("dynamodb", format!("table/{prefix}-*"))],
        "sns" => vec![format!("arn:aws:sns:*:{account}:{prefix}-*")],
        "events" => vec![format!("arn:aws:events:*:{account}:rule/{prefix}-*")],
        "scheduler" => vec![
            regional("scheduler", format!("schedule-group/{prefix}-*")),
            regional("scheduler", format!("schedule/{prefix}-*/*")),
        ],
        // The second is the database's own, which RDS makes and names.
        "secretsmanager" => vec![
            regional("secretsmanager", format!("secret:{prefix}-*")),
            regional("secretsmanager", "secret:rds!*".into()),
        ],
        // DescribeParameters and ListDocuments name none; neither is called.
        "ssm" => vec![
            regional("ssm", format!("parameter/arqsite/{}/{}/*", names.site, names.stage)),
            regional("ssm", format!("document/{prefix}-*")),
            regional("ssm", "automation-definition/*".into()),
        ],
        "apigateway" => vec![format!("arn:aws:apigateway:{region}::/*")],
        _ => vec!["*".into()],
    }
}

/// The document cut into parts that each fit a managed policy.
pub fn parts(document: &Value) -> Vec<Value> {
    let length = |value: &Value| value.to_string().len();
    let whole = |statements: &[Value]| json!({"Version": "2012-10-17", "Statement": statements});
    let mut parts: Vec<Vec<Value>> = vec![Vec::new()];
    for statement in document["Statement"].as_array().into_iter().flatten() {
        let last = parts.last().map(Vec::as_slice).unwrap_or_default();
        let with: Vec<Value> = last.iter().cloned().chain([statement.clone()]).collect();
        if !last.is_empty() && length(&whole(&with)) > MANAGED {
            parts.push(Vec::new());
        }
        if let Some(last) = parts.last_mut() {
            last.push(statement.clone());
        }
    }
    parts.iter().map(|statements| whole(statements)).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;

    fn sources(folder: &std::path::Path, all: &mut Vec<(String, String)>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                sources(&path, all);
            } else if path.extension().is_some_and(|e| e == "rs") {
                let text = std::fs::read_to_string(&path).unwrap();
                let text = text.split("#[cfg(test)]").next().unwrap().to_owned();
                all.push((path.file_stem().unwrap().to_string_lossy().into_owned(), text));
            }
        }
    }

    #[test]
    fn every_call_in_the_sources_is_in_the_list() {
        let mut all = Vec::new();
        sources(&std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/aws"), &mut all);
        let mut missing = Vec::new();
        for (file, text) in &all {
            for (at, _) in text.match_indices("answer(\"") {
                let operation = text[at + 8..].split('"').next().unwrap();
                let listed = |(f, _, o): &&(&str, &str, &str)| f == file && o.eq_ignore_ascii_case(operation);
                // STS is asked before there is an account.
                if !CALLS.iter().any(|call| listed(&call)) && operation != "GetCallerIdentity" {
                    missing.push(format!("{file}: {operation}"));
                }
            }
        }
        assert_eq!(missing, [""; 0], "write a call as cloud.<client>.<operation>()");
    }

    #[test]
    fn every_client_has_a_prefix() {
        for (file, client, operation) in CALLS {
            assert!(action(client, operation).is_some(), "{file}: {client} {operation}");
        }
    }

    #[test]
    fn the_policy_fits_and_holds_every_action() {
        let names = Names::new("shop", "production", "123456789012", "eu-west-1");
        let whole = document(&names);
        let parts = parts(&whole);
        for part in &parts {
            assert!(part.to_string().len() <= MANAGED, "{}", part.to_string().len());
        }
        let text = parts.iter().map(ToString::to_string).collect::<String>();
        for action in actions() {
            assert!(text.contains(&format!("\"{action}\"")), "{action}");
        }
    }

    #[test]
    fn a_plan_needs_what_its_kinds_call() {
        let actions = actions_of(["s3.bucket"]);
        assert!(actions.contains("s3:CreateBucket") && actions.contains("s3:PutBucketPublicAccessBlock"));
        assert!(!actions.iter().any(|action| action.starts_with("iam:")));
    }
}
