//! Content Credentials (C2PA) of an upload, read by `takt-provenance`: a program of its own, confined as FFmpeg is.

use std::ops::ControlFlow;
use std::path::Path;
use std::time::Duration;

use crate::Job;
use crate::error::Error;
use crate::inspect::absolute;
use crate::process::{self, Invocation, Program};
use crate::sandbox::ResourceLimits;

/// Address space of the program in bytes. It reads what it hashes in pieces of 256 MiB, two at a time.
const MEMORY_BYTES: u64 = 1 << 30;
/// CPU seconds. The largest upload, 512 MiB, takes 0.7.
const CPU_S: u64 = 10;

/// What the Content Credentials that an upload carries are worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Provenance {
    /// Their signature and their hashes hold. That says who signed and that nothing was changed since, not that the
    /// signer is known to anybody or that what is shown is true.
    Valid,
    /// They are there and do not hold.
    Broken,
}

/// Reads the Content Credentials of the job's source with `program`, the path of `takt-provenance`; `None` where it has
/// none.
///
/// # Errors
/// [`Error::Temporary`] when the program can not be started, breaks down or takes too long: nothing is known then.
pub async fn provenance(job: &Job<'_>, program: &Path) -> Result<Option<Provenance>, Error> {
    // Links are resolved because the sandbox must name the files themselves.
    let (program, source) = (absolute(program)?, absolute(job.source)?);
    let invocation = Invocation {
        program: Program::Other(&program),
        args: vec![source.clone().into()],
        dir: job.dir,
        read: vec![source],
        writes: false,
        limits: ResourceLimits { memory_bytes: MEMORY_BYTES, cpu_s: CPU_S, file_bytes: 0 },
        wall: Duration::from_secs(CPU_S * 3),
        silence: None,
    };
    let mut said = None;
    let outcome = process::run(job.tools, invocation, |line| {
        said = Some(line.to_owned());
        ControlFlow::Break(())
    })
    .await?;
    match said.as_deref() {
        Some(r#"{"provenance":"absent"}"#) => Ok(None),
        Some(r#"{"provenance":"valid"}"#) => Ok(Some(Provenance::Valid)),
        Some(r#"{"provenance":"broken"}"#) => Ok(Some(Provenance::Broken)),
        _ if outcome.out_of_time => {
            Err(Error::Temporary(format!("takt-provenance took longer than {} s", CPU_S * 3)))
        }
        _ => {
            let why: String = outcome.stderr.chars().take(200).collect();
            Err(Error::Temporary(format!("takt-provenance failed ({}): {why}", outcome.status)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Limits, Tools};
    use std::os::unix::fs::PermissionsExt;

    /// Runs a shell script in the place of the program.
    async fn run(script: &str) -> Result<Option<Provenance>, String> {
        let (tools, limits) = (Tools::find(None, None).unwrap(), Limits::default());
        let (dir, home) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let program = home.path().join("takt-provenance");
        std::fs::write(&program, format!("#!/bin/sh\n{script}\n")).unwrap();
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
        let source = home.path().join("upload");
        std::fs::write(&source, r#"{"provenance":"valid"}"#).unwrap();
        let job = Job { tools: &tools, limits: &limits, dir: dir.path(), source: &source };
        provenance(&job, &program).await.map_err(|error| error.to_string())
    }

    #[tokio::test]
    async fn it_says_one_of_three_words_and_nothing_else_is_believed() {
        assert_eq!(run(r#"cat "$1"; echo"#).await, Ok(Some(Provenance::Valid)));
        assert_eq!(run(r#"echo '{"provenance":"broken"}'"#).await, Ok(Some(Provenance::Broken)));
        assert_eq!(run(r#"echo '{"provenance":"absent"}'"#).await, Ok(None));
        for script in [
            "true",
            "echo '{\"provenance\":\"authentic\"}'",
            "echo; echo '{\"provenance\":\"valid\"}'",
            "echo oh >&2; exit 3",
            "kill -SEGV $$",
        ] {
            let error = run(script).await.unwrap_err();
            assert!(error.contains("takt-provenance failed"), "{script}: {error}");
        }
    }
}
