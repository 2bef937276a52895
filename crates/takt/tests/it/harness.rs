//! A server of one's own, clips to import, and a line in between that can be cut.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

pub const PASSWORD: &str = "correct horse";

/// `takt` with an environment in which nothing of the machine it runs on shows.
pub fn takt() -> Command {
    takt_in(Command::new(env!("CARGO_BIN_EXE_takt")))
}

fn takt_in(mut command: Command) -> Command {
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("TAKT_")) {
        command.env_remove(name);
    }
    command.stdin(Stdio::null());
    command
}

/// Runs to the end and answers output and exit code.
pub fn run(command: &mut Command) -> (String, String, i32) {
    let Output { status, stdout, stderr } = command.output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (text(stdout), text(stderr), status.code().expect("not killed"))
}

/// A running `takt serve`; killed when dropped.
pub struct Server {
    child: Child,
    pub address: SocketAddr,
}

impl Server {
    pub fn start(data: &Path) -> Self {
        Self::start_at(data, "127.0.0.1:0")
    }

    pub fn start_at(data: &Path, listen: &str) -> Self {
        Self::start_with(data, listen, &[])
    }

    /// With further settings from the environment.
    pub fn start_with(data: &Path, listen: &str, settings: &[(&str, &str)]) -> Self {
        Self::spawn(takt().arg("serve").arg("--data").arg(data).args(["--listen", listen]), settings)
    }

    /// With its data in a file system of so many MiB, in memory, that only it and [`Self::seen_by_it`] see. None where
    /// this machine lets nobody mount anything.
    pub fn start_on_small_disk(data: &Path, mib: u32, settings: &[(&str, &str)]) -> Option<Self> {
        let own_mounts = ["unshare", "--user", "--map-root-user", "--mount"];
        let mount = format!("mount -t tmpfs -o size={mib}m takt \"$0\" && exec \"$@\"");
        let mut command = takt_in(Command::new(own_mounts[0]));
        command.args(&own_mounts[1..]).args(["sh", "-c"]);
        let possible = Command::new(own_mounts[0]).args(&own_mounts[1..]).arg("true").output();
        if !possible.is_ok_and(|output| output.status.success()) {
            return None;
        }
        command.arg(mount).arg(data).arg(env!("CARGO_BIN_EXE_takt")).arg("serve").arg("--data").arg(data);
        Some(Self::spawn(command.args(["--listen", "127.0.0.1:0"]), settings))
    }

    /// A path as the server sees it.
    pub fn seen_by_it(&self, path: &Path) -> PathBuf {
        Path::new("/proc")
            .join(self.child.id().to_string())
            .join("root")
            .join(path.strip_prefix("/").unwrap())
    }

    fn spawn(command: &mut Command, settings: &[(&str, &str)]) -> Self {
        let mut child = command
            // Hashing as it should be is slow on purpose.
            .env("TAKT_ACCOUNT__ARGON2_MEMORY_KIB", "8")
            .env("TAKT_ACCOUNT__ARGON2_PASSES", "1")
            .env("TAKT_LOG__FILTER", "warn")
            .envs(settings.iter().copied())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim().strip_prefix("takt is running at http://").expect(&line).parse().unwrap();
        Self { child, address }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Sends a signal and waits for the end; answers the exit code.
    pub fn signal(mut self, name: &str) -> Option<i32> {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-s", name, &pid]).status().unwrap().success());
        self.child.wait().unwrap().code()
    }

    /// The body of an answer to a GET, which must be 200.
    pub fn get(&self, path: &str) -> String {
        let mut stream = TcpStream::connect(self.address).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n\r\n", self.address).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
        answer.split_once("\r\n\r\n").unwrap().1.to_owned()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// An import as ada, whose account is made by the first.
pub fn import(server: &str, state: &Path, paths: &[PathBuf]) -> Command {
    let mut command = takt();
    command.arg("import").args(paths).args(["--server", server, "--as", "ada", "--create-account"]);
    command.arg("--state").arg(state).env("TAKT_PASSWORD", PASSWORD);
    command
}

/// Two seconds of moving picture and a tone, told apart by `hue`.
pub fn clip(path: &Path, hue: u32) {
    let picture = format!("testsrc2=size=180x320:rate=15:duration=2,hue=h={hue}");
    let status = Command::new("ffmpeg")
        .args(["-v", "error", "-f", "lavfi", "-i", &picture, "-f", "lavfi", "-i", "sine=duration=2"])
        .args(["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-c:a", "aac", "-y"])
        .arg(path)
        .status()
        .expect("ffmpeg is installed");
    assert!(status.success());
}

/// The same clip with so many bytes of padding in a box that players skip (ISO 14496-12, `free`).
pub fn padded_clip(path: &Path, hue: u32, padding: u32) {
    clip(path, hue);
    let mut file = std::fs::File::options().append(true).open(path).unwrap();
    file.write_all(&(padding + 8).to_be_bytes()).unwrap();
    file.write_all(b"free").unwrap();
    file.write_all(&vec![0; padding as usize]).unwrap();
}

/// Writes a file until there is no room.
pub fn fill(path: &Path) {
    let mut file = std::fs::File::create(path).unwrap();
    for bytes in [1 << 20, 4096, 1] {
        let zeros = vec![0; bytes];
        while file.write_all(&zeros).is_ok() {}
    }
}

/// A TCP line to a server that counts what clients send and breaks when that passes a limit, once.
pub struct Line {
    pub url: String,
    sent: Arc<AtomicU64>,
}

impl Line {
    pub fn to(server: SocketAddr, breaks_after: u64) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (sent, limit) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(breaks_after)));
        let counted = sent.clone();
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let Ok(upstream) = TcpStream::connect(server) else { continue };
                let back = (upstream.try_clone().unwrap(), client.try_clone().unwrap());
                std::thread::spawn(move || pump(&back.0, &back.1, |_| true));
                let (sent, limit) = (counted.clone(), limit.clone());
                std::thread::spawn(move || {
                    pump(&client, &upstream, |bytes| {
                        let total = sent.fetch_add(bytes, Ordering::SeqCst) + bytes;
                        let broken = total > limit.load(Ordering::SeqCst);
                        if broken {
                            limit.store(u64::MAX, Ordering::SeqCst);
                        }
                        !broken
                    });
                });
            }
        });
        Self { url, sent }
    }

    /// Bytes clients have sent so far.
    pub fn sent(&self) -> u64 {
        self.sent.load(Ordering::SeqCst)
    }
}

fn pump(mut from: &TcpStream, mut to: &TcpStream, goes_on: impl Fn(u64) -> bool) {
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(count @ 1..) = from.read(&mut buffer) {
        if to.write_all(&buffer[..count]).is_err() || !goes_on(count as u64) {
            break;
        }
    }
    let _ = from.shutdown(Shutdown::Both);
    let _ = to.shutdown(Shutdown::Both);
}
