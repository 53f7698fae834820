//! The function: the engine as `bootstrap`.

use std::collections::BTreeMap;

use aws_sdk_lambda::types as lambda;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::iam_role::Role;
use super::lambda_note::Note;
use crate::aws::content::engine_package::EnginePackage;
use crate::aws::data::rds_cluster::{Cluster, ClusterOutput};
use crate::aws::edge::cloudfront_distribution::{Distribution, DistributionOutput};
use crate::aws::error::{CallError, answer};
use crate::aws::network::ec2_security_group::SecurityGroup;
use crate::aws::network::ec2_subnet::Subnet;
use crate::aws::retry::Patience;
use crate::aws::{Cx, Tell};
use crate::deploy::{Found, Resource, StepError};

/// Seconds that a request may take; as long as API Gateway waits.
const TIMEOUT: i32 = 30;
/// Variable that holds the SHA-256 of the accepted origin secrets.
pub const ORIGIN: &str = "ARQ_ORIGIN_SHA256";
/// Variable that holds `host:port/name` of the database.
pub const DATABASE: &str = "ARQ_DATABASE";

/// A function whose package is the engine.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Function {
    /// Name.
    pub name: String,
    /// Node of its role.
    pub role: String,
    /// Node of its package.
    pub package: String,
    /// Node of the distribution whose origin secret it accepts, if it answers requests.
    pub distribution: Option<String>,
    /// Node of the database that it is told the address of.
    pub database: Option<String>,
    /// Where it runs, when that is a network of the site.
    pub network: Option<Attachment>,
    /// `x86_64` or `arm64`.
    pub architecture: String,
    /// MB.
    pub memory: i32,
    /// Seconds.
    pub timeout: i32,
    /// Environment, but for the origin secret's hash.
    pub environment: BTreeMap<String, String>,
    /// Identity of the engine: hash of the program. The package's API bundle is not part of it,
    /// since the engine loads the bundle that a request names.
    pub engine: String,
}

/// Where in a network a function runs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Attachment {
    /// Nodes of the subnets, sorted.
    pub subnets: Vec<String>,
    /// Node of the security group.
    pub group: String,
}

/// What others need of a function.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FunctionOutput {
    /// ARN, unqualified.
    pub arn: String,
    /// Identity of code and settings together.
    pub state: String,
}

impl Function {
    /// The function of this name, to look at or to change a part of.
    pub fn named(name: String) -> Self {
        Self::new(name, "function-role", BTreeMap::new(), &Engine::default())
    }

    /// A function that runs `engine` in this role; its environment says as what.
    pub fn new(name: String, role: &str, environment: BTreeMap<String, String>, engine: &Engine) -> Self {
        Self {
            name,
            role: role.into(),
            package: "engine-package".into(),
            distribution: None,
            database: None,
            network: None,
            architecture: engine.architecture.clone(),
            memory: 256,
            timeout: TIMEOUT,
            environment,
            engine: engine.identity.clone(),
        }
    }
}

/// The program that functions run.
#[derive(Debug, Clone, Default)]
pub struct Engine {
    /// Hash of the program.
    pub identity: String,
    /// `x86_64` or `arm64`.
    pub architecture: String,
}

impl Resource for Function {
    const KIND: &'static str = "lambda.function";
    type Cloud = crate::aws::Cloud;
    type Output = FunctionOutput;

    fn name(&self) -> String {
        self.name.clone()
    }

    async fn find(&self, cx: &Cx) -> Result<Option<Found<Self>>, StepError> {
        let looking = || format!("look at the function {}", self.name);
        let output = match answer("GetFunction", cx.cloud.lambda.get_function().function_name(&self.name).send().await)
        {
            Err(e) if e.is("ResourceNotFoundException") => return Ok(None),
            result => result.telling(looking)?,
        };
        let tags = output.tags.unwrap_or_default();
        if !cx.cloud.names.owns(tags.iter().map(|(key, value)| (key.as_str(), value.as_str()))) {
            return Err(StepError::foreign("function", &self.name));
        }
        let Some(now) = output.configuration else { return Ok(None) };
        let state = now.description.clone().unwrap_or_default();
        let arn = now.function_arn.clone().unwrap_or_default();
        Ok(Some(Found { spec: self.read(cx, now)?, output: FunctionOutput { arn, state } }))
    }

    async fn put(&self, cx: &Cx, found: Option<Found<Self>>) -> Result<FunctionOutput, StepError> {
        match found {
            Some(found) => self.update(cx, found).await,
            None => self.create(cx).await,
        }
    }

    async fn delete(&self, cx: &Cx, _: Found<Self>) -> Result<(), StepError> {
        let result = Patience::CONFLICT
            .retry(
                |e| e.is("ResourceConflictException"),
                || async {
                    answer("DeleteFunction", cx.cloud.lambda.delete_function().function_name(&self.name).send().await)
                },
            )
            .await;
        match result {
            Err(e) if e.is("ResourceNotFoundException") => Ok(()),
            result => result.map(|_| ()).telling(|| format!("delete the function {}", self.name)),
        }
    }
}

impl Function {
    fn read(&self, cx: &Cx, now: lambda::FunctionConfiguration) -> Result<Self, StepError> {
        let mut environment: BTreeMap<_, _> =
            now.environment.and_then(|e| e.variables).unwrap_or_default().into_iter().collect();
        let (accepted, database) = (environment.remove(ORIGIN), environment.remove(DATABASE));
        let secret = self.accepted(|node| cx.try_output::<Distribution>(node))?;
        let role = cx.try_output::<Role>(&self.role)?.map(|role| role.arn);
        let actual_role = now.role.unwrap_or_default();
        let noted = Note::parse(now.description.as_deref().unwrap_or_default());
        let untouched = noted.as_ref().is_some_and(|note| Some(&note.package) == now.code_sha256.as_ref());
        Ok(Self {
            name: self.name.clone(),
            role: if role.as_ref() == Some(&actual_role) { self.role.clone() } else { actual_role },
            package: self.package.clone(),
            distribution: match accepted {
                None => None,
                Some(hash) if Some(&hash) == secret.as_ref() => self.distribution.clone(),
                Some(_) => Some("another".into()),
            },
            database: match database {
                Some(place) if Some(&place) == self.place(|node| cx.try_output::<Cluster>(node))?.as_ref() => {
                    self.database.clone()
                }
                other => other,
            },
            network: self.attachment(cx, now.vpc_config)?,
            architecture: now
                .architectures
                .unwrap_or_default()
                .first()
                .map(|a| a.as_str().to_owned())
                .unwrap_or_default(),
            memory: now.memory_size.unwrap_or_default(),
            timeout: now.timeout.unwrap_or_default(),
            environment,
            engine: match noted {
                Some(note) if untouched => note.engine,
                _ => "not the one that was published".into(),
            },
        })
    }

    /// Hash of the origin secret, as the distribution's node gives it.
    fn accepted<F>(&self, output: F) -> Result<Option<String>, StepError>
    where
        F: FnOnce(&str) -> Result<Option<DistributionOutput>, StepError>,
    {
        let Some(node) = &self.distribution else { return Ok(None) };
        Ok(output(node)?.and_then(|distribution| distribution.secret_sha256))
    }

    /// Where the database is, as its node gives it.
    fn place<F>(&self, output: F) -> Result<Option<String>, StepError>
    where
        F: FnOnce(&str) -> Result<Option<ClusterOutput>, StepError>,
    {
        let Some(node) = &self.database else { return Ok(None) };
        Ok(output(node)?.map(|cluster| format!("{}:{}/{}", cluster.endpoint, cluster.port, cluster.database)))
    }

    fn attachment(&self, cx: &Cx, now: Option<lambda::VpcConfigResponse>) -> Result<Option<Attachment>, StepError> {
        let Some(now) = now.filter(|now| !now.subnet_ids().is_empty()) else { return Ok(None) };
        let Some(wanted) = &self.network else {
            return Ok(Some(Attachment {
                subnets: now.subnet_ids().to_vec(),
                group: now.security_group_ids().join(", "),
            }));
        };
        let mut known = BTreeMap::new();
        for node in &wanted.subnets {
            cx.try_output::<Subnet>(node)?.map(|subnet| known.insert(subnet.id, node.clone()));
        }
        let group = cx.try_output::<SecurityGroup>(&wanted.group)?.map(|group| group.id);
        let mut subnets: Vec<_> = now.subnet_ids().iter().map(|id| known.get(id).unwrap_or(id).clone()).collect();
        subnets.sort();
        let group = match (now.security_group_ids(), group) {
            ([one], Some(group)) if *one == group => wanted.group.clone(),
            (others, _) => others.join(", "),
        };
        Ok(Some(Attachment { subnets, group }))
    }

    /// Empty lists take a function out of a network.
    fn vpc(&self, cx: &Cx) -> Result<lambda::VpcConfig, StepError> {
        let (mut subnets, mut groups) = (Vec::new(), Vec::new());
        if let Some(network) = &self.network {
            for node in &network.subnets {
                subnets.push(cx.output::<Subnet>(node)?.id);
            }
            groups.push(cx.output::<SecurityGroup>(&network.group)?.id);
        }
        Ok(lambda::VpcConfig::builder().set_subnet_ids(Some(subnets)).set_security_group_ids(Some(groups)).build())
    }

    fn variables(&self, cx: &Cx) -> Result<lambda::Environment, StepError> {
        let mut variables = self.environment.clone();
        if self.distribution.is_some() {
            let accepted = self.accepted(|node| cx.output::<Distribution>(node).map(Some))?.unwrap_or_default();
            variables.insert(ORIGIN.into(), accepted);
        }
        if let Some(place) = self.place(|node| cx.output::<Cluster>(node).map(Some))? {
            variables.insert(DATABASE.into(), place);
        }
        Ok(lambda::Environment::builder().set_variables(Some(variables.into_iter().collect())).build())
    }

    fn note(&self, cx: &Cx, package: String) -> Result<Note, StepError> {
        let settings = serde_json::to_string(self).map_err(StepError::bug)?;
        let accepted = self.accepted(|node| cx.output::<Distribution>(node).map(Some))?.unwrap_or_default();
        let settings =
            Sha256::digest(format!("{settings}{accepted}")).iter().take(8).map(|b| format!("{b:02x}")).collect();
        Ok(Note { engine: self.engine.clone(), package, settings })
    }

    async fn create(&self, cx: &Cx) -> Result<FunctionOutput, StepError> {
        let making = || format!("make the function {}", self.name);
        let package = cx.output::<EnginePackage>(&self.package)?;
        let note = self.note(cx, package.sha256.clone())?.to_string();
        let code = lambda::FunctionCode::builder().s3_bucket(cx.cloud.names.bucket()).s3_key(&package.key).build();
        let tags = cx.cloud.names.tags().map(|(key, value)| (key.to_owned(), value.to_owned()));
        let call = cx.cloud.lambda.create_function().function_name(&self.name).description(&note);
        let call = call.role(cx.output::<Role>(&self.role)?.arn).runtime(lambda::Runtime::Providedal2023);
        let call = call.handler("bootstrap").timeout(self.timeout).memory_size(self.memory);
        let call = call.architectures(self.architecture.as_str().into()).environment(self.variables(cx)?);
        let call = call.set_tags(Some(tags.into())).code(code).vpc_config(self.vpc(cx)?);
        let create = || async { answer("CreateFunction", call.clone().send().await) };
        let result = Patience::PROPAGATION.retry(role_is_new, create).await;
        let arn = match result {
            Ok(output) => output.function_arn.unwrap_or_default(),
            Err(e) if e.is("ResourceConflictException") => match self.find(cx).await? {
                Some(found) => return self.update(cx, found).await,
                None => return Err(e.while_doing(making())),
            },
            Err(e) => return Err(e.while_doing(making())),
        };
        self.wait_until_usable(cx).await?;
        Ok(FunctionOutput { arn, state: note })
    }

    async fn update(&self, cx: &Cx, found: Found<Self>) -> Result<FunctionOutput, StepError> {
        let changing = || format!("change the function {}", self.name);
        self.wait_until_usable(cx).await?;
        let noted = Note::parse(&found.output.state);
        let package = match noted {
            Some(noted) if found.spec.engine == self.engine && found.spec.architecture == self.architecture => {
                noted.package
            }
            _ => self.upload(cx).await?,
        };
        let state = self.note(cx, package)?.to_string();
        let call = cx.cloud.lambda.update_function_configuration().function_name(&self.name).description(&state);
        let call = call.role(cx.output::<Role>(&self.role)?.arn).runtime(lambda::Runtime::Providedal2023);
        let call = call.handler("bootstrap").timeout(self.timeout).memory_size(self.memory);
        let call = call.environment(self.variables(cx)?).vpc_config(self.vpc(cx)?);
        in_turn(|| async { answer("UpdateFunctionConfiguration", call.clone().send().await).map(|_| ()) })
            .await
            .telling(changing)?;
        self.wait_until_usable(cx).await?;
        Ok(FunctionOutput { arn: found.output.arn, state })
    }

    /// Replaces the code, and gives the hash of the package that is now in place.
    async fn upload(&self, cx: &Cx) -> Result<String, StepError> {
        let package = cx.output::<EnginePackage>(&self.package)?;
        let call = cx.cloud.lambda.update_function_code().function_name(&self.name);
        let call = call.s3_bucket(cx.cloud.names.bucket()).s3_key(&package.key);
        let call = call.architectures(self.architecture.as_str().into());
        in_turn(|| async { answer("UpdateFunctionCode", call.clone().send().await).map(|_| ()) })
            .await
            .telling(|| format!("change the code of {}", self.name))?;
        self.wait_until_usable(cx).await?;
        Ok(package.sha256)
    }

    /// Waits until neither its making nor a change of it is under way.
    async fn wait_until_usable(&self, cx: &Cx) -> Result<(), StepError> {
        let waiting = || format!("wait for the function {}", self.name);
        let state = Patience::STATE
            .until(|| async {
                let call = cx.cloud.lambda.get_function_configuration().function_name(&self.name);
                let now = answer("GetFunctionConfiguration", call.send().await)?;
                let settled =
                    settled(now.state(), now.last_update_status(), now.state_reason(), now.last_update_status_reason());
                if settled.is_none() {
                    cx.note("waiting until the function is ready");
                }
                Ok(settled)
            })
            .await
            .telling(waiting)?;
        match state {
            Some(Ok(())) => Ok(()),
            Some(Err(reason)) => Err(StepError::cloud(waiting(), reason)),
            None => Err(StepError::cloud(waiting(), "it is still being changed after 30 minutes")),
        }
    }
}

/// Lets the alias `live` of a function accept these origin secrets: hashes, separated by commas.
pub async fn accept(cx: &Cx, function: &Function, hashes: &str) -> Result<(), StepError> {
    let changing = || format!("change the function {}", function.name);
    let lambda = &cx.cloud.lambda;
    let now = lambda.get_function_configuration().function_name(&function.name);
    let now = answer("GetFunctionConfiguration", now.send().await).telling(changing)?;
    let mut variables = now.environment.and_then(|e| e.variables).unwrap_or_default();
    variables.insert(ORIGIN.into(), hashes.to_owned());
    let mut note = Note::parse(now.description.as_deref().unwrap_or_default())
        .ok_or_else(|| StepError::yours(changing(), "it was not published by arqsite"))?;
    note.settings =
        Sha256::digest(format!("{}{hashes}", note.settings)).iter().take(8).map(|b| format!("{b:02x}")).collect();
    let environment = lambda::Environment::builder().set_variables(Some(variables)).build();
    let call = lambda.update_function_configuration().function_name(&function.name);
    let call = call.environment(environment).description(note.to_string());
    in_turn(|| async { answer("UpdateFunctionConfiguration", call.clone().send().await).map(|_| ()) })
        .await
        .telling(changing)?;
    function.wait_until_usable(cx).await?;
    let version = answer("PublishVersion", lambda.publish_version().function_name(&function.name).send().await);
    let version = version.telling(changing)?.version.unwrap_or_default();
    let call = lambda.update_alias().function_name(&function.name).name("live").function_version(version);
    answer("UpdateAlias", call.send().await).telling(changing)?;
    Ok(())
}

/// `None` while something is under way, else how it ended.
fn settled(
    state: Option<&lambda::State>,
    update: Option<&lambda::LastUpdateStatus>,
    state_reason: Option<&str>,
    update_reason: Option<&str>,
) -> Option<Result<(), String>> {
    use lambda::{LastUpdateStatus, State};
    match (state, update) {
        (Some(State::Failed), _) => Some(Err(state_reason.unwrap_or("its making failed").to_owned())),
        (_, Some(LastUpdateStatus::Failed)) => Some(Err(update_reason.unwrap_or("the change failed").to_owned())),
        (Some(State::Active | State::Inactive), Some(LastUpdateStatus::Successful)) => Some(Ok(())),
        _ => None,
    }
}

/// A role that was made a moment ago; the same code with other words is final.
fn role_is_new(error: &CallError) -> bool {
    error.says("InvalidParameterValueException", "cannot be assumed by Lambda")
        || error.says("InvalidParameterValueException", "execution role does not have permissions")
}

async fn in_turn<F, Fut>(call: F) -> Result<(), CallError>
where
    F: FnMut() -> Fut,
    Fut: Future<Output = Result<(), CallError>>,
{
    Patience::CONFLICT.retry(|e| e.is("ResourceConflictException") || role_is_new(e), call).await
}
