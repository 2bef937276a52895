//! For You pages for many viewers.

use crate::http::{self, Answer, Outgoing};
use crate::load::Workload;
use crate::random::Random;
use anyhow::{Context as _, Result, ensure};
use std::net::SocketAddr;
use std::sync::Arc;

/// Every request is the next page of a viewer drawn by chance.
pub(crate) struct ForYou {
    pub(crate) address: SocketAddr,
    pub(crate) tokens: Arc<[String]>,
    pub(crate) items: usize,
}

impl Workload for ForYou {
    fn request(&self, random: &mut Random) -> Result<Outgoing> {
        let token = &self.tokens[random.below(self.tokens.len())];
        http::get(self.address, &format!("/api/v1/feeds/for-you?limit={}", self.items), Some(token))
    }

    fn keeps_body(&self) -> bool {
        true
    }

    fn judge(&self, answer: &Answer) -> Result<u64> {
        ensure!(answer.status.as_u16() == 200, "status {}", answer.status);
        // A page is told from an error, and the recommender's from the stand-in, without reading it all.
        let find = |needle: &[u8]| answer.body.windows(needle.len()).rposition(|window| window == needle);
        let end = find(b"],\"position\":").context("a page that is not the recommender's")?;
        ensure!(end > 0 && answer.body.starts_with(b"{\"items\":[{"), "an empty page");
        Ok(1)
    }
}
