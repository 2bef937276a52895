//! The viewer's say: what the recommender holds of their taste, more or less of something, "not interested", pausing,
//! starting over, and taking it along.
//!
//! Everything a viewer asks for is an event in the log like a swipe is, and the next page obeys.

mod file;
pub mod routes;
mod subject;

pub use file::TasteFile;
pub use subject::{SubjectBody, SubjectKind, name, resolve};

use crate::error::{Error, Result};
use crate::state::State;
use serde::{Deserialize, Serialize};
use takt_core::ViewerId;
use takt_recommender::{Control, Leant, Subject, UNWANTED_MAX, WISHES_MAX};

/// What is shown at most: beyond, leanings are too weak to matter.
const SUBJECTS_MAX: usize = 200;

/// More or less of something; neither, which leaves what was learned; or to forget that, too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Wish {
    More,
    Less,
    Neutral,
    Forget,
}

/// What the recommender holds of a viewer's taste.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct TasteBody {
    /// Whether it learns from them. If not, it only notes what they have seen.
    learning: bool,
    /// What was asked for first, then the strongest leaning; at most 200.
    subjects: Vec<LeaningBody>,
    /// What is not recommended to them.
    not_interested: Vec<SubjectBody>,
    /// Videos they have seen, which do not come again.
    seen_count: u64,
}

/// A leaning to or away from something.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct LeaningBody {
    #[serde(flatten)]
    subject: SubjectBody,
    /// From -1000000 (always skipped) to 1000000 (always finished).
    leaning: i64,
    /// What the viewer asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pinned: Option<Wish>,
}

/// What the recommender holds of the viewer's taste, with names.
pub(crate) async fn show(state: &State, viewer: ViewerId) -> Result<TasteBody> {
    let taste = state.feed.taste(viewer, SUBJECTS_MAX)?;
    let subjects: Vec<Subject> = taste.subjects.iter().map(|leant| leant.subject.clone()).collect();
    let named = name(state, &subjects).await?.into_iter().zip(&taste.subjects);
    // Of what is gone there is nothing to show; what was asked for is shown all the same, to be taken back.
    let shown = named.filter(|(subject, leant)| subject.label.is_some() || leant.wish.is_some());
    Ok(TasteBody {
        learning: !taste.paused,
        subjects: shown.map(|(subject, leant)| leaning(subject, leant)).collect(),
        not_interested: name(state, &taste.not_interested).await?,
        seen_count: taste.seen,
    })
}

fn leaning(subject: SubjectBody, leant: &Leant) -> LeaningBody {
    let pinned = leant.wish.map(|wish| match wish {
        takt_recommender::Wish::More => Wish::More,
        takt_recommender::Wish::Less => Wish::Less,
    });
    LeaningBody { subject, leaning: leant.leaning, pinned }
}

/// Asks for more or less of something, takes that back, or has what was learned of it forgotten.
pub(crate) async fn wish(state: &State, viewer: ViewerId, subject: &SubjectBody, wish: Wish) -> Result<()> {
    let subject = resolve(state, subject).await?;
    if matches!(subject, Subject::Video(_)) {
        return Err(Error::invalid("kind", "must be creator, sound, tag, word or language"));
    }
    let wish = match wish {
        Wish::More => Some(takt_recommender::Wish::More),
        Wish::Less => Some(takt_recommender::Wish::Less),
        Wish::Neutral => None,
        Wish::Forget => return state.feed.control(viewer, Control::Forget { subject }).await,
    };
    let taste = state.feed.taste(viewer, usize::MAX)?;
    let asked = |leant: &&Leant| leant.wish.is_some();
    let known = taste.subjects.iter().find(|leant| leant.subject == subject).is_some_and(|l| asked(&l));
    if wish.is_some() && !known && taste.subjects.iter().filter(asked).count() >= WISHES_MAX {
        return Err(full("more or less of at most 500 things can be asked for; take one back"));
    }
    state.feed.control(viewer, Control::Wish { subject, wish }).await
}

/// Turns something down until it is taken back.
pub(crate) async fn turn_down(state: &State, viewer: ViewerId, subject: &SubjectBody) -> Result<()> {
    let subject = refusable(state, subject).await?;
    let taste = state.feed.taste(viewer, 0)?;
    if taste.not_interested.contains(&subject) {
        return Ok(());
    }
    let lasting = taste.not_interested.iter().filter(|other| !matches!(other, Subject::Video(_))).count();
    if !matches!(subject, Subject::Video(_)) && lasting >= UNWANTED_MAX {
        return Err(full("at most 1000 creators, sounds and tags can be turned down; take one back"));
    }
    state.feed.control(viewer, Control::NotInterested { subject }).await
}

/// Takes back that something was turned down.
pub(crate) async fn take_back(state: &State, viewer: ViewerId, subject: &SubjectBody) -> Result<()> {
    let subject = refusable(state, subject).await?;
    state.feed.control(viewer, Control::NotInterestedEnds { subject }).await
}

async fn refusable(state: &State, body: &SubjectBody) -> Result<Subject> {
    if matches!(body.kind, SubjectKind::Word | SubjectKind::Language) {
        return Err(Error::invalid("kind", "must be video, creator, sound or tag"));
    }
    resolve(state, body).await
}

fn full(message: &'static str) -> Error {
    Error::refused(axum::http::StatusCode::CONFLICT, "too_many", message)
}
