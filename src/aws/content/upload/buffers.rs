//! Buffers for parts, used again and again.
//!
//! An allocator keeps what is freed in the arena of the thread that asked for it, and those who read
//! parts change: buffers that are freed each time take up several times what is in use.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;

/// Buffers that wait to be used again.
#[derive(Debug, Clone, Default)]
pub struct Buffers(Arc<Mutex<Vec<Vec<u8>>>>);

/// A buffer; it goes back when nobody holds its bytes any more.
#[derive(Debug)]
pub struct Buffer {
    bytes: Vec<u8>,
    home: Buffers,
}

impl Buffers {
    /// A buffer of `size` bytes, with anything in it.
    pub fn take(&self, size: usize) -> Buffer {
        let mut bytes = self.0.lock().unwrap_or_else(PoisonError::into_inner).pop().unwrap_or_default();
        bytes.resize(size, 0);
        Buffer { bytes, home: self.clone() }
    }
}

impl Buffer {
    /// All of it, to be filled.
    pub fn as_mut(&mut self) -> &mut [u8] {
        &mut self.bytes
    }

    /// Its bytes, to be sent.
    pub fn freeze(self) -> Bytes {
        Bytes::from_owner(self)
    }
}

impl AsRef<[u8]> for Buffer {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        let bytes = std::mem::take(&mut self.bytes);
        self.home.0.lock().unwrap_or_else(PoisonError::into_inner).push(bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_is_used_again_when_its_bytes_are_gone() {
        let buffers = Buffers::default();
        let mut first = buffers.take(1000);
        first.as_mut().fill(7);
        let place = first.as_ref().as_ptr();
        let bytes = first.freeze();
        let slice = bytes.slice(10..20);
        drop(bytes);
        assert_ne!(buffers.take(1000).as_ref().as_ptr(), place);
        assert_eq!(slice, [7; 10].as_slice());
        drop(slice);
        let again = [buffers.take(600), buffers.take(600)];
        assert!(again.iter().any(|buffer| buffer.as_ref().as_ptr() == place));
        assert!(again.iter().all(|buffer| buffer.as_ref().len() == 600));
    }
}
