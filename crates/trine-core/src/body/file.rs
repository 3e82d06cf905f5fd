//! A part of a file as a body.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};

use bytes::{Bytes, BytesMut};

use super::error::BodyError;

/// A part of an open file. [`Body::file`](crate::Body::file) makes it.
#[derive(Debug)]
pub struct FileBody {
    /// The open file.
    pub file: File,
    /// The offset of the next byte.
    pub offset: u64,
    /// The number of bytes that are left.
    pub len: u64,
}

impl FileBody {
    pub(super) fn read(&mut self) -> Option<Result<Bytes, BodyError>> {
        const CHUNK: u64 = 64 * 1024;
        if self.len == 0 {
            return None;
        }
        let mut chunk = BytesMut::zeroed(usize::try_from(self.len.min(CHUNK)).unwrap_or(0));
        let seek = self.file.seek(SeekFrom::Start(self.offset));
        match seek.and_then(|_| self.file.read(&mut chunk)) {
            Ok(0) => {
                let short = "the file is shorter than the body";
                Some(Err(BodyError::Other(
                    io::Error::new(io::ErrorKind::UnexpectedEof, short).into(),
                )))
            }
            Ok(read) => {
                chunk.truncate(read);
                self.offset += read as u64;
                self.len -= read as u64;
                Some(Ok(chunk.freeze()))
            }
            Err(error) => Some(Err(BodyError::Other(error.into()))),
        }
    }
}
