//! How many requests are under way at once: more while that makes them quicker, half as many when
//! S3 or the connection cannot follow.
//!
//! Additive increase and multiplicative decrease, as TCP has it: S3 divides a bucket's throughput
//! by itself and answers `SlowDown` meanwhile, and says nothing of how much it will take. Source:
//! Amazon S3 User Guide, "Best practices design patterns: optimizing Amazon S3 performance".

use std::time::Duration;

/// Requests at once in the beginning.
const FIRST: usize = 16;
/// Never fewer.
const LEAST: usize = 2;
/// Never more: as many as fill a fast line with small files, and far below what a bucket takes.
pub const MOST: usize = 96;
/// Most that is added at once.
const STEP: usize = 8;
/// What a request costs besides its bytes, as if it had so many more.
const REQUEST: u64 = 64 * 1024;
/// By what a round has to be quicker than the one before, so that it is no coincidence.
const QUICKER: f64 = 1.03;
/// Rounds until more is tried again, after it did not help.
const REST: u32 = 6;

/// How many at once, and what speaks for more or fewer.
///
/// A round lasts until as many requests have succeeded as may be under way.
#[derive(Debug)]
pub struct Pace {
    width: usize,
    halvings: u64,
    round: Round,
    /// Of the round before; none before the first has ended.
    rate: f64,
    /// What the last step added.
    added: usize,
    rest: u32,
}

#[derive(Debug, Default)]
struct Round {
    began: Duration,
    done: usize,
    work: u64,
}

/// When a request began: what was already under way when the pace was halved says nothing new.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ticket(u64);

impl Default for Pace {
    fn default() -> Self {
        Self { width: FIRST, halvings: 0, round: Round::default(), rate: 0.0, added: 0, rest: 0 }
    }
}

impl Pace {
    /// Requests that may be under way.
    pub fn width(&self) -> usize {
        self.width
    }

    /// A request begins.
    pub fn ticket(&self) -> Ticket {
        Ticket(self.halvings)
    }

    /// A request with a body of so many bytes has succeeded, `now` after the first began.
    pub fn done(&mut self, bytes: u64, now: Duration) {
        self.round.done += 1;
        self.round.work += bytes + REQUEST;
        if self.round.done < self.width {
            return;
        }
        let seconds = now.saturating_sub(self.round.began).as_secs_f64().max(f64::EPSILON);
        #[allow(clippy::cast_precision_loss, reason = "a rate is compared with others of its size")]
        let rate = self.round.work as f64 / seconds;
        self.ended(rate);
        self.round = Round { began: now, ..Round::default() };
    }

    fn ended(&mut self, rate: f64) {
        if self.rest > 0 {
            self.rest -= 1;
            // What the line gives at this width, for the next try.
            self.rate = rate;
            if self.rest == 0 {
                self.widen();
            }
        } else if rate > self.rate * QUICKER {
            self.rate = rate;
            self.widen();
        } else {
            // What was added did not help.
            self.width = (self.width - self.added).max(LEAST);
            (self.added, self.rest) = (0, REST);
        }
    }

    fn widen(&mut self) {
        self.added = (self.width / 2).clamp(1, STEP).min(MOST - self.width);
        self.width += self.added;
    }

    /// S3 asks for less, or the connection broke.
    pub fn refused(&mut self, ticket: Ticket, now: Duration) {
        if ticket == self.ticket() {
            self.halvings += 1;
            self.width = (self.width / 2).max(LEAST);
            (self.added, self.rest, self.rate) = (0, 1, 0.0);
            self.round = Round { began: now, ..Round::default() };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A line that serves at most `places` requests at once, each in a second.
    fn round(pace: &mut Pace, now: &mut f64, places: usize) {
        let width = pace.width();
        *now += (width as f64 / places as f64).max(1.0);
        for _ in 0..width {
            pace.done(0, Duration::from_secs_f64(*now));
        }
    }

    #[test]
    fn it_grows_to_the_most_while_that_is_quicker() {
        let (mut pace, mut now) = (Pace::default(), 0.0);
        let mut widths = vec![pace.width()];
        while pace.width() < MOST {
            round(&mut pace, &mut now, 1000);
            widths.push(pace.width());
        }
        assert_eq!(widths, [16, 24, 32, 40, 48, 56, 64, 72, 80, 88, 96]);
        for _ in 0..50 {
            round(&mut pace, &mut now, 1000);
            assert!((MOST - STEP..=MOST).contains(&pace.width()));
        }
    }

    #[test]
    fn it_stays_where_more_is_not_quicker_and_tries_again_later() {
        let (mut pace, mut now) = (Pace::default(), 0.0);
        let mut widths = Vec::new();
        for _ in 0..60 {
            round(&mut pace, &mut now, 40);
            widths.push(pace.width());
        }
        let settled = &widths[4..];
        assert!(settled.iter().all(|width| [40, 48].contains(width)), "{widths:?}");
        let tries = settled.iter().filter(|width| **width == 48).count();
        assert!((5..=settled.len() / 6).contains(&tries), "{tries} tries in {widths:?}");
    }

    #[test]
    fn a_refusal_halves_it_once_for_all_that_was_under_way() {
        let mut pace = Pace::default();
        let before = pace.ticket();
        for _ in 0..16 {
            pace.refused(before, Duration::ZERO);
        }
        assert_eq!(pace.width(), 8);
        pace.refused(pace.ticket(), Duration::ZERO);
        assert_eq!(pace.width(), 4);
        for _ in 0..5 {
            pace.refused(pace.ticket(), Duration::ZERO);
        }
        assert_eq!(pace.width(), LEAST);
    }

    #[test]
    fn after_a_refusal_it_grows_again_in_small_steps_first() {
        let (mut pace, mut now) = (Pace::default(), 0.0);
        for _ in 0..3 {
            pace.refused(pace.ticket(), Duration::ZERO);
        }
        let mut widths = vec![pace.width()];
        for _ in 0..6 {
            round(&mut pace, &mut now, 1000);
            widths.push(pace.width());
        }
        assert_eq!(widths, [2, 3, 4, 6, 9, 13, 19]);
    }

    #[test]
    fn bytes_count_besides_requests() {
        let mut pace = Pace::default();
        let mut now = 0.0;
        // As many requests a second, each larger than those before.
        for size in 1..4 {
            now += 1.0;
            let width = pace.width();
            for _ in 0..width {
                pace.done(size * 1_000_000, Duration::from_secs_f64(now * width as f64));
            }
        }
        assert!(pace.width() > FIRST);
    }
}
