//! Ctrl-C and SIGTERM set a flag instead of ending the process, so that every server that was started is stopped.

use std::sync::Arc;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};

static INTERRUPTED: LazyLock<Arc<AtomicBool>> = LazyLock::new(|| Arc::new(AtomicBool::new(false)));

/// Starts catching SIGINT, SIGTERM and SIGHUP. A second signal ends the process at once.
///
/// # Errors
/// Where the system refuses a handler.
pub(crate) fn catch() -> Result<()> {
    for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM, signal_hook::consts::SIGHUP] {
        // Order matters: the first handler ends the process only where the flag was already set by an earlier signal.
        signal_hook::flag::register_conditional_shutdown(signal, 130, Arc::clone(&INTERRUPTED))
            .context("catching signals")?;
        signal_hook::flag::register(signal, Arc::clone(&INTERRUPTED)).context("catching signals")?;
    }
    Ok(())
}

/// Whether a signal has come in.
pub(crate) fn interrupted() -> bool {
    INTERRUPTED.load(Ordering::SeqCst)
}

/// An error where a signal has come in, so that loops can leave by `?`.
pub(crate) fn check() -> Result<()> {
    if interrupted() {
        bail!("interrupted");
    }
    Ok(())
}

/// Sleeps, but leaves early with an error on a signal.
pub(crate) fn sleep(duration: Duration) -> Result<()> {
    const STEP: Duration = Duration::from_millis(50);
    let mut left = duration;
    while !left.is_zero() {
        check()?;
        let step = left.min(STEP);
        std::thread::sleep(step);
        left -= step;
    }
    check()
}
