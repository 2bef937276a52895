//! Event intake: batches as clients send them.

use crate::http::{self, Answer, Outgoing};
use crate::load::Workload;
use crate::random::Random;
use anyhow::{Result, ensure};
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::sync::Arc;
use takt_core::{Clock, VideoId};

/// Every request is one batch of a viewer drawn by chance: impressions with their watch times, now and then a like.
pub(crate) struct Batches {
    pub(crate) address: SocketAddr,
    pub(crate) tokens: Arc<[String]>,
    pub(crate) videos: Arc<[VideoId]>,
    /// Events in a batch.
    pub(crate) events: usize,
}

impl Workload for Batches {
    fn request(&self, random: &mut Random) -> Result<Outgoing> {
        let token = &self.tokens[random.below(self.tokens.len())];
        let at = Clock::system().now();
        let mut body = String::from("{\"events\":[");
        for n in 0..self.events {
            let video = self.videos[random.below(self.videos.len())];
            let (id, separator) = (random.uuid(), if n == 0 { "" } else { "," });
            let watch_ms = random.below(30_000);
            let kind = match n % 8 {
                7 => "\"like\"".to_owned(),
                n if n % 2 == 0 => "\"impression\"".to_owned(),
                _ => format!("\"watch\",\"watch_ms\":{watch_ms}"),
            };
            write!(
                body,
                "{separator}{{\"id\":\"{id}\",\"type\":{kind},\"video_id\":\"{video}\",\"at\":\"{at}\"}}"
            )?;
        }
        body.push_str("]}");
        http::post(self.address, "/api/v1/events", Some(token), body.into_bytes())
    }

    fn keeps_body(&self) -> bool {
        true
    }

    fn judge(&self, answer: &Answer) -> Result<u64> {
        ensure!(
            answer.status.as_u16() == 202,
            "status {}: {}",
            answer.status,
            String::from_utf8_lossy(&answer.body)
        );
        let accepted = answer.json()?["accepted"].as_u64().unwrap_or(0);
        ensure!(accepted == self.events as u64, "{accepted} of {} events accepted", self.events);
        Ok(accepted)
    }
}
