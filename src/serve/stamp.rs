//! The state of a file: if it is the same, so are the bytes.

use std::fs::File;
use std::io;
use std::path::Path;
use std::time::{Duration, SystemTime};

/// Size and time of the last change of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    /// Size in bytes.
    pub size: u64,
    modified: Option<SystemTime>,
}

impl Stamp {
    /// The state of an open file.
    pub fn of(file: &File) -> io::Result<Self> {
        file.metadata().map(|metadata| Self { size: metadata.len(), modified: metadata.modified().ok() })
    }

    /// The state of the file at `path`.
    pub fn of_path(path: &Path) -> io::Result<Self> {
        std::fs::metadata(path).map(|metadata| Self { size: metadata.len(), modified: metadata.modified().ok() })
    }

    /// Whether the last change was before `time`, by more than `margin`.
    pub fn is_before(&self, time: SystemTime, margin: Duration) -> bool {
        let Some(modified) = self.modified else { return false };
        time.duration_since(modified).is_ok_and(|earlier| earlier > margin)
    }
}
