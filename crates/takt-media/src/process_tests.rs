//! What the sandbox really stops, tried with FFmpeg itself told to misbehave.

use std::net::TcpListener;
use std::sync::OnceLock;

use super::*;
use crate::Failure;

fn tools() -> &'static Tools {
    static TOOLS: OnceLock<Tools> = OnceLock::new();
    TOOLS.get_or_init(|| Tools::find(None, None).unwrap())
}

fn invocation<'a>(dir: &'a Path, args: &[&str]) -> Invocation<'a> {
    let mut all: Vec<OsString> = ["-nostdin", "-hide_banner", "-v", "error", "-y"].map(OsString::from).into();
    all.extend(args.iter().map(OsString::from));
    Invocation {
        program: Program::Ffmpeg,
        args: all,
        dir,
        read: Vec::new(),
        writes: true,
        limits: ResourceLimits { memory_bytes: 1 << 30, cpu_s: 20, file_bytes: 1 << 20 },
        wall: Duration::from_secs(60),
        silence: None,
    }
}

async fn run_quietly(invocation: Invocation<'_>) -> Outcome {
    run(tools(), invocation, |_| ControlFlow::Continue(())).await.unwrap()
}

fn code(outcome: &Outcome) -> &'static str {
    match outcome.error(Failure::BrokenVideo) {
        Error::Rejected(failure) => failure.code(),
        Error::Temporary(_) => "temporary",
    }
}

#[tokio::test]
async fn reads_only_the_files_it_was_given() {
    if tools().sandbox.landlock_abi.is_none() {
        eprintln!("SKIPPED: this kernel has no Landlock");
        return;
    }
    let (dir, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (given, neighbour) = (other.path().join("given"), other.path().join("neighbour"));
    std::fs::write(&given, "this may be read").unwrap();
    std::fs::write(&neighbour, "this may not").unwrap();
    let mut seen = Vec::new();
    for file in [&given, &neighbour, Path::new("/etc/passwd"), Path::new("/proc/self/environ")] {
        let url = format!("file:{}", file.display());
        let args = ["-f", "data", "-i", &url, "-map", "0", "-c", "copy", "-f", "data", "pipe:1"];
        let asked = Invocation { read: vec![given.clone()], ..invocation(dir.path(), &args) };
        let mut text = String::new();
        let outcome = run(tools(), asked, |line| {
            text.push_str(line);
            ControlFlow::Continue(())
        });
        let outcome = outcome.await.unwrap();
        seen.push((outcome.succeeded(), text, outcome.stderr.contains("Permission denied")));
    }
    assert_eq!(seen[0], (true, "this may be read".into(), false));
    for refused in &seen[1..] {
        assert_eq!(*refused, (false, String::new(), true));
    }
}

#[tokio::test]
async fn writes_only_to_its_folder() {
    if tools().sandbox.landlock_abi.is_none() {
        eprintln!("SKIPPED: this kernel has no Landlock");
        return;
    }
    let (dir, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let outside = other.path().join("out.raw").display().to_string();
    for (target, allowed) in [("inside.raw", true), (outside.as_str(), false)] {
        let args = ["-f", "lavfi", "-i", "color=s=16x16", "-frames:v", "1", "-f", "rawvideo", target];
        let outcome = run_quietly(invocation(dir.path(), &args)).await;
        assert_eq!(outcome.succeeded(), allowed, "{target}: {}", outcome.stderr);
    }
    assert!(dir.path().join("inside.raw").is_file());
    assert_eq!(std::fs::read_dir(other.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn reaches_no_network() {
    let status = tools().sandbox;
    if !status.network_namespace && !status.syscall_filter && status.landlock_abi.is_none_or(|abi| abi < 4) {
        eprintln!("SKIPPED: nothing here cuts the network off");
        return;
    }
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let dir = tempfile::tempdir().unwrap();
    let outcome = run_quietly(invocation(dir.path(), &["-i", &url, "-f", "null", "-"])).await;
    assert!(!outcome.succeeded());
    assert_eq!(listener.accept().unwrap_err().kind(), io::ErrorKind::WouldBlock);
}

#[tokio::test]
async fn too_much_memory_ends_it() {
    let dir = tempfile::tempdir().unwrap();
    let args = [
        "-f",
        "lavfi",
        "-i",
        "color=s=12000x12000",
        "-vf",
        "format=rgba64le",
        "-frames:v",
        "1",
        "-f",
        "null",
        "-",
    ];
    let outcome = run_quietly(invocation(dir.path(), &args)).await;
    assert_eq!(code(&outcome), "out_of_memory", "{}", outcome.stderr);
}

#[tokio::test]
async fn too_much_cpu_time_ends_it() {
    let dir = tempfile::tempdir().unwrap();
    let args = ["-f", "lavfi", "-i", "testsrc2=s=640x360", "-f", "null", "-"];
    let base = invocation(dir.path(), &args);
    let limits = ResourceLimits { cpu_s: 1, ..base.limits };
    let outcome = run_quietly(Invocation { limits, ..base }).await;
    assert_eq!(code(&outcome), "timed_out", "{outcome:?}");
}

#[tokio::test]
async fn too_large_an_output_ends_it() {
    let dir = tempfile::tempdir().unwrap();
    let args = ["-f", "lavfi", "-i", "color=s=640x360", "-t", "60", "-f", "rawvideo", "out.raw"];
    let outcome = run_quietly(invocation(dir.path(), &args)).await;
    assert_eq!(code(&outcome), "output_too_big", "{outcome:?}");
    assert!(dir.path().join("out.raw").metadata().unwrap().len() <= 1 << 20);
}

#[tokio::test]
async fn a_sleeping_child_is_killed_and_called_temporary() {
    let dir = tempfile::tempdir().unwrap();
    let args = ["-re", "-f", "lavfi", "-i", "color=s=16x16:r=1", "-f", "null", "-"];
    let asked = Invocation { wall: Duration::from_secs(1), ..invocation(dir.path(), &args) };
    let outcome = run_quietly(asked).await;
    assert!(outcome.out_of_time);
    assert_eq!(code(&outcome), "temporary");
}

#[tokio::test]
async fn a_child_that_says_nothing_more_is_killed() {
    let dir = tempfile::tempdir().unwrap();
    let args = ["-re", "-f", "lavfi", "-i", "color=s=16x16:r=1", "-f", "null", "-"];
    let asked = Invocation { silence: Some(Duration::from_secs(1)), ..invocation(dir.path(), &args) };
    let outcome = run_quietly(asked).await;
    assert!(outcome.out_of_time && !outcome.succeeded());
    assert_eq!(code(&outcome), "temporary");
}

#[tokio::test]
async fn a_flood_of_output_is_cut_off() {
    let dir = tempfile::tempdir().unwrap();
    let args = ["-f", "lavfi", "-i", "color=s=1280x720:r=1000", "-f", "rawvideo", "pipe:1"];
    let outcome = run_quietly(invocation(dir.path(), &args)).await;
    assert!(outcome.stopped && !outcome.succeeded());
}

/// Processes whose working folder is `dir`.
fn processes_in(dir: &Path) -> Vec<u32> {
    let processes = std::fs::read_dir("/proc").unwrap().flatten();
    let numbered = processes.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    numbered
        .filter(|pid: &u32| std::fs::read_link(format!("/proc/{pid}/cwd")).is_ok_and(|cwd| cwd == dir))
        .collect()
}

async fn until(mut condition: impl FnMut() -> bool) {
    for _ in 0..3000 {
        if condition() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("waited 30 s in vain");
}

#[tokio::test]
async fn a_dropped_future_takes_its_child_along() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().canonicalize().unwrap();
    let args = ["-re", "-f", "lavfi", "-i", "color=s=16x16", "-f", "null", "-"];
    let work = {
        let path = path.clone();
        tokio::spawn(async move { run_quietly(invocation(&path, &args)).await })
    };
    until(|| !processes_in(&path).is_empty()).await;
    work.abort();
    until(|| processes_in(&path).is_empty()).await;
}

const ORPHAN_DIR: &str = "TAKT_MEDIA_TEST_ORPHAN_DIR";

/// The server's part in the test below: starts a child and never ends. Does nothing when run as a test of its own.
#[tokio::test]
async fn role_of_a_server_to_be_killed() {
    let Some(dir) = std::env::var_os(ORPHAN_DIR).map(PathBuf::from) else { return };
    let args = ["-re", "-f", "lavfi", "-i", "color=s=16x16", "-f", "null", "-"];
    run_quietly(invocation(&dir, &args)).await;
}

#[tokio::test]
async fn a_killed_server_leaves_no_child_behind() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().canonicalize().unwrap();
    let mut server = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "process::tests::role_of_a_server_to_be_killed"])
        .env(ORPHAN_DIR, &path)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    until(|| !processes_in(&path).is_empty()).await;
    server.kill().unwrap();
    server.wait().unwrap();
    until(|| processes_in(&path).is_empty()).await;
}

#[tokio::test]
async fn a_missing_program_is_temporary() {
    let dir = tempfile::tempdir().unwrap();
    let gone = Tools { ffmpeg: "/usr/bin/no-such-ffmpeg".into(), ..tools().clone() };
    let result = run(&gone, invocation(dir.path(), &["-version"]), |_| ControlFlow::Continue(())).await;
    assert!(matches!(result, Err(Error::Temporary(_))), "{result:?}");
}

#[tokio::test]
async fn lines_are_cut_at_their_limit_and_all_are_seen() {
    let mut text = vec![b'x'; LINE_BYTES_MAX * 3];
    text.extend_from_slice(b"\nshort\nlast");
    let mut lines = Vec::new();
    let mut keep = |line: &str| {
        lines.push(line.to_owned());
        ControlFlow::Continue(())
    };
    let ended = read_lines(text.as_slice(), &mut keep, Duration::from_secs(60)).await.unwrap();
    assert_eq!(ended, Lines::Ended);
    assert_eq!(lines.len(), 3);
    assert_eq!(lines[0].len(), LINE_BYTES_MAX);
    assert_eq!(lines[1..], ["short", "last"]);
}

#[test]
fn complaints_stay_small_and_keep_both_ends() {
    let mut bounded = Bounded::default();
    bounded.push(b"first ");
    for _ in 0..10_000 {
        bounded.push(b"the same complaint again ");
    }
    bounded.push(b"last");
    let text = bounded.into_text();
    assert!(text.len() <= 3 * STDERR_KEPT);
    assert!(text.starts_with("first ") && text.ends_with("last"));
}
