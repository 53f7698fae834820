//! The forty cases. Codes and words are AWS's; where a case has several halves it has several rows.

use serde_json::{Value, json};

use crate::support::account::Account;

/// What the case is run on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scene {
    /// A first publish of a small site with an API.
    Small,
    /// A first publish of a site with every part, whose domain leads here already.
    Everything,
    /// The same, with a domain that nobody has led here yet.
    Undelegated,
    /// A publish after somebody changed the account by hand and the configuration changed too.
    Drifted,
    /// `destroy` of a site with every part, which keeps the data.
    Destroyed,
    /// `destroy --delete-data` after that.
    DataDestroyed,
}

/// How the case ends.
#[derive(Debug, Clone, Copy)]
pub enum Expect {
    /// The run succeeds, and the account is as if nothing had happened.
    Survived,
    /// The run ends with this code and says these words; the next one succeeds.
    Fails { code: i32, says: &'static [&'static str] },
}

/// One row.
pub struct Case {
    pub number: u8,
    pub name: &'static str,
    pub scene: Scene,
    pub faults: Vec<Value>,
    pub expect: Expect,
    /// What is to be asserted of the account after a failure.
    pub then: fn(&Account),
}

/// Cases that are not rows, or of which a part is not, and why.
pub const ELSEWHERE: &[(u8, &str)] = &[
    (1, "lost answers: tests/faults/lost.rs"),
    (2, "kills before and after every changing call: tests/resume.rs"),
    (4, "a role of somebody else's: a_role_that_is_not_ours_is_named_and_left_alone; one that is ours: lost.rs"),
    (10, "the account has no function that fails to start; the reason is told by the function's own step"),
    (17, "a reply that is cut off cannot be injected; one that never comes is lost.rs; S3 compares every checksum"),
    (18, "412, already there: lost.rs, where the answer to each first upload is lost"),
    (20, "DistributionAlreadyExists after a lost answer: lost.rs"),
    (25, "45 minutes of InProgress are no test; each test waits for Deployed, and a kill meanwhile is resume.rs"),
    (27, "nothing is ever invalidated: releases have their own keys"),
    (
        30,
        "a_refused_certificate_is_replaced_by_another; its reason: acm_validation.rs; records come late in every test",
    ),
    (35, "a Describe that misses what is there cannot be injected"),
    (38, "the protection: a_destroy_survives_what_passes_and_protects_data_until_told_otherwise"),
    (40, "PutTargets: a refusal within an answer of 200 cannot be injected; CreateSecret: restored after the destroy"),
];

/// What another tool does in the account before a publish puts it right.
pub const DRIFT: &str = "
import boto3, io, zipfile
package = io.BytesIO()
with zipfile.ZipFile(package, 'w') as file:
    program = zipfile.ZipInfo('bootstrap')
    program.external_attr = 0o755 << 16
    file.writestr(program, '#!/bin/sh\\n')
boto3.client('lambda').update_function_code(FunctionName='small-api', ZipFile=package.getvalue())
waf = boto3.client('wafv2', region_name='us-east-1')
scope = {'Scope': 'CLOUDFRONT'}
for each in waf.list_web_acls(**scope)['WebACLs']:
    named = {**scope, 'Name': each['Name'], 'Id': each['Id']}
    found = waf.get_web_acl(**named)
    kept = {key: found['WebACL'][key] for key in ('Description', 'Rules', 'VisibilityConfig')}
    waf.update_web_acl(**named, LockToken=found['LockToken'], DefaultAction={'Block': {}}, **kept)
";

/// A role of our name that somebody else made.
pub const FOREIGN_ROLE: &str = "
import boto3, json
statement = {'Effect': 'Allow', 'Principal': {'Service': 'ec2.amazonaws.com'}, 'Action': 'sts:AssumeRole'}
document = json.dumps({'Version': '2012-10-17', 'Statement': [statement]})
boto3.client('iam').create_role(RoleName='small-api', AssumeRolePolicyDocument=document)
";

/// Its maker removes it.
pub const NO_FOREIGN_ROLE: &str = "
import boto3
boto3.client('iam').delete_role(RoleName='small-api')
";

/// The authority finds a CAA record that forbids it to issue the certificate.
pub const REFUSE_CERTIFICATE: &str = "
import boto3, json, os, urllib.request
acm = boto3.client('acm', region_name='us-east-1')
found = acm.list_certificates(Includes={'keyTypes': ['RSA_2048', 'EC_prime256v1']})['CertificateSummaryList']
door = os.environ['AWS_ENDPOINT_URL'] + '/_practice/certificate'
body = json.dumps({'arn': found[0]['CertificateArn'], 'fail': 'CAA_ERROR'}).encode()
urllib.request.urlopen(urllib.request.Request(door, data=body, method='POST'))
";

pub fn survived(scene: Scene) -> Vec<Case> {
    all().into_iter().filter(|c| c.scene == scene && matches!(c.expect, Expect::Survived)).collect()
}

pub fn failing(scene: Scene) -> Vec<Case> {
    all().into_iter().filter(|c| c.scene == scene && matches!(c.expect, Expect::Fails { .. })).collect()
}

pub fn all() -> Vec<Case> {
    [passing(), lasting(), destroying()].into_iter().flatten().collect()
}

fn case(number: u8, name: &'static str, scene: Scene, faults: Vec<Value>) -> Case {
    Case { number, name, scene, faults, expect: Expect::Survived, then: |_| {} }
}

fn failure(
    number: u8,
    name: &'static str,
    scene: Scene,
    fault: Value,
    code: i32,
    says: &'static [&'static str],
) -> Case {
    Case { number, name, scene, faults: vec![fault], expect: Expect::Fails { code, says }, then: |_| {} }
}

/// `service operation`, `status code`, how often, and AWS's words.
fn fault(call: &str, refusal: &str, times: u32, message: &str) -> Value {
    let (service, operation) = call.split_once(' ').unwrap();
    let (status, code) = refusal.split_once(' ').unwrap();
    let status: u16 = status.parse().unwrap();
    json!({"service": service, "operation": operation, "code": code, "status": status, "times": times,
           "message": message})
}

fn with(mut fault: Value, key: &str, value: Value) -> Value {
    fault[key] = value;
    fault
}

/// Two uploads of the object whose path has `part`.
fn conflict(part: &str) -> Value {
    let part = format!("/small-site-123456789012{part}");
    with(fault("s3 PutObject", "409 ConditionalRequestConflict", 2, ""), "match", json!(part))
}

const ROLE_NEW: &str = "The role defined for the function cannot be assumed by Lambda.";
const SCHEDULER_ROLE: &str = "The execution role you provide must allow AWS EventBridge Scheduler to assume the role.";
const UPDATING: &str = "The operation cannot be performed at this time. An update is in progress for resource";

/// What passes by itself.
fn passing() -> Vec<Case> {
    use Scene::{Drifted, Everything, Small};
    vec![
        case(5, "a role that is not yet known", Small, vec![fault("iam PutRolePolicy", "404 NoSuchEntity", 3, "")]),
        case(
            6,
            "a principal that is not yet known",
            Small,
            vec![fault("iam CreateRole", "400 MalformedPolicyDocument", 2, "Invalid principal in policy")],
        ),
        case(
            7,
            "a role that is being changed (policies are inline: AttachRolePolicy is never called)",
            Small,
            vec![
                fault("iam CreateRole", "409 ConcurrentModification", 2, ""),
                fault("iam PutRolePolicy", "409 ConcurrentModification", 2, ""),
            ],
        ),
        case(
            8,
            "a role that Lambda cannot assume yet",
            Small,
            vec![fault("lambda CreateFunction", "400 InvalidParameterValueException", 3, ROLE_NEW)],
        ),
        case(
            11,
            "a statement that is there, and an alias that is not yet known",
            Small,
            vec![
                fault("lambda AddPermission", "404 ResourceNotFoundException", 1, ""),
                fault("lambda AddPermission", "409 ResourceConflictException", 1, "The statement id provided exists."),
            ],
        ),
        case(
            13,
            "Lambda asks for less",
            Small,
            vec![with(
                fault("lambda *", "429 TooManyRequestsException", 4, "Rate exceeded"),
                "headers",
                json!({"Retry-After": "2"}),
            )],
        ),
        case(15, "a bucket that is going", Small, vec![fault("s3 CreateBucket", "409 OperationAborted", 2, "")]),
        case(
            16,
            "a policy that names what is not yet known",
            Small,
            vec![fault("s3 PutBucketPolicy", "400 MalformedPolicy", 2, "Invalid principal in policy")],
        ),
        case(
            17,
            "S3 asks for less",
            Small,
            vec![
                with(
                    fault("s3 PutObject", "503 SlowDown", 6, "Reduce your request rate."),
                    "match",
                    json!("/small-site-123456789012/c/"),
                ),
                with(
                    fault("s3 PutObject", "503 SlowDown", 4, "Reduce your request rate."),
                    "match",
                    json!("/small-site-123456789012/ledger"),
                ),
            ],
        ),
        case(
            18,
            "two uploads of one object",
            Small,
            vec![conflict("/releases/"), conflict("/api/"), conflict("/ledger")],
        ),
        case(
            23,
            "a function that is not yet ready to be associated",
            Small,
            vec![fault(
                "cloudfront CreateDistributionWithTags",
                "400 InvalidArgument",
                3,
                "The function association is not ready: function association not yet ready",
            )],
        ),
        case(
            28,
            "another writer of the keys",
            Small,
            vec![
                fault("cloudfront-keyvaluestore UpdateKeys", "400 ValidationException", 2, "Pre-Condition failed"),
                fault("cloudfront-keyvaluestore UpdateKeys", "409 ConflictException", 1, ""),
            ],
        ),
        case(
            29,
            "a store that is READY and not yet known",
            Small,
            vec![fault("cloudfront-keyvaluestore DescribeKeyValueStore", "404 ResourceNotFoundException", 3, "")],
        ),
        case(
            40,
            "a log group and a parameter that are being changed",
            Small,
            vec![
                fault("logs CreateLogGroup", "400 OperationAbortedException", 1, ""),
                fault("ssm PutParameter", "400 TooManyUpdates", 2, ""),
            ],
        ),
        case(
            9,
            "a function that is being updated",
            Drifted,
            vec![
                fault("lambda UpdateFunctionCode", "409 ResourceConflictException", 2, UPDATING),
                fault("lambda UpdateFunctionConfiguration", "409 ResourceConflictException", 2, UPDATING),
            ],
        ),
        case(
            12,
            "an alias that moved meanwhile",
            Drifted,
            vec![fault("lambda UpdateAlias", "412 PreconditionFailedException", 2, "The RevisionId does not match.")],
        ),
        case(
            34,
            "a firewall that somebody else changes",
            Drifted,
            vec![
                fault("wafv2 UpdateWebACL", "400 WAFOptimisticLockException", 1, ""),
                fault("wafv2 UpdateWebACL", "400 WAFUnavailableEntityException", 3, ""),
            ],
        ),
        case(
            21,
            "a certificate that CloudFront does not know yet",
            Everything,
            vec![fault("cloudfront UpdateDistribution", "400 InvalidViewerCertificate", 2, "")],
        ),
        case(
            24,
            "a distribution that somebody else changes",
            Everything,
            vec![
                fault("cloudfront UpdateDistribution", "412 PreconditionFailed", 1, ""),
                fault("cloudfront UpdateDistribution", "400 InvalidIfMatchVersion", 1, ""),
            ],
        ),
        case(
            33,
            "a zone that is being changed, and too many calls",
            Everything,
            vec![
                fault("route53 ChangeResourceRecordSets", "400 PriorRequestNotComplete", 2, ""),
                fault("route53 ChangeResourceRecordSets", "400 Throttling", 2, "Rate exceeded"),
            ],
        ),
        case(
            34,
            "a rule group that is not yet known",
            Everything,
            vec![fault("wafv2 CreateWebACL", "400 WAFUnavailableEntityException", 3, "")],
        ),
        case(
            35,
            "a VPC that is not yet known",
            Everything,
            vec![fault("ec2 CreateSubnet", "400 InvalidVpcID.NotFound", 2, "")],
        ),
        case(
            37,
            "EC2 asks for less",
            Everything,
            vec![fault("ec2 CreateVpc", "503 RequestLimitExceeded", 2, "Request limit exceeded.")],
        ),
        case(
            39,
            "a database that sleeps, and a statement whose outcome is unknown",
            Everything,
            vec![
                fault("rds-data ExecuteStatement", "400 DatabaseResumingException", 3, ""),
                fault("rds-data ExecuteStatement", "504 DatabaseUnavailableException", 1, ""),
                fault("rds-data ExecuteStatement", "400 StatementTimeoutException", 1, ""),
            ],
        ),
        case(
            40,
            "a role that Scheduler cannot assume yet, a policy that CloudTrail does not see yet, a rule in change",
            Everything,
            vec![
                fault("scheduler CreateSchedule", "400 ValidationException", 2, SCHEDULER_ROLE),
                fault("cloudtrail CreateTrail", "400 InsufficientS3BucketPolicyException", 2, ""),
                fault("events PutTargets", "400 ConcurrentModificationException", 2, ""),
            ],
        ),
    ]
}

const EXPIRED: &str = "The security token included in the request is expired";
const SIGN_IN: &[&str] =
    &["The credentials have expired; sign in again and run the same command.", "Run `arqsite publish`"];
const BLOCKED: &str = "User: arn:aws:iam::123456789012:user/x is not authorized to perform: s3:PutBucketPolicy because \
                       public policies are blocked by the BlockPublicPolicy block public access setting.";
const DENIED: &[&str] = &["make the VPC small", "UnauthorizedOperation", "administrator for the permission"];

/// What stays until somebody acts.
fn lasting() -> Vec<Case> {
    use Scene::{Everything, Small};
    let failing = failure;
    vec![
        failing(3, "query", Small, fault("iam PutRolePolicy", "403 ExpiredToken", 50, EXPIRED), 3, SIGN_IN),
        failing(3, "JSON", Small, fault("dynamodb CreateTable", "400 ExpiredTokenException", 50, EXPIRED), 3, SIGN_IN),
        failing(
            3,
            "XML",
            Small,
            with(fault("s3 PutObject", "400 ExpiredToken", 50, "The provided token has expired."), "skip", json!(1)),
            3,
            SIGN_IN,
        ),
        failing(
            6,
            "a document that is wrong",
            Small,
            fault("iam CreateRole", "400 MalformedPolicyDocument", 50, "Syntax errors in policy."),
            3,
            &["make the role small-", "Syntax errors in policy"],
        ),
        failing(
            8,
            "the same code for another reason",
            Small,
            fault("lambda CreateFunction", "400 InvalidParameterValueException", 50, "Unzipped size must be smaller"),
            3,
            &["make the function small-", "Unzipped size"],
        ),
        failing(
            14,
            "a bucket of somebody else's",
            Small,
            fault("s3 CreateBucket", "409 BucketAlreadyExists", 50, "The requested bucket name is not available."),
            1,
            &["the bucket small-site-123456789012", "taken by somebody else's bucket. Choose another site.name"],
        ),
        failing(
            16,
            "a policy that is taken for public",
            Small,
            fault("s3 PutBucketPolicy", "403 AccessDenied", 50, BLOCKED),
            3,
            &["set the policy of small-", "The setting BlockPublicPolicy", "S3 console"],
        ),
        failing(
            20,
            "a caller reference that is used, without its distribution",
            Small,
            fault("cloudfront CreateDistributionWithTags", "409 DistributionAlreadyExists", 50, "Already exists."),
            3,
            &["make the distribution \"arqsite small (production)\"", "DistributionAlreadyExists"],
        ),
        failing(
            23,
            "the same code for another reason",
            Small,
            fault("cloudfront CreateDistributionWithTags", "400 InvalidArgument", 50, "The parameter Origin is wrong."),
            3,
            &["make the distribution", "The parameter Origin is wrong."],
        ),
        failing(
            22,
            "a name that is on another distribution",
            Everything,
            fault("cloudfront UpdateDistribution", "409 CNAMEAlreadyExists", 50, "already associated"),
            1,
            &["names of the distribution", "aws cloudfront associate-alias"],
        ),
        failing(
            31,
            "a quota of certificates",
            Everything,
            fault("acm RequestCertificate", "400 LimitExceededException", 50, "reached your limit of 20 certificates"),
            3,
            &["request the certificate of example.com", "reached your limit", "Service Quotas"],
        ),
        Case {
            then: |account| {
                let zone = account.snapshot()["zones"]["example.com."][0]["records"].clone();
                assert!(!zone.to_string().contains("www.example.com. A"), "{zone}");
                assert!(!zone.to_string().contains("_arqsite.www.example.com"), "{zone}");
            },
            ..failing(
                33,
                "a batch of which one change cannot be made",
                Everything,
                with(
                    fault("route53 ChangeResourceRecordSets", "400 InvalidChangeBatch", 50, "it already exists"),
                    "match",
                    json!("_arqsite.www.example.com"),
                ),
                3,
                &["make the records of www.example.com", "it already exists"],
            )
        },
        failing(
            37,
            "a quota of VPCs",
            Everything,
            fault("ec2 CreateVpc", "400 VpcLimitExceeded", 50, "The maximum number of VPCs has been reached."),
            1,
            &["make the VPC small", "Service Quotas, \"VPCs per Region\""],
        ),
        failing(37, "denied", Everything, fault("ec2 CreateVpc", "403 UnauthorizedOperation", 50, ""), 3, DENIED),
    ]
}

/// What is in the way of a destroy, for a while.
fn destroying() -> Vec<Case> {
    use Scene::{DataDestroyed, Destroyed};
    vec![
        case(19, "a log that came late", Destroyed, vec![fault("s3 DeleteBucket", "409 BucketNotEmpty", 3, "")]),
        case(
            26,
            "a distribution that still counts as enabled",
            Destroyed,
            vec![fault("cloudfront DeleteDistribution", "409 DistributionNotDisabled", 3, "")],
        ),
        case(
            32,
            "a certificate that still counts as used",
            Destroyed,
            vec![fault("acm DeleteCertificate", "400 ResourceInUseException", 3, "")],
        ),
        case(
            36,
            "a group that Lambda holds",
            DataDestroyed,
            vec![fault("ec2 DeleteSecurityGroup", "400 DependencyViolation", 3, "")],
        ),
        case(
            38,
            "a cluster that still counts as protected, and then as busy",
            DataDestroyed,
            vec![
                fault("rds DeleteDBCluster", "400 InvalidParameterCombination", 1, "Cannot delete protected Cluster"),
                fault("rds DeleteDBCluster", "400 InvalidDBClusterStateFault", 3, ""),
            ],
        ),
    ]
}
