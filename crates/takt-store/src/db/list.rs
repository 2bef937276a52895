//! Statements that ask for a list of ids, made for a few lengths so that they stay prepared.

use super::value::{Args, Value};
use std::sync::LazyLock;

/// At most so many ids are asked for by one statement of a [`PerSize`].
pub const LIST_MAX: usize = 128;

/// The lengths of list that statements are made for: a shorter list is filled up with its last id.
const LIST_SIZES: [usize; 5] = [1, 4, 16, 32, LIST_MAX];

/// One statement, made for every length of list.
pub type PerSize = LazyLock<[String; LIST_SIZES.len()]>;

/// A statement for every length, made by `sql`.
pub fn per_size(sql: impl Fn(usize) -> String) -> [String; LIST_SIZES.len()] {
    LIST_SIZES.map(sql)
}

/// The statement for so many ids, at least one and at most [`LIST_MAX`], and its arguments: `args`, then the ids.
pub fn list<I: Copy + Into<Value>>(
    statements: &'static PerSize,
    mut args: Args,
    ids: &[I],
) -> (&'static str, Args) {
    debug_assert!(ids.len() <= LIST_MAX, "callers cut their lists");
    let which = LIST_SIZES.iter().position(|size| *size >= ids.len()).unwrap_or(LIST_SIZES.len() - 1);
    let padding = ids.last().copied().into_iter().cycle();
    args.extend(ids.iter().copied().chain(padding).take(LIST_SIZES[which]));
    (&statements[which], args)
}
