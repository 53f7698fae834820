//! Which releases stay, and which of them stay in the edge store too.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use super::history::{Past, Preview};
use super::id::ReleaseId;
use super::pack::STORE_BYTES;
use super::pointer::Pointer;

/// Seconds of a day.
pub const DAY: i64 = 24 * 60 * 60;
/// Bytes of the edge store that releases may take which are neither live nor next to it: the rest
/// is for the release that is published next.
pub const WINDOW: usize = STORE_BYTES / 2;

/// How many stay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rules {
    /// So many, counted from the one that was used last.
    pub keep: usize,
    /// What was live in so many last days.
    pub days: u32,
}

/// All that is known when it is decided what stays.
#[derive(Debug, Clone, Copy)]
pub struct Known<'a> {
    /// The releases that there are.
    pub releases: &'a BTreeSet<ReleaseId>,
    /// What is live, read before anything is decided.
    pub pointer: &'a Pointer,
    /// What was live, completed from the pointer.
    pub past: &'a Past,
    /// What the edge function falls back to.
    pub fallback: Option<&'a Pointer>,
    /// The time, in seconds since 1970.
    pub now: i64,
}

impl Known<'_> {
    /// When a release was last of use: live, or made.
    fn used(&self, release: &ReleaseId) -> i64 {
        if *release == self.pointer.live.release {
            return i64::MAX;
        }
        let until = self.past.last_live(release).map(|(_, until)| until.unwrap_or(self.now));
        until.unwrap_or_default().max(release.seconds())
    }

    /// What stays whatever its age and number.
    fn is_needed(&self, release: &ReleaseId, rules: Rules) -> bool {
        let from = self.now.saturating_sub(i64::from(rules.days) * DAY);
        let was_live = self.past.last_live(release).is_some_and(|(_, until)| until.unwrap_or(self.now) > from);
        let linked = |preview: &Preview| preview.release == *release && preview.until > self.now;
        is_answered_from(release, self.pointer, self.fallback) || was_live || self.past.previews.iter().any(linked)
    }
}

/// The releases that stay, the one that was used last first. None goes by its age alone.
pub fn kept(known: &Known<'_>, rules: Rules) -> Vec<ReleaseId> {
    let mut all: Vec<&ReleaseId> = known.releases.iter().collect();
    all.sort_by_key(|release| Reverse((known.used(release), *release)));
    let stays = |(place, release): &(usize, &ReleaseId)| *place < rules.keep || known.is_needed(release, rules);
    all.into_iter().enumerate().filter(stays).map(|(_, release)| release.clone()).collect()
}

/// Whether visitors may be answered from a release: its keys stay in the edge store.
pub fn is_answered_from(release: &ReleaseId, pointer: &Pointer, fallback: Option<&Pointer>) -> bool {
    let named = |pointer: &Pointer| {
        pointer.live.release == *release || pointer.previous.as_ref().is_some_and(|slot| slot.release == *release)
    };
    named(pointer) || fallback.is_some_and(named)
}

/// Of the releases that stay, the one used last first and each with the bytes that its keys take:
/// whether their keys stay. Those do that must, and then as many as fit into [`WINDOW`].
pub fn in_store(kept: &[(ReleaseId, usize)], must: impl Fn(&ReleaseId) -> bool) -> Vec<bool> {
    let bytes_of_musts: usize = kept.iter().filter(|(release, _)| must(release)).map(|(_, bytes)| bytes).sum();
    let mut taken = bytes_of_musts;
    let mut full = false;
    let mut stays = Vec::with_capacity(kept.len());
    for (release, bytes) in kept {
        let fits = !full && taken + bytes <= WINDOW;
        match (must(release), fits) {
            (true, _) => {}
            (false, true) => taken += bytes,
            // No older one takes the place of this one.
            (false, false) => full = true,
        }
        stays.push(must(release) || fits);
    }
    stays
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::history::Stint;
    use super::super::pointer::tests::slot;
    use super::*;

    /// A release that is made on the day of its number.
    fn release(number: u32) -> ReleaseId {
        let at = jiff::Timestamp::from_second(i64::from(number) * DAY).unwrap();
        ReleaseId::new(at, &format!("{number:010}"))
    }

    fn pointer(live: u32, previous: Option<u32>) -> Pointer {
        let slot = |number| super::super::Slot { release: release(number), ..slot(1) };
        Pointer { live: slot(live), maintenance: false, since: 0, previous: previous.map(slot) }
    }

    struct Case {
        releases: &'static [u32],
        live: u32,
        previous: Option<u32>,
        /// Release, and the day from which it was live.
        history: &'static [(u32, i64)],
        fallback: Option<u32>,
        /// Release, and the day on which its link ends.
        previews: &'static [(u32, i64)],
        today: i64,
        rules: (usize, u32),
    }

    const TEN: Case = Case {
        releases: &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10],
        live: 10,
        previous: Some(9),
        history: &[(1, 1), (2, 2), (3, 3), (4, 4), (5, 5), (6, 6), (7, 7), (8, 8), (9, 9), (10, 10)],
        fallback: None,
        previews: &[],
        today: 10,
        rules: (3, 0),
    };

    fn stay(case: &Case) -> Vec<u32> {
        let releases: BTreeSet<_> = case.releases.iter().map(|number| release(*number)).collect();
        let mut past = Past::default();
        for (number, day) in case.history {
            past.history.push(Stint { release: release(*number), since: day * DAY, by: String::new() });
        }
        case.previews.iter().for_each(|(number, day)| past.preview(&release(*number), day * DAY));
        let fallback = case.fallback.map(|number| pointer(number, None));
        let pointer = pointer(case.live, case.previous);
        let known = Known {
            releases: &releases,
            pointer: &pointer,
            past: &past,
            fallback: fallback.as_ref(),
            now: case.today * DAY,
        };
        let kept = kept(&known, Rules { keep: case.rules.0, days: case.rules.1 });
        kept.iter().map(|release| release.digest().parse().unwrap()).collect()
    }

    #[test]
    fn the_last_ones_stay_and_what_was_live_in_the_last_days() {
        assert_eq!(stay(&TEN), [10, 9, 8]);
        assert_eq!(stay(&Case { rules: (20, 0), ..TEN }).len(), 10);
        // 6 was live until the seventh day, four days before.
        assert_eq!(stay(&Case { rules: (1, 4), ..TEN }), [10, 9, 8, 7, 6]);
        assert_eq!(stay(&Case { rules: (1, 3), ..TEN }), [10, 9, 8, 7]);
    }

    #[test]
    fn none_goes_by_its_age_alone() {
        assert_eq!(stay(&Case { today: 10_000, rules: (3, 7), ..TEN }), [10, 9, 8]);
        assert_eq!(stay(&Case { releases: &[1, 2], live: 2, previous: Some(1), today: 9_999, ..TEN }), [2, 1]);
    }

    #[test]
    fn the_live_one_the_one_before_it_and_the_fallback_stay() {
        let back = Case { live: 2, previous: Some(5), rules: (1, 0), ..TEN };
        assert_eq!(stay(&back), [2, 5]);
        assert_eq!(stay(&Case { fallback: Some(1), rules: (1, 0), ..TEN }), [10, 9, 1]);
        // What is not there cannot stay.
        assert_eq!(stay(&Case { releases: &[9, 10], fallback: Some(1), ..TEN }), [10, 9]);
    }

    #[test]
    fn a_rollback_makes_an_old_release_one_of_the_last_again() {
        let history = &[(8, 8), (9, 9), (10, 10), (2, 11), (10, 12)];
        let case = Case { history, live: 10, previous: Some(2), today: 30, ..TEN };
        assert_eq!(stay(&case), [10, 2, 9]);
        // The next two publishes do not take it away at once.
        let history = &[(9, 9), (10, 10), (2, 11), (11, 12), (12, 13)];
        let case = Case { history, releases: &[2, 9, 10, 11, 12], live: 12, previous: Some(11), today: 13, ..TEN };
        assert_eq!(stay(&case), [12, 11, 2]);
    }

    #[test]
    fn what_was_never_live_counts_from_when_it_was_made_and_a_link_keeps_it() {
        let history = &[(8, 8), (9, 9), (1, 10)];
        let made = Case { history, live: 1, previous: Some(9), ..TEN };
        // 10 was made on the tenth day; 9 was live until then.
        assert_eq!(stay(&made), [1, 10, 9]);
        assert_eq!(stay(&Case { previews: &[(4, 11), (5, 10)], ..TEN }), [10, 9, 8, 4]);
    }

    #[test]
    fn without_a_history_the_youngest_stay() {
        assert_eq!(stay(&Case { history: &[], ..TEN }), [10, 9, 8]);
    }

    #[test]
    fn keys_stay_for_as_many_as_fit_half_of_the_store_and_always_for_the_live_ones() {
        let sized = |bytes: usize| (1..=5).rev().map(|number| (release(number), bytes)).collect::<Vec<_>>();
        let musts = [release(5), release(2)];
        let must = |release: &ReleaseId| musts.contains(release);
        assert_eq!(in_store(&sized(1_000), must), [true; 5]);
        assert_eq!(in_store(&sized(WINDOW / 3), must), [true, true, false, true, false]);
        assert_eq!(in_store(&sized(WINDOW), must), [true, false, false, true, false]);
        // A large one in between does not let older ones pass.
        let mut one_large = sized(1_000);
        one_large[1].1 = WINDOW;
        assert_eq!(in_store(&one_large, must), [true, false, false, true, false]);
    }
}
