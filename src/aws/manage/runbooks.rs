//! What the runbooks do: Automation documents that call the operator function, so that the site
//! can be kept from the AWS console, by somebody who has no arqsite.
//!
//! Source: Systems Manager user guide, "Data elements and parameters" (schema 0.3), and the
//! actions `aws:invokeLambdaFunction` and `aws:waitForAwsResourceProperty`.

use serde_json::{Value, json};

/// Seconds that a function may take; the most that Lambda has.
const FUNCTION_SECONDS: u32 = 900;
/// Seconds in which every edge has to know a distribution.
const DEPLOYED_SECONDS: u32 = 5400;

/// Makes an earlier release live: needs `${operator}` and `${role}`.
pub fn rollback() -> Value {
    let release = json!({
        "type": "String",
        "default": "",
        "description": "Id of the release to make live, one of those in the edge store; `arqsite releases` lists them. \
                        Leave it empty for the one before the live one.",
        // SECURITY: it becomes part of a JSON text, which it must not be able to end.
        "allowedPattern": "^([0-9]{8}-[0-9]{6}-[0-9a-f]{10})?$",
    });
    let step = invoke("Rollback", "${operator}", r#"{"do":"rollback","release":"{{ Release }}"}"#);
    document("Makes an earlier release of the site live, within seconds.", json!({"Release": release}), vec![step])
}

/// Shows the maintenance page to every visitor: needs `${operator}` and `${role}`.
pub fn maintenance_on() -> Value {
    let step = invoke("MaintenanceOn", "${operator}", r#"{"do":"maintenance","on":true}"#);
    document("Shows the maintenance page instead of the site.", json!({}), vec![step])
}

/// Shows the site again: needs `${operator}` and `${role}`.
pub fn maintenance_off() -> Value {
    let step = invoke("MaintenanceOff", "${operator}", r#"{"do":"maintenance","on":false}"#);
    document("Shows the site again instead of the maintenance page.", json!({}), vec![step])
}

/// Replaces the origin secret without an interruption: first the API accepts a new one too, then
/// the edge sends it, and when every edge does, the old one is forgotten. Needs `${operator}`,
/// `${distribution}` and `${role}`.
pub fn rotate_secret() -> Value {
    let rotate = |name, step: &str| invoke(name, "${operator}", &json!({"do": "rotate", "step": step}).to_string());
    let deployed = json!({
        "name": "WaitForEveryEdge",
        "action": "aws:waitForAwsResourceProperty",
        "timeoutSeconds": DEPLOYED_SECONDS,
        "inputs": {
            "Service": "cloudfront",
            "Api": "GetDistribution",
            "Id": "${distribution}",
            "PropertySelector": "$.Distribution.Status",
            "DesiredValues": ["Deployed"],
        },
    });
    let steps = vec![rotate("AcceptAndSendNew", "send"), deployed, rotate("ForgetOld", "forget")];
    document("Replaces the secret by which the API knows the site's edge.", json!({}), steps)
}

/// Runs the migrations that the database has not had yet: needs `${migrator}` and `${role}`.
pub fn migrate() -> Value {
    let step = invoke("Migrate", "${migrator}", r#"{"do":"migrate"}"#);
    document("Runs the database migrations of the newest release that have not run yet.", json!({}), vec![step])
}

fn document(description: &str, parameters: Value, steps: Vec<Value>) -> Value {
    let is_call = |step: &&Value| step["action"] == "aws:invokeLambdaFunction";
    let outputs: Vec<String> = steps.iter().filter(is_call).filter_map(payload_of).collect();
    let mut document = json!({
        "schemaVersion": "0.3",
        "description": description,
        "assumeRole": "${role}",
        "mainSteps": steps,
        "outputs": outputs,
    });
    if parameters.as_object().is_some_and(|parameters| !parameters.is_empty()) {
        document["parameters"] = parameters;
    }
    document
}

fn payload_of(step: &Value) -> Option<String> {
    step["name"].as_str().map(|name| format!("{name}.Payload"))
}

/// A step that calls a function once: calling it again is for a person to decide.
fn invoke(name: &str, function: &str, payload: &str) -> Value {
    json!({
        "name": name,
        "action": "aws:invokeLambdaFunction",
        "maxAttempts": 1,
        "timeoutSeconds": FUNCTION_SECONDS,
        "onFailure": "Abort",
        "inputs": {"FunctionName": function, "InvocationType": "RequestResponse", "Payload": payload},
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn payloads(document: &Value) -> Vec<Value> {
        let steps = document["mainSteps"].as_array().unwrap().iter();
        steps.filter_map(|step| step["inputs"]["Payload"].as_str()).map(|p| serde_json::from_str(p).unwrap()).collect()
    }

    #[test]
    fn every_runbook_has_a_role_and_says_what_it_does() {
        for runbook in [rollback(), maintenance_on(), maintenance_off(), rotate_secret(), migrate()] {
            assert_eq!((&runbook["schemaVersion"], &runbook["assumeRole"]), (&json!("0.3"), &json!("${role}")));
            assert!(!runbook["description"].as_str().unwrap().is_empty());
            assert!(!payloads(&runbook).is_empty());
        }
    }

    #[test]
    fn a_rollback_names_the_release() {
        assert_eq!(payloads(&rollback()), [json!({"do": "rollback", "release": "{{ Release }}"})]);
        assert_eq!(rollback()["parameters"]["Release"]["default"], "");
        assert_eq!(payloads(&maintenance_on()), [json!({"do": "maintenance", "on": true})]);
        assert_eq!(payloads(&migrate()), [json!({"do": "migrate"})]);
    }

    #[test]
    fn the_old_secret_is_forgotten_after_every_edge_sends_the_new_one() {
        let runbook = rotate_secret();
        let steps: Vec<_> = runbook["mainSteps"].as_array().unwrap().iter().map(|s| s["name"].clone()).collect();
        assert_eq!(steps, ["AcceptAndSendNew", "WaitForEveryEdge", "ForgetOld"]);
        assert_eq!(runbook["outputs"], json!(["AcceptAndSendNew.Payload", "ForgetOld.Payload"]));
        assert_eq!(payloads(&runbook)[0], json!({"do": "rotate", "step": "send"}));
    }
}
