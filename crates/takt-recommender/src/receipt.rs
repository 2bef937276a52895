//! What a page's viewer and an auditor keep: a receipt in plain text, and how a page computed again may differ.
//!
//! The text is what gets signed (`docs/receipts.md`); signing and keys are the server's.

use crate::engine::Engine;
use crate::event::{MadeItem, MadePage};
use crate::explain::AuditedPage;
use crate::page::PageRequest;
use crate::registry::FilterName;
use sha2::{Digest, Sha256};
use std::fmt::Write as _;
use takt_core::{PageId, Timestamp, VideoId, ViewerId};

const HEADER: &str = "takt-receipt/v1";
const VIEWER_DOMAIN: &[u8] = b"takt-receipt-viewer/v1\n";
/// Items that a receipt is read with at most.
const ITEMS_MAX: usize = 256;

/// A page as its receipt tells of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// Which cell made it.
    pub cell: String,
    /// The page.
    pub page: PageId,
    /// SHA-256 of `takt-receipt-viewer/v1`, a line feed, the page's and the viewer's id: nobody can tell the viewer, or
    /// that two receipts are of one viewer, but who holds the log can check it.
    pub viewer: [u8; 32],
    /// When it was asked for.
    pub at: Timestamp,
    /// The log position it was computed at.
    pub position: u64,
    /// SHA-256 of the ranking policy.
    pub policy: [u8; 32],
    /// The seed it was computed with.
    pub seed: u64,
    /// SHA-256 of the secret that the seed comes from.
    pub seeds: [u8; 32],
    /// Digest of the candidates: see [`AuditedPage`].
    pub candidates: [u8; 32],
    /// How many videos were asked for.
    pub limit: u32,
    /// Whether the viewer has an account, whose own videos were left out.
    pub account: bool,
    /// What was on it, first to last.
    pub items: Vec<MadeItem>,
}

/// A text that is no receipt, and where it stops being one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a receipt: line {line} should be `{expected}`")]
pub struct ReceiptError {
    /// The line, from 1.
    pub line: usize,
    /// What belongs there.
    pub expected: &'static str,
}

impl Receipt {
    /// The receipt of a page that the log has.
    pub fn of(cell: &str, at: Timestamp, made: &MadePage) -> Self {
        Self {
            cell: cell.to_owned(),
            page: made.page,
            viewer: viewer_commitment(made.page, made.viewer),
            at,
            position: made.position,
            policy: made.policy,
            seed: made.seed,
            seeds: made.seeds,
            candidates: made.candidates,
            limit: made.limit,
            account: made.account.is_some(),
            items: made.items.clone(),
        }
    }

    /// The text that is signed. Ends in a line feed.
    pub fn text(&self) -> String {
        let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        let mut text = format!(
            "{HEADER}\ncell {}\npage {}\nviewer {}\nat {}\nposition {}\npolicy {}\nseed {}\nseeds {}\ncandidates {}\n\
             limit {}\naccount {}\n",
            self.cell,
            self.page,
            hex(&self.viewer),
            self.at,
            self.position,
            hex(&self.policy),
            self.seed,
            hex(&self.seeds),
            hex(&self.candidates),
            self.limit,
            if self.account { "yes" } else { "no" },
        );
        for item in &self.items {
            let _ = writeln!(text, "item {} {}", item.video, item.score);
        }
        text
    }

    /// Reads what [`Receipt::text`] wrote, and nothing else.
    ///
    /// # Errors
    ///
    /// Names the first line that is not as it should be.
    pub fn parse(text: &str) -> Result<Self, ReceiptError> {
        let mut lines = Lines { rest: text.split_inclusive('\n'), line: 0 };
        lines.next(HEADER, |line| (line == HEADER).then_some(()))?;
        let mut receipt = Self {
            cell: lines.field("cell", |value| (!value.is_empty()).then(|| value.to_owned()))?,
            page: lines.field("page", |value| value.parse().ok())?,
            viewer: lines.field("viewer", hash)?,
            at: lines.field("at", |value| value.parse().ok())?,
            position: lines.field("position", |value| value.parse().ok())?,
            policy: lines.field("policy", hash)?,
            seed: lines.field("seed", |value| value.parse().ok())?,
            seeds: lines.field("seeds", hash)?,
            candidates: lines.field("candidates", hash)?,
            limit: lines.field("limit", |value| value.parse().ok())?,
            account: lines.field("account", |value| match value {
                "yes" => Some(true),
                "no" => Some(false),
                _ => None,
            })?,
            items: Vec::new(),
        };
        while lines.rest.clone().next().is_some() && receipt.items.len() < ITEMS_MAX {
            let item = lines.field("item", |value| {
                let (video, score) = value.split_once(' ')?;
                Some(MadeItem { video: video.parse().ok()?, score: score.parse().ok()? })
            })?;
            receipt.items.push(item);
        }
        // One text for one receipt: no other spelling of the same numbers.
        if receipt.text() != text {
            return Err(ReceiptError { line: lines.line + 1, expected: "canonical text" });
        }
        Ok(receipt)
    }
}

struct Lines<'a> {
    rest: std::str::SplitInclusive<'a, char>,
    line: usize,
}

impl Lines<'_> {
    fn next<T>(
        &mut self,
        expected: &'static str,
        read: impl Fn(&str) -> Option<T>,
    ) -> Result<T, ReceiptError> {
        self.line += 1;
        let line = self.rest.next().and_then(|line| line.strip_suffix('\n'));
        line.and_then(read).ok_or(ReceiptError { line: self.line, expected })
    }
    fn field<T>(&mut self, name: &'static str, read: impl Fn(&str) -> Option<T>) -> Result<T, ReceiptError> {
        self.next(name, |line| read(line.strip_prefix(name)?.strip_prefix(' ')?))
    }
}

fn hash(text: &str) -> Option<[u8; 32]> {
    let bytes = text.as_bytes();
    if bytes.len() != 64 {
        return None;
    }
    let mut hash = [0; 32];
    for (byte, pair) in hash.iter_mut().zip(bytes.chunks(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(hash)
}

fn viewer_commitment(page: PageId, viewer: ViewerId) -> [u8; 32] {
    let hash = Sha256::new().chain_update(VIEWER_DOMAIN).chain_update(page.bytes());
    hash.chain_update(viewer.bytes()).finalize().into()
}

/// How a page differs from what it is when computed again.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Difference {
    /// Ranked by other weights or rules.
    #[error("policy: the page was ranked by {served}, this is {replayed}")]
    Policy {
        /// The hash the page names.
        served: String,
        /// The hash of the policy at hand.
        replayed: String,
    },
    /// The viewer had met a video of the page before, or had not.
    #[error("seen set: {video} at place {place} had been seen before, and was served all the same")]
    Seen {
        /// From 1.
        place: usize,
        /// What was served.
        video: VideoId,
    },
    /// A filter drops a video of the page.
    #[error("filter: {video} at place {place} is dropped as {reason}, and was served all the same")]
    Filtered {
        /// From 1.
        place: usize,
        /// What was served.
        video: VideoId,
        /// The filter.
        reason: FilterName,
    },
    /// No source puts a video of the page forward.
    #[error("candidates: {video} at place {place} is put forward by no source")]
    NoCandidate {
        /// From 1.
        place: usize,
        /// What was served.
        video: VideoId,
    },
    /// A video has another score.
    #[error("score: {video} at place {place} was given {served}, and gets {replayed}")]
    Score {
        /// From 1.
        place: usize,
        /// What was served.
        video: VideoId,
        /// What the page says.
        served: i64,
        /// What it is.
        replayed: i64,
    },
    /// Of two videos with one score, the wrong one came first.
    #[error("tie-break: at place {place}, {served} and {replayed} have one score, and {replayed} goes first")]
    TieBreak {
        /// From 1.
        place: usize,
        /// What was served.
        served: VideoId,
        /// What belongs there.
        replayed: VideoId,
    },
    /// Another video belongs into a place.
    #[error("order: place {place} was given to {served}, and belongs to {replayed}")]
    Order {
        /// From 1.
        place: usize,
        /// What was served.
        served: VideoId,
        /// What belongs there.
        replayed: VideoId,
    },
    /// The page has too few or too many videos.
    #[error("length: the page had {served} videos, and has {replayed}")]
    Length {
        /// How many were served.
        served: usize,
        /// How many there are.
        replayed: usize,
    },
    /// The page is the same, and what it was chosen from is not.
    #[error("candidates: their digest was {served}, and is {replayed}")]
    Candidates {
        /// What the page says.
        served: String,
        /// What it is.
        replayed: String,
    },
}

impl Engine {
    /// The first way in which a page asked for at `at` differs from the same page computed by this engine, which must
    /// be at the page's position; none where it is the same.
    pub fn first_difference(&self, made: &MadePage, at: Timestamp) -> Option<Difference> {
        let request = made.request(at);
        Comparison { engine: self, request, again: self.audited_page(&request) }.first(made)
    }
}

struct Comparison<'a> {
    engine: &'a Engine,
    request: PageRequest,
    again: AuditedPage,
}

impl Comparison<'_> {
    fn first(&self, made: &MadePage) -> Option<Difference> {
        let hex = |bytes: &[u8; 32]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        let again = &self.again.page;
        if made.policy != again.policy {
            let (served, replayed) = (hex(&made.policy), hex(&again.policy));
            return Some(Difference::Policy { served, replayed });
        }
        for (served, (place, item)) in made.items.iter().zip((1..).zip(&again.items)) {
            if served.video != item.video {
                return Some(self.misplaced(place, *served, item.video, item.score));
            }
            if served.score != item.score {
                let (video, served, replayed) = (served.video, served.score, item.score);
                return Some(Difference::Score { place, video, served, replayed });
            }
        }
        let (served, replayed) = (made.items.len(), again.items.len());
        if let Some(extra) = made.items.get(replayed)
            && let Some(difference) = self.absent(replayed + 1, extra.video)
        {
            return Some(difference);
        }
        if served != replayed {
            return Some(Difference::Length { served, replayed });
        }
        if made.candidates != self.again.candidates {
            let (served, replayed) = (hex(&made.candidates), hex(&self.again.candidates));
            return Some(Difference::Candidates { served, replayed });
        }
        None
    }

    /// Why a served video is none of the candidates; none if it is one.
    fn absent(&self, place: usize, video: VideoId) -> Option<Difference> {
        // What comes again is on the page in spite of its filter.
        if self.again.page.items.iter().any(|item| item.video == video) {
            return None;
        }
        match self.engine.filter(&self.request, video) {
            Some(FilterName::Seen) => Some(Difference::Seen { place, video }),
            Some(reason) => Some(Difference::Filtered { place, video, reason }),
            None => {
                let considered = self.again.considered.iter().any(|considered| considered.video == video);
                (!considered).then_some(Difference::NoCandidate { place, video })
            }
        }
    }

    fn misplaced(
        &self,
        place: usize,
        served: MadeItem,
        replayed: VideoId,
        replayed_score: i64,
    ) -> Difference {
        if let Some(difference) = self.absent(place, served.video) {
            return difference;
        }
        let elsewhere = self.again.page.items.iter().find(|item| item.video == served.video);
        match elsewhere {
            _ if replayed_score == served.score => {
                Difference::TieBreak { place, served: served.video, replayed }
            }
            Some(item) if item.score != served.score => {
                Difference::Score { place, video: served.video, served: served.score, replayed: item.score }
            }
            _ => Difference::Order { place, served: served.video, replayed },
        }
    }
}
