//! Who follows whom. A follow is an event in the log; SQL holds what follows from it.

pub mod routes;
pub mod store;

use crate::account;
use crate::error::{Error, Result};
use crate::session::Account;
use crate::state::State;
use crate::video::{self, VideoBody};
use axum::http::StatusCode;
use std::collections::BTreeSet;
use takt_core::{AccountId, Handle, Timestamp, VideoId, ViewerId};
use takt_recommender::{Control, FOLLOWS_MAX};

/// How many follow an account, and how many it follows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct FollowCounts {
    pub followers: i64,
    pub following: i64,
}

/// Follows a creator; following twice is following once.
pub(crate) async fn follow(state: &State, account: &Account, handle: &Handle) -> Result<()> {
    let creator = creator(state, account, handle).await?;
    let viewer = account.session.viewer;
    if store::follows(&state.db, viewer, creator).await? {
        return Ok(());
    }
    let following = store::counts(&state.db, viewer, creator).await?.following;
    if usize::try_from(following).is_ok_and(|following| following >= FOLLOWS_MAX) {
        let message = "at most 2000 creators can be followed; unfollow one first";
        return Err(Error::refused(StatusCode::CONFLICT, "too_many", message));
    }
    state.feed.control(viewer, Control::Follow { creator }).await
}

/// Follows a creator no longer.
pub(crate) async fn unfollow(state: &State, account: &Account, handle: &Handle) -> Result<()> {
    let creator = creator(state, account, handle).await?;
    state.feed.control(account.session.viewer, Control::Unfollow { creator }).await
}

async fn creator(state: &State, account: &Account, handle: &Handle) -> Result<AccountId> {
    let creator = account::by_handle(state, handle).await?.ok_or_else(|| Error::not_found("account"))?;
    if creator.id == account.id {
        let (status, code) = (StatusCode::UNPROCESSABLE_ENTITY, "own_account");
        return Err(Error::refused(status, code, "nobody follows themselves"));
    }
    Ok(creator.id)
}

/// What a profile tells of an account, whose viewer follows as `viewer`.
pub(crate) async fn counts(state: &State, viewer: ViewerId, account: AccountId) -> Result<FollowCounts> {
    store::counts(&state.db, viewer, account).await
}

/// Those of the creators whom a viewer follows.
pub(crate) async fn followed(
    state: &State,
    viewer: ViewerId,
    creators: BTreeSet<AccountId>,
) -> Result<Vec<AccountId>> {
    store::followed(&state.db, viewer, creators).await
}

/// Whether a viewer follows a creator.
pub(crate) async fn follows(state: &State, viewer: ViewerId, creator: AccountId) -> Result<bool> {
    store::follows(&state.db, viewer, creator).await
}

/// A page of the videos of all creators that a viewer follows, newest first, and where the next one begins.
pub(crate) async fn feed(
    state: &State,
    viewer: ViewerId,
    before: Option<(Timestamp, VideoId)>,
    limit: usize,
) -> Result<(Vec<VideoBody>, Option<(Timestamp, VideoId)>)> {
    let rows = store::feed(&state.db, viewer, before, limit).await?;
    let next = rows.last().filter(|_| rows.len() == limit).map(|row| (row.published_ms, row.id));
    let ids: Vec<VideoId> = rows.iter().map(|row| row.id).collect();
    Ok((video::bodies(state, &ids, Some(viewer)).await?, next))
}
