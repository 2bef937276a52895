//! A program of the operator's that listens: started as FFmpeg is, confined as FFmpeg is.

use std::ffi::OsString;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::Job;
use crate::error::Error;
use crate::inspect::absolute;
use crate::process::{self, Invocation, Program};
use crate::sandbox::ResourceLimits;

/// Most that is taken of what the program prints, in bytes.
const PRINTED_BYTES_MAX: usize = 256 << 10;
/// What it may leave in the job's folder, in bytes a file.
const FILE_BYTES_MAX: u64 = 64 << 20;

/// Which program, and what it gets.
#[derive(Debug, Clone, Copy)]
pub struct Recogniser<'a> {
    /// Its absolute path.
    pub program: &'a Path,
    /// Its arguments. `{sound}` stands for the file it is to listen to, `{language}` for the tag of the language that is
    /// spoken, or `auto`.
    pub arguments: &'a [String],
    /// Files and folders besides the sound that it may read, such as a model.
    pub files: &'a [PathBuf],
    /// Address space in bytes.
    pub memory_bytes: u64,
    /// CPU seconds; it may take twice as long by the clock.
    pub cpu_s: u64,
    /// What is spoken, where that is known.
    pub language: Option<&'a str>,
}

/// Has `sound` listened to and answers what the program printed, which nobody has checked.
///
/// # Errors
/// [`Error::Temporary`] when the program can not be started, fails, takes too long or prints too much.
pub async fn recognise(job: &Job<'_>, with: &Recogniser<'_>, sound: &Path) -> Result<Vec<u8>, Error> {
    let sound = absolute(sound)?;
    // Links are resolved because the sandbox must name the files themselves.
    let real = |path: &Path| {
        let named = |error| Error::Temporary(format!("can not use {}: {error}", path.display()));
        path.canonicalize().map_err(named)
    };
    let program = real(with.program)?;
    let mut read = vec![sound.clone()];
    for file in with.files {
        read.push(real(file)?);
    }
    let filled = |argument: &String| {
        let argument = argument.replace("{language}", with.language.unwrap_or("auto"));
        OsString::from(argument.replace("{sound}", &sound.to_string_lossy()))
    };
    let invocation = Invocation {
        program: Program::Other(&program),
        args: with.arguments.iter().map(filled).collect(),
        dir: job.dir,
        read,
        writes: true,
        limits: ResourceLimits {
            memory_bytes: with.memory_bytes,
            cpu_s: with.cpu_s,
            file_bytes: FILE_BYTES_MAX,
        },
        wall: Duration::from_secs(with.cpu_s.saturating_mul(2)),
        silence: None,
    };
    let mut printed = String::new();
    let outcome = process::run(job.tools, invocation, |line| {
        printed.push_str(line);
        printed.push('\n');
        if printed.len() > PRINTED_BYTES_MAX { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    })
    .await?;
    if outcome.stopped {
        return Err(Error::Temporary(format!("the program printed more than {PRINTED_BYTES_MAX} bytes")));
    }
    if outcome.out_of_time {
        return Err(Error::Temporary(format!("the program took longer than {} s", with.cpu_s * 2)));
    }
    if !outcome.status.success() {
        let said: String = outcome.stderr.chars().take(200).collect();
        return Err(Error::Temporary(format!("the program failed ({}): {said}", outcome.status)));
    }
    Ok(printed.into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Limits, Tools};
    use std::os::unix::fs::PermissionsExt;

    /// Runs a shell script as the recogniser; `$1` is the sound, `$2` the language, `$3` a file it may read.
    async fn run(script: &str) -> (bool, Result<String, String>) {
        let (tools, limits) = (Tools::find(None, None).unwrap(), Limits::default());
        let (dir, home) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let (program, models) = (home.path().join("listen"), home.path().join("models"));
        std::fs::write(&program, format!("#!/bin/sh\n{script}\n")).unwrap();
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
        std::fs::create_dir(&models).unwrap();
        std::fs::write(models.join("small"), "a model").unwrap();
        std::fs::write(home.path().join("secret"), "a secret").unwrap();
        let sound = dir.path().join("sound.wav");
        std::fs::write(&sound, "RIFF").unwrap();
        let arguments = ["{sound}".to_owned(), "<{language}>".to_owned(), models.display().to_string()];
        let with = Recogniser {
            program: &program,
            arguments: &arguments,
            files: std::slice::from_ref(&models),
            memory_bytes: 1 << 30,
            cpu_s: 2,
            language: Some("de; rm -rf /"),
        };
        let job = Job { tools: &tools, limits: &limits, dir: dir.path(), source: &sound };
        let printed = recognise(&job, &with, &sound).await.map_err(|error| error.to_string());
        (tools.sandbox.landlock_abi.is_some(), printed.map(|bytes| String::from_utf8(bytes).unwrap()))
    }

    #[tokio::test]
    async fn it_gets_sound_language_and_its_files_and_no_shell_in_between() {
        let (_, printed) = run(r#"cat "$1"; echo " $2 $(ls "$3") $(cat "$3/small")"; echo done"#).await;
        assert_eq!(printed.unwrap(), "RIFF <de; rm -rf /> small a model\ndone\n");
    }

    #[tokio::test]
    async fn it_reads_and_writes_nothing_else() {
        let script = r#"cat "$3/../secret" 2>/dev/null; echo x 2>/dev/null >"$3/small"; cat "$3/small"; echo y >here && cat here"#;
        let (confined, printed) = run(script).await;
        if confined {
            assert_eq!(printed.unwrap(), "a modely\n");
        } else {
            eprintln!("SKIPPED: this kernel has no Landlock");
        }
    }

    #[tokio::test]
    async fn it_is_stopped_when_it_fails_talks_or_does_not_end() {
        let says = async |script: &str, expected: &str| {
            let (_, printed) = run(script).await;
            let error = printed.unwrap_err();
            assert!(error.contains(expected), "{script}: {error}");
        };
        says("echo broken >&2; exit 3", "broken").await;
        says("while true; do echo wwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwww; done", "printed more")
            .await;
        says("sleep 60", "took longer than 4 s").await;
        says("while true; do :; done", "the program").await;
    }
}
