//! Python packages in virtual environments under `.tools/`, never in the system's Python.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use crate::{paths, shell};

/// A virtual environment.
pub(crate) struct Venv {
    dir: PathBuf,
}

impl Venv {
    /// A program that a package installed.
    pub(crate) fn bin(&self, name: &str) -> PathBuf {
        self.dir.join("bin").join(name)
    }

    /// Where packages are unpacked.
    ///
    /// # Errors
    /// Where the environment's Python does not run.
    pub(crate) fn site_packages(&self) -> Result<PathBuf> {
        let script = "import sysconfig; print(sysconfig.get_path('platlib'))";
        shell::capture(shell::command(self.bin("python")).args(["-c", script])).map(PathBuf::from)
    }
}

/// Whether the system's Python can make virtual environments with pip in them (Debian splits this off).
pub(crate) fn system_has_venv() -> bool {
    shell::find_in_path("python3").is_some()
        && shell::capture(shell::command("python3").args(["-c", "import venv, ensurepip"])).is_ok()
}

/// A virtual environment with exactly these requirements, made once and again when they change.
///
/// # Errors
/// Where Python or the package index fail.
pub(crate) fn venv(name: &str, requirements: &[&str]) -> Result<Venv> {
    let dir = paths::tools().join("python").join(name);
    let stamp = dir.join("requirements.done");
    let wanted = format!("{}\n{}\n", dir.display(), requirements.join("\n"));
    let venv = Venv { dir };
    if std::fs::read_to_string(&stamp).is_ok_and(|had| had == wanted) {
        return Ok(venv);
    }
    build(&venv.dir, requirements)?;
    std::fs::write(&stamp, wanted).with_context(|| format!("writing {}", stamp.display()))?;
    Ok(venv)
}

fn build(dir: &Path, requirements: &[&str]) -> Result<()> {
    shell::run_quietly(shell::command("python3").args(["-m", "venv", "--clear"]).arg(dir))?;
    let mut pip = shell::command(dir.join("bin/python"));
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--only-binary=:all:"]);
    shell::run_quietly(pip.args(requirements))
}
