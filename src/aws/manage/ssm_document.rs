//! A runbook: an Automation document that can be run from the AWS console too.

use std::collections::BTreeMap;

use aws_sdk_ssm::types as ssm;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::placeholder::{abstracted, substituted};
use crate::aws::compute::iam_role::Role;
use crate::aws::compute::lambda_function::Function;
use crate::aws::edge::cloudfront_distribution::Distribution;
use crate::aws::error::{CallError, answer};
use crate::aws::retry::Patience;
use crate::aws::{Cx, Names, Tell};
use crate::deploy::{Found, Resource, StepError};

/// The version that runs when none is named, and that is read when none is named.
const DEFAULT: Option<&str> = None;
/// The newest version.
const LATEST: &str = "$LATEST";

/// An Automation document.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Document {
    /// Name, unique in the region.
    pub name: String,
    /// What it does, schema 0.3, with placeholders (`${operator}`) for what only the account knows.
    pub content: Value,
    /// What the placeholders stand for, by the text between the braces.
    pub placeholders: BTreeMap<String, Reference>,
    /// Whether it can be run.
    pub active: bool,
}

/// What a placeholder stands for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Reference {
    /// The ARN of the function of this node.
    Function(String),
    /// The ARN of the role of this node.
    Role(String),
    /// The id of the distribution of this node.
    Distribution(String),
}

/// What others need of a document.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct DocumentOutput {
    /// ARN.
    pub arn: String,
}

impl Document {
    /// The runbook of this name, with what its placeholders stand for.
    pub fn runbook(names: &Names, part: &str, content: Value, placeholders: &[(&str, Reference)]) -> Self {
        let placeholders = placeholders.iter().map(|(name, node)| ((*name).to_owned(), node.clone())).collect();
        Self { name: names.part(part), content, placeholders, active: true }
    }
}

impl Resource for Document {
    const KIND: &'static str = "ssm.document";
    type Cloud = crate::aws::Cloud;
    type Output = DocumentOutput;

    fn name(&self) -> String {
        self.name.clone()
    }

    async fn find(&self, cx: &Cx) -> Result<Option<Found<Self>>, StepError> {
        let looking = || format!("look at the runbook {}", self.name);
        let Some((status, content)) = self.version(cx, DEFAULT).await.telling(looking)? else { return Ok(None) };
        let call = cx.cloud.ssm.list_tags_for_resource().resource_type(ssm::ResourceTypeForTagging::Document);
        let tags = answer("ListTagsForResource", call.resource_id(&self.name).send().await).telling(looking)?;
        if !cx.cloud.names.owns(tags.tag_list().iter().map(|t| (t.key(), t.value()))) {
            return Err(StepError::foreign("document", &self.name));
        }
        let content = abstracted(&content, &self.known(cx)?);
        let active = status == Some(ssm::DocumentStatus::Active);
        Ok(Some(Found { spec: Self { content, active, ..self.clone() }, output: self.output(cx) }))
    }

    async fn put(&self, cx: &Cx, found: Option<Found<Self>>) -> Result<DocumentOutput, StepError> {
        let making = || format!("make the runbook {}", self.name);
        let known = self.known(cx)?;
        if let Some(missing) = self.placeholders.keys().find(|name| !known.contains_key(*name)) {
            return Err(StepError::bug(format!("the runbook {} needs {missing}, which is not there", self.name)));
        }
        let content = substituted(&self.content, &known);
        let created = match found {
            None => self.create(cx, &content).await?,
            Some(_) => false,
        };
        if !created {
            self.update(cx, &content).await.telling(|| format!("change the runbook {}", self.name))?;
        }
        self.wait_until_active(cx).await.telling(making)?.map_err(|why| StepError::cloud(making(), why))?;
        Ok(self.output(cx))
    }

    async fn delete(&self, cx: &Cx, _: Found<Self>) -> Result<(), StepError> {
        match answer("DeleteDocument", cx.cloud.ssm.delete_document().name(&self.name).send().await) {
            Err(e) if !absent(&e) => Err(e.while_doing(format!("delete the runbook {}", self.name))),
            _ => Ok(()),
        }
    }
}

impl Document {
    fn output(&self, cx: &Cx) -> DocumentOutput {
        let names = &cx.cloud.names;
        DocumentOutput { arn: format!("arn:aws:ssm:{}:{}:document/{}", names.region, names.account, self.name) }
    }

    /// What the placeholders stand for, as far as it exists.
    fn known(&self, cx: &Cx) -> Result<BTreeMap<String, String>, StepError> {
        let mut known = BTreeMap::new();
        for (name, reference) in &self.placeholders {
            let value = match reference {
                Reference::Function(node) => cx.try_output::<Function>(node)?.map(|output| output.arn),
                Reference::Role(node) => cx.try_output::<Role>(node)?.map(|output| output.arn),
                Reference::Distribution(node) => cx.try_output::<Distribution>(node)?.map(|output| output.id),
            };
            if let Some(value) = value {
                known.insert(name.clone(), value);
            }
        }
        Ok(known)
    }

    /// State and content of a version; `None` when the document does not exist.
    async fn version(
        &self,
        cx: &Cx,
        version: Option<&str>,
    ) -> Result<Option<(Option<ssm::DocumentStatus>, Value)>, CallError> {
        let call = cx.cloud.ssm.get_document().name(&self.name).set_document_version(version.map(str::to_owned));
        match answer("GetDocument", call.document_format(ssm::DocumentFormat::Json).send().await) {
            Ok(output) => {
                let text = output.content.unwrap_or_default();
                Ok(Some((output.status, serde_json::from_str(&text).unwrap_or(Value::String(text)))))
            }
            Err(e) if absent(&e) => Ok(None),
            Err(e) => Err(e),
        }
    }

    /// Says whether it was made now, and not by an earlier try whose answer was lost.
    async fn create(&self, cx: &Cx, content: &Value) -> Result<bool, StepError> {
        let making = || format!("make the runbook {}", self.name);
        let call = cx.cloud.ssm.create_document().name(&self.name).content(content.to_string());
        let call = call.document_type(ssm::DocumentType::Automation);
        let mut call = call.document_format(ssm::DocumentFormat::Json);
        for (key, value) in cx.cloud.names.tags() {
            call = call.tags(ssm::Tag::builder().key(key).value(value).build().telling(making)?);
        }
        match answer("CreateDocument", call.send().await) {
            Ok(_) => Ok(true),
            Err(e) if e.is("DocumentAlreadyExists") && self.find(cx).await?.is_some() => Ok(false),
            Err(e) => Err(e.while_doing(making())),
        }
    }

    /// Adds a version and makes it the default; earlier versions stay.
    async fn update(&self, cx: &Cx, content: &Value) -> Result<(), CallError> {
        if self.version(cx, DEFAULT).await?.is_some_and(|(_, current)| current == *content) {
            return Ok(());
        }
        let call = cx.cloud.ssm.update_document().name(&self.name).content(content.to_string());
        let call = call.document_format(ssm::DocumentFormat::Json).document_version(LATEST);
        let version = match answer("UpdateDocument", call.send().await) {
            Ok(output) => output.document_description.and_then(|d| d.document_version),
            // An earlier run added it and did not come to make it the default.
            Err(e) if e.is("DuplicateDocumentContent") => self.version_of(cx, content).await?,
            Err(e) => return Err(e),
        };
        let call = cx.cloud.ssm.update_document_default_version().name(&self.name);
        let call = call.set_document_version(version);
        answer("UpdateDocumentDefaultVersion", call.send().await).map(|_| ())
    }

    /// The newest version that has this content.
    async fn version_of(&self, cx: &Cx, content: &Value) -> Result<Option<String>, CallError> {
        let mut token = None;
        loop {
            let call = cx.cloud.ssm.list_document_versions().name(&self.name).set_next_token(token);
            let page = answer("ListDocumentVersions", call.send().await)?;
            for version in page.document_versions().iter().filter_map(|v| v.document_version()) {
                if self.version(cx, Some(version)).await?.is_some_and(|(_, seen)| seen == *content) {
                    return Ok(Some(version.to_owned()));
                }
            }
            match page.next_token {
                Some(next) => token = Some(next),
                None => return Ok(None),
            }
        }
    }

    async fn wait_until_active(&self, cx: &Cx) -> Result<Result<(), String>, CallError> {
        let ended = Patience::PROPAGATION
            .until(|| async {
                let call = cx.cloud.ssm.describe_document().name(&self.name);
                let document = match answer("DescribeDocument", call.send().await) {
                    Err(e) if absent(&e) => return Ok(None),
                    result => result?.document,
                };
                let Some(document) = document else { return Ok(None) };
                Ok(match document.status {
                    Some(ssm::DocumentStatus::Active) => Some(Ok(())),
                    Some(ssm::DocumentStatus::Failed) => Some(Err(document.status_information.unwrap_or_default())),
                    _ => None,
                })
            })
            .await?;
        Ok(ended.unwrap_or_else(|| Err("it is still not active after two minutes".to_owned())))
    }
}

/// The code for a document that does not exist.
///
/// Source: Systems Manager API reference, GetDocument.
fn absent(error: &CallError) -> bool {
    error.is("InvalidDocument")
}
