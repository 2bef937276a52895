//! The feed without a profile: the same stages for nobody in particular.

use crate::engine::Engine;
use crate::page::{Page, PageRequest, Run};
use crate::query::Query;
use crate::viewer::Viewer;
use takt_core::{Timestamp, ViewerId};

/// How far one can go on: after so many videos the feed ends.
pub const POPULAR_MAX: usize = 600;

/// Who asks is not said.
#[derive(Debug, Clone, Copy)]
pub struct PopularRequest<'a> {
    /// How many videos. More than the policy's `page.items_max` are not given.
    pub limit: usize,
    /// The time of the request.
    pub now: Timestamp,
    /// Decides exploration and chance.
    pub seed: u64,
    /// The mark of the page before; empty at the beginning.
    pub after: &'a [u8],
}

/// A page, and where the next one goes on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PopularPage {
    /// The page.
    pub page: Page,
    /// What has been given so far, this page included; none when there is no more to come.
    pub mark: Option<Vec<u8>>,
}

pub(crate) fn compute(engine: &Engine, request: &PopularRequest<'_>) -> PopularPage {
    // Nobody's row: it holds what the mark holds.
    let mut nobody = Viewer::default();
    nobody.seen.extend(numbers(request.after));
    let left = POPULAR_MAX.saturating_sub(nobody.seen.len() as usize);
    let limit = request.limit.min(left);
    let asked = PageRequest {
        viewer: ViewerId::from_u128(0),
        account: None,
        limit,
        now: request.now,
        seed: request.seed,
    };
    let page = Run::new(Query::of(engine, &asked, Some(&nobody)), &asked).page();
    nobody.seen.extend(page.items.iter().filter_map(|item| engine.catalogue.number(item.video)));
    let more = !page.items.is_empty() && page.items.len() < left;
    PopularPage { page, mark: more.then(|| mark(nobody.seen.iter())) }
}

/// Ascending numbers as their distances.
fn mark(numbers: impl Iterator<Item = u32>) -> Vec<u8> {
    let mut before = 0;
    let distances: Vec<u32> = numbers.map(|number| number - std::mem::replace(&mut before, number)).collect();
    postcard::to_stdvec(&distances).unwrap_or_default()
}

fn numbers(mark: &[u8]) -> Vec<u32> {
    let distances: Vec<u32> = postcard::from_bytes(mark).unwrap_or_default();
    let mut at = 0_u32;
    let number = |distance: u32| {
        at = at.checked_add(distance)?;
        Some(at)
    };
    distances.into_iter().take(POPULAR_MAX).map_while(number).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn marks_hold_what_was_given(numbers_given in prop::collection::btree_set(any::<u32>(), 0..POPULAR_MAX)) {
            let given: Vec<_> = numbers_given.into_iter().collect();
            prop_assert_eq!(numbers(&mark(given.iter().copied())), given);
        }

        #[test]
        fn any_bytes_are_some_mark(bytes: Vec<u8>) {
            prop_assert!(numbers(&bytes).len() <= POPULAR_MAX);
        }
    }
}
