//! When to try again: exponential back-off with jitter, or as long as the server asks for.

use reqwest::StatusCode;
use reqwest::header::{HeaderMap, RETRY_AFTER};
use std::time::Duration;

const DELAY_FIRST: Duration = Duration::from_millis(500);
const DELAY_MAX: Duration = Duration::from_secs(30);
/// Together about four minutes without any progress: a restart or a short outage passes, a server that is gone shows.
const TRIES_MAX: u32 = 13;
/// A server that asks for more is not waited for this time.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(300);

/// How often in a row something failed.
#[derive(Debug, Default)]
pub(crate) struct Backoff {
    failures: u32,
}

impl Backoff {
    /// Something worked: the next failure is a first one again.
    pub(crate) fn reset(&mut self) {
        self.failures = 0;
    }

    /// How long to wait after one more failure, or `None` where it is time to give up.
    /// `asked` is the server's own wish.
    pub(crate) fn next(&mut self, asked: Option<Duration>) -> Option<Duration> {
        self.failures += 1;
        if self.failures >= TRIES_MAX || asked.is_some_and(|wish| wish > RETRY_AFTER_MAX) {
            return None;
        }
        let doubled = DELAY_FIRST.saturating_mul(1 << (self.failures - 1).min(16)).min(DELAY_MAX);
        Some(asked.unwrap_or_default().max(doubled.mul_f64(jitter())))
    }
}

/// 0.5 to 1, so that clients that failed together do not come back together.
fn jitter() -> f64 {
    let random = getrandom::u32().unwrap_or_default();
    0.5 + 0.5 * f64::from(random) / f64::from(u32::MAX)
}

/// Whether an answer means "not now" rather than "no".
pub(crate) fn is_transient(status: StatusCode) -> bool {
    matches!(status.as_u16(), 408 | 429 | 502 | 503 | 504)
}

/// The server's wish in whole seconds. Its form as a date is not read.
pub(crate) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok().map(Duration::from_secs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_grow_within_bounds_and_end() {
        let mut backoff = Backoff::default();
        let delays: Vec<Duration> = std::iter::from_fn(|| backoff.next(None)).collect();
        assert_eq!(delays.len(), TRIES_MAX as usize - 1);
        assert!(delays[0] >= DELAY_FIRST / 2 && delays[0] <= DELAY_FIRST);
        assert!(delays.iter().all(|d| *d <= DELAY_MAX) && delays[8] >= DELAY_MAX / 2);
        backoff.reset();
        assert!(backoff.next(None).is_some());
    }

    #[test]
    fn the_servers_wish_counts_up_to_a_limit() {
        let seconds = Duration::from_secs;
        assert_eq!(Backoff::default().next(Some(seconds(42))), Some(seconds(42)));
        assert_eq!(Backoff::default().next(Some(seconds(3600))), None);
        let mut headers = HeaderMap::new();
        assert_eq!(retry_after(&headers), None);
        headers.insert(RETRY_AFTER, "7".parse().unwrap());
        assert_eq!(retry_after(&headers), Some(seconds(7)));
        headers.insert(RETRY_AFTER, "Fri, 31 Dec 1999 23:59:59 GMT".parse().unwrap());
        assert_eq!(retry_after(&headers), None);
    }
}
