//! Sample viewers with tastes: they watch what they like to the end, skip the rest, and leave the recommender
//! something to have learned from.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Mutex;

use anyhow::{Context as _, Result};
use serde_json::{Value, json};
use takt_core::{Clock, EventId};

use super::api::{Api, text};
use super::catalogue::{CLIPS, Topic};
use super::state::State;
use super::{bar, lock};
use crate::signals;

const PAGES: u32 = 4;
const PAGE_LENGTH: u32 = 6;

/// Somebody who watches.
struct Viewer {
    name: &'static str,
    likes: &'static [Topic],
}

const VIEWERS: &[Viewer] = &[
    Viewer { name: "a", likes: &[Topic::Colour, Topic::Waves] },
    Viewer { name: "b", likes: &[Topic::Life, Topic::Fractals] },
    Viewer { name: "c", likes: &[Topic::Sound, Topic::Words] },
    Viewer { name: "d", likes: &[Topic::Fractals, Topic::Waves] },
    Viewer { name: "e", likes: &[Topic::Sound, Topic::Colour] },
    Viewer { name: "f", likes: &[Topic::Words, Topic::Life] },
    Viewer { name: "g", likes: &[Topic::Colour, Topic::Fractals, Topic::Sound] },
    Viewer { name: "h", likes: &[Topic::Waves, Topic::Life, Topic::Words] },
    Viewer { name: "i", likes: &[Topic::Sound, Topic::Life] },
    Viewer { name: "j", likes: &[Topic::Colour] },
    Viewer { name: "k", likes: &[Topic::Waves, Topic::Sound, Topic::Fractals] },
    Viewer { name: "l", likes: &[Topic::Words, Topic::Colour] },
];

/// Lets every sample viewer who is not through yet watch some pages of For You.
pub(crate) fn watch_all(url: &str, data: &Path, state: &Mutex<State>) -> Result<()> {
    let topics: BTreeMap<String, Topic> = lock(state)
        .videos
        .iter()
        .filter_map(|(slug, id)| Some((id.clone(), CLIPS.iter().find(|clip| clip.slug == slug)?.topic)))
        .collect();
    println!("Letting {} sample viewers watch", VIEWERS.len());
    let bar = bar(VIEWERS.len() as u64, "sample viewers");
    for (index, viewer) in VIEWERS.iter().enumerate() {
        if !lock(state).viewers.iter().any(|name| name == viewer.name) {
            watch(url, viewer, &topics, index as u64 + 1)
                .with_context(|| format!("sample viewer {}", viewer.name))?;
            let mut state = lock(state);
            state.viewers.push(viewer.name.to_owned());
            state.save(data)?;
        }
        bar.inc(1);
    }
    bar.finish_and_clear();
    Ok(())
}

fn watch(url: &str, viewer: &Viewer, topics: &BTreeMap<String, Topic>, seed: u64) -> Result<()> {
    let answer = Api::new(url).post("/api/v1/viewers", &json!({}))?;
    let api = Api::new(url).with_token(text(&answer, "/token")?);
    let mut chance = Chance(seed);
    for _ in 0..PAGES {
        signals::check()?;
        let page = api.get(&format!("/api/v1/feeds/for-you?limit={PAGE_LENGTH}"))?;
        let items = page["items"].as_array().context("the feed has no items")?;
        if items.is_empty() {
            break;
        }
        let mut events = Vec::new();
        for item in items {
            let id = text(item, "/video/id")?;
            let likes = topics.get(id).is_some_and(|topic| viewer.likes.contains(topic));
            react(item, likes, &mut chance, &mut events)?;
        }
        api.post("/api/v1/events", &json!({ "events": events }))?;
    }
    Ok(())
}

/// What a viewer does with one video.
fn react(item: &Value, likes: bool, chance: &mut Chance, events: &mut Vec<Value>) -> Result<()> {
    let duration_ms =
        item.pointer("/video/duration_ms").and_then(Value::as_u64).context("a video without a length")?;
    let clock = Clock::system();
    let mut add = |kind: &str, watch_ms: Option<u64>| -> Result<()> {
        let mut event = json!({
            "id": EventId::mint(&clock).to_string(),
            "type": kind,
            "impression_id": text(item, "/impression_id")?,
            "video_id": text(item, "/video/id")?,
            "at": clock.now().to_string(),
        });
        if let Some(watch_ms) = watch_ms {
            event["watch_ms"] = watch_ms.into();
        }
        events.push(event);
        Ok(())
    };
    add("impression", None)?;
    // Liked: once to two and a half times through. Not liked: gone within two seconds.
    let watch_ms =
        if likes { duration_ms * (100 + chance.below(150)) / 100 } else { 300 + chance.below(1500) };
    add("watch", Some(watch_ms))?;
    if likes && chance.below(100) < 60 {
        add("like", None)?;
    }
    if likes && chance.below(100) < 10 {
        add("share", None)?;
    }
    Ok(())
}

/// Xorshift64*: the same viewers do the same things in every demo.
struct Chance(u64);

impl Chance {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) % limit
    }
}
