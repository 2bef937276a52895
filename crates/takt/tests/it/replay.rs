//! `takt replay` on what a real server left behind.

use crate::harness::{Server, clip, import, run, takt};
use std::io::{Read as _, Write as _};
use std::net::TcpStream;

/// The body and the cookie of an answer.
fn get(server: &Server, path: &str, cookie: Option<&str>) -> (String, Option<String>) {
    let mut stream = TcpStream::connect(server.address).unwrap();
    let cookie = cookie.map(|cookie| format!("cookie: {cookie}\r\n")).unwrap_or_default();
    let host = server.address;
    write!(stream, "GET {path} HTTP/1.1\r\nhost: {host}\r\n{cookie}connection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200 "), "{answer}");
    let set = head.lines().find_map(|line| line.strip_prefix("set-cookie: "));
    (body.to_owned(), set.and_then(|set| set.split(';').next()).map(str::to_owned))
}

#[test]
fn a_receipt_is_identical_or_the_difference_is_told() {
    let (data, state, videos) =
        (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let clips: Vec<_> = (0..3).map(|n| videos.path().join(format!("{n}.mp4"))).collect();
    for (hue, path) in (0..).zip(&clips) {
        clip(path, hue * 90);
    }
    let server = Server::start(data.path());
    let (out, err, code) = run(&mut import(&server.url(), state.path(), &clips));
    assert_eq!(code, 0, "{out}{err}");
    let (page, cookie) = get(&server, "/api/v1/feeds/for-you", None);
    let page: serde_json::Value = serde_json::from_str(&page).unwrap();
    let impression = page["items"][0]["impression_id"].as_str().unwrap();
    let (note, _) = get(&server, &format!("/api/v1/impressions/{impression}/receipt"), cookie.as_deref());
    server.signal("TERM");

    let file = state.path().join("receipt.txt");
    let replay = |note: &str, further: &[&str]| {
        std::fs::write(&file, note).unwrap();
        let mut command = takt();
        run(command.args(["replay", "--data"]).arg(data.path()).arg("--receipt").arg(&file).args(further))
    };
    let (out, err, code) = replay(&note, &[]);
    assert_eq!(code, 0, "{out}{err}");
    assert!(out.contains("videos     3\n") && out.ends_with("identical\n"), "{out}");
    assert!(out.contains("seed       follows from its revealed secret\n"), "{out}");
    let (out, _, code) = run(takt().args(["replay", "--all", "--data"]).arg(data.path()));
    assert_eq!((code, out.ends_with("identical\n")), (0, true), "{out}");
    assert!(out.contains("pages      1 with 3 videos\n"), "{out}");

    let forged = note.replacen("account no", "account yes", 1);
    let (out, _, code) = replay(&forged, &[]);
    assert_eq!((code, out.starts_with("different: signature: ")), (1, true), "{out}");
    let policy = state.path().join("policy.toml");
    let changed = takt_recommender::DEFAULT_POLICY.replace("freshness = ", "freshness = 1");
    std::fs::write(&policy, changed).unwrap();
    let (out, _, code) = replay(&note, &["--policy", policy.to_str().unwrap()]);
    assert_eq!((code, out.starts_with("different: policy: ")), (1, true), "{out}");
    let (_, err, code) = run(takt().args(["replay", "--data"]).arg(data.path()));
    assert!(code != 0 && err.contains("--receipt"), "{err}");
}

/// A process that is killed leaves its secret behind; the next one reveals it before it draws from a secret of its own.
#[test]
fn seeds_are_revealed_after_kill_9() {
    let (data, state, videos) =
        (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let path = videos.path().join("clip.mp4");
    clip(&path, 0);
    let server = Server::start(data.path());
    let (out, err, code) = run(&mut import(&server.url(), state.path(), &[path]));
    assert_eq!(code, 0, "{out}{err}");
    // Each process serves one page to a viewer of its own, and is killed.
    let page = |server: Server| {
        let (page, cookie) = get(&server, "/api/v1/feeds/for-you", None);
        let page: serde_json::Value = serde_json::from_str(&page).unwrap();
        let impression = page["items"][0]["impression_id"].as_str().unwrap();
        let path = format!("/api/v1/impressions/{impression}/receipt");
        let (note, _) = get(&server, &path, cookie.as_deref());
        assert_eq!(server.signal("KILL"), None);
        note
    };
    let file = state.path().join("receipt.txt");
    let seed = |note: &str| {
        std::fs::write(&file, note).unwrap();
        let (out, err, code) =
            run(takt().args(["replay", "--data"]).arg(data.path()).arg("--receipt").arg(&file));
        assert!(code == 0 && out.ends_with("identical\n"), "{out}{err}");
        out.lines().find_map(|line| line.strip_prefix("seed       ")).unwrap().to_owned()
    };
    let first = page(server);
    assert_ne!(seed(&first), "follows from its revealed secret");
    let second = page(Server::start(data.path()));
    assert_eq!(seed(&first), "follows from its revealed secret");
    assert_ne!(seed(&second), "follows from its revealed secret");
}
