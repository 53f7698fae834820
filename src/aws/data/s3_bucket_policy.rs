//! Who may read the site bucket: this distribution, over TLS, and only the objects of releases.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::aws::data::s3_bucket::Bucket;
use crate::aws::edge::cloudfront_distribution::Distribution;
use crate::aws::error::answer;
use crate::aws::retry::Patience;
use crate::aws::{Cx, Tell};
use crate::deploy::{Found, Resource, StepError};

/// The policy of the site bucket.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BucketPolicy {
    /// The bucket.
    pub bucket: String,
    /// Prefix of the keys that may be read.
    pub prefix: String,
    /// Node of the distribution that may read them.
    pub reader: String,
    /// Whether the policy in place is exactly the one made from the fields above.
    pub exact: bool,
}

/// A policy gives nothing.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct BucketPolicyOutput {}

impl Resource for BucketPolicy {
    const KIND: &'static str = "s3.bucket_policy";
    type Cloud = crate::aws::Cloud;
    type Output = BucketPolicyOutput;

    fn name(&self) -> String {
        self.bucket.clone()
    }

    async fn find(&self, cx: &Cx) -> Result<Option<Found<Self>>, StepError> {
        // The bucket is looked at first; when it is not ours, the run has stopped there.
        if cx.try_output::<Bucket>("site-bucket")?.is_none() {
            return Ok(None);
        }
        let text = match answer("GetBucketPolicy", cx.cloud.s3.get_bucket_policy().bucket(&self.bucket).send().await) {
            Ok(output) => output.policy.unwrap_or_default(),
            Err(e) if e.is_any(&["NoSuchBucketPolicy", "NoSuchBucket"]) => return Ok(None),
            Err(e) => return Err(e.while_doing(format!("read the policy of {}", self.bucket))),
        };
        let wanted = cx.try_output::<Distribution>(&self.reader)?.map(|reader| self.document(cx, &reader.arn));
        let exact = wanted.is_some() && serde_json::from_str::<Value>(&text).ok() == wanted;
        Ok(Some(Found { spec: Self { exact, ..self.clone() }, output: BucketPolicyOutput {} }))
    }

    async fn put(&self, cx: &Cx, _: Option<Found<Self>>) -> Result<BucketPolicyOutput, StepError> {
        let reader = cx.output::<Distribution>(&self.reader)?;
        let text = self.document(cx, &reader.arn).to_string();
        Patience::PROPAGATION
            .retry(
                |e| e.is_any(&["MalformedPolicy", "NoSuchBucket", "OperationAborted"]),
                || async {
                    let call = cx.cloud.s3.put_bucket_policy().bucket(&self.bucket).policy(&text);
                    answer("PutBucketPolicy", call.send().await)
                },
            )
            .await
            .telling(|| format!("set the policy of {}", self.bucket))?;
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
    fn document(&self, cx: &Cx, distribution: &str) -> Value {
        let bucket = format!("arn:aws:s3:::{}", self.bucket);
        // SECURITY: without SourceArn any distribution of any account that knows the bucket's
        // name could read it.
        let reader = json!({"StringEquals": {
            "AWS:SourceArn": distribution,
            "AWS:SourceAccount": cx.cloud.names.account,
        }});
        let cloudfront = json!({"Service": "cloudfront.amazonaws.com"});
        json!({
            "Version": "2012-10-17",
            "Statement": [
                {"Sid": "ReadByDistribution", "Effect": "Allow", "Principal": cloudfront, "Action": "s3:GetObject",
                 "Resource": format!("{bucket}/{}*", self.prefix), "Condition": reader},
                // With it a missing object is 404; without it 403.
                {"Sid": "MissingIsNotFound", "Effect": "Allow", "Principal": cloudfront, "Action": "s3:ListBucket",
                 "Resource": bucket, "Condition": reader},
                {"Sid": "TlsOnly", "Effect": "Deny", "Principal": "*", "Action": "s3:*",
                 "Resource": [bucket, format!("{bucket}/*")],
                 "Condition": {"Bool": {"aws:SecureTransport": "false"}}},
            ],
        })
    }
}
