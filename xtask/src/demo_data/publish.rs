//! Puts sample creators and their videos into a running Takt.

use std::path::Path;
use std::sync::Mutex;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use serde_json::{Value, json};

use super::api::{Api, text};
use super::catalogue::{CREATORS, Clip};
use super::lock;
use super::state::{Account, State};
use crate::signals;

const PASSWORD_BYTES: usize = 9;
const READY_STEP: Duration = Duration::from_millis(200);
/// Five minutes: a clip that has to be transcoded on a busy machine takes a while.
const READY_STEPS_MAX: u32 = 1500;

/// Makes the accounts that are not there yet.
pub(crate) fn accounts(url: &str, data: &Path, state: &Mutex<State>) -> Result<()> {
    for handle in CREATORS {
        if lock(state).accounts.contains_key(*handle) {
            continue;
        }
        let mut bytes = [0_u8; PASSWORD_BYTES];
        getrandom::fill(&mut bytes).map_err(|error| anyhow::anyhow!("no random bytes: {error}"))?;
        let password = hex::encode(bytes);
        let body = json!({ "handle": handle, "password": password });
        let answer = Api::new(url).post("/api/v1/accounts", &body)?;
        let token = text(&answer, "/token")?.to_owned();
        let mut state = lock(state);
        state.accounts.insert((*handle).to_owned(), Account { password, token });
        state.save(data)?;
    }
    Ok(())
}

/// Uploads and publishes one clip and waits until it can be played.
pub(crate) fn clip(url: &str, data: &Path, state: &Mutex<State>, clip: &Clip, file: &Path) -> Result<()> {
    let token =
        lock(state).accounts.get(clip.creator).context("the clip's creator has no account")?.token.clone();
    let api = Api::new(url).with_token(token);
    let id = match find(&api, clip)? {
        Some(id) => id,
        None => {
            let bytes = std::fs::read(file).with_context(|| format!("reading {}", file.display()))?;
            let upload_id = api.upload(&format!("{}.mp4", clip.slug), &bytes)?;
            let body = json!({ "upload_id": upload_id, "caption": clip.caption, "language": clip.language });
            text(&api.post("/api/v1/videos", &body)?, "/video/id")?.to_owned()
        }
    };
    wait_until_ready(&api, &id)?;
    let mut state = lock(state);
    state.videos.insert(clip.slug.to_owned(), id);
    state.save(data)
}

/// A clip that was published before an interruption, but not written down.
fn find(api: &Api, clip: &Clip) -> Result<Option<String>> {
    let answer = api.get(&format!("/api/v1/accounts/{}/videos", clip.creator))?;
    let items = answer.pointer("/items").or_else(|| answer.pointer("/videos")).and_then(Value::as_array);
    let same = items.into_iter().flatten().map(|item| item.pointer("/video").unwrap_or(item)).find(|video| {
        video.pointer("/caption").and_then(Value::as_str) == Some(clip.caption)
            && video.pointer("/status").and_then(Value::as_str) != Some("failed")
    });
    same.map(|video| text(video, "/id").map(str::to_owned)).transpose()
}

fn wait_until_ready(api: &Api, id: &str) -> Result<()> {
    for _ in 0..READY_STEPS_MAX {
        let answer = api.get(&format!("/api/v1/videos/{id}"))?;
        match text(&answer, "/video/status")? {
            "ready" => return Ok(()),
            "failed" => bail!("the server could not process it: {}", answer["video"]["failure"]),
            _ => signals::sleep(READY_STEP)?,
        }
    }
    bail!("the server is still processing it after five minutes")
}
