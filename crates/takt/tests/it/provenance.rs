//! Content Credentials of uploads, read by the real program that stands beside `takt`.

use crate::harness::{Server, clip, import, run};
use serde_json::Value;
use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The kind of a box of credentials (C2PA 2.2).
const CREDENTIALS: &[u8; 20] = b"uuid\xD8\xFE\xC3\xD6\x1B\x0E\x48\x3C\x92\x97\x58\x28\x87\x7E\xC4\x81";

/// The folder of `takt`, where `cargo test -p takt-provenance` leaves its program and the one that signs.
fn beside() -> Option<&'static Path> {
    let beside = Path::new(env!("CARGO_BIN_EXE_takt")).parent().unwrap();
    if beside.join("takt-provenance").is_file() && beside.join("examples/sign").is_file() {
        return Some(beside);
    }
    assert!(std::env::var_os("TAKT_TEST_REQUIRE_PROVENANCE").is_none(), "takt-provenance is not built");
    eprintln!("SKIPPED: build it with cargo test -p takt-provenance");
    None
}

/// What a server says of the provenance of files named `name.mp4`, by their names.
fn told(settings: &[(&str, &str)], files: &[(&str, Vec<u8>)]) -> BTreeMap<String, Value> {
    let (data, state, videos) =
        (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let server = Server::start_with(data.path(), "127.0.0.1:0", settings);
    let written = files.iter().map(|(name, bytes)| {
        let path = videos.path().join(format!("{name}.mp4"));
        std::fs::write(&path, bytes).unwrap();
        path
    });
    let paths: Vec<PathBuf> = written.collect();
    let (out, err, code) = run(&mut import(&server.url(), state.path(), &paths));
    assert_eq!(code, 0, "{out}{err}");
    assert!(out.contains(&format!("{} ready", files.len())), "{out}");
    let latest: Value = serde_json::from_str(&server.get("/api/v1/feeds/latest")).unwrap();
    let videos = latest["items"].as_array().unwrap().iter().map(|item| &item["video"]);
    videos.map(|video| (video["caption"].as_str().unwrap().to_owned(), video["provenance"].clone())).collect()
}

/// A clip, and the same one signed by nobody that anybody knows.
fn clips(beside: &Path) -> (Vec<u8>, Vec<u8>) {
    let dir = tempfile::tempdir().unwrap();
    let (plain, signed) = (dir.path().join("plain.mp4"), dir.path().join("signed.mp4"));
    clip(&plain, 0);
    let signing = Command::new(beside.join("examples/sign")).args([&plain, &signed]).status().unwrap();
    assert!(signing.success());
    (std::fs::read(plain).unwrap(), std::fs::read(signed).unwrap())
}

#[test]
fn what_an_upload_carries_is_valid_or_broken_or_nothing() {
    let Some(beside) = beside() else { return };
    let (plain, signed) = clips(beside);
    // A letter of what the encoder says of itself: everything plays as before.
    let mut changed = signed.clone();
    let said = changed.windows(11).position(|window| window == b"x264 - core").unwrap();
    changed[said] = b'X';
    // A box of credentials that claims more than it has.
    let lie = [&64_u32.to_be_bytes()[..], CREDENTIALS, b"\0\0\0\0manifest\0", &[0xFF; 27]].concat();
    assert_eq!(lie.len(), 64);
    let hostile = [&plain[..], &lie].concat();
    let files = [("plain", plain), ("signed", signed), ("changed", changed), ("hostile", hostile)];
    let told = told(&[], &files);
    let expected = [
        ("changed", Value::from("broken")),
        ("hostile", Value::from("broken")),
        ("plain", Value::Null),
        ("signed", Value::from("valid")),
    ];
    assert_eq!(told, expected.map(|(name, word)| (name.to_owned(), word)).into());
}

#[test]
fn a_reader_that_breaks_down_or_is_off_costs_no_video() {
    let Some(beside) = beside() else { return };
    let (_, signed) = clips(beside);
    let home = tempfile::tempdir().unwrap();
    let program = home.path().join("broken");
    std::fs::write(&program, "#!/bin/sh\necho '{\"provenance\":\"val'; kill -SEGV $$\n").unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    let broken = ("TAKT_PROVENANCE__COMMAND", program.to_str().unwrap());
    for settings in [[broken], [("TAKT_PROVENANCE__READ", "false")]] {
        let told = told(&settings, &[("signed", signed.clone())]);
        assert_eq!(told, BTreeMap::from([("signed".to_owned(), Value::Null)]), "{settings:?}");
    }
}
