//! Who may use a bucket: the services that its statements name, over TLS, and nobody else.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::aws::data::s3_bucket::Bucket;
use crate::aws::edge::cloudfront_distribution::Distribution;
use crate::aws::error::{CallError, answer};
use crate::aws::retry::Patience;
use crate::aws::{Cx, EDGE_REGION, Names};
use crate::deploy::{Found, Resource, StepError};

/// The policy of a bucket. TLS is demanded in every one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BucketPolicy {
    /// The bucket.
    pub bucket: String,
    /// Node of the bucket.
    pub node: String,
    /// Who may use it, and for what.
    pub grants: Vec<Grant>,
    /// Statements of the policy in place that are not made from the fields above.
    #[serde(default)]
    pub others: Vec<Value>,
    /// Names of the statements made from the fields above that the policy in place lacks.
    #[serde(default)]
    pub missing: Vec<String>,
}

/// Who may use a bucket, and for what.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Grant {
    /// A distribution reads objects.
    Reader {
        /// Node of the distribution.
        distribution: String,
        /// Prefix of the keys that may be read.
        prefix: String,
    },
    /// CloudTrail writes the log of a trail.
    Trail {
        /// Name of the trail, in the region of the site.
        name: String,
    },
    /// CloudWatch Logs delivers the access logs of CloudFront.
    Delivery {
        /// Prefix of the keys that may be written, without a slash at its end.
        prefix: String,
    },
}

/// A policy gives nothing.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct BucketPolicyOutput {}

impl BucketPolicy {
    /// The policy of the bucket of this node and name.
    pub fn new(node: &str, bucket: String, grants: Vec<Grant>) -> Self {
        Self { bucket, node: node.into(), grants, others: Vec::new(), missing: Vec::new() }
    }
}

impl Resource for BucketPolicy {
    const KIND: &'static str = "s3.bucket_policy";
    type Cloud = crate::aws::Cloud;
    type Output = BucketPolicyOutput;

    fn name(&self) -> String {
        self.bucket.clone()
    }

    async fn find(&self, cx: &Cx) -> Result<Option<Found<Self>>, StepError> {
        // The bucket is looked at first; when it is not ours, the run has stopped there.
        if cx.try_output::<Bucket>(&self.node)?.is_none() {
            return Ok(None);
        }
        let text = match answer("GetBucketPolicy", cx.cloud.s3.get_bucket_policy().bucket(&self.bucket).send().await) {
            Ok(output) => output.policy.unwrap_or_default(),
            Err(e) if e.is_any(&["NoSuchBucketPolicy", "NoSuchBucket"]) => return Ok(None),
            Err(e) => return Err(e.while_doing(format!("read the policy of {}", self.bucket))),
        };
        let arn_of = |node: &str| Ok(cx.try_output::<Distribution>(node)?.map(|output| output.arn));
        let wanted = self.document(&cx.cloud.names, arn_of)?;
        let (others, missing) = compare(wanted.as_ref(), &serde_json::from_str(&text).unwrap_or(Value::String(text)));
        Ok(Some(Found { spec: Self { others, missing, ..self.clone() }, output: BucketPolicyOutput {} }))
    }

    async fn put(&self, cx: &Cx, _: Option<Found<Self>>) -> Result<BucketPolicyOutput, StepError> {
        let arn_of = |node: &str| Ok(Some(cx.output::<Distribution>(node)?.arn));
        let document = self.document(&cx.cloud.names, arn_of)?;
        let text = document.ok_or_else(|| StepError::bug("a reader of the bucket has no ARN"))?.to_string();
        Patience::PROPAGATION
            .retry(
                |e| e.is_any(&["MalformedPolicy", "NoSuchBucket", "OperationAborted"]),
                || async {
                    let call = cx.cloud.s3.put_bucket_policy().bucket(&self.bucket).policy(&text);
                    answer("PutBucketPolicy", call.send().await)
                },
            )
            .await
            .map_err(|e| self.refused(e))?;
        Ok(BucketPolicyOutput {})
    }

    async fn delete(&self, cx: &Cx, _: Found<Self>) -> Result<(), StepError> {
        match answer("DeleteBucketPolicy", cx.cloud.s3.delete_bucket_policy().bucket(&self.bucket).send().await) {
            Err(e) if !e.is("NoSuchBucket") => Err(e.while_doing(format!("remove the policy of {}", self.bucket))),
            _ => Ok(()),
        }
    }
}

impl BucketPolicy {
    /// An account or an organization may take every policy for public that its own rules do not know.
    ///
    /// Source: S3 user guide, "Troubleshoot access denied (403 Forbidden) errors", Block Public Access.
    fn refused(&self, error: CallError) -> StepError {
        let blocked = error.says("AccessDenied", "BlockPublicPolicy");
        let error = error.while_doing(format!("set the policy of {}", self.bucket));
        if !blocked {
            return error;
        }
        error.hint(
            "The setting BlockPublicPolicy of Block Public Access refuses the policy. Nothing in it is public: look in \
             the S3 console, under Block Public Access settings of this account, which setting was added, and ask \
             whoever did it.",
        )
    }

    /// The document; `None` while a distribution that it names does not exist.
    fn document(
        &self,
        names: &Names,
        arn_of: impl Fn(&str) -> Result<Option<String>, StepError>,
    ) -> Result<Option<Value>, StepError> {
        let bucket = format!("arn:aws:s3:::{}", self.bucket);
        let mut statements = Vec::new();
        for grant in &self.grants {
            match grant {
                Grant::Reader { distribution, prefix } => {
                    let Some(arn) = arn_of(distribution)? else { return Ok(None) };
                    statements.extend(reader(names, &bucket, prefix, &arn));
                }
                Grant::Trail { name } => statements.extend(trail(names, &bucket, name)),
                Grant::Delivery { prefix } => statements.push(delivery(names, &bucket, prefix)),
            }
        }
        statements.push(tls_only(&bucket));
        Ok(Some(json!({"Version": "2012-10-17", "Statement": statements})))
    }
}

/// Statements of `there` that are not wanted, and names of those that are wanted and not there.
fn compare(wanted: Option<&Value>, there: &Value) -> (Vec<Value>, Vec<String>) {
    let (wanted, there) = (wanted.map(statements).unwrap_or_default(), statements(there));
    let others = there.iter().filter(|statement| !wanted.contains(statement)).map(|&other| other.clone()).collect();
    let missing = wanted.iter().filter(|statement| !there.contains(statement));
    (others, missing.filter_map(|statement| statement["Sid"].as_str().map(str::to_owned)).collect())
}

/// Statements of a policy; one may stand without a list, and what is no policy stands for itself.
fn statements(policy: &Value) -> Vec<&Value> {
    match policy.get("Statement") {
        Some(Value::Array(all)) => all.iter().collect(),
        Some(one) => vec![one],
        None => vec![policy],
    }
}

fn reader(names: &Names, bucket: &str, prefix: &str, distribution: &str) -> [Value; 2] {
    // SECURITY: without SourceArn any distribution of any account that knows the bucket's name
    // could read it.
    let from = json!({"StringEquals": {"AWS:SourceArn": distribution, "AWS:SourceAccount": names.account}});
    let cloudfront = json!({"Service": "cloudfront.amazonaws.com"});
    [
        json!({"Sid": "ReadByDistribution", "Effect": "Allow", "Principal": cloudfront, "Action": "s3:GetObject",
               "Resource": format!("{bucket}/{prefix}*"), "Condition": from}),
        // With it a missing object is 404; without it 403.
        json!({"Sid": "MissingIsNotFound", "Effect": "Allow", "Principal": cloudfront, "Action": "s3:ListBucket",
               "Resource": bucket, "Condition": from}),
    ]
}

/// Source: CloudTrail user guide, "Amazon S3 bucket policy for CloudTrail".
fn trail(names: &Names, bucket: &str, name: &str) -> [Value; 2] {
    let (region, account) = (&names.region, &names.account);
    // SECURITY: without SourceArn trails of other accounts could write here. The ARN is known
    // before the trail exists.
    let arn = format!("arn:aws:cloudtrail:{region}:{account}:trail/{name}");
    let cloudtrail = json!({"Service": "cloudtrail.amazonaws.com"});
    [
        json!({"Sid": "TrailLooksAtBucket", "Effect": "Allow", "Principal": cloudtrail, "Action": "s3:GetBucketAcl",
               "Resource": bucket, "Condition": {"StringEquals": {"aws:SourceArn": arn}}}),
        json!({"Sid": "TrailWrites", "Effect": "Allow", "Principal": cloudtrail, "Action": "s3:PutObject",
               "Resource": format!("{bucket}/AWSLogs/{account}/*"),
               "Condition": {"StringEquals": {"aws:SourceArn": arn, "s3:x-amz-acl": "bucket-owner-full-control"}}}),
    ]
}

/// Without this statement CreateDelivery would append one of its own, to a policy that is ours.
///
/// Source: CloudWatch Logs user guide, "Logs sent to Amazon S3" (V2 permissions).
fn delivery(names: &Names, bucket: &str, prefix: &str) -> Value {
    let account = &names.account;
    // Delivery of CloudFront's logs is set up in one region, wherever the bucket is.
    let source = format!("arn:aws:logs:{EDGE_REGION}:{account}:delivery-source:*");
    json!({"Sid": "LogsAreDelivered", "Effect": "Allow", "Principal": {"Service": "delivery.logs.amazonaws.com"},
           "Action": "s3:PutObject",
           "Resource": [format!("{bucket}/AWSLogs/{account}/*"), format!("{bucket}/{prefix}/*")],
           "Condition": {
               "StringEquals": {"s3:x-amz-acl": "bucket-owner-full-control", "aws:SourceAccount": account},
               "ArnLike": {"aws:SourceArn": source}}})
}

fn tls_only(bucket: &str) -> Value {
    json!({"Sid": "TlsOnly", "Effect": "Deny", "Principal": "*", "Action": "s3:*",
           "Resource": [bucket, format!("{bucket}/*")],
           "Condition": {"Bool": {"aws:SecureTransport": "false"}}})
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_policy_that_is_taken_for_public_names_the_setting() {
        let policy = BucketPolicy::new("logs-bucket", "shop-logs".into(), Vec::new());
        let hint = |words: &str| {
            policy.refused(CallError::part("PutBucketPolicy", Some("AccessDenied"), Some(words))).hint.unwrap()
        };
        assert!(hint("because public policies are blocked by the BlockPublicPolicy setting").contains("S3 console"));
        assert!(hint("no identity-based policy allows the action").contains("administrator"));
    }

    fn document(grants: Vec<Grant>, arn: Option<&str>) -> Option<Value> {
        let names = Names::new("shop", "production", "123456789012", "sa-east-1");
        let policy = BucketPolicy::new("logs-bucket", "shop-logs".into(), grants);
        policy.document(&names, |_| Ok(arn.map(str::to_owned))).unwrap()
    }

    #[test]
    fn every_policy_demands_tls() {
        let statements = document(vec![], None).unwrap();
        assert_eq!(statements["Statement"][0]["Sid"], "TlsOnly");
        assert_eq!(statements["Statement"][0]["Resource"][1], "arn:aws:s3:::shop-logs/*");
    }

    #[test]
    fn a_policy_is_unknown_while_its_distribution_is() {
        let reader = || vec![Grant::Reader { distribution: "distribution".into(), prefix: "c/".into() }];
        assert_eq!(document(reader(), None), None);
        let known = document(reader(), Some("arn:d")).unwrap();
        assert_eq!(known["Statement"][0]["Condition"]["StringEquals"]["AWS:SourceArn"], "arn:d");
    }

    #[test]
    fn what_differs_is_named() {
        let ours = document(vec![Grant::Trail { name: "shop-audit".into() }], None).unwrap();
        assert_eq!(compare(Some(&ours), &ours), (vec![], vec![]));
        let other = json!({"Sid": "Another", "Effect": "Allow"});
        let mut changed = ours.clone();
        changed["Statement"][2] = other.clone();
        assert_eq!(compare(Some(&ours), &changed), (vec![other.clone()], vec!["TlsOnly".to_owned()]));
        let lone = json!({"Statement": other});
        assert_eq!(compare(Some(&ours), &lone).0, [other]);
        assert_eq!(compare(None, &ours).0.len(), 3);
    }

    #[test]
    fn log_services_write_only_for_this_account() {
        let grants = vec![Grant::Trail { name: "shop-audit".into() }, Grant::Delivery { prefix: "edge".into() }];
        let document = document(grants, None).unwrap();
        let arn = "arn:aws:cloudtrail:sa-east-1:123456789012:trail/shop-audit";
        assert_eq!(document["Statement"][1]["Condition"]["StringEquals"]["aws:SourceArn"], arn);
        assert_eq!(document["Statement"][2]["Resource"][1], "arn:aws:s3:::shop-logs/edge/*");
        let source = "arn:aws:logs:us-east-1:123456789012:delivery-source:*";
        assert_eq!(document["Statement"][2]["Condition"]["ArnLike"]["aws:SourceArn"], source);
    }
}
