//! Large objects, in parts. What an earlier run has sent of them is kept.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::sync::Arc;

use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{CompletedMultipartUpload, CompletedPart, MultipartUpload};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use md5::{Digest, Md5};

use super::FOREVER;
use super::bounded::each;
use super::buffers::Buffers;
use super::plan::{self, Listed, Part, Sent};
use super::sender::{Failure, Sender, judged};
use super::single::{hex, other_etag, withdrawn};
use super::trouble::Trouble;
use crate::aws::error::CallError;
use crate::release::Object;
use crate::site::Content;

/// Parts of one object at once.
const PARTS_AT_ONCE: usize = 4;
/// How often an upload is begun anew that somebody else has ended.
const TRIES: usize = 3;
/// The upload is gone, or another one of the same object was quicker.
///
/// Source: Amazon S3 User Guide, "How to prevent object overwrites with conditional writes": after a
/// 409, the upload has to be begun anew.
const ENDED: [&str; 2] = ["NoSuchUpload", "ConditionalRequestConflict"];

/// Stores the object.
pub async fn whole(sender: &Arc<Sender>, object: &Arc<Object>) -> Result<(), Trouble> {
    let object = &steady(object).await?;
    let key: Arc<str> = object.key(None).into();
    for _ in 1..TRIES {
        match once(sender, object, &key).await {
            Err(trouble) if trouble.is_any(&ENDED) => {}
            ended => return ended,
        }
    }
    once(sender, object, &key).await
}

/// The object with bytes that need not be made anew for each part: no text should be so large, but may be.
async fn steady(object: &Arc<Object>) -> Result<Arc<Object>, Trouble> {
    let Content::Rewritten(text) = object.content.clone() else { return Ok(object.clone()) };
    let bytes = tokio::task::spawn_blocking(move || text.bytes_now()).await??;
    if bytes.len() as u64 != object.size {
        return Err(Trouble::Changed);
    }
    Ok(Arc::new(Object { content: Content::Memory(bytes), ..(**object).clone() }))
}

async fn once(sender: &Arc<Sender>, object: &Arc<Object>, key: &Arc<str>) -> Result<(), Trouble> {
    // It takes one call to learn that gigabytes need not be sent.
    if exists(sender, key).await? {
        sender.progress.add(0, object.size);
        return Ok(());
    }
    let (id, there) = match unfinished(sender, key).await? {
        Some(found) => found,
        None => (create(sender, object, key).await?, BTreeMap::new()),
    };
    let upload = Arc::new(Upload { sender: sender.clone(), object: object.clone(), key: key.clone(), id });
    let parts = upload.parts(there).await?;
    if plan::etag(&parts) != object.etag {
        upload.abort().await?;
        return Err(Trouble::Changed);
    }
    upload.complete(parts).await
}

async fn exists(sender: &Sender, key: &str) -> Result<bool, CallError> {
    let head = || async {
        let call = sender.cloud.s3.head_object().bucket(&sender.bucket).key(key);
        match judged("HeadObject", call.send().await) {
            Err(failure) if failure.error.is_any(&["NotFound", "NoSuchKey"]) => Ok(false),
            answer => answer.map(|_| true),
        }
    };
    sender.call(0, head).await
}

/// The last upload of that key that was begun and not ended, with its parts. Others are removed.
async fn unfinished(sender: &Sender, key: &str) -> Result<Option<(String, BTreeMap<i32, Listed>)>, CallError> {
    let mut uploads = uploads_of(sender, key).await?;
    uploads.sort_by_key(|upload| upload.initiated);
    let mut ids = uploads.into_iter().filter_map(|upload| upload.upload_id);
    let Some(last) = ids.next_back() else { return Ok(None) };
    for other in ids {
        abort(sender, key, &other).await?;
    }
    match listed(sender, key, &last).await {
        Ok(parts) => Ok(Some((last, parts))),
        Err(error) if error.is("NoSuchUpload") => Ok(None),
        Err(error) => Err(error),
    }
}

async fn uploads_of(sender: &Sender, key: &str) -> Result<Vec<MultipartUpload>, CallError> {
    let (mut found, mut key_marker, mut id_marker) = (Vec::new(), None::<String>, None::<String>);
    loop {
        let page = sender
            .call(0, || async {
                let call = sender.cloud.s3.list_multipart_uploads().bucket(&sender.bucket).prefix(key);
                let call = call.set_key_marker(key_marker.clone()).set_upload_id_marker(id_marker.clone());
                judged("ListMultipartUploads", call.send().await)
            })
            .await?;
        // Other keys may begin alike.
        found.extend(page.uploads.into_iter().flatten().filter(|upload| upload.key() == Some(key)));
        if page.is_truncated != Some(true) {
            return Ok(found);
        }
        (key_marker, id_marker) = (page.next_key_marker, page.next_upload_id_marker);
    }
}

async fn listed(sender: &Sender, key: &str, id: &str) -> Result<BTreeMap<i32, Listed>, CallError> {
    let (mut found, mut marker) = (BTreeMap::new(), None::<String>);
    loop {
        let page = sender
            .call(0, || async {
                let call = sender.cloud.s3.list_parts().bucket(&sender.bucket).key(key).upload_id(id);
                judged("ListParts", call.set_part_number_marker(marker.clone()).send().await)
            })
            .await?;
        found.extend(page.parts.into_iter().flatten().filter_map(|part| {
            let size = u64::try_from(part.size?).ok()?;
            Some((part.part_number?, Listed { size, etag: part.e_tag? }))
        }));
        if page.is_truncated != Some(true) {
            return Ok(found);
        }
        marker = page.next_part_number_marker;
    }
}

async fn create(sender: &Sender, object: &Object, key: &str) -> Result<String, CallError> {
    let create = || async {
        let call = sender.cloud.s3.create_multipart_upload().bucket(&sender.bucket).key(key);
        let call = call.content_type(&object.content_type).cache_control(FOREVER);
        let call = object.metadata().into_iter().fold(call, |call, (name, value)| call.metadata(name, value));
        let made = judged("CreateMultipartUpload", call.send().await)?;
        made.upload_id.ok_or_else(|| Failure::unbuilt("CreateMultipartUpload", &io::Error::other("no id")))
    };
    sender.call(0, create).await
}

async fn abort(sender: &Sender, key: &str, id: &str) -> Result<(), CallError> {
    let abort = || async {
        let call = sender.cloud.s3.abort_multipart_upload().bucket(&sender.bucket).key(key).upload_id(id);
        match judged("AbortMultipartUpload", call.send().await) {
            Err(failure) if failure.error.is("NoSuchUpload") => Ok(()),
            answer => answer.map(|_| ()),
        }
    };
    sender.call(0, abort).await
}

/// An upload under way.
struct Upload {
    sender: Arc<Sender>,
    object: Arc<Object>,
    key: Arc<str>,
    id: String,
}

impl Upload {
    /// Sends the parts that are not there, and gives all in order.
    async fn parts(self: &Arc<Self>, mut there: BTreeMap<i32, Listed>) -> Result<Vec<Sent>, Trouble> {
        let parts = plan::parts(self.object.size).map(|part| {
            let (upload, there) = (self.clone(), there.remove(&part.number));
            async move { upload.part(part, there).await }
        });
        let mut sent = Vec::new();
        each(PARTS_AT_ONCE, parts, |part| sent.push(part)).await?;
        sent.sort_by_key(|part| part.number);
        Ok(sent)
    }

    async fn part(&self, part: Part, there: Option<Listed>) -> Result<Sent, Trouble> {
        let _memory = self.sender.memory(part.size).await;
        let (content, buffers) = (self.object.content.clone(), self.sender.buffers.clone());
        let (bytes, md5) = tokio::task::spawn_blocking(move || read(&content, part, &buffers)).await??;
        let etag = match there.filter(|there| there.is(part, &md5)) {
            Some(there) => there.etag,
            None => self.send(part, bytes, &md5).await?,
        };
        self.sender.progress.add(0, part.size);
        Ok(Sent { number: part.number, md5, etag })
    }

    /// Gives the part's ETag.
    async fn send(&self, part: Part, bytes: Bytes, md5: &[u8]) -> Result<String, CallError> {
        let (sender, expected) = (&self.sender, hex(md5));
        let send = || async {
            let call = sender.cloud.s3.upload_part().bucket(&sender.bucket).key(&*self.key).upload_id(&self.id);
            let call = call.part_number(part.number).content_md5(STANDARD.encode(md5));
            let call = call.body(ByteStream::from(bytes.clone()));
            // The signature covers the MD5, and the MD5 the body.
            let made = judged("UploadPart", call.customize().disable_payload_signing().send().await)?;
            if other_etag(made.e_tag(), made.server_side_encryption(), &expected).is_some() {
                return Err(Failure::unbuilt("UploadPart", &io::Error::other("S3 stored another part")));
            }
            Ok(made.e_tag.unwrap_or(expected.clone()))
        };
        sender.call(part.size, send).await
    }

    async fn complete(&self, parts: Vec<Sent>) -> Result<(), Trouble> {
        let parts = parts.into_iter().map(|p| CompletedPart::builder().part_number(p.number).e_tag(p.etag).build());
        let parts = CompletedMultipartUpload::builder().set_parts(Some(parts.collect())).build();
        let sender = &self.sender;
        let complete = || async {
            let call = sender.cloud.s3.complete_multipart_upload().bucket(&sender.bucket).key(&*self.key);
            let call = call.upload_id(&self.id).if_none_match("*").multipart_upload(parts.clone());
            let made = judged("CompleteMultipartUpload", call.send().await);
            made.map_err(|failure| failure.lasting_if("ConditionalRequestConflict"))
        };
        let made = match sender.call(0, complete).await {
            // Somebody was quicker with the same object.
            Err(error) if error.is("PreconditionFailed") => return Ok(self.abort().await?),
            Err(error) if error.is("ConditionalRequestConflict") => {
                self.abort().await?;
                return Err(error.into());
            }
            made => made?,
        };
        match other_etag(made.e_tag(), made.server_side_encryption(), &self.object.etag) {
            Some(other) => Err(withdrawn(sender, &self.key, "CompleteMultipartUpload", other).await),
            None => Ok(()),
        }
    }

    async fn abort(&self) -> Result<(), CallError> {
        abort(&self.sender, &self.key, &self.id).await
    }
}

fn read(content: &Content, part: Part, buffers: &Buffers) -> io::Result<(Bytes, [u8; 16])> {
    let bytes = match content {
        Content::Memory(bytes) => bytes.slice(part.offset as usize..(part.offset + part.size) as usize),
        Content::Rewritten(_) => return Err(io::Error::other("a text that is not made yet")),
        Content::Disk { path, .. } => {
            let mut file = File::open(path)?;
            file.seek(SeekFrom::Start(part.offset))?;
            let mut buffer = buffers.take(part.size as usize);
            file.read_exact(buffer.as_mut())?;
            buffer.freeze()
        }
    };
    let md5 = Md5::digest(&bytes).into();
    Ok((bytes, md5))
}
