//! What a file is by its first bytes, before any C code sees it.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

use crate::decode;
use crate::error::Failure;
use crate::inspect::Container;

/// How much of the beginning is looked at.
const HEAD_BYTES: usize = 4096;
/// Most top-level boxes of an MP4 file that are walked over; a fragmented hour has fewer.
const BOXES_MAX: usize = 20_000;
/// Boxes that stand at the top level of files with media in them.
const BOXES: &[&[u8; 4]] = &[
    b"ftyp", b"moov", b"mdat", b"moof", b"mfra", b"sidx", b"styp", b"free", b"skip", b"wide", b"uuid",
    b"meta",
];

/// What was learned without FFmpeg.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Sniffed {
    pub(crate) container: Container,
    pub(crate) bytes: u64,
    /// The file ends in the middle of an MP4 box.
    pub(crate) cut_off: bool,
}

/// Reads the beginning of `path` and says what it is.
///
/// # Errors
/// The outer error is the system's; the inner one the upload's.
pub(crate) fn sniff(path: &Path) -> io::Result<Result<Sniffed, Failure>> {
    let mut file = File::open(path)?;
    let bytes = file.metadata()?.len();
    let mut head = Vec::with_capacity(HEAD_BYTES);
    file.by_ref().take(HEAD_BYTES as u64).read_to_end(&mut head)?;
    let container = match container(&head) {
        Ok(container) => container,
        Err(failure) => return Ok(Err(failure)),
    };
    if container != Container::Mp4 {
        return Ok(Ok(Sniffed { container, bytes, cut_off: false }));
    }
    let index = walk(&mut file, bytes)?;
    if !index.found {
        return Ok(Err(Failure::Truncated));
    }
    Ok(Ok(Sniffed { container, bytes, cut_off: index.cut_off }))
}

/// Reads the beginning of a file that may hold nothing but sound, and says what it is.
///
/// # Errors
/// The outer error is the system's; the inner one the file's.
pub(crate) fn sniff_sound(path: &Path) -> io::Result<Result<Sniffed, Failure>> {
    let mut file = File::open(path)?;
    let bytes = file.metadata()?.len();
    let mut head = Vec::with_capacity(HEAD_BYTES);
    file.by_ref().take(HEAD_BYTES as u64).read_to_end(&mut head)?;
    match decode::container(&head) {
        Some(container) => Ok(Ok(Sniffed { container, bytes, cut_off: false })),
        None => sniff(path),
    }
}

fn container(head: &[u8]) -> Result<Container, Failure> {
    if head.is_empty() {
        return Err(Failure::EmptyFile);
    }
    let not = |found: &str| Err(Failure::NotAVideo { found: found.into() });
    let unsupported = |found: &str| Err(Failure::UnsupportedFormat { found: found.into() });
    let at = |offset: usize, magic: &[u8]| head.get(offset..).is_some_and(|rest| rest.starts_with(magic));
    if let Some(kind) = head.get(4..8)
        && matches!(
            kind,
            b"ftyp" | b"moov" | b"mdat" | b"free" | b"skip" | b"wide" | b"pnot" | b"styp" | b"uuid"
        )
    {
        return match head.get(8..12) {
            Some(b"heic" | b"heix" | b"mif1" | b"avif") if kind == b"ftyp" => not("a still picture"),
            Some(b"M4A " | b"M4B ") if kind == b"ftyp" => not("a sound file"),
            _ => Ok(Container::Mp4),
        };
    }
    if at(0, &[0x1A, 0x45, 0xDF, 0xA3]) {
        return Ok(Container::Matroska);
    }
    if at(0, b"RIFF") {
        return match head.get(8..12) {
            Some(b"AVI ") => Ok(Container::Avi),
            Some(b"WEBP") => not("a WebP picture"),
            Some(b"WAVE") => not("a sound file"),
            _ => not("an unknown kind of file"),
        };
    }
    // Transport streams repeat their sync byte every 188 bytes, or every 192 on cameras.
    let synced = |start: usize, step: usize| (0..4).all(|n| head.get(start + n * step) == Some(&0x47));
    if synced(0, 188) || synced(4, 192) {
        return Ok(Container::MpegTs);
    }
    match () {
        () if at(0, b"\x89PNG") => not("a PNG picture"),
        () if at(0, &[0xFF, 0xD8, 0xFF]) => not("a JPEG picture"),
        () if at(0, b"GIF8") => unsupported("animated GIF"),
        () if at(0, b"%PDF") => not("a PDF document"),
        () if at(0, b"PK\x03\x04") => not("a ZIP archive"),
        () if at(0, b"ID3") || at(0, b"fLaC") || at(0, b"#!AMR") => not("a sound file"),
        () if at(0, b"OggS") => unsupported("Ogg"),
        () if at(0, b"FLV") => unsupported("Flash video"),
        () if at(0, &[0x30, 0x26, 0xB2, 0x75]) => unsupported("Windows Media"),
        () if at(0, &[0, 0, 1, 0xBA]) => unsupported("MPEG program streams"),
        () if at(0, b".RMF") => unsupported("RealMedia"),
        () if is_text(head) => not("a text"),
        () => not("an unknown kind of file"),
    }
}

fn is_text(head: &[u8]) -> bool {
    // The last character may be cut in two by the end of the sample.
    let valid = match std::str::from_utf8(head) {
        Ok(_) => true,
        Err(error) => error.error_len().is_none(),
    };
    valid && head.iter().all(|byte| *byte >= 0x20 || matches!(byte, b'\t' | b'\n' | b'\r' | 0x0C | 0x1B))
}

struct Index {
    /// There is a `moov` box, whole.
    found: bool,
    cut_off: bool,
}

/// Walks over the top-level boxes (ISO/IEC 14496-12, 4.2) and looks for the index.
fn walk(file: &mut File, bytes: u64) -> io::Result<Index> {
    let mut index = Index { found: false, cut_off: false };
    let mut offset = 0_u64;
    for _ in 0..BOXES_MAX {
        if bytes.saturating_sub(offset) < 8 {
            break;
        }
        file.seek(SeekFrom::Start(offset))?;
        let mut header = [0_u8; 16];
        let read = read_up_to(file, &mut header)?;
        let [a, b, c, d, kind @ ..] = *header.first_chunk::<8>().unwrap_or(&[0; 8]);
        let size = match u32::from_be_bytes([a, b, c, d]) {
            // Up to the end of the file.
            0 => bytes - offset,
            1 if read == 16 => u64::from_be_bytes(*header.last_chunk::<8>().unwrap_or(&[0; 8])),
            size => u64::from(size),
        };
        let end = offset.saturating_add(size);
        if size < 8 {
            // Rubbish after the media, such as an appended page; FFmpeg stops there as well.
            break;
        }
        let is_index = kind == *b"moov";
        if end > bytes {
            // Rubbish after the media has a length as well, but no known name.
            index.cut_off = BOXES.contains(&&kind);
            break;
        }
        index.found |= is_index;
        offset = end;
    }
    Ok(index)
}

fn read_up_to(file: &mut File, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match file.read(&mut buffer[filled..])? {
            0 => break,
            count => filled += count,
        }
    }
    Ok(filled)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn sniff_bytes(bytes: &[u8]) -> Result<Sniffed, Failure> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), bytes).unwrap();
        sniff(file.path()).unwrap()
    }

    #[test]
    fn names_what_it_is_not() {
        for (bytes, code) in [
            (&b""[..], "empty_file"),
            (b"x", "not_a_video"),
            (b"#EXTM3U\nfile:///etc/passwd\n", "not_a_video"),
            (b"ffconcat version 1.0\nfile 'other.mp4'\n", "not_a_video"),
            (b"\x89PNG\r\n\x1a\n0000", "not_a_video"),
            (b"FLV\x01\x05", "unsupported_format"),
            (b"\0\0\0\x18ftypheic\0\0\0\0", "not_a_video"),
            (b"\0\0\0\x0cftypisom", "truncated"),
        ] {
            assert_eq!(sniff_bytes(bytes).unwrap_err().code(), code, "{bytes:?}");
        }
    }

    #[test]
    fn a_box_of_size_zero_or_one_does_not_loop() {
        let zero = b"\0\0\0\x0cftypisom\0\0\0\0mdatxxxxxxxx";
        assert_eq!(sniff_bytes(zero), Err(Failure::Truncated));
        let tiny = b"\0\0\0\x0cftypisom\0\0\0\x01mdat\0\0\0\0\0\0\0\x01";
        assert_eq!(sniff_bytes(tiny), Err(Failure::Truncated));
    }

    proptest! {
        #[test]
        fn takes_any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
            let _ = sniff_bytes(&bytes);
        }

        #[test]
        fn takes_any_boxes(boxes in proptest::collection::vec((any::<u32>(), "[a-z]{4}"), 0..40)) {
            let mut bytes = b"\0\0\0\x0cftypisom".to_vec();
            for (size, kind) in boxes {
                bytes.extend_from_slice(&size.to_be_bytes());
                bytes.extend_from_slice(kind.as_bytes());
            }
            let _ = sniff_bytes(&bytes);
        }
    }
}
