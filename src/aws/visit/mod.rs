//! A release seen as visitors see it: asked through the edge, before it is live and after.

mod rounds;
mod visitor;

pub use rounds::{Fault, Moment, Outcome};
pub use visitor::{Visitor, endpoint};

use crate::aws::Cx;
use crate::deploy::StepError;
use crate::release::{Manifest, ReleaseId, sample};

/// What is asked of a release that becomes live.
#[derive(Debug, Clone)]
pub struct Check {
    /// What is live before it, as far as it is known.
    pub before: Option<Manifest>,
    /// What becomes live.
    pub after: Manifest,
    /// Routes of its API that can be asked without harm.
    pub routes: Vec<String>,
    /// How many of its pages are asked.
    pub pages: usize,
}

impl Check {
    /// Asks as `visitor`, and says meanwhile what it waits for.
    pub async fn ask(&self, cx: &Cx, visitor: &Visitor, moment: Moment) -> Outcome {
        let questions = sample::sample(self.before.as_ref(), &self.after, &self.routes, self.pages);
        let when = if moment == Moment::Before { "before it is live" } else { "now that it is live" };
        cx.note(format!("asking {} URLs of the release through the edge, {when}", questions.len()));
        let ask = |question| {
            let visitor = visitor.clone();
            async move { visitor.ask(&question).await }
        };
        rounds::look(questions, moment, rounds::pauses(), ask, |text| cx.note(text)).await
    }
}

impl Outcome {
    /// What nobody could see, for people; `None` when everything was seen, or something is broken.
    pub fn unseen(&self, visitor: &Visitor, moment: Moment) -> Option<String> {
        let when = if moment == Moment::Before { "before it went live" } else { "after it went live" };
        match self {
            Self::Stale { path } => Some(format!(
                "the release could not be checked {when}: after a minute {} is still answered from another one",
                visitor.url(path)
            )),
            Self::Unreachable(why) => {
                Some(format!("the release could not be checked {when}: {} does not answer ({why})", visitor.url("/")))
            }
            Self::Right | Self::Wrong(_) => None,
        }
    }
}

impl Fault {
    /// The error of a release that is not fit to be live; `state` says what is live now, as a sentence.
    pub fn error(&self, visitor: &Visitor, release: &ReleaseId, state: &str) -> StepError {
        let (doing, why) = (format!("make {release} live"), format!("{} {}", visitor.url(&self.path), self.said));
        let hint = match self.status {
            _ if self.stale => "Run the same command again in a few minutes.",
            Some(status) if status < 500 => {
                "Mend the page, or put back what somebody removed from or changed in the site bucket; \
                 `arqsite publish --no-check` publishes without asking."
            }
            _ => {
                "Run the same command again; when that does not help, `arqsite status` shows what is not well, \
                 and `arqsite publish --no-check` publishes without asking."
            }
        };
        let cloud = self.stale || self.status.is_none_or(|status| status >= 500);
        let error = if cloud { StepError::cloud(doing, why) } else { StepError::yours(doing, why) };
        error.hint(format!("{state} {hint}"))
    }
}
