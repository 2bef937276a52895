//! Rate limits: token buckets by class and key. Limits are configuration; 0 lifts one.

use crate::config;
use crate::error::{Error, Result};
use governor::clock::{Clock, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use std::net::IpAddr;
use std::num::NonZeroU32;
use takt_core::ViewerId;

/// One network: an IPv4 address or an IPv6 /64, which is what one household or host gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Network([u8; 8]);

impl From<IpAddr> for Network {
    fn from(address: IpAddr) -> Self {
        let octets = match address {
            IpAddr::V4(v4) => v4.to_ipv6_mapped().octets(),
            IpAddr::V6(v6) if v6.to_ipv4_mapped().is_some() => v6.octets(),
            IpAddr::V6(v6) => {
                let mut prefix = [0; 8];
                prefix.copy_from_slice(&v6.octets()[..8]);
                return Self(prefix);
            }
        };
        // The mapped prefix ::ffff: is the same for all, so the address itself goes in.
        Self([0, 0, 0xff, 0xff, octets[12], octets[13], octets[14], octets[15]])
    }
}

type Keyed<K> = Option<DefaultKeyedRateLimiter<K>>;

/// All limits of the cell.
pub struct Limits {
    sign_in: Keyed<Network>,
    sign_in_handle: Keyed<(Network, String)>,
    sign_up: Keyed<Network>,
    viewers: Keyed<Network>,
    requests: Keyed<ViewerId>,
    events: Keyed<ViewerId>,
}

impl Limits {
    /// Buckets as large as one period's allowance.
    pub fn new(config: &config::Limits) -> Self {
        Self {
            sign_in: keyed(config.sign_in_per_minute, Quota::per_minute),
            sign_in_handle: keyed(config.sign_in_per_handle_per_minute, Quota::per_minute),
            sign_up: keyed(config.sign_up_per_minute, Quota::per_minute),
            viewers: keyed(config.viewers_per_minute, Quota::per_minute),
            requests: keyed(config.requests_per_second, Quota::per_second),
            events: keyed(config.events_per_second, |n| {
                Quota::per_second(n).allow_burst(n.saturating_mul(TEN))
            }),
        }
    }

    /// A try to sign in as `handle`.
    pub fn sign_in(&self, network: Network, handle: &str) -> Result<()> {
        check(&self.sign_in, &network, ONE)?;
        check(&self.sign_in_handle, &(network, handle.to_owned()), ONE)
    }
    /// A new account.
    pub fn sign_up(&self, network: Network) -> Result<()> {
        check(&self.sign_up, &network, ONE)
    }
    /// A new anonymous viewer.
    pub fn new_viewer(&self, network: Network) -> Result<()> {
        check(&self.viewers, &network, ONE)
    }
    /// Any request of a known viewer.
    pub fn request(&self, viewer: ViewerId) -> Result<()> {
        check(&self.requests, &viewer, ONE)
    }
    /// `count` events of one viewer.
    pub fn events(&self, viewer: ViewerId, count: usize) -> Result<()> {
        match u32::try_from(count).ok().and_then(NonZeroU32::new) {
            Some(count) => check(&self.events, &viewer, count),
            None => Ok(()),
        }
    }
    /// Forgets keys whose buckets are full again; called now and then.
    pub fn retain_recent(&self) {
        self.sign_in.iter().for_each(RateLimiter::retain_recent);
        self.sign_in_handle.iter().for_each(RateLimiter::retain_recent);
        self.sign_up.iter().for_each(RateLimiter::retain_recent);
        self.viewers.iter().for_each(RateLimiter::retain_recent);
        self.requests.iter().for_each(RateLimiter::retain_recent);
        self.events.iter().for_each(RateLimiter::retain_recent);
    }
}

const ONE: NonZeroU32 = NonZeroU32::MIN;
const TEN: NonZeroU32 = NonZeroU32::new(10).expect("10 is not 0");

fn keyed<K: std::hash::Hash + Eq + Clone>(allowance: u32, quota: impl Fn(NonZeroU32) -> Quota) -> Keyed<K> {
    NonZeroU32::new(allowance).map(|allowance| RateLimiter::keyed(quota(allowance)))
}

fn check<K: std::hash::Hash + Eq + Clone>(limit: &Keyed<K>, key: &K, cost: NonZeroU32) -> Result<()> {
    let Some(limiter) = limit else { return Ok(()) };
    match limiter.check_key_n(key, cost) {
        Ok(Ok(())) => Ok(()),
        Ok(Err(until)) => {
            let wait = until.wait_time_from(DefaultClock::default().now());
            Err(Error::TooMany { retry_after_s: wait.as_secs() + 1 })
        }
        // More at once than the bucket ever holds.
        Err(_) => Err(Error::TooMany { retry_after_s: 60 }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_holds_per_network_and_handle_and_zero_lifts_it() {
        let limits = Limits::new(&config::Limits { sign_in_per_handle_per_minute: 2, ..Default::default() });
        let here = Network::from(IpAddr::from([192, 0, 2, 1]));
        let there = Network::from(IpAddr::from([192, 0, 2, 2]));
        assert!(limits.sign_in(here, "ada").is_ok() && limits.sign_in(here, "ada").is_ok());
        assert!(matches!(limits.sign_in(here, "ada"), Err(Error::TooMany { retry_after_s: 1.. })));
        assert!(limits.sign_in(here, "bob").is_ok() && limits.sign_in(there, "ada").is_ok());
        let lifted = Limits::new(&config::Limits { sign_up_per_minute: 0, ..Default::default() });
        assert!((0..10_000).all(|_| lifted.sign_up(here).is_ok()));
    }

    #[test]
    fn ipv6_neighbours_are_one_network() {
        let of = |text: &str| Network::from(text.parse::<IpAddr>().unwrap());
        assert_eq!(of("2001:db8:1:2::1"), of("2001:db8:1:2:ffff::9"));
        assert_ne!(of("2001:db8:1:2::1"), of("2001:db8:1:3::1"));
        assert_eq!(of("::ffff:192.0.2.1"), of("192.0.2.1"));
    }
}
