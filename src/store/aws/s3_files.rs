//! Files in S3: `<collection>/<id>` in one bucket, and what its calls have to be allowed.

use async_trait::async_trait;
use aws_sdk_s3::Client;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::primitives::ByteStream;
use bytes::Bytes;
use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};
use serde_json::json;
use tokio::task::JoinSet;

use crate::store::files::{LARGEST_FILE, check, check_collection, check_new, cut, is_id};
use crate::store::{FileMeta, FilePage, Files, Statement, StoreError};

/// User metadata with a file's name; no object that this program keeps lacks it, save for a name
/// that is empty.
const NAME: &str = "name";
/// What metadata cannot hold as it is: it is sent in a header, whose ends are trimmed.
///
/// Source: S3 user guide, "User-defined object metadata".
const ENCODED: &AsciiSet = &CONTROLS.add(b' ').add(b'%');
/// Most objects of a page that are asked about at a time. A list of S3 has neither types nor metadata.
const AT_A_TIME: usize = 16;

/// A bucket of files.
#[derive(Debug, Clone)]
pub struct S3Files {
    client: Client,
    bucket: String,
}

/// What the calls of this file have to be allowed to do, for these collections of `bucket`.
pub fn permissions(bucket: &str, collections: &[String]) -> Vec<Statement> {
    if collections.is_empty() {
        return Vec::new();
    }
    let bucket = format!("arn:aws:s3:::{bucket}");
    let prefixes: Vec<String> = collections.iter().map(|collection| format!("{collection}/*")).collect();
    vec![
        Statement {
            sid: "Files",
            actions: vec!["s3:GetObject", "s3:PutObject", "s3:DeleteObject"],
            resources: prefixes.iter().map(|prefix| format!("{bucket}/{prefix}")).collect(),
            condition: None,
        },
        Statement {
            sid: "ListFiles",
            actions: vec!["s3:ListBucket"],
            resources: vec![bucket],
            condition: Some(json!({"StringLike": {"s3:prefix": prefixes}})),
        },
    ]
}

/// What a refusal to read means.
enum Unread {
    /// The object is not there.
    Absent,
    /// It is not there, or may not be read: whoever may not list is not told.
    Untold(StoreError),
    /// S3 failed.
    Failed(StoreError),
}

impl S3Files {
    /// The files of a bucket.
    pub fn new(client: Client, bucket: impl Into<String>) -> Self {
        Self { client, bucket: bucket.into() }
    }

    /// What was read, `None` when it is not there.
    ///
    /// S3 refuses with 403 what is absent, unless all of the bucket may be listed: the condition of
    /// [`permissions`] does not hold for a read, which has no prefix. So the list is asked.
    ///
    /// Source: S3 API reference, GetObject, "Permissions".
    async fn known<T, E: Refusal>(
        &self,
        collection: &str,
        id: &str,
        read: Result<T, SdkError<E>>,
    ) -> Result<Option<T>, StoreError> {
        match read.map_err(|error| unread(collection, error)) {
            Ok(value) => Ok(Some(value)),
            Err(Unread::Absent) => Ok(None),
            Err(Unread::Failed(error)) => Err(error),
            Err(Unread::Untold(error)) => match self.is_listed(collection, id).await? {
                true => Err(error),
                false => Ok(None),
            },
        }
    }

    async fn is_listed(&self, collection: &str, id: &str) -> Result<bool, StoreError> {
        let key = key(collection, id);
        let call = self.client.list_objects_v2().bucket(&self.bucket).prefix(&key).max_keys(1);
        let output = call.send().await.map_err(|error| failed(collection, error))?;
        Ok(output.contents().first().and_then(|object| object.key()) == Some(&key))
    }

    /// What is known of several files, in their order, without those that are gone.
    async fn heads(&self, collection: &str, ids: Vec<String>) -> Result<Vec<(String, FileMeta)>, StoreError> {
        let mut found = Vec::with_capacity(ids.len());
        for some in ids.chunks(AT_A_TIME) {
            let mut asked = JoinSet::new();
            for id in some.iter().cloned() {
                let (store, collection) = (self.clone(), collection.to_owned());
                asked.spawn(async move { (store.head(&collection, &id).await, id) });
            }
            while let Some(answer) = asked.join_next().await {
                let (meta, id) = answer.map_err(|error| StoreError::failed(collection, error))?;
                found.extend(meta?.map(|meta| (id, meta)));
            }
        }
        found.sort_unstable_by(|one, other| one.0.cmp(&other.0));
        Ok(found)
    }
}

#[async_trait]
impl Files for S3Files {
    async fn put(&self, collection: &str, id: &str, meta: FileMeta, bytes: Bytes) -> Result<(), StoreError> {
        check_new(collection, id, &meta, &bytes)?;
        let call = self.client.put_object().bucket(&self.bucket).key(key(collection, id));
        let mut call = call.content_type(meta.content_type).body(ByteStream::from(bytes));
        if !meta.name.is_empty() {
            call = call.metadata(NAME, utf8_percent_encode(&meta.name, ENCODED).to_string());
        }
        call.send().await.map(|_| ()).map_err(|error| failed(collection, error))
    }

    async fn get(&self, collection: &str, id: &str) -> Result<Option<(FileMeta, Bytes)>, StoreError> {
        check(collection, id)?;
        let read = self.client.get_object().bucket(&self.bucket).key(key(collection, id)).send().await;
        let Some(object) = self.known(collection, id, read).await? else { return Ok(None) };
        let name = object.metadata().and_then(|metadata| metadata.get(NAME));
        let meta = meta(name, object.content_type(), object.content_length());
        if meta.size > LARGEST_FILE as u64 {
            return Err(StoreError::failed(collection, "an object is larger than any file that arqsite kept"));
        }
        let bytes = object.body.collect().await.map_err(|error| StoreError::failed(collection, error))?;
        Ok(Some((meta, bytes.into_bytes())))
    }

    async fn head(&self, collection: &str, id: &str) -> Result<Option<FileMeta>, StoreError> {
        check(collection, id)?;
        let read = self.client.head_object().bucket(&self.bucket).key(key(collection, id)).send().await;
        let Some(object) = self.known(collection, id, read).await? else { return Ok(None) };
        let name = object.metadata().and_then(|metadata| metadata.get(NAME));
        Ok(Some(meta(name, object.content_type(), object.content_length())))
    }

    async fn list(&self, collection: &str, cursor: Option<&str>, limit: usize) -> Result<FilePage, StoreError> {
        check_collection(collection)?;
        let prefix = format!("{collection}/");
        let mut after = cursor.map(|id| key(collection, id));
        let mut files = Vec::new();
        // One more than asked for tells whether there is a next page; a page of S3 may hold what is no file.
        while files.len() <= limit {
            let missing = i32::try_from(limit + 1 - files.len()).unwrap_or(i32::MAX);
            let call = self.client.list_objects_v2().bucket(&self.bucket).prefix(&prefix);
            let call = call.set_start_after(after).max_keys(missing);
            let output = call.send().await.map_err(|error| failed(collection, error))?;
            let keys = output.contents().iter().filter_map(|object| object.key());
            let ids = keys.filter_map(|key| key.strip_prefix(&prefix)).filter(|id| is_id(id)).map(str::to_owned);
            files.extend(self.heads(collection, ids.collect()).await?);
            after = output.contents().last().and_then(|last| last.key()).map(str::to_owned);
            if after.is_none() || output.is_truncated() != Some(true) {
                break;
            }
        }
        Ok(cut(files, limit))
    }

    async fn delete(&self, collection: &str, id: &str) -> Result<bool, StoreError> {
        // S3 does not say whether there was one, and marks as deleted also what never was.
        if self.head(collection, id).await?.is_none() {
            return Ok(false);
        }
        let call = self.client.delete_object().bucket(&self.bucket).key(key(collection, id));
        call.send().await.map(|_| true).map_err(|error| failed(collection, error))
    }
}

fn key(collection: &str, id: &str) -> String {
    format!("{collection}/{id}")
}

fn meta(name: Option<&String>, content_type: Option<&str>, size: Option<i64>) -> FileMeta {
    let name = name.map(|name| percent_decode_str(name).decode_utf8_lossy().into_owned());
    FileMeta {
        name: name.unwrap_or_default(),
        content_type: content_type.unwrap_or("application/octet-stream").to_owned(),
        size: size.and_then(|size| u64::try_from(size).ok()).unwrap_or_default(),
    }
}

/// What every error of the SDK is.
trait Refusal: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static {}
impl<E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static> Refusal for E {}

fn unread<E: Refusal>(collection: &str, error: SdkError<E>) -> Unread {
    let status = error.raw_response().map(|response| response.status().as_u16());
    match (status, error.code()) {
        (Some(404), Some("NoSuchBucket")) => Unread::Failed(failed(collection, error)),
        (Some(404), _) => Unread::Absent,
        // An answer to HEAD has no body that could say why.
        (Some(403), _) => Unread::Untold(failed(collection, error)),
        _ => Unread::Failed(failed(collection, error)),
    }
}

fn failed<E: Refusal>(collection: &str, error: SdkError<E>) -> StoreError {
    match error.code() {
        Some("SlowDown" | "ServiceUnavailable" | "RequestLimitExceeded" | "ThrottlingException") => {
            StoreError::Busy { collection: collection.into(), source: error.into() }
        }
        _ => StoreError::failed(collection, error),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use aws_config::BehaviorVersion;
    use aws_sdk_s3::config::{Builder, Credentials, Region};

    use super::*;
    use crate::store::files_conformance::conformance;

    /// Where S3 is played, as DynamoDB is. Never AWS: the suite empties what it works on.
    const ENDPOINT: &str = "ARQ_TEST_DYNAMODB";
    const BUCKET: &str = "arqsite-conformance-files";

    #[test]
    fn only_the_collections_are_allowed_and_each_is_listed_by_its_prefix() {
        let statements = permissions("b", &["photos".into(), "letters".into()]);
        let shown: Vec<_> = statements.iter().map(Statement::to_json).collect();
        assert_eq!(
            json!(shown),
            json!([
                {"Sid": "Files", "Effect": "Allow", "Action": ["s3:GetObject", "s3:PutObject", "s3:DeleteObject"],
                 "Resource": ["arn:aws:s3:::b/photos/*", "arn:aws:s3:::b/letters/*"]},
                {"Sid": "ListFiles", "Effect": "Allow", "Action": ["s3:ListBucket"], "Resource": ["arn:aws:s3:::b"],
                 "Condition": {"StringLike": {"s3:prefix": ["photos/*", "letters/*"]}}},
            ])
        );
        assert_eq!(permissions("b", &[]), []);
    }

    async fn files(endpoint: &str) -> S3Files {
        let practice = Credentials::new("practice", "practice", None, None, "practice");
        let config = aws_config::defaults(BehaviorVersion::latest()).endpoint_url(endpoint);
        let config = config.credentials_provider(practice).region(Region::new("us-east-1")).load().await;
        S3Files::new(Client::from_conf(Builder::from(&config).force_path_style(true).build()), BUCKET)
    }

    /// S3 for whoever may not read, where the key `photos/there` is listed; gives its address.
    fn unreadable() -> String {
        use std::io::{BufRead, BufReader, Write};
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let lines = BufReader::new(stream.try_clone().unwrap()).lines().map_while(Result::ok);
                let head: Vec<String> = lines.take_while(|line| !line.is_empty()).collect();
                let (status, body) = match head[0].as_str() {
                    line if line.contains("list-type=2") && line.contains("there") => {
                        ("200 OK", "<ListBucketResult><Contents><Key>photos/there</Key></Contents></ListBucketResult>")
                    }
                    line if line.contains("list-type=2") => ("200 OK", "<ListBucketResult></ListBucketResult>"),
                    line if line.starts_with("HEAD") => ("403 Forbidden", ""),
                    _ => ("403 Forbidden", "<Error><Code>AccessDenied</Code></Error>"),
                };
                let length = body.len();
                let answer =
                    format!("HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}");
                stream.write_all(answer.as_bytes()).unwrap();
            }
        });
        format!("http://{address}")
    }

    #[tokio::test]
    async fn what_s3_does_not_tell_is_looked_up_in_the_list() {
        let files = files(&unreadable()).await;
        assert_eq!(files.get("photos", "absent").await.unwrap(), None);
        assert_eq!(files.head("photos", "absent").await.unwrap(), None);
        assert!(!files.delete("photos", "absent").await.unwrap());
        assert!(matches!(files.get("photos", "there").await, Err(StoreError::Failed { .. })));
        assert!(matches!(files.head("photos", "there").await, Err(StoreError::Failed { .. })));
    }

    #[tokio::test]
    async fn s3_behaves_as_every_store_of_files_does() {
        let Ok(endpoint) = std::env::var(ENDPOINT) else {
            eprintln!("skipped: {ENDPOINT} names no endpoint");
            return;
        };
        // It deletes objects: never anywhere but on this machine, and never with anybody's credentials.
        assert!(endpoint.starts_with("http://127.0.0.1:"), "{endpoint} is not this machine");
        let files = files(&endpoint).await;
        let client = files.client.clone();
        client.create_bucket().bucket(BUCKET).send().await.unwrap();
        // What an earlier run left is there still.
        let left = client.list_objects_v2().bucket(BUCKET).send().await.unwrap();
        for object in left.contents() {
            client.delete_object().bucket(BUCKET).key(object.key().unwrap()).send().await.unwrap();
        }
        // What is no file of a collection is not shown.
        let stray = client.put_object().bucket(BUCKET).key("photos/a/b").body(ByteStream::from_static(b"x"));
        stray.send().await.unwrap();
        conformance(&files).await;
    }
}
