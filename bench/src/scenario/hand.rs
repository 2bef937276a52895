//! The FFmpeg commands that a server ran, recorded from outside and run again by hand.

use crate::cpu::{self, Running};
use anyhow::{Context as _, Result, ensure};
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

/// Looking is not free, so it is not done all the time; what runs shorter than this costs little either.
const LOOK: Duration = Duration::from_millis(15);

/// A recorded command.
pub(crate) type Command = Running;

/// Records from a thread of its own.
pub(crate) struct Recorder {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Vec<Command>>,
}

impl Recorder {
    /// Watches what runs below `pid`.
    pub(crate) fn start(pid: u32) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = stop.clone();
        let thread = std::thread::spawn(move || {
            let mut seen: Vec<Command> = Vec::new();
            while !stopped.load(Ordering::Relaxed) {
                for running in cpu::commands_below(pid) {
                    // Between fork and exec a child still has its parent's command line.
                    let media = running
                        .words
                        .first()
                        .is_some_and(|program| program.contains("ffmpeg") || program.contains("ffprobe"));
                    if media && !seen.contains(&running) {
                        seen.push(running);
                    }
                }
                std::thread::sleep(LOOK);
            }
            seen
        });
        Self { stop, thread }
    }

    /// What ran, in the order of its start.
    pub(crate) fn finish(self) -> Vec<Command> {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().unwrap_or_default()
    }
}

/// Runs the commands again on a copy of `source`, one after the other, and answers their CPU seconds.
///
/// # Errors
/// Where one of them fails: then it was not the same.
pub(crate) fn run(commands: &[Command], source: &Path) -> Result<f64> {
    ensure!(!commands.is_empty(), "no command was recorded");
    let folder = tempfile::tempdir()?;
    let copy = folder.path().join("source");
    std::fs::copy(source, &copy)?;
    let before = cpu::seconds_of_ended_children();
    for command in commands {
        let words: Vec<String> =
            command.words.iter().map(|word| here(word, command, folder.path(), &copy)).collect();
        let (program, arguments) = words.split_first().context("an empty command")?;
        let output = std::process::Command::new(program)
            .args(arguments)
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .output()
            .with_context(|| format!("can not start {program}"))?;
        let complaint = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "{} failed by hand: {complaint}", words.join(" "));
    }
    Ok(cpu::seconds_of_ended_children() - before)
}

/// A word of the command line, with files of the server replaced by ours: what the job made stands in its folder,
/// any other file is the upload.
fn here(word: &str, command: &Command, folder: &Path, source: &Path) -> String {
    let (scheme, path) = match word.strip_prefix("file:") {
        Some(path) => ("file:", path),
        None => ("", word),
    };
    let absolute = Path::new(path);
    if !absolute.is_absolute() || path == command.words[0] {
        return word.to_owned();
    }
    let ours = match absolute.strip_prefix(&command.folder) {
        Ok(relative) => folder.join(relative),
        Err(_) => source.to_owned(),
    };
    format!("{scheme}{}", ours.display())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_the_server_become_ours() {
        let words = ["/usr/bin/ffmpeg", "-i", "file:/data/uploads/7", "first.mp4"].map(String::from).to_vec();
        let command = Running { pid: 1, words, folder: "/data/work/1".into() };
        let (folder, source) = (Path::new("/tmp/x"), Path::new("/tmp/x/source"));
        let here = |word: &str| here(word, &command, folder, source);
        assert_eq!(here("file:/data/uploads/7"), "file:/tmp/x/source");
        assert_eq!(here("file:/data/work/1/first.mp4"), "file:/tmp/x/first.mp4");
        assert_eq!(here("first.mp4"), "first.mp4");
        assert_eq!(here("/usr/bin/ffmpeg"), "/usr/bin/ffmpeg");
        assert_eq!(here("scale=540:-2"), "scale=540:-2");
    }
}
