//! Files as bytes that need not be read: the name of a piece of a file is an address.
//!
//! A file is mapped into memory and its bytes are handed to the HTTP machinery as [`Bytes`] that point there. When such a
//! piece reaches the [connection](crate::connection), that recognises the address and has the kernel send the file's own
//! pages. On HTTP/1 nothing ever reads through the mapping.

use axum::body::Bytes;
use memmap2::Mmap;
use parking_lot::RwLock;
use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::ops::Range;
use std::sync::Arc;

/// Mapped files by their addresses, which are unique in a process.
static REGIONS: RwLock<BTreeMap<usize, Arc<Region>>> = RwLock::new(BTreeMap::new());

/// The file behind a mapping.
pub(crate) struct Region {
    pub(crate) file: File,
    bytes: usize,
}

/// A file of which parts can be sent. Cheap to clone; unmapped when the last part is sent.
#[derive(Clone)]
pub(crate) struct Mapped {
    whole: Bytes,
    region: Arc<Region>,
}

struct Owner(Mmap);

impl AsRef<[u8]> for Owner {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        // Before the mapping goes: the address may be given to other memory at once.
        REGIONS.write().remove(&(self.0.as_ptr() as usize));
    }
}

impl Mapped {
    /// Maps a file, which from then on must never be written to nor cut.
    #[expect(unsafe_code, reason = "a mapping can not be made otherwise")]
    pub(crate) fn new(file: File) -> io::Result<Self> {
        // SAFETY: media files are written under another name, renamed when they are complete, and only ever removed,
        // which leaves a mapping as it is.
        let map = unsafe { Mmap::map(&file)? };
        let (start, bytes) = (map.as_ptr() as usize, map.len());
        let region = Arc::new(Region { file, bytes });
        if bytes > 0 {
            REGIONS.write().insert(start, region.clone());
        }
        Ok(Self { whole: Bytes::from_owner(Owner(map)), region })
    }

    /// These bytes of the file; they have to lie within it.
    pub(crate) fn part(&self, range: Range<usize>) -> Bytes {
        self.whole.slice(range)
    }

    /// The file's length.
    pub(crate) fn len(&self) -> usize {
        self.region.bytes
    }

    /// The file itself.
    pub(crate) fn file(&self) -> &File {
        &self.region.file
    }
}

/// The file behind these bytes, if they are a mapped one's, and where in it they begin.
pub(crate) fn region(bytes: &[u8]) -> Option<(Arc<Region>, u64)> {
    let address = bytes.as_ptr() as usize;
    let regions = REGIONS.read();
    let (start, region) = regions.range(..=address).next_back()?;
    let offset = address - start;
    (offset + bytes.len() <= region.bytes).then(|| (region.clone(), offset as u64))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;

    #[test]
    fn addresses_lead_back_to_the_file_as_long_as_a_part_is_held() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(b"0123456789").unwrap();
        let mapped = Mapped::new(file.reopen().unwrap()).unwrap();
        assert_eq!(mapped.len(), 10);
        let part = mapped.part(3..7);
        drop(mapped);
        let (found, offset) = region(&part).unwrap();
        assert_eq!((offset, found.bytes), (3, 10));
        assert!(region(b"elsewhere").is_none());
        let address = part.as_ptr() as usize - 3;
        drop(part);
        assert!(!REGIONS.read().contains_key(&address));
    }
}
