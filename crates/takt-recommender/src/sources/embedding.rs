//! Videos whose learned vectors lie in the direction of what the viewer liked.

use super::{Gathering, offer_best};
use crate::vectors::Pointer;

/// The rows that are looked at, evenly spread over all where there are more.
const LOOKS_MAX: usize = 8_192;

pub(crate) fn gather(gathering: &mut Gathering<'_, '_>) {
    let query = gathering.query;
    let Some(direction) = query.relevance.direction() else { return };
    let vectors = &query.engine.catalogue.rows.vectors;
    let stride = vectors.rows.len().div_ceil(LOOKS_MAX).max(1);
    // Another part of them with every seed.
    let first = (query.seed % stride as u64) as usize;
    let likely = vectors.towards(&Pointer::new(direction), first, stride);
    offer_best(gathering, likely);
}
