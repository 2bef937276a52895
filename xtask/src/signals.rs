//! Ctrl-C and SIGTERM are counted instead of ending the process, so that every server that was started is stopped.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

static RECEIVED: AtomicUsize = AtomicUsize::new(0);

/// Starts counting SIGINT, SIGTERM and SIGHUP.
///
/// # Errors
/// Where the system refuses a handler.
pub(crate) fn catch() -> Result<()> {
    let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP]).context("catching signals")?;
    std::thread::spawn(move || {
        for _ in signals.forever() {
            RECEIVED.fetch_add(1, Ordering::SeqCst);
        }
    });
    Ok(())
}

/// Whether a signal has come in.
pub(crate) fn interrupted() -> bool {
    RECEIVED.load(Ordering::SeqCst) > 0
}

/// Whether somebody has lost patience and asked a second time.
pub(crate) fn interrupted_again() -> bool {
    RECEIVED.load(Ordering::SeqCst) > 1
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
