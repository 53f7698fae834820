//! What a release has to pass before it is live, and after.

use std::sync::Arc;

use jiff::Timestamp;

use super::release_live::{read, write};
use super::release_preview;
use crate::aws::Cx;
use crate::aws::edge::cloudfront_distribution::Distribution;
use crate::aws::visit::{Check, Fault, Moment, Outcome, Visitor};
use crate::deploy::StepError;
use crate::release::Pointer;
use crate::release::preview::Kind;

/// How long the token of a check is good for, in seconds: a check takes two minutes at most, and this
/// machine's clock may be slow.
const TOKEN: i64 = 3600;

/// The check of one pointer that takes the place of another.
pub struct Gate<'a> {
    cx: &'a Cx,
    check: Arc<Check>,
    /// ARN of the edge store.
    store: &'a str,
    domain: String,
    old: &'a Pointer,
    new: &'a Pointer,
}

impl<'a> Gate<'a> {
    /// `None` where there is nothing to check or nothing to go back to.
    pub fn new(cx: &'a Cx, store: &'a str, new: &'a Pointer, old: Option<&'a Pointer>) -> Option<Self> {
        let (check, old) = (cx.cloud.check.clone()?, old?);
        let domain = cx.try_output::<Distribution>("distribution").ok()??.domain;
        Some(Self { cx, check, store, domain, old, new })
    }

    /// Asks the release as one who was given a link; gives what could not be seen.
    pub async fn before(&self) -> Result<Option<String>, StepError> {
        let (release, expiry) = (&self.new.live.release, Timestamp::now().as_second() + TOKEN);
        let token = release_preview::token(self.cx, self.store, release, expiry, Kind::Cookie).await?;
        let visitor = Visitor::new(&self.domain, Some(token));
        match self.check.ask(self.cx, &visitor, Moment::Before).await {
            Outcome::Wrong(fault) => {
                Err(fault.error(&visitor, release, &format!("{} stays live.", self.old.live.release)))
            }
            outcome => Ok(outcome.unseen(&visitor, Moment::Before)),
        }
    }

    /// Asks the live release, and puts the one before back where it is broken; gives what could not be seen.
    pub async fn after(&self) -> Result<Option<String>, StepError> {
        // Visitors are told of the maintenance, whatever is live.
        if self.new.maintenance {
            return Ok(None);
        }
        let visitor = Visitor::new(&self.domain, None);
        match self.check.ask(self.cx, &visitor, Moment::After).await {
            Outcome::Wrong(fault) => Err(self.back(&visitor, &fault).await),
            outcome => Ok(outcome.unseen(&visitor, Moment::After)),
        }
    }

    /// Makes the release before live again, unless something else has become live meanwhile.
    async fn back(&self, visitor: &Visitor, fault: &Fault) -> StepError {
        self.cx.note(format!("making {} live again", self.old.live.release));
        let back = async {
            match read(self.cx, self.store).await? {
                Some(now) if now.live.release != self.new.live.release => Ok(()),
                _ => write(self.cx, self.store, self.old).await,
            }
        };
        let (release, old) = (&self.new.live.release, &self.old.live.release);
        let state = match back.await {
            Ok(()) => format!("{old} is live again."),
            Err(error) => format!("{old} could not be made live again ({error}), so that {release} is still live."),
        };
        fault.error(visitor, release, &state)
    }
}
