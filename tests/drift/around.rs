//! Drifts of functions, network, database, alarms, audit and runbooks.

use serde_json::{Value, json};

use super::{Drift, HOME, ask, query};
use crate::support::account::Account;

/// Region of what belongs to the edge.
const EDGE: &str = "us-east-1";

pub(super) const DRIFTS: &[Drift] = &[
    Drift {
        what: "the function may do more",
        node: "function-role",
        field: "policy",
        anew: "",
        make: more_permissions,
    },
    Drift {
        what: "the function has more memory",
        node: "function",
        field: "memory",
        anew: "",
        make: |account| {
            let function = ["--function-name", "small-api", "--memory-size", "2048"];
            ask(account, HOME, &[&["lambda", "update-function-configuration"][..], &function].concat());
        },
    },
    Drift {
        what: "the function has another environment",
        node: "function",
        field: "environment",
        anew: "",
        make: other_environment,
    },
    Drift { what: "the API is throttled to nothing", node: "http-api-stage", field: "rate", anew: "", make: throttled },
    Drift {
        what: "a log is kept for a day",
        node: "log-group",
        field: "retention_days",
        anew: "",
        make: |account| {
            let log = ["--log-group-name", "/aws/lambda/small-api", "--retention-in-days", "1"];
            ask(account, HOME, &[&["logs", "put-retention-policy"][..], &log].concat());
        },
    },
    Drift {
        what: "an alarm has another threshold",
        node: "alarm-function-errors",
        field: "threshold",
        anew: "",
        make: |account| change_alarm(account, |alarm| alarm["Threshold"] = 1000.into()),
    },
    Drift {
        what: "an alarm tells nobody",
        node: "alarm-function-errors",
        field: "enabled",
        anew: "",
        make: |account| {
            ask(account, HOME, &["cloudwatch", "disable-alarm-actions", "--alarm-names", "small-function-errors"]);
        },
    },
    Drift {
        what: "a schedule is disabled",
        node: "schedule-nightly",
        field: "enabled",
        anew: "",
        make: |account| change_schedule(account, |schedule| schedule["State"] = "DISABLED".into()),
    },
    Drift {
        what: "a schedule has another time",
        node: "schedule-nightly",
        field: "expression",
        anew: "",
        make: |account| change_schedule(account, |schedule| schedule["ScheduleExpression"] = "rate(5 minutes)".into()),
    },
    Drift {
        what: "a rule for events is disabled",
        node: "certificate-warning",
        field: "enabled",
        anew: "",
        make: |account| {
            ask(account, EDGE, &["events", "disable-rule", "--name", "small-certificate"]);
        },
    },
    Drift {
        what: "the audit is stopped",
        node: "audit",
        field: "logging",
        anew: "",
        make: |account| {
            ask(account, HOME, &["cloudtrail", "stop-logging", "--name", "small-audit"]);
        },
    },
    Drift {
        what: "the audit's files are not validated",
        node: "audit",
        field: "validated",
        anew: "",
        make: |account| {
            let trail = ["--name", "small-audit", "--no-enable-log-file-validation"];
            ask(account, HOME, &[&["cloudtrail", "update-trail"][..], &trail].concat());
        },
    },
    Drift {
        what: "a runbook says something else",
        node: "runbook-rollback",
        field: "content",
        anew: "",
        make: other_runbook,
    },
    Drift {
        what: "a parameter has another value",
        node: "parameter-bucket",
        field: "value",
        anew: "",
        make: |account| {
            let parameter = ["--name", "/arqsite/small/production/bucket", "--value", "elsewhere", "--overwrite"];
            ask(account, HOME, &[&["ssm", "put-parameter"][..], &parameter].concat());
        },
    },
    Drift {
        what: "the function may reach anything",
        node: "function-group-rules",
        field: "egress",
        anew: "",
        make: |account| {
            let anything = ["--protocol", "tcp", "--port", "443", "--cidr", "0.0.0.0/0"];
            let id = group(account, "small-functions");
            ask(
                account,
                HOME,
                &[&["ec2", "authorize-security-group-egress", "--group-id", &id][..], &anything].concat(),
            );
        },
    },
    Drift {
        what: "anybody may reach the function's network interfaces",
        node: "function-group-rules",
        field: "ingress",
        anew: "",
        make: |account| {
            let anybody = ["--protocol", "tcp", "--port", "22", "--cidr", "0.0.0.0/0"];
            let id = group(account, "small-functions");
            ask(
                account,
                HOME,
                &[&["ec2", "authorize-security-group-ingress", "--group-id", &id][..], &anybody].concat(),
            );
        },
    },
    Drift {
        what: "a subnet is without its routes",
        node: "route-table",
        field: "subnets",
        anew: "",
        make: |account| {
            let found = "RouteTables[].Associations[?SubnetId][] | [0].RouteTableAssociationId";
            let id = query(account, HOME, &["ec2", "describe-route-tables"], found);
            ask(account, HOME, &["ec2", "disassociate-route-table", "--association-id", &id]);
        },
    },
    Drift {
        what: "the way to S3 is out of the route table",
        node: "endpoint-s3",
        field: "route_tables",
        anew: "",
        make: |account| {
            let found = "VpcEndpoints[?ends_with(ServiceName, 's3')] | [0].[VpcEndpointId, RouteTableIds[0]]";
            let ids = query(account, HOME, &["ec2", "describe-vpc-endpoints"], found);
            let ids: Vec<_> = ids.split_whitespace().collect();
            let change = ["--vpc-endpoint-id", ids[0], "--remove-route-table-ids", ids[1]];
            ask(account, HOME, &[&["ec2", "modify-vpc-endpoint"][..], &change].concat());
        },
    },
    Drift {
        what: "a secret has another description",
        node: "secret",
        field: "description",
        anew: "",
        make: |account| {
            let secret = ["--secret-id", "small-secrets", "--description", "mine"];
            ask(account, HOME, &[&["secretsmanager", "update-secret"][..], &secret].concat());
        },
    },
    Drift {
        what: "the dashboard shows something else",
        node: "dashboard",
        field: "body",
        anew: "",
        make: other_dashboard,
    },
    Drift {
        what: "the database may be deleted",
        node: "database",
        field: "protected",
        anew: "",
        make: |account| change_cluster(account, &["--no-deletion-protection"]),
    },
    Drift {
        what: "the database keeps its backups for a day",
        node: "database",
        field: "backup_days",
        anew: "",
        make: |account| change_cluster(account, &["--backup-retention-period", "1"]),
    },
    Drift {
        what: "the database may grow, and cost, more",
        node: "database",
        field: "max_half_acu",
        anew: "",
        make: |account| {
            let scaling = "MinCapacity=0,MaxCapacity=64";
            change_cluster(account, &["--serverless-v2-scaling-configuration", scaling]);
        },
    },
    Drift {
        what: "the database takes connections without TLS",
        node: "database-parameters",
        field: "parameters",
        anew: "",
        make: |account| {
            let group = ["--db-cluster-parameter-group-name", "small-database", "--parameters"];
            let off = ["ParameterName=rds.force_ssl,ParameterValue=0,ApplyMethod=immediate"];
            ask(account, HOME, &[&["rds", "modify-db-cluster-parameter-group"][..], &group, &off].concat());
        },
    },
    Drift {
        what: "everything in the network reaches the database",
        node: "database-group-rules",
        field: "ingress",
        anew: "",
        make: |account| {
            let all = ["--protocol", "tcp", "--port", "5432", "--cidr", "10.71.0.0/16"];
            let id = group(account, "small-database");
            ask(account, HOME, &[&["ec2", "authorize-security-group-ingress", "--group-id", &id][..], &all].concat());
        },
    },
];

fn more_permissions(account: &Account) {
    let role = ["--role-name", "small-api"];
    let name = query(account, HOME, &[&["iam", "list-role-policies"][..], &role].concat(), "PolicyNames[0]");
    let which = [&role[..], &["--policy-name", &name]].concat();
    let mut got = ask(account, HOME, &[&["iam", "get-role-policy"][..], &which].concat());
    let policy = &mut got["PolicyDocument"];
    let more = json!({"Sid": "More", "Effect": "Allow", "Action": "s3:*", "Resource": "*"});
    policy["Statement"].as_array_mut().unwrap().push(more);
    let document = policy.to_string();
    ask(account, HOME, &[&["iam", "put-role-policy"][..], &which, &["--policy-document", &document]].concat());
}

fn other_environment(account: &Account) {
    let function = ["--function-name", "small-api"];
    let mut got = ask(account, HOME, &[&["lambda", "get-function-configuration"][..], &function].concat());
    got["Environment"]["Variables"]["ARQ_BUCKET"] = "elsewhere".into();
    let environment = got["Environment"].to_string();
    let update = ["lambda", "update-function-configuration", "--environment", &environment];
    ask(account, HOME, &[&update[..], &function].concat());
}

fn throttled(account: &Account) {
    let id = query(account, HOME, &["apigatewayv2", "get-apis"], "Items[0].ApiId");
    let settings = "ThrottlingRateLimit=1,ThrottlingBurstLimit=1";
    let stage = ["--api-id", &id, "--stage-name", "$default", "--default-route-settings", settings];
    ask(account, HOME, &[&["apigatewayv2", "update-stage"][..], &stage].concat());
}

fn change_alarm(account: &Account, change: impl FnOnce(&mut Value)) {
    let alarms = ["cloudwatch", "describe-alarms", "--alarm-names", "small-function-errors"];
    let mut alarm = ask(account, HOME, &alarms)["MetricAlarms"][0].clone();
    change(&mut alarm);
    let read_only = ["AlarmArn", "AlarmConfigurationUpdatedTimestamp", "StateTransitionedTimestamp"];
    let fields = alarm.as_object_mut().unwrap();
    fields.retain(|name, _| !name.starts_with("State") && !read_only.contains(&name.as_str()));
    ask(account, HOME, &["cloudwatch", "put-metric-alarm", "--cli-input-json", &alarm.to_string()]);
}

fn change_schedule(account: &Account, change: impl FnOnce(&mut Value)) {
    let which = ["--group-name", "small-schedules", "--name", "nightly"];
    let mut schedule = ask(account, HOME, &[&["scheduler", "get-schedule"][..], &which].concat());
    change(&mut schedule);
    let fields = schedule.as_object_mut().unwrap();
    fields.retain(|name, _| !["Arn", "CreationDate", "LastModificationDate"].contains(&name.as_str()));
    ask(account, HOME, &["scheduler", "update-schedule", "--cli-input-json", &schedule.to_string()]);
}

fn other_runbook(account: &Account) {
    let got = ask(account, HOME, &["ssm", "get-document", "--name", "small-rollback"]);
    let mut content: Value = serde_json::from_str(got["Content"].as_str().unwrap()).unwrap();
    content["description"] = "Something else".into();
    let text = content.to_string();
    let document = ["--name", "small-rollback", "--document-version", "$LATEST", "--content", &text];
    let updated = ask(account, HOME, &[&["ssm", "update-document"][..], &document].concat());
    let version = updated["DocumentDescription"]["DocumentVersion"].as_str().unwrap().to_owned();
    let default = ["--name", "small-rollback", "--document-version", &version];
    ask(account, HOME, &[&["ssm", "update-document-default-version"][..], &default].concat());
}

fn other_dashboard(account: &Account) {
    let got = ask(account, HOME, &["cloudwatch", "get-dashboard", "--dashboard-name", "small-eu-west-1"]);
    let mut body: Value = serde_json::from_str(got["DashboardBody"].as_str().unwrap()).unwrap();
    // The first says whose it is.
    body["widgets"].as_array_mut().unwrap().pop();
    let put = ["cloudwatch", "put-dashboard", "--dashboard-name", "small-eu-west-1"];
    ask(account, HOME, &[&put[..], &["--dashboard-body", &body.to_string()]].concat());
}

/// Id of a security group.
fn group(account: &Account, name: &str) -> String {
    let found = format!("SecurityGroups[?GroupName=='{name}'].GroupId");
    query(account, HOME, &["ec2", "describe-security-groups"], &found)
}

fn change_cluster(account: &Account, change: &[&str]) {
    let cluster = ["--db-cluster-identifier", "small-database", "--apply-immediately"];
    ask(account, HOME, &[&["rds", "modify-db-cluster"][..], &cluster, change].concat());
    // A state that takes time advances by being asked for; at its end the change is there.
    for _ in 0..3 {
        ask(account, HOME, &["rds", "describe-db-clusters"]);
    }
}
