//! Whether an MP4 file has a box of Content Credentials at all (C2PA 2.2, "Embedding manifests into BMFF-based assets").

use std::io::{self, Read, Seek, SeekFrom};

/// The `uuid` of boxes with Content Credentials.
const CREDENTIALS: [u8; 16] =
    [0xD8, 0xFE, 0xC3, 0xD6, 0x1B, 0x0E, 0x48, 0x3C, 0x92, 0x97, 0x58, 0x28, 0x87, 0x7E, 0xC4, 0x81];
/// Most boxes looked at; a fragmented hour has fewer at the top level.
const BOXES_MAX: usize = 20_000;

/// Walks over the top level. A box that claims to be longer than the file is the last; one shorter than its own header
/// ends the walk.
pub(crate) fn has_credentials(file: &mut (impl Read + Seek)) -> io::Result<bool> {
    let end = file.seek(SeekFrom::End(0))?;
    let mut at = 0_u64;
    for _ in 0..BOXES_MAX {
        if at >= end {
            break;
        }
        file.seek(SeekFrom::Start(at))?;
        let mut head = Vec::with_capacity(32);
        file.by_ref().take(32).read_to_end(&mut head)?;
        let Some((size, header)) = size(&head, end - at) else { break };
        if head.get(4..8) == Some(b"uuid") && head.get(header..header + 16) == Some(&CREDENTIALS) {
            return Ok(true);
        }
        if size < header as u64 {
            break;
        }
        at = at.saturating_add(size);
    }
    Ok(false)
}

/// Length of the box and of its header, in bytes; 0 stands for "to the end" (ISO 14496-12, 4.2).
fn size(head: &[u8], rest: u64) -> Option<(u64, usize)> {
    match u32::from_be_bytes(head.get(..4)?.try_into().ok()?) {
        0 => Some((rest, 8)),
        1 => Some((u64::from_be_bytes(head.get(8..16)?.try_into().ok()?), 16)),
        size => Some((u64::from(size), 8)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Cursor;

    fn boxed(kind: &[u8; 4], size: u32, body: &[u8]) -> Vec<u8> {
        [&size.to_be_bytes()[..], kind, body].concat()
    }

    fn plain(kind: &[u8; 4], body: &[u8]) -> Vec<u8> {
        boxed(kind, u32::try_from(body.len()).unwrap() + 8, body)
    }

    #[track_caller]
    fn check(parts: &[Vec<u8>], expected: bool) {
        assert_eq!(has_credentials(&mut Cursor::new(parts.concat())).unwrap(), expected);
    }

    #[test]
    fn a_box_of_credentials_is_found_wherever_it_stands_at_the_top_level() {
        let (head, media) = (plain(b"ftyp", b"isom0000"), plain(b"mdat", &[7; 99]));
        let own = plain(b"uuid", &[&CREDENTIALS[..], b"body"].concat());
        let long = [&boxed(b"uuid", 1, &40_u64.to_be_bytes())[..], &CREDENTIALS, b"12345678"].concat();
        check(&[], false);
        check(&[head.clone(), media.clone()], false);
        check(&[head.clone(), own.clone(), media.clone()], true);
        check(&[head.clone(), media.clone(), long.clone()], true);
        check(&[head.clone(), long, media.clone()], true);
        check(&[head.clone(), plain(b"uuid", &[9; 30]), media.clone(), own.clone()], true);
        // Not one of its own but what another holds.
        check(&[head, plain(b"free", &own), media], false);
    }

    #[test]
    fn sizes_that_lie_end_the_walk() {
        let own = plain(b"uuid", &CREDENTIALS);
        let huge = boxed(b"uuid", u32::MAX, &CREDENTIALS);
        check(&[huge], true);
        check(&[boxed(b"uuid", 0, &CREDENTIALS)], true);
        check(&[boxed(b"free", 7, b""), own.clone()], false);
        check(&[boxed(b"free", 1, &15_u64.to_be_bytes()), own.clone()], false);
        check(&[boxed(b"free", 1, &u64::MAX.to_be_bytes()), own.clone()], false);
        check(&[boxed(b"free", 0, b""), own.clone()], false);
        check(&[own[..23].to_vec()], false);
        check(&[b"\0\0".to_vec()], false);
    }
}
