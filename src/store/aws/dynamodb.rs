//! Documents in DynamoDB: a table for each collection, and what its calls have to be allowed.

use std::collections::HashMap;

use async_trait::async_trait;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::types::AttributeValue;

use super::value::{from_attributes, to_attributes};
use crate::store::{Document, Documents, Listing, Page, Statement, StoreError};

/// Value of the partition key of every item: a collection is one sorted list.
const ALL: &str = "all";

/// Tables named `<prefix>-<collection>`, with the keys `part` and `id`.
#[derive(Debug, Clone)]
pub struct DynamoStore {
    client: Client,
    prefix: String,
}

/// What the calls of this file have to be allowed to do.
pub fn permissions(tables: Vec<String>) -> Statement {
    let actions = vec!["dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:DeleteItem", "dynamodb:Query"];
    Statement { sid: "Documents", actions, resources: tables, condition: None }
}

impl DynamoStore {
    /// The tables whose names begin with `prefix`.
    pub fn new(client: Client, prefix: impl Into<String>) -> Self {
        Self { client, prefix: prefix.into() }
    }

    fn table(&self, collection: &str) -> String {
        format!("{}-{collection}", self.prefix)
    }

    async fn put(
        &self,
        collection: &str,
        document: &Document,
        condition: &str,
        expected: Option<u64>,
    ) -> Result<(), StoreError> {
        let item = item(&document.kept()?);
        let call = self.client.put_item().table_name(self.table(collection)).set_item(Some(item));
        let call = call.condition_expression(condition).set_expression_attribute_values(expected.map(version));
        let call = call.set_expression_attribute_names(expected.map(|_| version_name()));
        call.send().await.map(|_| ()).map_err(|error| refusal(collection, &document.id, error))
    }
}

#[async_trait]
impl Documents for DynamoStore {
    async fn get(&self, collection: &str, id: &str) -> Result<Option<Document>, StoreError> {
        let call = self.client.get_item().table_name(self.table(collection)).set_key(Some(key(id)));
        let output = call.consistent_read(true).send().await.map_err(|error| refusal(collection, id, error))?;
        output.item.map(|item| read(collection, &item)).transpose()
    }

    async fn create(&self, collection: &str, document: &Document) -> Result<(), StoreError> {
        self.put(collection, document, "attribute_not_exists(id)", None).await
    }

    async fn replace(&self, collection: &str, document: &Document, expected: u64) -> Result<(), StoreError> {
        self.put(collection, document, "#version = :version", Some(expected)).await
    }

    async fn delete(&self, collection: &str, id: &str, expected: Option<u64>) -> Result<bool, StoreError> {
        let mut call = self.client.delete_item().table_name(self.table(collection)).set_key(Some(key(id)));
        if let Some(expected) = expected {
            call = call.condition_expression("attribute_not_exists(id) OR #version = :version");
            call = call.set_expression_attribute_names(Some(version_name()));
            call = call.set_expression_attribute_values(Some(version(expected)));
        }
        let call = call.return_values(aws_sdk_dynamodb::types::ReturnValue::AllOld);
        let output = call.send().await.map_err(|error| refusal(collection, id, error))?;
        Ok(output.attributes.is_some_and(|old| !old.is_empty()))
    }

    async fn list(&self, collection: &str, page: &Page) -> Result<Listing, StoreError> {
        let mut documents = Vec::new();
        let mut start = page.after.as_deref().map(key);
        // One more than asked for tells whether there is a next page; a page of DynamoDB may end
        // early, at a megabyte.
        while documents.len() <= page.limit {
            let missing = page.limit + 1 - documents.len();
            let call = self.client.query().table_name(self.table(collection));
            let call = call.key_condition_expression("#part = :part").expression_attribute_names("#part", "part");
            let call = call.expression_attribute_values(":part", AttributeValue::S(ALL.into()));
            let call = call.limit(i32::try_from(missing).unwrap_or(i32::MAX)).consistent_read(true);
            let call = call.scan_index_forward(!page.newest_first).set_exclusive_start_key(start);
            let output = call.send().await.map_err(|error| refusal(collection, "", error))?;
            for item in output.items() {
                documents.push(read(collection, item)?);
            }
            start = output.last_evaluated_key;
            if start.is_none() {
                break;
            }
        }
        let more = documents.len() > page.limit;
        documents.truncate(page.limit);
        let next = if more { documents.last().map(|last| last.id.clone()) } else { None };
        Ok(Listing { documents, next })
    }
}

fn key(id: &str) -> HashMap<String, AttributeValue> {
    HashMap::from([("part".into(), AttributeValue::S(ALL.into())), ("id".into(), AttributeValue::S(id.into()))])
}

fn version(expected: u64) -> HashMap<String, AttributeValue> {
    HashMap::from([(":version".into(), AttributeValue::N(expected.to_string()))])
}

fn version_name() -> HashMap<String, String> {
    HashMap::from([("#version".into(), "version".into())])
}

fn item(document: &Document) -> HashMap<String, AttributeValue> {
    let mut item = key(&document.id);
    item.insert("version".into(), AttributeValue::N(document.version.to_string()));
    item.insert("created".into(), AttributeValue::S(document.created.clone()));
    item.insert("updated".into(), AttributeValue::S(document.updated.clone()));
    item.insert("fields".into(), AttributeValue::M(to_attributes(&document.fields)));
    item
}

fn read(collection: &str, item: &HashMap<String, AttributeValue>) -> Result<Document, StoreError> {
    let text = |name: &str| item.get(name)?.as_s().ok().cloned();
    let document = || {
        Some(Document {
            id: text("id")?,
            version: item.get("version")?.as_n().ok()?.parse().ok()?,
            created: text("created")?,
            updated: text("updated")?,
            fields: from_attributes(item.get("fields")?.as_m().ok()?)?,
        })
    };
    document().ok_or_else(|| StoreError::failed(collection, "an item is not a document that arqsite wrote"))
}

/// What a refusal means.
fn refusal<E, R>(collection: &str, id: &str, error: SdkError<E, R>) -> StoreError
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    R: std::fmt::Debug + Send + Sync + 'static,
{
    match error.code() {
        Some("ConditionalCheckFailedException") => StoreError::conflict(collection, id),
        Some("ValidationException") if error.message().is_some_and(|m| m.contains("Item size")) => {
            StoreError::TooLarge { size: crate::store::LARGEST + 1 }
        }
        Some("ProvisionedThroughputExceededException" | "ThrottlingException" | "RequestLimitExceeded") => {
            StoreError::Busy { collection: collection.into(), source: error.into() }
        }
        _ => StoreError::failed(collection, error),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::time::Duration;

    use aws_config::BehaviorVersion;
    use aws_sdk_dynamodb::config::{Credentials, Region};
    use aws_sdk_dynamodb::types::{
        AttributeDefinition, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType, TableStatus,
    };

    use super::*;
    use crate::store::conformance::conformance;

    /// Where DynamoDB is played. Never AWS: the suite empties what it works on.
    const ENDPOINT: &str = "ARQ_TEST_DYNAMODB";

    /// How often a table is looked at, and the pause between.
    const LOOKS: (usize, Duration) = (600, Duration::from_millis(100));

    /// Waits until a table is as it should be; the SDK's own waiting is for 20 seconds at least.
    async fn settled(client: &Client, name: &str, wanted: Option<TableStatus>) {
        for _ in 0..LOOKS.0 {
            let seen = client.describe_table().table_name(name).send().await.ok();
            if seen.and_then(|seen| seen.table?.table_status) == wanted {
                return;
            }
            tokio::time::sleep(LOOKS.1).await;
        }
        unreachable!("{name} did not become {wanted:?}");
    }

    async fn table(client: &Client, name: &str) {
        let name_and_kind = |name: &str, kind| {
            let attribute = AttributeDefinition::builder().attribute_name(name);
            let key = KeySchemaElement::builder().attribute_name(name).key_type(kind).build().unwrap();
            (attribute.attribute_type(ScalarAttributeType::S).build().unwrap(), key)
        };
        let ((part, hash), (id, range)) = (name_and_kind("part", KeyType::Hash), name_and_kind("id", KeyType::Range));
        // One that an earlier run left has its documents still.
        if client.delete_table().table_name(name).send().await.is_ok() {
            settled(client, name, None).await;
        }
        let call = client.create_table().table_name(name).billing_mode(BillingMode::PayPerRequest);
        let call = call.attribute_definitions(part).attribute_definitions(id).key_schema(hash).key_schema(range);
        call.send().await.unwrap();
        settled(client, name, Some(TableStatus::Active)).await;
    }

    #[tokio::test]
    async fn dynamodb_behaves_as_every_store_does() {
        let Ok(endpoint) = std::env::var(ENDPOINT) else {
            eprintln!("skipped: {ENDPOINT} names no endpoint");
            return;
        };
        // It drops tables: never anywhere but on this machine, and never with anybody's credentials.
        assert!(endpoint.starts_with("http://127.0.0.1:"), "{endpoint} is not this machine");
        let practice = Credentials::new("practice", "practice", None, None, "practice");
        let config = aws_config::defaults(BehaviorVersion::latest()).endpoint_url(endpoint);
        let config = config.credentials_provider(practice).region(Region::new("us-east-1")).load().await;
        let client = Client::new(&config);
        for collection in ["notes", "notes-2", "empty"] {
            table(&client, &format!("arqsite-conformance-{collection}")).await;
        }
        conformance(&DynamoStore::new(client, "arqsite-conformance")).await;
    }
}
