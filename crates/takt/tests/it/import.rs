//! `takt import` against a real server, over lines that break and servers that die.

use crate::harness::{Line, Server, clip, import, padded_clip, run, takt};
use std::process::Stdio;
use std::time::Duration;

const PADDING: u32 = 24 << 20;
const BREAK: u64 = 8 << 20;

#[test]
fn a_folder_is_imported_and_nothing_twice() {
    let (data, state, videos) =
        (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let path = |name: &str| videos.path().join(name);
    std::fs::create_dir(path("sub")).unwrap();
    clip(&path("My_first-dance.mp4"), 0);
    clip(&path("sub/second.mp4"), 120);
    std::fs::copy(path("sub/second.mp4"), path("sub/third.mov")).unwrap();
    std::fs::write(path("fake.mp4"), "this is a text").unwrap();
    std::fs::write(path("notes.txt"), "this too").unwrap();
    let server = Server::start(data.path());
    let missing = path("missing.mp4");
    let paths = [videos.path().to_owned(), missing.clone()];

    let (out, err, code) = run(&mut import(&server.url(), state.path(), &paths));
    assert_eq!(code, 1, "{out}{err}");
    let fate = |name: &str| {
        let line = out.lines().find(|line| line.starts_with(path(name).to_str().unwrap()));
        line.unwrap_or_else(|| panic!("{name} is not in\n{out}"))
            .split_once("  ")
            .unwrap()
            .1
            .trim()
            .to_owned()
    };
    assert_eq!(fate("My_first-dance.mp4"), "ready");
    assert!(fate("fake.mp4").starts_with("failed: "), "{out}");
    assert!(fate("missing.mp4").starts_with("error: "), "{out}");
    assert!(fate("notes.txt").starts_with("skipped: "), "{out}");
    // Both are sent at the same time; the first to be read wins.
    let twins = [fate("sub/second.mp4"), fate("sub/third.mov")];
    assert!(twins.contains(&"ready".to_owned()), "{out}");
    assert!(twins.iter().any(|fate| fate.starts_with("skipped: same bytes as ")), "{out}");
    assert!(out.contains("created; each of these codes"), "{out}");
    let latest = server.get("/api/v1/feeds/latest");
    assert!(latest.contains("\"caption\":\"My first dance\""), "{latest}");

    let good = [path("sub"), path("My_first-dance.mp4")];
    let (out, err, code) = run(&mut import(&server.url(), state.path(), &good));
    assert_eq!(code, 0, "{out}{err}");
    assert!(out.ends_with("3 files: 3 skipped as duplicates\n"), "{out}");
    let (out, _, code) = run(&mut import(&server.url(), state.path(), &[path("fake.mp4")]));
    assert_eq!(code, 1);
    assert!(out.ends_with("1 file: 1 failed\n"), "{out}");
}

#[test]
fn a_broken_line_is_mended_and_the_upload_goes_on() {
    let (data, state, videos) =
        (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let video = videos.path().join("large.mp4");
    padded_clip(&video, 0, PADDING);
    let server = Server::start(data.path());
    let line = Line::to(server.address, BREAK);
    let (out, err, code) = run(&mut import(&line.url, state.path(), std::slice::from_ref(&video)));
    assert_eq!(code, 0, "{out}{err}");
    assert!(out.ends_with("1 file: 1 ready\n"), "{out}");
    // From the start again it would be the part before the break more; what was on its way is sent twice.
    let bytes = video.metadata().unwrap().len();
    assert!(line.sent() < bytes + BREAK, "{} bytes sent for {bytes}", line.sent());
    assert_eq!(std::fs::read_dir(state.path()).unwrap().count(), 0, "nothing is left to resume");
}

#[test]
fn a_killed_import_goes_on_where_it_stopped() {
    let (data, state, videos) =
        (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let video = videos.path().join("large.mp4");
    padded_clip(&video, 0, PADDING);
    let bytes = video.metadata().unwrap().len();
    let server = Server::start(data.path());
    // Both runs have to name the same server.
    let line = Line::to(server.address, BREAK);
    let mut first = import(&line.url, state.path(), std::slice::from_ref(&video))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    while line.sent() <= BREAK {
        std::thread::sleep(Duration::from_millis(5));
    }
    first.kill().unwrap();
    first.wait().unwrap();
    assert_eq!(std::fs::read_dir(state.path()).unwrap().count(), 1, "the upload is noted");

    let before = line.sent();
    let (out, err, code) = run(&mut import(&line.url, state.path(), &[video]));
    assert_eq!(code, 0, "{out}{err}");
    assert!(out.ends_with("1 file: 1 ready\n"), "{out}");
    assert!(line.sent() - before < bytes - BREAK / 2, "{} of {bytes} bytes sent again", line.sent() - before);
}

#[test]
fn a_server_killed_and_started_again_gets_the_rest() {
    let (data, state, videos) =
        (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let video = videos.path().join("large.mp4");
    padded_clip(&video, 0, PADDING);
    let server = Server::start(data.path());
    let address = server.address;
    let line = Line::to(address, BREAK);
    let run_import = {
        let mut command = import(&line.url, state.path(), &[video]);
        std::thread::spawn(move || run(&mut command))
    };
    while line.sent() <= BREAK {
        std::thread::sleep(Duration::from_millis(5));
    }
    server.signal("KILL");
    let _server = Server::start_at(data.path(), &address.to_string());
    let (out, err, code) = run_import.join().unwrap();
    assert_eq!(code, 0, "{out}{err}");
    assert!(out.ends_with("1 file: 1 ready\n"), "{out}");
}

#[test]
fn wrong_usage_and_wrong_passwords_try_nothing() {
    let (data, state, videos) =
        (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let video = videos.path().join("a.mp4");
    clip(&video, 0);
    let server = Server::start(data.path());
    let paths = [video];
    let code = |command: &mut std::process::Command| run(command);
    let (out, err, exit) = code(
        import("http://127.0.0.1:1", state.path(), &[videos.path().join("none")]).env_remove("TAKT_PASSWORD"),
    );
    assert_eq!((out.as_str(), exit), ("", 2), "{err}");
    let (_, err, exit) =
        code(import(&server.url(), state.path(), &[state.path().to_owned()]).arg("--no-wait"));
    assert_eq!(exit, 2);
    assert!(err.contains("no video files"), "{err}");
    assert_eq!(code(&mut import(&server.url(), state.path(), &paths)).2, 0);
    let (_, err, exit) =
        code(import(&server.url(), state.path(), &paths).env("TAKT_PASSWORD", "wrong password"));
    assert_eq!(exit, 2);
    assert!(err.contains("with another password"), "{err}");
    let (_, _, exit) = code(takt().args(["import", "a.mp4", "--as", "ada"]));
    assert_eq!(exit, 2);
}
