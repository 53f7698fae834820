//! The ledger in the site bucket: who is publishing, and what was ever made.
//!
//! One object, changed only by conditional writes, so that it is the lock of a site too. What it
//! lists is a help and not the truth: without it, everything that may exist is looked for.

use std::sync::{Arc, Mutex};

use aws_sdk_s3::primitives::ByteStream;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::aws::error::{CallError, answer};
use crate::aws::retry::Patience;
use crate::aws::{Cloud, Tell};
use crate::deploy::lock::{Holder, Lock, LockError};
use crate::deploy::{Inventory, StepError};
use crate::release::Past;

/// Key of the object.
const KEY: &str = "ledger.json";
/// How long a run that says nothing more is waited for.
const HOLDS: SignedDuration = SignedDuration::from_secs(120);

/// What the object says.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Ledger {
    /// Who is changing the account.
    #[serde(default)]
    pub holder: Option<Holder>,
    /// What may exist.
    #[serde(flatten)]
    pub inventory: Inventory,
    /// What is remembered of the releases.
    #[serde(flatten)]
    pub past: Past,
}

/// The ledger as it was read.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Seen {
    /// What it said; `None` when it is not there.
    pub ledger: Option<Ledger>,
    /// The version that was read.
    tag: Option<String>,
}

impl Seen {
    /// What was remembered of the releases.
    pub fn past(&self) -> Past {
        self.ledger.as_ref().map(|ledger| ledger.past.clone()).unwrap_or_default()
    }

    /// Who is changing the account at this moment.
    pub fn holder(&self) -> Option<&Holder> {
        self.ledger.as_ref()?.holder.as_ref().filter(|holder| !is_dead(holder))
    }
}

/// Reads the ledger.
pub async fn read(cloud: &Cloud) -> Result<Seen, StepError> {
    look(cloud).await.telling(|| "read who is publishing")
}

async fn look(cloud: &Cloud) -> Result<Seen, CallError> {
    let call = cloud.s3.get_object().bucket(cloud.names.bucket()).key(KEY);
    let output = match answer("GetObject", call.send().await) {
        // A bucket that is not ours is the plan's to tell of.
        Err(e) if e.is_any(&["NoSuchKey", "NoSuchBucket", "AccessDenied", "Forbidden"]) => return Ok(Seen::default()),
        result => result?,
    };
    let tag = output.e_tag;
    let bytes = output.body.collect().await.map_err(|e| CallError::unbuilt("GetObject", &e))?.into_bytes();
    // What cannot be read is as good as absent; it is written anew.
    Ok(Seen { ledger: serde_json::from_slice(&bytes).ok(), tag })
}

/// The lock of a site, for one run.
pub struct S3Lock {
    cloud: Arc<Cloud>,
    me: Holder,
    /// What may exist from now on.
    inventory: Inventory,
    /// What is remembered when nothing is published.
    past: Past,
    tag: Mutex<Option<String>>,
}

impl S3Lock {
    /// For a run whose plan was made when the ledger was as `seen`, and which makes `inventory`.
    pub fn new(cloud: Arc<Cloud>, seen: &Seen, inventory: Inventory, run: String) -> Self {
        let (owner, host) = (cloud.caller.clone(), process::host());
        let me = Holder {
            owner,
            host,
            process: process::this(),
            since: Timestamp::now().to_string(),
            expires: String::new(),
            run,
        };
        let past = seen.past();
        Self { cloud, me, inventory, past, tag: Mutex::new(seen.tag.clone()) }
    }

    /// What is remembered from now on: a run that publishes adds to it as it goes.
    fn past(&self) -> Past {
        self.cloud.publication.as_ref().map_or_else(|| self.past.clone(), |publication| publication.past())
    }

    fn tag(&self) -> Option<String> {
        self.tag.lock().ok().and_then(|tag| tag.clone())
    }

    fn remember(&self, new: Option<String>) {
        if let Ok(mut tag) = self.tag.lock() {
            *tag = new;
        }
    }

    /// Writes the ledger if it is still as it was last seen.
    async fn write(&self, holder: Option<Holder>) -> Result<(), CallError> {
        let ledger = Ledger { holder, inventory: self.inventory.clone(), past: self.past() };
        let bytes = serde_json::to_vec(&ledger).map_err(|e| CallError::unbuilt("PutObject", &e))?;
        let (tag, bucket) = (self.tag(), self.cloud.names.bucket());
        let put = || async {
            let call = self.cloud.s3.put_object().bucket(&bucket).key(KEY).content_type("application/json");
            let call = match &tag {
                Some(tag) => call.if_match(tag),
                None => call.if_none_match("*"),
            };
            answer("PutObject", call.body(ByteStream::from(bytes.clone())).send().await)
        };
        let output = Patience::PROPAGATION.retry(|e| e.is("ConditionalRequestConflict"), put).await?;
        self.remember(output.e_tag);
        Ok(())
    }

    fn until_later(&self) -> Holder {
        Holder { expires: (Timestamp::now() + HOLDS).to_string(), ..self.me.clone() }
    }

    /// Whether the ledger is this run's after all: the answer to an earlier write was lost.
    async fn is_mine(&self) -> Result<bool, LockError> {
        let seen = look(&self.cloud).await.telling(|| "read who is publishing")?;
        let mine = seen.ledger.and_then(|ledger| ledger.holder).is_some_and(|holder| holder.run == self.me.run);
        if mine {
            self.remember(seen.tag);
        }
        Ok(mine)
    }
}

/// Takes the name of a run that died out of the ledger, where nothing else is left to do. It is of no
/// consequence if that fails: the name means nothing any more.
pub async fn forget_dead(cloud: &Arc<Cloud>, seen: &Seen) {
    let Some(ledger) = &seen.ledger else { return };
    if ledger.holder.as_ref().is_some_and(is_dead) {
        S3Lock::new(cloud.clone(), seen, ledger.inventory.clone(), String::new()).release().await;
    }
}

/// Whether a holder cannot be at work any more.
pub fn is_dead(holder: &Holder) -> bool {
    let over = holder.expires.parse::<Timestamp>().is_ok_and(|end| end < Timestamp::now());
    over || process::is_gone(&holder.process)
}

#[async_trait::async_trait]
impl Lock for S3Lock {
    async fn take(&self) -> Result<(), LockError> {
        let now = look(&self.cloud).await.telling(|| "read who is publishing")?;
        if let Some(holder) = now.ledger.as_ref().and_then(|ledger| ledger.holder.clone())
            && !is_dead(&holder)
        {
            return Err(LockError::Held(holder));
        }
        if now.tag != self.tag() {
            return Err(LockError::Moved);
        }
        match self.write(Some(self.until_later())).await {
            Err(e) if e.is("PreconditionFailed") => {
                if self.is_mine().await? {
                    return Ok(());
                }
                let now = look(&self.cloud).await.telling(|| "read who is publishing")?;
                Err(now.ledger.and_then(|ledger| ledger.holder).map_or(LockError::Moved, LockError::Held))
            }
            result => Ok(result.telling(|| "take the lock of the site")?),
        }
    }

    async fn renew(&self) -> Result<(), LockError> {
        match self.write(Some(self.until_later())).await {
            // An answer that was lost: what was written holds for as long.
            Err(e) if e.is("PreconditionFailed") => self.is_mine().await?.then_some(()).ok_or(LockError::Lost),
            Err(e) if e.is("NoSuchBucket") => Err(LockError::Lost),
            result => Ok(result.telling(|| "keep the lock of the site")?),
        }
    }

    async fn release(&self) {
        // It ends by itself, and is not ours to force.
        let _ = self.write(None).await;
    }
}

/// Which process holds the lock, so that one that was killed on this machine is known to be dead.
mod process {
    use std::fs;

    /// Name of this machine.
    pub fn host() -> String {
        let name = fs::read_to_string("/proc/sys/kernel/hostname").ok().or_else(|| std::env::var("HOSTNAME").ok());
        name.map(|name| name.trim().to_owned()).unwrap_or_else(|| "an unnamed machine".into())
    }

    /// Boot, process namespace, number and start of this process; empty where that cannot be told.
    pub fn this() -> String {
        let number = std::process::id();
        match (place(), start(number)) {
            (Some(place), Some(start)) => format!("{place} {number} {start}"),
            _ => String::new(),
        }
    }

    /// Whether that process ran here and runs no more; `false` when that cannot be told.
    pub fn is_gone(process: &str) -> bool {
        let words: Vec<_> = process.split(' ').collect();
        let [boot, space, number, started] = words[..] else { return false };
        let Ok(number) = number.parse() else { return false };
        place().is_some_and(|here| here == format!("{boot} {space}")) && start(number).as_deref() != Some(started)
    }

    /// Numbers of processes mean something only within one boot and namespace.
    fn place() -> Option<String> {
        let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
        let space = fs::read_link("/proc/self/ns/pid").ok()?;
        Some(format!("{} {}", boot.trim(), space.display()))
    }

    /// Start of a process, in ticks since boot. Source: proc(5), /proc/pid/stat, field 22.
    fn start(number: u32) -> Option<String> {
        let stat = fs::read_to_string(format!("/proc/{number}/stat")).ok()?;
        let after_name = stat.rsplit_once(") ")?.1;
        let mut fields = after_name.split(' ');
        // A zombie holds nothing.
        if fields.next() == Some("Z") {
            return None;
        }
        fields.nth(18).map(str::to_owned)
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn this_process_is_there_and_one_with_another_start_is_not() {
            let me = this();
            assert!(!is_gone(&me));
            assert!(me.is_empty() || is_gone(&format!("{me}0")));
            assert!(!is_gone("") && !is_gone("other-boot pid:[1] 1 1"));
        }
    }
}
