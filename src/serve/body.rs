//! Bodies of answers: bytes in memory, or a file that is read while it is sent.

use std::convert::Infallible;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::pin::Pin;
use std::task::{Context, Poll};

use actix_web::body::{BodySize, BoxBody, MessageBody, SizedStream};
use bytes::Bytes;
use futures_util::StreamExt as _;

use super::stamp::Stamp;

/// Size of the pieces in which files are read, in bytes.
const PIECE: u64 = 256 * 1024;

/// A body that can be sent in parts.
#[derive(Debug)]
pub enum Body {
    /// Bytes in memory.
    Memory(Bytes),
    /// An open file and its state when it was opened.
    Disk(File, Stamp),
}

impl Body {
    /// Length in bytes.
    pub fn length(&self) -> u64 {
        match self {
            Self::Memory(bytes) => bytes.len() as u64,
            Self::Disk(_, stamp) => stamp.size,
        }
    }

    /// The bytes from `first`, `length` of them; they have to exist.
    pub fn part(self, first: u64, length: u64) -> BoxBody {
        match self {
            Self::Memory(bytes) => BoxBody::new(slice(&bytes, first, length)),
            Self::Disk(file, stamp) => streamed(file, stamp, first, length),
        }
    }
}

/// No body, but the length of one: what HEAD is answered with.
pub struct LengthOnly(pub u64);

impl MessageBody for LengthOnly {
    type Error = Infallible;

    fn size(&self) -> BodySize {
        BodySize::Sized(self.0)
    }

    fn poll_next(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Bytes, Infallible>>> {
        Poll::Ready(None)
    }
}

fn slice(bytes: &Bytes, first: u64, length: u64) -> Bytes {
    let at = |position: u64| usize::try_from(position).unwrap_or(usize::MAX).min(bytes.len());
    bytes.slice(at(first)..at(first + length))
}

/// A part of a file, read piece by piece on the threads for blocking work.
///
/// SECURITY: when the file changes meanwhile, the connection breaks off before the last piece, so
/// that nobody takes a mixture of two files for one.
fn streamed(file: File, stamp: Stamp, first: u64, length: u64) -> BoxBody {
    let reader = Reader { file, stamp, at: first, left: length };
    let pieces = futures_util::stream::try_unfold(reader, |reader| async move {
        if reader.left == 0 {
            return Ok(None);
        }
        tokio::task::spawn_blocking(move || reader.next()).await.map_err(io::Error::other)?.map(Some)
    });
    BoxBody::new(SizedStream::new(length, pieces.boxed_local()))
}

struct Reader {
    file: File,
    stamp: Stamp,
    at: u64,
    left: u64,
}

impl Reader {
    fn next(mut self) -> io::Result<(Bytes, Self)> {
        let length = self.left.min(PIECE);
        // The cast is of at most PIECE.
        let mut piece = vec![0; length as usize];
        self.file.seek(SeekFrom::Start(self.at))?;
        self.file.read_exact(&mut piece)?;
        self.at += length;
        self.left -= length;
        if self.left == 0 && Stamp::of(&self.file)? != self.stamp {
            return Err(io::Error::other("the file has changed while it was sent"));
        }
        Ok((piece.into(), self))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

    use std::io::Write as _;

    use actix_web::body::to_bytes;

    use super::*;

    fn file(bytes: &[u8]) -> (tempfile::NamedTempFile, File, Stamp) {
        let mut named = tempfile::NamedTempFile::new().unwrap();
        named.write_all(bytes).unwrap();
        let file = File::open(named.path()).unwrap();
        let stamp = Stamp::of(&file).unwrap();
        (named, file, stamp)
    }

    #[tokio::test]
    async fn a_file_is_sent_in_pieces_and_whole() {
        let bytes: Vec<u8> = (0..3 * PIECE + 5).map(|i| i as u8).collect();
        let (_named, open, stamp) = file(&bytes);
        let body = Body::Disk(open, stamp);
        assert_eq!(body.length(), bytes.len() as u64);
        assert_eq!(to_bytes(body.part(0, bytes.len() as u64)).await.unwrap(), bytes);
    }

    #[tokio::test]
    async fn a_part_is_the_same_from_memory_and_from_disk() {
        let bytes: Vec<u8> = (0..2 * PIECE).map(|i| (i / 7) as u8).collect();
        let (_named, open, stamp) = file(&bytes);
        let disk = to_bytes(Body::Disk(open, stamp).part(PIECE - 3, 6)).await.unwrap();
        let memory = to_bytes(Body::Memory(bytes.into()).part(PIECE - 3, 6)).await.unwrap();
        assert_eq!(disk, memory);
        assert_eq!(disk.len(), 6);
    }

    #[tokio::test]
    async fn a_file_that_changes_while_it_is_sent_breaks_off() {
        let (named, open, stamp) = file(&[1; 1000]);
        named.as_file().set_len(500).unwrap();
        assert!(to_bytes(Body::Disk(open, stamp).part(0, 1000)).await.is_err());
        let (mut named, open, stamp) = file(&[1; 1000]);
        named.write_all(&[2; 10]).unwrap();
        assert!(to_bytes(Body::Disk(open, stamp).part(0, 1000)).await.is_err());
    }
}
