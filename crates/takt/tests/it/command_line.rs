//! Configuration, refusals and signals.

use crate::harness::{Server, run, takt};
use std::net::TcpListener;

#[test]
fn it_serves_until_told_to_stop() {
    let data = tempfile::tempdir().unwrap();
    for signal in ["TERM", "INT"] {
        let server = Server::start(data.path());
        assert!(server.get("/readyz").contains("\"ready\":true"));
        assert_eq!(server.signal(signal), Some(0));
    }
}

#[test]
fn what_keeps_it_from_starting_is_one_line() {
    let data = tempfile::tempdir().unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let listen = taken.local_addr().unwrap().to_string();
    let (out, err, code) = run(takt().args(["serve", "--listen", &listen, "--data"]).arg(data.path()));
    assert_eq!((out.as_str(), code), ("", 1));
    assert!(
        err.starts_with(&format!("error: can not listen on {listen}: ")) && err.lines().count() == 1,
        "{err}"
    );

    let file = data.path().join("file");
    std::fs::write(&file, "in the way").unwrap();
    let (_, err, code) = run(takt().args(["serve", "--listen", "127.0.0.1:0", "--data"]).arg(&file));
    assert_eq!(code, 1);
    assert!(err.lines().last().unwrap().contains(file.to_str().unwrap()), "{err}");

    let mut away = takt();
    away.args(["serve", "--listen", "127.0.0.1:0", "--data"]).arg(data.path());
    let (_, err, code) = run(away.env("TAKT_DATA__DATABASE_URL", "postgres://takt:hunter2@127.0.0.1:1/takt"));
    assert_eq!(code, 1);
    assert!(err.lines().last().unwrap().contains("database") && !err.contains("hunter2"), "{err}");
}

#[test]
fn two_servers_do_not_share_a_folder() {
    let data = tempfile::tempdir().unwrap();
    let _first = Server::start(data.path());
    let (_, err, code) = run(takt().args(["serve", "--listen", "127.0.0.1:0", "--data"]).arg(data.path()));
    assert_eq!(code, 1);
    assert!(err.lines().last().unwrap().contains("in use"), "{err}");
}

#[test]
fn flags_win_over_environment_over_file() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("takt.toml");
    std::fs::write(&file, "[data]\ndir = 'file'\n[http]\njson_bytes_max = 1\nshutdown_grace_s = 1\n")
        .unwrap();
    let mut check = takt();
    check.args(["check-config", "--config"]).arg(&file).env("TAKT_HTTP__SHUTDOWN_GRACE_S", "2");
    check.env("TAKT_DATA__DIR", "environment").args(["--data", "flag"]);
    let (out, err, code) = run(&mut check);
    assert_eq!(code, 0, "{err}");
    for line in ["dir = \"flag\"", "json_bytes_max = 1", "shutdown_grace_s = 2"] {
        assert!(out.lines().any(|l| l == line), "{line} is not in\n{out}");
    }
}

#[test]
fn every_problem_of_a_configuration_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("takt.toml");
    std::fs::write(&file, "[http]\nlisen = '127.0.0.1:1'\n[vido]\nfps_max = 1\n").unwrap();
    let (out, err, code) = run(takt().args(["check-config", "--config"]).arg(&file));
    assert_eq!((out.as_str(), code), ("", 1));
    assert!(err.contains("`http.lisen`; did you mean `http.listen`?") && err.contains("`vido`"), "{err}");
    let (_, err, code) = run(takt().arg("check-config").env("TAKT_LOG__FILTER", "takt=loudly"));
    assert_eq!(code, 1);
    assert!(err.contains("log.filter"), "{err}");
}

#[test]
fn the_generated_pages_come_out() {
    let (openapi, _, code) = run(takt().arg("openapi"));
    assert_eq!(code, 0);
    let document: serde_json::Value = serde_json::from_str(&openapi).unwrap();
    assert!(document["paths"]["/api/v1/feeds/for-you"]["get"].is_object());
    let (reference, _, code) = run(takt().args(["check-config", "--reference"]));
    assert_eq!(code, 0);
    assert!(reference.contains("| `listen` | `\"127.0.0.1:8080\"` |"), "{reference}");
    assert_eq!(run(takt().arg("config-reference")).0, reference);
}

#[test]
fn migrating_twice_is_migrating_once() {
    let data = tempfile::tempdir().unwrap();
    let migrate = || run(takt().args(["migrate", "--data"]).arg(data.path()));
    let (first, err, code) = migrate();
    assert_eq!(code, 0, "{err}");
    assert!(first.contains("migrations run: "), "{first}");
    assert_eq!(migrate().0, "the database was up to date\n");
}
