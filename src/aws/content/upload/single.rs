//! Objects that are sent in one piece, and the encodings of objects.

use std::fs::File;
use std::io;
use std::sync::Arc;

use aws_sdk_s3::operation::put_object::PutObjectOutput;
use aws_sdk_s3::operation::put_object::builders::PutObjectFluentBuilder;
use aws_sdk_s3::primitives::{ByteStream, Length};
use aws_sdk_s3::types::ServerSideEncryption;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use md5::{Digest, Md5};

use super::FOREVER;
use super::sender::{Failure, Fate, Sender, judged};
use super::trouble::Trouble;
use crate::aws::error::CallError;
use crate::release::object::etag_of;
use crate::release::{Encoding, Object};
use crate::site::{Content, Rewritten};

/// Bytes that are read from a file at once.
const PIECE: usize = 128 * 1024;

/// Stores the object as it is.
pub async fn plain(sender: &Sender, object: &Object) -> Result<(), Trouble> {
    let made_anew = matches!(object.content, Content::Rewritten(_));
    let _memory = sender.memory(if made_anew { object.size } else { 0 }).await;
    let md5 = from_hex(&object.etag);
    let key = object.key(None);
    let outcome = sender
        .call(object.size, || async {
            let call = request(sender, object, &key, &md5).body(body(object).await?);
            match send(call, &object.etag).await {
                // Either it was changed on its way, or before it was sent.
                Err(failure) if failure.error.is("BadDigest") && changed(object).await => {
                    Err(Failure { fate: Fate::Lasting, ..failure })
                }
                outcome => outcome,
            }
        })
        .await;
    match outcome {
        Err(error) if error.is_any(&["BadDigest", CUT]) => Err(Trouble::Changed),
        outcome => stored(sender, &key, outcome?).await,
    }
}

/// Stores the object in an encoding.
pub async fn encoded(sender: &Sender, object: Arc<Object>, encoding: Encoding) -> Result<(), Trouble> {
    // It is read whole, and what is made of it is smaller.
    let _memory = sender.memory(2 * object.size).await;
    let bytes = {
        let _core = sender.core().await;
        let object = object.clone();
        tokio::task::spawn_blocking(move || object.variant(encoding)).await??.ok_or(Trouble::Changed)?
    };
    let md5 = Md5::digest(&bytes);
    let etag = hex(&md5);
    let key = object.key(Some(encoding));
    let outcome = sender
        .call(bytes.len() as u64, || {
            let call = request(sender, &object, &key, &md5).content_encoding(encoding.name());
            send(call.body(ByteStream::from(bytes.clone())), &etag)
        })
        .await?;
    stored(sender, &key, outcome).await
}

/// What every form of the object is stored with.
fn request(sender: &Sender, object: &Object, key: &str, md5: &[u8]) -> PutObjectFluentBuilder {
    let call = sender.cloud.s3.put_object().bucket(&sender.bucket).key(key).if_none_match("*");
    // S3 compares, so that what was hashed is what is stored.
    let call = call.content_md5(STANDARD.encode(md5)).content_type(&object.content_type).cache_control(FOREVER);
    object.metadata().into_iter().fold(call, |call, (name, value)| call.metadata(name, value))
}

/// How a call that was not refused has ended.
enum Outcome {
    Stored,
    /// Objects are immutable: one of this name is this one.
    There,
    /// S3 says that it stored something else.
    Other(String),
}

async fn send(call: PutObjectFluentBuilder, etag: &str) -> Result<Outcome, Failure> {
    // The signature covers the MD5, and the MD5 the body: that need not be hashed once more.
    match judged("PutObject", call.customize().disable_payload_signing().send().await) {
        Ok(answer) => Ok(compared(&answer, etag)),
        Err(failure) if failure.error.is("PreconditionFailed") => Ok(Outcome::There),
        Err(failure) => Err(failure),
    }
}

fn compared(answer: &PutObjectOutput, etag: &str) -> Outcome {
    match other_etag(answer.e_tag(), answer.server_side_encryption(), etag) {
        Some(other) => Outcome::Other(other.to_owned()),
        None => Outcome::Stored,
    }
}

/// The ETag in an answer, when it should be `etag` and is not. Under keys of KMS it is no MD5.
///
/// Source: Amazon S3 API Reference, "Object".
pub fn other_etag<'a>(
    answered: Option<&'a str>,
    encryption: Option<&ServerSideEncryption>,
    etag: &str,
) -> Option<&'a str> {
    if !matches!(encryption, None | Some(ServerSideEncryption::Aes256)) {
        return None;
    }
    answered.map(|answered| answered.trim_matches('"')).filter(|answered| *answered != etag)
}

async fn stored(sender: &Sender, key: &str, outcome: Outcome) -> Result<(), Trouble> {
    match outcome {
        Outcome::Stored | Outcome::There => Ok(()),
        Outcome::Other(etag) => Err(withdrawn(sender, key, "PutObject", &etag).await),
    }
}

/// Takes away what S3 stored in place of the object; another run would take it for the object.
pub async fn withdrawn(sender: &Sender, key: &str, operation: &'static str, etag: &str) -> Trouble {
    let removed = sender
        .call(0, || async {
            let call = sender.cloud.s3.delete_object().bucket(&sender.bucket).key(key);
            judged("DeleteObject", call.send().await)
        })
        .await;
    let message = format!("{key} was stored with the ETag {etag}, which is not that of the bytes that were sent");
    removed.map_or_else(Trouble::Call, |_| Trouble::Call(CallError::part(operation, None, Some(&message))))
}

/// Code of a file that has become shorter.
const CUT: &str = "FileCut";

async fn body(object: &Object) -> Result<ByteStream, Failure> {
    let path = match &object.content {
        Content::Memory(bytes) => return Ok(ByteStream::from(bytes.clone())),
        // A text that has changed is refused by its MD5, as a file is.
        Content::Rewritten(text) => return made(text).await.map(ByteStream::from),
        Content::Disk { path, .. } => path,
    };
    let stream = ByteStream::read_from().path(path).buffer_size(PIECE).length(Length::Exact(object.size));
    match stream.build().await {
        Ok(stream) => Ok(stream),
        Err(_) if std::fs::metadata(path).is_ok_and(|now| now.len() < object.size) => {
            Err(Failure { error: CallError::part("PutObject", Some(CUT), None), fate: Fate::Lasting })
        }
        Err(error) => Err(Failure::unbuilt("PutObject", &error)),
    }
}

async fn made(text: &Arc<Rewritten>) -> Result<Bytes, Failure> {
    let text = text.clone();
    let made = tokio::task::spawn_blocking(move || text.bytes_now()).await.map_err(io::Error::other).flatten();
    made.map_err(|error| Failure::unbuilt("PutObject", &error))
}

/// Whether the file no longer holds the object.
async fn changed(object: &Object) -> bool {
    let (content, etag) = (object.content.clone(), object.etag.clone());
    let now = tokio::task::spawn_blocking(move || now(&content)).await;
    !matches!(now, Ok(Ok(now)) if now == etag)
}

fn now(content: &Content) -> io::Result<String> {
    match content {
        Content::Memory(bytes) => etag_of(bytes.as_ref()),
        Content::Rewritten(text) => etag_of(text.bytes_now()?.as_ref()),
        Content::Disk { path, .. } => etag_of(File::open(path)?),
    }
}

/// Bytes, from lower-case hexadecimal.
fn from_hex(hex: &str) -> Vec<u8> {
    hex.as_bytes().chunks(2).filter_map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect()
}

/// Bytes in lower-case hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Stores the API bundle.
pub async fn bundle(sender: &Sender, key: &str, bytes: &Bytes) -> Result<(), CallError> {
    let md5 = Md5::digest(bytes);
    let etag = hex(&md5);
    let outcome = sender
        .call(bytes.len() as u64, || {
            let call = sender.cloud.s3.put_object().bucket(&sender.bucket).key(key).if_none_match("*");
            let call = call.content_type("application/json").content_md5(STANDARD.encode(md5));
            send(call.body(ByteStream::from(bytes.clone())), &etag)
        })
        .await?;
    match stored(sender, key, outcome).await {
        Err(Trouble::Call(error)) => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_etag_is_compared_where_it_is_an_md5() {
        let aes = ServerSideEncryption::Aes256;
        assert_eq!(other_etag(Some("\"ab\""), Some(&aes), "ab"), None);
        assert_eq!(other_etag(Some("\"ab\""), None, "ab"), None);
        assert_eq!(other_etag(Some("\"ac\""), Some(&aes), "ab"), Some("ac"));
        assert_eq!(other_etag(Some("\"ac\""), Some(&ServerSideEncryption::AwsKms), "ab"), None);
        assert_eq!(other_etag(None, None, "ab"), None);
    }

    #[test]
    fn hexadecimal_comes_back() {
        assert_eq!(hex(&from_hex("00ff10ab")), "00ff10ab");
    }
}
