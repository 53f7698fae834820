//! How far the uploads are, in words.

use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use crate::release::object::MULTIPART;

/// Of how many steps something new is said.
const STEPS: u64 = 200;
/// Names of sizes, each a thousand times the one before.
const UNITS: [&str; 4] = ["MB", "GB", "TB", "PB"];

/// What is stored already, of what has to be.
pub struct Progress {
    files: u64,
    bytes: u64,
    done: Mutex<Done>,
    changed: Notify,
}

#[derive(Debug, Clone, Copy, Default)]
struct Done {
    files: u64,
    bytes: u64,
}

impl Progress {
    /// Nothing of so many files, with so many bytes together.
    pub fn of(files: u64, bytes: u64) -> Self {
        Self { files, bytes, done: Mutex::default(), changed: Notify::new() }
    }

    /// So many files, and so many bytes, are stored.
    pub fn add(&self, files: u64, bytes: u64) {
        let mut done = self.done();
        let before = self.step(*done);
        done.files += files;
        done.bytes += bytes;
        if self.step(*done) != before {
            self.changed.notify_one();
        }
    }

    /// Waits until there is something new to say, and says it.
    pub async fn news(&self) -> String {
        self.changed.notified().await;
        let done = *self.done();
        self.text(done)
    }

    fn done(&self) -> MutexGuard<'_, Done> {
        self.done.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn step(&self, done: Done) -> (u64, u64) {
        (done.files * STEPS / self.files.max(1), done.bytes * STEPS / self.bytes.max(1))
    }

    fn text(&self, done: Done) -> String {
        let files = format!("{} of {} files", done.files, self.files);
        if self.bytes <= MULTIPART {
            return files;
        }
        let (mut unit, mut size) = (0, 1_000_000);
        while self.bytes >= size * 1000 && unit + 1 < UNITS.len() {
            (unit, size) = (unit + 1, size * 1000);
        }
        let tenths = |bytes: u64| format!("{}.{}", bytes / size, bytes % size * 10 / size);
        let bytes = format!("{} of {} {}", tenths(done.bytes), tenths(self.bytes), UNITS[unit]);
        if self.files == 1 { bytes } else { format!("{files}, {bytes}") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(files: (u64, u64), bytes: (u64, u64)) -> String {
        Progress::of(files.1, bytes.1).text(Done { files: files.0, bytes: bytes.0 })
    }

    #[test]
    fn many_small_files_are_counted_and_large_ones_measured() {
        assert_eq!(text((3, 40), (1, 5_000_000)), "3 of 40 files");
        assert_eq!(text((0, 1), (1_290_000_000, 5_000_000_000)), "1.2 of 5.0 GB");
        assert_eq!(text((7, 9), (71_900_000, 80_000_000)), "7 of 9 files, 71.9 of 80.0 MB");
    }

    #[test]
    fn it_is_not_told_for_each_of_very_many() {
        let progress = Progress::of(100_000, 1);
        let news = |progress: &Progress| {
            let mut waiting = std::task::Context::from_waker(std::task::Waker::noop());
            std::future::Future::poll(std::pin::pin!(progress.news()), &mut waiting).is_ready()
        };
        let told = (0..100_000).filter(|_| {
            progress.add(1, 0);
            news(&progress)
        });
        assert_eq!(told.count(), 200);
    }
}
