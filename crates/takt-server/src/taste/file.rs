//! A taste as a file, to keep or to take to another cell. `docs/taste-file.md` describes it.

use super::{LeaningBody, SubjectBody, SubjectKind, Wish, leaning, name, resolve};
use crate::error::{Error, Result};
use crate::state::State;
use serde::{Deserialize, Serialize};
use takt_core::{Timestamp, ViewerId};
use takt_recommender::{ADOPTED_MAX, Control, FOLLOWS_MAX, Subject, UNWANTED_MAX};

/// The only version so far.
const VERSION: u32 = 1;
const FORMAT: &str = "takt-taste";
const LEANING_MAX: i64 = 1_000_000;

/// Somebody's taste.
#[derive(Debug, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TasteFile {
    /// `takt-taste`.
    format: String,
    /// 1.
    version: u32,
    exported_at: Timestamp,
    /// Whether the recommender learns from them.
    learning: bool,
    /// At most 512.
    subjects: Vec<FileLeaning>,
    /// At most 1000.
    not_interested: Vec<SubjectBody>,
    /// Creators; at most 2000.
    follows: Vec<SubjectBody>,
}

/// A leaning in a file.
#[derive(Debug, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FileLeaning {
    kind: SubjectKind,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    #[schema(value_type = Option<uuid::Uuid>)]
    id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    label: Option<String>,
    /// From -1000000 to 1000000.
    leaning: i64,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pinned: Option<Wish>,
}

/// A viewer's taste as a file.
pub(crate) async fn export(state: &State, viewer: ViewerId) -> Result<TasteFile> {
    let taste = state.feed.taste(viewer, ADOPTED_MAX)?;
    let subjects: Vec<Subject> = taste.subjects.iter().map(|leant| leant.subject.clone()).collect();
    let named = name(state, &subjects).await?.into_iter().zip(&taste.subjects);
    let follows: Vec<Subject> = taste.follows.iter().map(|id| Subject::Creator(*id)).collect();
    Ok(TasteFile {
        format: FORMAT.to_owned(),
        version: VERSION,
        exported_at: state.clock.now(),
        learning: !taste.paused,
        subjects: named.map(|(subject, leant)| in_file(leaning(subject, leant))).collect(),
        not_interested: name(state, &taste.not_interested).await?,
        follows: name(state, &follows).await?,
    })
}

fn in_file(body: LeaningBody) -> FileLeaning {
    let SubjectBody { kind, id, label } = body.subject;
    FileLeaning { kind, id, label, leaning: body.leaning, pinned: body.pinned }
}

/// Adds what a file holds to a viewer's taste. What this cell does not know is passed over; whether to learn stays as
/// it is here. Follows need an account.
pub(crate) async fn import(
    state: &State,
    viewer: ViewerId,
    has_account: bool,
    file: TasteFile,
) -> Result<()> {
    check(&file)?;
    let (mut leanings, mut controls) = (Vec::new(), Vec::new());
    for one in file.subjects {
        let subject = SubjectBody { kind: one.kind, id: one.id, label: one.label };
        let Some(subject) = known(state, &subject).await? else { continue };
        let wish = match one.pinned {
            Some(Wish::More) => Some(takt_recommender::Wish::More),
            Some(Wish::Less) => Some(takt_recommender::Wish::Less),
            Some(Wish::Neutral | Wish::Forget) | None => None,
        };
        if wish.is_some() && !matches!(subject, Subject::Video(_)) {
            controls.push(Control::Wish { subject: subject.clone(), wish });
        }
        let leaning = i32::try_from(one.leaning).unwrap_or(0);
        if leaning != 0 {
            leanings.push((subject, leaning));
        }
    }
    for one in &file.not_interested {
        if let Some(subject) = known(state, one).await? {
            controls.push(Control::NotInterested { subject });
        }
    }
    for one in file.follows.iter().filter(|_| has_account) {
        if let Some(Subject::Creator(creator)) = known(state, one).await? {
            controls.push(Control::Follow { creator });
        }
    }
    controls.push(Control::Adopt { leanings });
    state.feed.control_all(viewer, controls).await
}

/// What a subject of the file is here; none where it is unknown here.
async fn known(state: &State, body: &SubjectBody) -> Result<Option<Subject>> {
    match resolve(state, body).await {
        Ok(subject) => Ok(Some(subject)),
        Err(Error::Refused { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

fn check(file: &TasteFile) -> Result<()> {
    if file.format != FORMAT {
        return Err(Error::invalid("format", "must be takt-taste"));
    }
    if file.version != VERSION {
        return Err(Error::invalid("version", "must be 1"));
    }
    let bound = |field: &'static str, count: usize, most: usize| {
        if count <= most { Ok(()) } else { Err(Error::invalid(field, format!("must hold at most {most}"))) }
    };
    bound("subjects", file.subjects.len(), ADOPTED_MAX)?;
    bound("not_interested", file.not_interested.len(), UNWANTED_MAX)?;
    bound("follows", file.follows.len(), FOLLOWS_MAX)?;
    for (index, one) in file.subjects.iter().enumerate() {
        if !(-LEANING_MAX..=LEANING_MAX).contains(&one.leaning) {
            let rule = "must be from -1000000 to 1000000";
            return Err(Error::invalid(format!("subjects[{index}].leaning"), rule));
        }
    }
    Ok(())
}
