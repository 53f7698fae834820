//! Which release was live when, and what of the past is left to do.

use serde::{Deserialize, Serialize};

use super::difference::ApiDifference;
use super::id::ReleaseId;
use super::pointer::Pointer;

/// How many changes of what is live are remembered.
pub const LAST: usize = 50;

/// What a site's ledger remembers of its releases.
///
/// It is a help: the pointer says what is live, and the manifests say what there is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Past {
    /// What was live since when, the latest last.
    pub history: Vec<Stint>,
    /// After which release the others were cleaned up, and by which rules.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kept: Option<Kept>,
    /// Releases whose upload was begun and of which no end is known.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub begun: Vec<ReleaseId>,
    /// Releases that somebody was given a link to.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub previews: Vec<Preview>,
}

/// A time in which a release was live.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stint {
    /// The release.
    pub release: ReleaseId,
    /// Since when, in seconds since 1970.
    pub since: i64,
    /// Who made it live; empty when that is not known.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub by: String,
}

/// That it was cleaned up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    /// The release that had become live.
    pub release: ReleaseId,
    /// `releases.keep` at that time.
    pub keep: usize,
    /// `releases.days` at that time.
    pub days: u32,
}

/// A link to a release that need not be live.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Preview {
    /// The release.
    pub release: ReleaseId,
    /// When the link ends, in seconds since 1970.
    pub until: i64,
}

/// How a release came to be.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Made {
    /// Who published it first.
    pub by: Option<String>,
    /// The release that was live at that time.
    pub after: Option<ReleaseId>,
    /// Pages and files that it added to that one.
    pub added: usize,
    /// Those that it changed.
    pub changed: usize,
    /// Those that it removed.
    pub removed: usize,
    /// How the API differed; of its routes, those that had room.
    pub api: ApiDifference,
}

impl Past {
    /// Adds what the pointer says: a rollback moves it and writes nothing down here. `by` is who is
    /// known to have made it live.
    pub fn complete(&mut self, pointer: &Pointer, by: Option<&str>) {
        let is_last = |past: &Self, release: &ReleaseId| past.history.last().is_some_and(|it| it.release == *release);
        if is_last(self, &pointer.live.release) {
            return;
        }
        if let Some(before) = pointer.previous.as_ref().filter(|before| !is_last(self, &before.release)) {
            // It began when the last one that is known ended; of that is known only that it was before.
            self.push(Stint { release: before.release.clone(), since: pointer.since, by: String::new() });
        }
        let by = by.unwrap_or_default().to_owned();
        self.push(Stint { release: pointer.live.release.clone(), since: pointer.since, by });
    }

    fn push(&mut self, stint: Stint) {
        self.history.push(stint);
        let surplus = self.history.len().saturating_sub(LAST);
        self.history.drain(..surplus);
    }

    /// Notes that the upload of a release begins.
    pub fn begin(&mut self, release: &ReleaseId) {
        if !self.begun.contains(release) {
            self.begun.push(release.clone());
        }
    }

    /// Notes that somebody was given a link to a release.
    pub fn preview(&mut self, release: &ReleaseId, until: i64) {
        match self.previews.iter_mut().find(|preview| preview.release == *release) {
            Some(preview) => preview.until = preview.until.max(until),
            None => self.previews.push(Preview { release: release.clone(), until }),
        }
    }

    /// The last time in which a release was live: since when, and until when, `None` while it is.
    pub fn last_live(&self, release: &ReleaseId) -> Option<(i64, Option<i64>)> {
        let at = self.history.iter().rposition(|stint| stint.release == *release)?;
        Some((self.history[at].since, self.history.get(at + 1).map(|next| next.since)))
    }

    /// Whether it is known that a release was never live: it is not in the history, which goes back
    /// further than the release.
    pub fn was_never_live(&self, release: &ReleaseId) -> bool {
        let from = self.history.first().map(|first| first.since);
        self.last_live(release).is_none() && from.is_some_and(|from| release.seconds() > from)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::pointer::tests::slot;
    use super::*;

    fn names(past: &Past) -> Vec<(u32, i64)> {
        let number = |release: &ReleaseId| release.digest().parse().unwrap();
        past.history.iter().map(|stint| (number(&stint.release), stint.since)).collect()
    }

    #[test]
    fn a_rollback_that_wrote_nothing_is_added_from_the_pointer() {
        let mut past = Past::default();
        let one = Pointer::next(slot(1), None, 100);
        past.complete(&one, Some("ana"));
        past.complete(&one, Some("somebody else"));
        let two = Pointer::next(slot(2), Some(&one), 200);
        past.complete(&two, Some("ana"));
        let back = Pointer::next(slot(1), Some(&two), 300);
        past.complete(&back, None);
        assert_eq!(names(&past), [(1, 100), (2, 200), (1, 300)]);
        assert_eq!((past.history[1].by.as_str(), past.history[2].by.as_str()), ("ana", ""));
        assert_eq!(past.last_live(&slot(1).release), Some((300, None)));
        assert_eq!(past.last_live(&slot(2).release), Some((200, Some(300))));
    }

    #[test]
    fn of_several_rollbacks_the_pointer_tells_the_last_two() {
        let mut past = Past::default();
        past.complete(&Pointer::next(slot(1), None, 100), None);
        let three = Pointer::next(slot(3), Some(&Pointer::next(slot(2), None, 200)), 300);
        past.complete(&three, None);
        assert_eq!(names(&past), [(1, 100), (2, 300), (3, 300)]);
    }

    #[test]
    fn the_last_fifty_are_remembered() {
        let mut past = Past::default();
        for number in 0..60 {
            past.complete(&Pointer::next(slot(number), None, i64::from(number)), None);
        }
        assert_eq!((past.history.len(), names(&past)[0]), (LAST, (10, 10)));
    }

    #[test]
    fn only_what_is_younger_than_the_history_is_known_to_have_never_been_live() {
        let mut past = Past::default();
        // The releases are of 2025-03-10, 02:04:05.
        let made = slot(1).release.seconds();
        assert!(!past.was_never_live(&slot(1).release));
        past.complete(&Pointer::next(slot(2), None, made + 5), None);
        assert!(!past.was_never_live(&slot(1).release));
        past.history[0].since = made - 5;
        assert!(past.was_never_live(&slot(1).release) && !past.was_never_live(&slot(2).release));
    }

    #[test]
    fn a_ledger_without_a_past_is_read() {
        assert_eq!(serde_json::from_str::<Past>("{}").unwrap(), Past::default());
        let mut past = Past::default();
        past.begin(&slot(1).release);
        past.begin(&slot(1).release);
        past.preview(&slot(1).release, 7);
        past.preview(&slot(1).release, 5);
        assert_eq!((past.begun.len(), past.previews[0].until), (1, 7));
        assert_eq!(serde_json::from_str::<Past>(&serde_json::to_string(&past).unwrap()).unwrap(), past);
    }
}
