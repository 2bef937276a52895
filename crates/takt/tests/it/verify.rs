//! `takt verify` on what a real server left behind.

use crate::harness::{Server, clip, import, run, takt};

#[test]
fn the_state_follows_from_the_log_or_the_difference_is_told() {
    let (data, state, videos) =
        (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let verify = || run(takt().args(["verify", "--data"]).arg(data.path()));
    let (_, err, code) = verify();
    assert_eq!(code, 1);
    assert!(err.contains("there is no event log"), "{err}");

    let video = videos.path().join("a.mp4");
    clip(&video, 0);
    let server = Server::start(data.path());
    let (out, err, code) = run(&mut import(&server.url(), state.path(), &[video]));
    assert_eq!(code, 0, "{out}{err}");
    server.get("/api/v1/feeds/for-you");
    let (_, err, code) = verify();
    assert_eq!(code, 1, "a running server has the log");
    assert!(err.contains("in use"), "{err}");
    server.signal("TERM");

    let (out, err, code) = verify();
    assert_eq!(code, 0, "{out}{err}");
    let digest = |name: &str| out.lines().find_map(|line| line.strip_prefix(name)).unwrap().trim().to_owned();
    assert_eq!(digest("recovered"), digest("replayed"));
    // The video, a secret committed to, the page, the secret revealed.
    assert!(out.starts_with("position   4 (1 snapshots)\n"), "{out}");

    let snapshots: Vec<_> = std::fs::read_dir(data.path().join("recommender")).unwrap().flatten().collect();
    let path = snapshots[0].path();
    let mut bytes = std::fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&path, bytes).unwrap();
    let (out, _, code) = verify();
    assert_eq!(code, 1);
    assert!(out.contains("not the same: ") && out.contains("checksum"), "{out}");
}
