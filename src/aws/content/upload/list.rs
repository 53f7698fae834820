//! What is in the bucket already.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use aws_sdk_s3::operation::list_objects_v2::ListObjectsV2Output;

use super::bounded::each;
use super::sender::{Sender, judged};
use super::trouble::Trouble;
use crate::aws::error::CallError;

/// Lists that are read at once.
const LISTS: usize = 16;
/// The characters that an id begins with.
const FIRSTS: &str = "-0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz";

/// Those keys under `prefix` that are `wanted`. Ids are spread evenly, so that what is too much for
/// one page is read as many lists at once, by the first character after the prefix.
pub async fn keys<F>(sender: &Arc<Sender>, prefix: &str, wanted: F) -> Result<BTreeSet<String>, Trouble>
where
    F: Fn(&str) -> bool + Send + Sync + 'static,
{
    let first = page(sender, prefix, None).await?;
    let wanted = Arc::new(wanted);
    let mut found = BTreeSet::new();
    take(&mut found, &first, &*wanted);
    if first.next_continuation_token.is_some() {
        let found_by_all = Arc::new(Mutex::new(found));
        let lists = FIRSTS.chars().map(|character| {
            let (sender, prefix) = (sender.clone(), format!("{prefix}{character}"));
            let (found, wanted) = (found_by_all.clone(), wanted.clone());
            async move {
                let mut token = None;
                loop {
                    let page = page(&sender, &prefix, token).await?;
                    take(&mut found.lock().unwrap_or_else(PoisonError::into_inner), &page, &*wanted);
                    token = page.next_continuation_token;
                    if token.is_none() {
                        return Ok::<(), Trouble>(());
                    }
                }
            }
        });
        each(LISTS, lists, |()| {}).await?;
        found = std::mem::take(&mut *found_by_all.lock().unwrap_or_else(PoisonError::into_inner));
    }
    Ok(found)
}

fn take(found: &mut BTreeSet<String>, page: &ListObjectsV2Output, wanted: &impl Fn(&str) -> bool) {
    let keys = page.contents().iter().filter_map(|object| object.key());
    found.extend(keys.filter(|key| wanted(key)).map(str::to_owned));
}

async fn page(sender: &Sender, prefix: &str, token: Option<String>) -> Result<ListObjectsV2Output, CallError> {
    let page = || async {
        let call = sender.cloud.s3.list_objects_v2().bucket(&sender.bucket).prefix(prefix);
        judged("ListObjectsV2", call.set_continuation_token(token.clone()).send().await)
    };
    sender.call(0, page).await
}
