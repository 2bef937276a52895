//! Reads the index of the MP4 files we made, to check them, to name their codecs, and to end them earlier.
//!
//! ISO/IEC 14496-12 boxes; `avcC` of 14496-15; `esds` of 14496-1 and 14496-14. A remuxed upload keeps bytes of the
//! upload's, so nothing here trusts a length.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;

/// Largest index read. An hour of 60 fps has about 4 MB.
const INDEX_BYTES_MAX: u64 = 16 << 20;

/// What a player will find.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Movie {
    /// Length in milliseconds.
    pub(crate) duration_ms: u32,
    pub(crate) video: Option<VideoTrack>,
    /// RFC 6381 name of the sound's codec.
    pub(crate) audio: Option<String>,
    /// The index stands before the media, so that playing starts with the first bytes.
    pub(crate) fast_start: bool,
}

#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct VideoTrack {
    pub(crate) width: u32,
    pub(crate) height: u32,
    /// RFC 6381 name of the codec; of H.265 only its beginning.
    pub(crate) codec: String,
    pub(crate) frames: u32,
    pub(crate) duration_ms: u32,
}

impl Movie {
    /// RFC 6381 `codecs` value: `avc1.64001f,mp4a.40.2`.
    pub(crate) fn codecs(&self) -> String {
        let video = self.video.as_ref().map(|video| video.codec.as_str());
        video.into_iter().chain(self.audio.as_deref()).collect::<Vec<_>>().join(",")
    }
}

/// Reads the index of the file at `path`; `None` when it has none that makes sense.
pub(crate) fn read(path: &Path) -> io::Result<Option<Movie>> {
    let Some(index) = find(&mut File::open(path)?)? else { return Ok(None) };
    Ok(movie(&index.body).map(|movie| Movie { fast_start: index.first, ..movie }))
}

/// Ends the presentation of a file that FFmpeg made after `length_ms`, rounded down: the edit lists of its tracks end there,
/// and what comes later stays in the file unseen. False when its index is not as FFmpeg writes it; nothing is changed then.
pub(crate) fn end_after(path: &Path, length_ms: u32) -> io::Result<bool> {
    let mut file = File::options().read(true).write(true).open(path)?;
    let Some(mut index) = find(&mut file)? else { return Ok(false) };
    if shorten(&mut index.body, length_ms).is_none() {
        return Ok(false);
    }
    file.seek(SeekFrom::Start(index.offset))?;
    file.write_all(&index.body)?;
    Ok(true)
}

/// The body of a `moov` box.
struct Index {
    body: Vec<u8>,
    /// Where it begins in the file.
    offset: u64,
    /// It stands before the media.
    first: bool,
}

fn find(file: &mut File) -> io::Result<Option<Index>> {
    let length = file.metadata()?.len();
    let (mut offset, mut media_seen) = (0_u64, false);
    while length.saturating_sub(offset) >= 16 {
        let mut header = [0_u8; 16];
        file.seek(SeekFrom::Start(offset))?;
        file.read_exact(&mut header)?;
        let (size, kind) = (number(&header, 0).unwrap_or(0), &header[4..8]);
        let size = match size {
            0 => length - offset,
            1 => u64::from_be_bytes(*header.last_chunk::<8>().unwrap_or(&[0; 8])),
            size => u64::from(size),
        };
        if size < 8 {
            return Ok(None);
        }
        if kind == b"moov" {
            if size > INDEX_BYTES_MAX {
                return Ok(None);
            }
            let (mut body, offset) = (Vec::new(), offset + 8);
            file.seek(SeekFrom::Start(offset))?;
            file.take(size - 8).read_to_end(&mut body)?;
            return Ok(Some(Index { body, offset, first: !media_seen }));
        }
        media_seen |= kind == b"mdat";
        offset = offset.saturating_add(size);
    }
    Ok(None)
}

fn movie(index: &[u8]) -> Option<Movie> {
    let header = child(index, b"mvhd")?;
    let mut movie = Movie { duration_ms: duration_ms(header)?, ..Movie::default() };
    for track in boxes(index).filter(|(kind, _)| kind == b"trak").map(|(_, body)| body) {
        let Some(media) = child(track, b"mdia") else { continue };
        let Some(table) = child(media, b"minf").and_then(|body| child(body, b"stbl")) else { continue };
        match child(media, b"hdlr").and_then(|body| body.get(8..12)) {
            Some(b"vide") if movie.video.is_none() => movie.video = video_track(media, table),
            Some(b"soun") if movie.audio.is_none() => movie.audio = audio_codec(table),
            _ => {}
        }
    }
    Some(movie)
}

/// Ends the edit list of every track after `length_ms` at the latest, and says so in all headers.
fn shorten(index: &mut [u8], length_ms: u32) -> Option<()> {
    // Boxes of version 0, with numbers of 32 bits: FFmpeg writes others for files of many hours.
    let header = child(index, b"mvhd").filter(|header| header.first() == Some(&0))?;
    let length = u32::try_from(u64::from(length_ms) * u64::from(number(header, 12)?) / 1000).ok()?;
    let mut longest = 0;
    let mut rest = &mut *index;
    while let Some((kind, body, after)) = next_box(rest) {
        if &kind == b"trak" {
            longest = longest.max(shorten_track(body, length)?);
        }
        rest = after;
    }
    put(child_mut(index, b"mvhd")?, 16, longest)
}

/// Ends one track's edit list after `length`, in the movie's units; answers how long it is then.
fn shorten_track(track: &mut [u8], length: u32) -> Option<u32> {
    let list = child_mut(child_mut(track, b"edts")?, b"elst").filter(|list| list.first() == Some(&0))?;
    // An entry has its length, where in the media it begins, and its speed. FFmpeg puts an empty one first for a late track.
    let last = number(list, 4)?.checked_sub(1)?;
    let place = |entry: u32| usize::try_from(entry).ok()?.checked_mul(12)?.checked_add(8);
    let mut before = 0_u32;
    for entry in 0..last.min(1) {
        before = before.checked_add(number(list, place(entry)?)?)?;
    }
    let kept = number(list, place(last)?)?.min(length.checked_sub(before)?);
    if last > 1 || kept == 0 {
        return None;
    }
    put(list, place(last)?, kept)?;
    let whole = before.checked_add(kept)?;
    put(child_mut(track, b"tkhd").filter(|header| header.first() == Some(&0))?, 20, whole)?;
    Some(whole)
}

fn video_track(media: &[u8], table: &[u8]) -> Option<VideoTrack> {
    // Full box header (4), entry count (4), then the first sample entry.
    let (kind, entry) = boxes(child(table, b"stsd")?.get(8..)?).next()?;
    let size = number(entry, 24)?;
    let codec = match &kind {
        b"avc1" | b"avc3" => {
            let config = child(entry.get(78..)?, b"avcC")?;
            let [profile, constraints, level] = *config.get(1..)?.first_chunk::<3>()?;
            format!("avc1.{profile:02x}{constraints:02x}{level:02x}")
        }
        // Only trims are copied in it, which nobody plays.
        b"hev1" | b"hvc1" => "hvc1".into(),
        _ => return None,
    };
    Some(VideoTrack {
        width: size >> 16,
        height: size & 0xFFFF,
        codec,
        frames: number(child(table, b"stsz")?, 8)?,
        duration_ms: duration_ms(child(media, b"mdhd")?)?,
    })
}

fn audio_codec(table: &[u8]) -> Option<String> {
    let (kind, entry) = boxes(child(table, b"stsd")?.get(8..)?).next()?;
    if &kind != b"mp4a" {
        return None;
    }
    let description = child(entry.get(28..)?, b"esds")?.get(4..)?;
    // ES descriptor (3) holds a decoder config (4), which holds the specific config (5).
    let stream = descriptor(description, 3)?;
    let config = descriptor(stream.get(3..)?, 4)?;
    let object = *config.first()?;
    let specific = descriptor(config.get(13..)?, 5)?;
    let kind = *specific.first()? >> 3;
    Some(format!("mp4a.{object:02x}.{kind}"))
}

/// The body of the first descriptor in `bytes` if its tag is `tag`. Lengths are in base 128, at most four bytes.
fn descriptor(bytes: &[u8], tag: u8) -> Option<&[u8]> {
    let (&first, mut rest) = bytes.split_first()?;
    if first != tag {
        return None;
    }
    let mut length = 0_usize;
    for _ in 0..4 {
        let (&byte, after) = rest.split_first()?;
        rest = after;
        length = (length << 7) | usize::from(byte & 0x7F);
        if byte & 0x80 == 0 {
            return rest.get(..length);
        }
    }
    None
}

/// Duration of an `mvhd` or `mdhd` box, in milliseconds.
fn duration_ms(header: &[u8]) -> Option<u32> {
    let (scale, duration) = match header.first()? {
        0 => (number(header, 12)?, u64::from(number(header, 16)?)),
        1 => (number(header, 20)?, u64::from_be_bytes(*header.get(24..)?.first_chunk::<8>()?)),
        _ => return None,
    };
    let ms = u128::from(duration) * 1000 / u128::from(scale.max(1));
    u32::try_from(ms).ok()
}

fn number(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(*bytes.get(at..)?.first_chunk::<4>()?))
}

fn child<'a>(bytes: &'a [u8], wanted: &[u8; 4]) -> Option<&'a [u8]> {
    boxes(bytes).find(|(kind, _)| kind == wanted).map(|(_, body)| body)
}

fn put(bytes: &mut [u8], at: usize, value: u32) -> Option<()> {
    bytes.get_mut(at..)?.first_chunk_mut::<4>()?.copy_from_slice(&value.to_be_bytes());
    Some(())
}

fn child_mut<'a>(mut bytes: &'a mut [u8], wanted: &[u8; 4]) -> Option<&'a mut [u8]> {
    loop {
        let (kind, body, after) = next_box(bytes)?;
        if &kind == wanted {
            return Some(body);
        }
        bytes = after;
    }
}

/// The first box in `bytes`, kind and body, and what follows it.
fn next_box(bytes: &mut [u8]) -> Option<([u8; 4], &mut [u8], &mut [u8])> {
    let size = usize::try_from(number(bytes, 0)?).ok()?;
    let kind = *bytes.get(4..)?.first_chunk::<4>()?;
    let (first, after) = bytes.split_at_mut_checked(size)?;
    Some((kind, first.get_mut(8..)?, after))
}

/// The boxes in `bytes`, kind and body, up to the first that makes no sense.
fn boxes(mut bytes: &[u8]) -> impl Iterator<Item = ([u8; 4], &[u8])> {
    std::iter::from_fn(move || {
        let size = usize::try_from(number(bytes, 0)?).ok()?;
        let kind = *bytes.get(4..)?.first_chunk::<4>()?;
        let body = bytes.get(8..size)?;
        bytes = bytes.get(size..)?;
        Some((kind, body))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn takes_any_index(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            let _ = movie(&bytes);
        }

        #[test]
        fn takes_any_boxes(body in proptest::collection::vec(any::<u8>(), 0..120), kind in "(mvhd|trak|mdia|stsd)") {
            let mut bytes = u32::try_from(body.len() + 8).unwrap().to_be_bytes().to_vec();
            bytes.extend_from_slice(kind.as_bytes());
            bytes.extend_from_slice(&body);
            let _ = movie(&bytes);
            let _ = video_track(&bytes, &bytes);
            let _ = audio_codec(&bytes);
        }

        #[test]
        fn takes_any_edit_list(
            list in proptest::collection::vec(any::<u8>(), 0..40),
            length in any::<u32>(),
        ) {
            let mut header = vec![0_u8; 100];
            header[14..16].copy_from_slice(&1000_u16.to_be_bytes());
            let named = |kind: &[u8], body: &[u8]| {
                let size = u32::try_from(body.len() + 8).unwrap().to_be_bytes();
                [&size[..], kind, body].concat()
            };
            let track = [named(b"tkhd", &header), named(b"edts", &named(b"elst", &list))].concat();
            let mut index = [named(b"mvhd", &header), named(b"trak", &track)].concat();
            let size = index.len();
            let _ = shorten(&mut index, length);
            prop_assert_eq!(index.len(), size);
        }
    }
}
