//! The state as bytes.
//!
//! `TAKTREC` and a format byte, the policy's hash (32 bytes), the state in postcard, and SHA-256 of all that (32 bytes).
//! The state is written in one canonical order, so that equal states have equal bytes and the checksum is the digest.

use crate::catalogue::{Catalogue, Rows, Video};
use crate::engine::{Counters, Engine, Lore};
use crate::policy::Policy;
use crate::viewer::Viewer;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use takt_core::ViewerId;

const MAGIC: &[u8; 7] = b"TAKTREC";
/// Changes whenever the same log would give other bytes: another layout, or another way to learn.
const FORMAT: u8 = 8;
const HEAD_BYTES: usize = 8 + 32;
const CHECKSUM_BYTES: usize = 32;

/// A snapshot that can not be used. The log can always be replayed instead.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RestoreError {
    /// Something else, or cut off.
    #[error("not a recommender snapshot")]
    NotASnapshot,
    /// Another release's format.
    #[error("recommender snapshot has format {found}, this release uses format {FORMAT}; replay the log")]
    Format {
        /// The format of the snapshot.
        found: u8,
    },
    /// Made under another ranking policy.
    #[error("recommender snapshot was made under another ranking policy; replay the log")]
    Policy,
    /// Bytes were changed.
    #[error("recommender snapshot is damaged: its checksum does not match; replay the log")]
    Checksum,
    /// The checksum is right and the content is not.
    #[error("recommender snapshot is inconsistent: {0}; replay the log")]
    Inconsistent(String),
}

#[derive(Serialize)]
struct StateRef<'a> {
    counters: &'a Counters,
    rows: &'a Rows,
    lore: &'a Lore,
    viewers: &'a BTreeMap<ViewerId, Viewer>,
}

#[derive(Deserialize)]
struct State {
    counters: Counters,
    rows: Rows,
    lore: Lore,
    viewers: BTreeMap<ViewerId, Viewer>,
}

/// Bytes on their way into a hash, in blocks: the state of a large cell need not fit memory twice.
struct Hasher {
    hash: Sha256,
    block: Vec<u8>,
}

const BLOCK_BYTES: usize = 1 << 16;

impl Hasher {
    fn flush(&mut self) {
        self.hash.update(&self.block);
        self.block.clear();
    }
}

impl postcard::ser_flavors::Flavor for Hasher {
    type Output = [u8; 32];
    fn try_push(&mut self, byte: u8) -> postcard::Result<()> {
        self.try_extend(&[byte])
    }
    fn try_extend(&mut self, bytes: &[u8]) -> postcard::Result<()> {
        self.block.extend_from_slice(bytes);
        if self.block.len() >= BLOCK_BYTES {
            self.flush();
        }
        Ok(())
    }
    fn finalize(mut self) -> postcard::Result<[u8; 32]> {
        self.flush();
        Ok(self.hash.finalize().into())
    }
}

fn head(policy: &Policy) -> [u8; HEAD_BYTES] {
    let mut head = [0; HEAD_BYTES];
    head[..7].copy_from_slice(MAGIC);
    head[7] = FORMAT;
    head[8..].copy_from_slice(&policy.hash());
    head
}

fn state(engine: &Engine) -> StateRef<'_> {
    let Engine { counters, catalogue, viewers, lore, .. } = engine;
    StateRef { counters, rows: &catalogue.rows, lore, viewers }
}

pub(crate) fn digest(engine: &Engine) -> [u8; 32] {
    hash(Sha256::new().chain_update(head(&engine.policy)), &state(engine))
}

pub(crate) fn row_digest(viewer: &Viewer) -> [u8; 32] {
    hash(Sha256::new(), viewer)
}

fn hash(hash: Sha256, value: &impl Serialize) -> [u8; 32] {
    let hasher = Hasher { hash, block: Vec::new() };
    postcard::serialize_with_flavor(value, hasher)
        .expect("a hash takes any bytes and every field has a length")
}

pub(crate) fn write(engine: &Engine) -> Vec<u8> {
    let bytes = head(&engine.policy).to_vec();
    let mut bytes = postcard::to_extend(&state(engine), bytes)
        .expect("a vector takes any bytes and every field has a length");
    let checksum = Sha256::digest(&bytes);
    bytes.extend_from_slice(&checksum);
    bytes
}

pub(crate) fn read(policy: Policy, bytes: &[u8]) -> Result<Engine, RestoreError> {
    if bytes.len() < HEAD_BYTES + CHECKSUM_BYTES || &bytes[..7] != MAGIC {
        return Err(RestoreError::NotASnapshot);
    }
    if bytes[7] != FORMAT {
        return Err(RestoreError::Format { found: bytes[7] });
    }
    let (content, checksum) = bytes.split_at(bytes.len() - CHECKSUM_BYTES);
    if Sha256::digest(content)[..] != *checksum {
        return Err(RestoreError::Checksum);
    }
    if bytes[8..HEAD_BYTES] != policy.hash() {
        return Err(RestoreError::Policy);
    }
    let inconsistent = |error: postcard::Error| RestoreError::Inconsistent(error.to_string());
    let (state, rest): (State, _) =
        postcard::take_from_bytes(&content[HEAD_BYTES..]).map_err(inconsistent)?;
    if !rest.is_empty() {
        return Err(RestoreError::Inconsistent(format!("{} bytes follow the state", rest.len())));
    }
    check(&state)?;
    let State { counters, rows, lore, viewers } = state;
    let catalogue = Catalogue::from_rows(rows, policy.exploration.impressions_max);
    Ok(Engine { policy, catalogue, viewers, counters, lore })
}

/// Every number in the state names a row: later code indexes without looking.
fn check(state: &State) -> Result<(), RestoreError> {
    let (videos, features) = (state.rows.videos.len() as u64, state.rows.features.len() as u64);
    let outside = |number: Option<u32>, rows: u64| number.is_some_and(|number| u64::from(number) >= rows);
    if state.rows.feature_records.len() as u64 != features
        || state.rows.neighbours.len() as u64 != videos
        || !state.lore.contexts.is_whole()
    {
        return Err(RestoreError::Inconsistent("a table has another size".into()));
    }
    let Rows { lone, idle, free, copies, .. } = &state.rows;
    if outside(lone.values().max().copied(), videos)
        || outside(copies.reference(), videos)
        || outside(idle.keys().chain(free).max().copied(), features)
    {
        return Err(RestoreError::Inconsistent("what waits refers to a missing row".into()));
    }
    for video in &state.rows.videos {
        let own =
            video.features.iter().chain(&video.tags).copied().chain(video.creator).chain(video.sound).max();
        if outside(own, features) {
            return Err(RestoreError::Inconsistent(format!("{:?} refers to a missing row", video.id)));
        }
    }
    if state.rows.neighbours.iter().any(|neighbours| outside(neighbours.reference(), videos)) {
        return Err(RestoreError::Inconsistent("a list of neighbours refers to a missing row".into()));
    }
    let vectors = &state.rows.vectors;
    let has_row = |(video, number): (&Video, u32)| match video.vector {
        Some(row) => vectors.rows.get(row as usize).is_some_and(|row| row.video == number),
        None => true,
    };
    let named = state.rows.videos.iter().filter(|video| video.vector.is_some()).count();
    if !state.rows.videos.iter().zip(0..).all(has_row) || named != vectors.rows.len() || !vectors.is_whole() {
        return Err(RestoreError::Inconsistent("learned vectors belong to other videos".into()));
    }
    for (id, viewer) in &state.viewers {
        let (video, feature) = viewer.references();
        if outside(video, videos) || outside(feature, features) {
            return Err(RestoreError::Inconsistent(format!("{id:?} refers to a missing row")));
        }
    }
    Ok(())
}
