//! The program itself on files that hold, that do not, and that are made to hurt.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

mod signing;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;
use tempfile::TempDir;

/// The kind of the box of credentials and what follows it, up to the purpose.
const CREDENTIALS: &[u8] = b"uuid\xD8\xFE\xC3\xD6\x1B\x0E\x48\x3C\x92\x97\x58\x28\x87\x7E\xC4\x81";

/// A clip as FFmpeg makes it, and the same one signed.
static CLIPS: LazyLock<(Vec<u8>, Vec<u8>)> = LazyLock::new(|| {
    let dir = tempfile::tempdir().unwrap();
    let (plain, signed) = (dir.path().join("plain.mp4"), dir.path().join("signed.mp4"));
    let status = Command::new("ffmpeg")
        .args(["-nostdin", "-v", "error", "-f", "lavfi", "-i", "testsrc2=size=180x320:rate=15:duration=1"])
        .args(["-f", "lavfi", "-i", "sine=duration=1", "-c:v", "libx264", "-preset", "ultrafast"])
        .args(["-pix_fmt", "yuv420p", "-c:a", "aac", "-movflags", "+faststart", "-y"])
        .arg(&plain)
        .status()
        .expect("ffmpeg is installed");
    assert!(status.success());
    signing::sign(&plain, &signed).unwrap();
    (std::fs::read(plain).unwrap(), std::fs::read(signed).unwrap())
});

fn at(bytes: &[u8], wanted: &[u8]) -> usize {
    bytes.windows(wanted.len()).position(|window| window == wanted).expect("it is there")
}

/// What the program says of a file, or none where it does not end well.
fn said(path: &Path) -> Option<String> {
    let output = Command::new(env!("CARGO_BIN_EXE_takt-provenance")).arg(path).output().unwrap();
    let printed = String::from_utf8(output.stdout).unwrap();
    output.status.success().then(|| {
        let said = printed.strip_prefix("{\"provenance\":\"").and_then(|rest| rest.strip_suffix("\"}\n"));
        said.expect("one line of JSON").to_owned()
    })
}

fn file(dir: &TempDir, bytes: &[u8]) -> PathBuf {
    let path = dir.path().join("upload");
    std::fs::write(&path, bytes).unwrap();
    path
}

#[track_caller]
fn check(bytes: &[u8], expected: &str) {
    let dir = tempfile::tempdir().unwrap();
    assert_eq!(said(&file(&dir, bytes)).as_deref(), Some(expected));
}

#[test]
fn a_file_without_is_absent_and_one_with_is_valid() {
    let (plain, signed) = &*CLIPS;
    check(plain, "absent");
    check(signed, "valid");
    check(b"", "absent");
    check(b"no video at all", "absent");
}

#[test]
fn one_other_byte_of_picture_or_sound_or_index_breaks_it() {
    let (_, signed) = &*CLIPS;
    let media = at(signed, b"mdat") + 4;
    let index = at(signed, b"mvhd") + 8;
    for at in [media, media + 1000, signed.len() - 1, index] {
        let mut other = signed.clone();
        other[at] ^= 1;
        check(&other, "broken");
    }
}

#[test]
fn one_other_byte_of_the_credentials_breaks_them() {
    let (_, signed) = &*CLIPS;
    let begin = at(signed, CREDENTIALS);
    let length = u32::from_be_bytes(signed[begin - 4..begin].try_into().unwrap()) as usize;
    // Room for later changes follows the manifest; it says nothing and nothing holds it.
    let manifest = at(signed, b"jumb") - 4;
    let manifest_length = u32::from_be_bytes(signed[manifest..manifest + 4].try_into().unwrap()) as usize;
    assert!(manifest + manifest_length <= begin - 4 + length);
    let claim = manifest + at(&signed[manifest..], b"c2pa.claim") + 40;
    let signature = manifest + at(&signed[manifest..], b"c2pa.signature") + 60;
    for at in [claim, signature] {
        let mut other = signed.clone();
        other[at] ^= 0x55;
        check(&other, "broken");
    }
}

#[test]
fn a_truncated_file_is_broken_once_the_credentials_have_begun() {
    let (_, signed) = &*CLIPS;
    let begin = at(signed, CREDENTIALS) + CREDENTIALS.len();
    for length in [begin, begin + 1, begin + 40, begin + 2000, signed.len() / 2, signed.len() - 1] {
        check(&signed[..length], "broken");
    }
    check(&signed[..begin - 1], "absent");
}

#[test]
fn hostile_credentials_are_broken_and_bounded() {
    let (plain, signed) = &*CLIPS;
    let begin = at(signed, CREDENTIALS);
    let body = begin + CREDENTIALS.len();
    let manifest = at(signed, b"jumb") - 4;
    let with = |at: usize, bytes: &[u8]| {
        let mut other = signed.clone();
        other[at..at + bytes.len()].copy_from_slice(bytes);
        other
    };
    // Sizes that lie, and a place of the next credentials that is nowhere. No hash is over them, so they may do no harm.
    let dir = tempfile::tempdir().unwrap();
    for size in [0_u32, 1, 7, 8, 24, 0x7FFF_FFFF, u32::MAX] {
        for at in [manifest, manifest + 8, manifest + 8 + 8 + 25] {
            assert!(said(&file(&dir, &with(at, &size.to_be_bytes()))).is_some(), "{size} at {at}");
        }
    }
    assert!(said(&file(&dir, &with(body + 4 + 9, &u64::MAX.to_be_bytes()))).is_some());
    check(&with(begin - 4, &u32::MAX.to_be_bytes()), "broken");
    // Bytes of no meaning, and boxes in boxes without an end.
    let mut noise = 0x9E37_79B9_u32;
    let garbage: Vec<u8> = std::iter::repeat_with(|| {
        noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        noise.to_be_bytes()[0]
    })
    .take(4000)
    .collect();
    check(&with(manifest, &garbage), "broken");
    let nested: Vec<u8> =
        (0..500_u32).flat_map(|depth| [&(4000 - 8 * depth).to_be_bytes()[..], b"jumb"].concat()).collect();
    check(&with(manifest, &nested), "broken");
    // A box of nothing but its name, in a file that is fine.
    let own = [&28_u32.to_be_bytes()[..], CREDENTIALS, &[0; 4]].concat();
    let head = u32::from_be_bytes(plain[..4].try_into().unwrap()) as usize;
    check(&[&plain[..head], &own, &plain[head..]].concat(), "broken");
}

#[test]
fn a_flipped_byte_anywhere_in_the_credentials_never_brings_it_down() {
    let (_, signed) = &*CLIPS;
    let begin = at(signed, CREDENTIALS) - 4;
    let length = u32::from_be_bytes(signed[begin..begin + 4].try_into().unwrap()) as usize;
    let dir = tempfile::tempdir().unwrap();
    for step in 0..48 {
        let mut other = signed.clone();
        other[begin + step * length / 48] ^= 0xFF;
        assert!(said(&file(&dir, &other)).is_some(), "at {} of {length}", step * length / 48);
    }
}

#[test]
fn a_file_that_is_not_there_is_an_error() {
    assert_eq!(said(Path::new("/nowhere/at/all")), None);
}
