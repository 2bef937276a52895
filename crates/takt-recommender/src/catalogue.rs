//! The videos, what they are about, and what is known of them over all viewers.
//!
//! Rows are numbered densely in order of appearance in the log. A removed video keeps its number, so that who has
//! seen it stays known, and nothing else.

use crate::copies::Copies;
use crate::fixed::{Decay, add_mass};
use crate::keeping::day;
use crate::neighbours::{Neighbours, masses};
use crate::rates::{Record, Surplus};
use crate::registry::OutcomeName;
use crate::vectors::Vectors;
use roaring::RoaringBitmap;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use takt_core::{AccountId, Lang, SoundId, VideoId};

/// Something a video has in common with others.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum Feature {
    Creator(AccountId),
    Sound(SoundId),
    Tag(Box<str>),
    Word(Box<str>),
    Language(Lang),
    /// A tag or word that no video carries any more; its text is gone.
    Retired,
}

/// What sort of feature, without its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Creator,
    Sound,
    Tag,
    Word,
    Language,
    Retired,
}

impl Feature {
    pub(crate) const fn kind(&self) -> Kind {
        match self {
            Self::Creator(_) => Kind::Creator,
            Self::Sound(_) => Kind::Sound,
            Self::Tag(_) => Kind::Tag,
            Self::Word(_) => Kind::Word,
            Self::Language(_) => Kind::Language,
            Self::Retired => Kind::Retired,
        }
    }

    fn bytes(&self) -> usize {
        size_of::<Self>()
            + match self {
                Self::Tag(text) | Self::Word(text) => text.len(),
                _ => 0,
            }
    }
}

/// One video.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Video {
    pub(crate) id: VideoId,
    /// Can be recommended.
    pub(crate) live: bool,
    pub(crate) published_ms: i64,
    pub(crate) duration_ms: u32,
    pub(crate) creator: Option<u32>,
    pub(crate) sound: Option<u32>,
    /// All features in order of kind: creator, sound, tags, words, language.
    pub(crate) features: Vec<u32>,
    /// The tags among them, sorted by number.
    pub(crate) tags: Vec<u32>,
    /// Viewers it was shown to, and what came of it.
    pub(crate) record: Record,
    /// The same against what was expected of these viewers.
    pub(crate) surplus: Surplus,
    /// Decayed number of viewers who came to like it, by horizon.
    pub(crate) popularity: [i64; HORIZONS],
    /// The row of its learned vectors; none before the first like.
    pub(crate) vector: Option<u32>,
    /// Words that no other video has had so far, as numbers.
    lone: Vec<u64>,
}

impl Video {
    fn bytes(&self) -> usize {
        size_of::<Self>()
            + (self.features.capacity() + self.tags.capacity()) * size_of::<u32>()
            + self.lone.capacity() * size_of::<u64>()
    }
}

/// What a [`Video`] is described by.
pub(crate) struct Description {
    pub(crate) features: Vec<Feature>,
    pub(crate) duration_ms: u32,
    pub(crate) published_ms: i64,
}

/// How many spans of time popularity is kept over: hours, days, weeks.
pub(crate) const HORIZONS: usize = 3;

/// Popularity over one span of time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Horizon {
    pub(crate) decay: Decay,
    /// Over all videos that can be recommended.
    pub(crate) total: i64,
}

/// How fast things are forgotten: from the policy.
pub(crate) struct Fading {
    pub(crate) popularity: [Decay; HORIZONS],
    pub(crate) co_watch: Decay,
}

/// The part of the catalogue that the log determines and a snapshot holds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Rows {
    pub(crate) videos: Vec<Video>,
    /// The videos liked with each, before it and after it. Apart from the other columns: a page looks at thousands.
    pub(crate) neighbours: Vec<Neighbours>,
    pub(crate) features: Vec<Feature>,
    /// What came of the videos that have a feature, by its number.
    pub(crate) feature_records: Vec<Record>,
    pub(crate) popularity: [Horizon; HORIZONS],
    pub(crate) co_watch: Decay,
    pub(crate) vectors: Vectors,
    /// Words that one video alone has, by a number made of them: with a second one a word becomes a feature. What one
    /// video has tells nothing of others, and most words are of that kind.
    pub(crate) lone: BTreeMap<u64, u32>,
    /// Creators, sounds and languages that no video has, and the day since when.
    pub(crate) idle: BTreeMap<u32, u32>,
    /// Rows of features that nothing refers to any more; the last is taken first.
    pub(crate) free: Vec<u32>,
    /// Which videos are the same, published again.
    pub(crate) copies: Copies,
}

/// Rows and what is derived from them for speed.
#[derive(Debug)]
pub(crate) struct Catalogue {
    pub(crate) rows: Rows,
    video_ids: BTreeMap<VideoId, u32>,
    feature_ids: BTreeMap<Feature, u32>,
    /// Per feature, the live videos that have it, in order of number.
    postings: Vec<Vec<u32>>,
    /// By horizon, live videos with any popularity, most popular first; equals by number.
    pub(crate) popular: [BTreeSet<(Reverse<i64>, u32)>; HORIZONS],
    pub(crate) live: RoaringBitmap,
    /// Live videos that were shown to few.
    pub(crate) little_shown: RoaringBitmap,
    impressions_few: u32,
    /// Rows of features that are out of use and that tastes may still refer to.
    retired: usize,
    /// The day of the latest entry.
    today: u32,
}

impl Catalogue {
    pub(crate) fn new(fading: Fading, impressions_few: u32) -> Self {
        let rows = Rows {
            videos: Vec::new(),
            neighbours: Vec::new(),
            features: Vec::new(),
            feature_records: Vec::new(),
            popularity: fading.popularity.map(|decay| Horizon { decay, total: 0 }),
            co_watch: fading.co_watch,
            vectors: Vectors::default(),
            lone: BTreeMap::new(),
            idle: BTreeMap::new(),
            free: Vec::new(),
            copies: Copies::default(),
        };
        Self::from_rows(rows, impressions_few)
    }

    /// Derives all indexes anew. Their content is a function of the rows alone.
    pub(crate) fn from_rows(mut rows: Rows, impressions_few: u32) -> Self {
        rows.vectors.derive();
        let mut catalogue = Self {
            video_ids: rows.videos.iter().zip(0..).map(|(video, number)| (video.id, number)).collect(),
            feature_ids: BTreeMap::new(),
            postings: vec![Vec::new(); rows.features.len()],
            popular: [const { BTreeSet::new() }; HORIZONS],
            live: RoaringBitmap::new(),
            little_shown: RoaringBitmap::new(),
            impressions_few,
            retired: 0,
            today: 0,
            rows,
        };
        for (feature, number) in catalogue.rows.features.iter().zip(0..) {
            if *feature != Feature::Retired {
                catalogue.feature_ids.insert(feature.clone(), number);
            }
        }
        catalogue.retired =
            catalogue.rows.features.len() - catalogue.feature_ids.len() - catalogue.rows.free.len();
        for number in 0..catalogue.rows.videos.len() as u32 {
            catalogue.enlist(number);
        }
        catalogue
    }

    pub(crate) fn number(&self, id: VideoId) -> Option<u32> {
        self.video_ids.get(&id).copied()
    }
    pub(crate) fn video(&self, number: u32) -> &Video {
        &self.rows.videos[number as usize]
    }
    /// What is liked with a video; nothing with one that was removed.
    pub(crate) fn neighbours(&self, number: u32) -> &Neighbours {
        &self.rows.neighbours[number as usize]
    }
    pub(crate) fn kind(&self, feature: u32) -> Kind {
        self.rows.features.get(feature as usize).map_or(Kind::Retired, Feature::kind)
    }
    pub(crate) fn feature_numbered(&self, feature: u32) -> Option<&Feature> {
        self.rows.features.get(feature as usize)
    }
    pub(crate) fn number_of_feature(&self, feature: &Feature) -> Option<u32> {
        self.feature_ids.get(feature).copied()
    }
    pub(crate) fn creator_number(&self, account: AccountId) -> Option<u32> {
        self.feature_ids.get(&Feature::Creator(account)).copied()
    }
    /// Who published a video.
    pub(crate) fn creator(&self, video: u32) -> Option<AccountId> {
        match self.rows.features.get(self.video(video).creator? as usize)? {
            Feature::Creator(id) => Some(*id),
            _ => None,
        }
    }
    /// Whether the video can be watched.
    pub(crate) fn is_live(&self, video: VideoId) -> bool {
        self.video_ids.get(&video).is_some_and(|number| self.live.contains(*number))
    }

    /// What came of the videos that have a feature.
    pub(crate) fn record(&self, feature: u32) -> Record {
        self.rows.feature_records.get(feature as usize).copied().unwrap_or_default()
    }

    /// The live videos that have a feature, in order of number.
    pub(crate) fn posting(&self, feature: u32) -> &[u32] {
        self.postings.get(feature as usize).map_or(&[], Vec::as_slice)
    }

    /// Adds a video or replaces its description; what viewers made of it stays.
    pub(crate) fn publish(&mut self, id: VideoId, description: Description) {
        let number = match self.number(id) {
            Some(number) => {
                self.delist(number);
                self.drop_lone(number);
                number
            }
            // Numbers end after four thousand million videos; the log goes on, the video is not recommended.
            None => match u32::try_from(self.rows.videos.len()) {
                Ok(number) if number < u32::MAX => {
                    self.rows.videos.push(blank(id));
                    self.rows.neighbours.push(Neighbours::default());
                    self.video_ids.insert(id, number);
                    number
                }
                _ => return,
            },
        };
        let features: Vec<u32> =
            description.features.into_iter().filter_map(|f| self.enter(number, f)).collect();
        let first_of = |kind: Kind| features.iter().copied().find(|&f| self.kind(f) == kind);
        let (creator, sound) = (first_of(Kind::Creator), first_of(Kind::Sound));
        let mut tags: Vec<u32> = features.iter().copied().filter(|&f| self.kind(f) == Kind::Tag).collect();
        tags.sort_unstable();
        let video = &mut self.rows.videos[number as usize];
        // A corrected caption does not make a video new.
        if !video.live {
            video.published_ms = description.published_ms;
            video.live = true;
        }
        video.duration_ms = description.duration_ms;
        (video.creator, video.sound, video.tags) = (creator, sound, tags);
        let before = std::mem::replace(&mut video.features, features);
        self.enlist(number);
        self.retire(&before);
    }

    /// Forgets all about a video except its number and the impressions that viewers remember.
    pub(crate) fn remove(&mut self, number: u32) {
        self.delist(number);
        self.drop_lone(number);
        let video = &mut self.rows.videos[number as usize];
        for (horizon, mass) in self.rows.popularity.iter_mut().zip(video.popularity) {
            horizon.total = add_mass(horizon.total, -mass);
        }
        let features = std::mem::take(&mut video.features);
        let vector = video.vector;
        *video = blank(video.id);
        self.rows.neighbours[number as usize] = Neighbours::default();
        if let Some(place) = vector
            && let Some(moved) = self.rows.vectors.remove(place)
        {
            self.rows.videos[moved as usize].vector = vector;
        }
        self.retire(&features);
    }

    /// Another viewer was shown the video.
    pub(crate) fn count_impression(&mut self, number: u32) {
        let few = self.impressions_few;
        let video = &mut self.rows.videos[number as usize];
        video.record.show();
        for &feature in video.creator.iter().chain(&video.sound).chain(&video.tags) {
            self.rows.feature_records[feature as usize].show();
        }
        if video.record.shown >= few {
            self.little_shown.remove(number);
        }
    }

    /// Something came of showing the video, in hundredths.
    pub(crate) fn count_outcome(&mut self, number: u32, outcome: OutcomeName, hundredths: u32) {
        let video = &mut self.rows.videos[number as usize];
        video.record.count(outcome, hundredths);
        for &feature in video.creator.iter().chain(&video.sound).chain(&video.tags) {
            self.rows.feature_records[feature as usize].count(outcome, hundredths);
        }
    }

    /// Another viewer came to like the video.
    pub(crate) fn count_popularity(&mut self, number: u32, now_ms: i64) {
        let video = &mut self.rows.videos[number as usize];
        if !video.live {
            return;
        }
        for at in 0..HORIZONS {
            let horizon = &mut self.rows.popularity[at];
            let mass = horizon.decay.unit(now_ms);
            let before = video.popularity[at];
            let after = add_mass(before, mass);
            video.popularity[at] = after;
            horizon.total = add_mass(horizon.total, after - before);
            if before > 0 {
                self.popular[at].remove(&(Reverse(before), number));
            }
            self.popular[at].insert((Reverse(after), number));
        }
    }

    /// A viewer liked `number`; `recent` are the videos they liked before, latest first.
    pub(crate) fn count_co_watch(&mut self, number: u32, recent: &[u32], now_ms: i64, neighbours_max: usize) {
        let unit = self.rows.co_watch.unit_f32(now_ms);
        if !self.video(number).live {
            return;
        }
        self.rows.neighbours[number as usize].liked += unit;
        for (&other, (forth, back)) in recent.iter().zip(masses(recent.len(), unit)) {
            if other == number || !self.video(other).live {
                continue;
            }
            self.rows.neighbours[other as usize].connect(number, forth, back, neighbours_max);
            self.rows.neighbours[number as usize].connect(other, back, forth, neighbours_max);
        }
    }

    /// A viewer liked `number`; `recent` are the videos they liked before, latest first. `seed` draws what it is set
    /// apart from.
    pub(crate) fn learn_vectors(&mut self, number: u32, recent: &[u32], seed: u64) {
        let video = self.video(number);
        let salt = video.id.uuid().as_u128() as u64;
        if !video.live {
            return;
        }
        let Some(row) = video.vector.or_else(|| self.rows.vectors.add(number, salt)) else { return };
        self.rows.videos[number as usize].vector = Some(row);
        let liked = recent.iter().map(|&video| self.video(video).vector).collect();
        self.rows.vectors.learn(liked, row, seed);
    }

    /// Scales decayed totals back when time has run far ahead. Happens at the same log position everywhere.
    pub(crate) fn advance(&mut self, now_ms: i64) {
        self.today = day(now_ms);
        let shift = self.rows.co_watch.advance(now_ms);
        if shift > 0 {
            self.rows.neighbours.iter_mut().for_each(|neighbours| neighbours.scale(shift));
        }
        for at in 0..HORIZONS {
            let horizon = &mut self.rows.popularity[at];
            let shift = horizon.decay.advance(now_ms);
            if shift == 0 {
                continue;
            }
            horizon.total = 0;
            self.popular[at].clear();
            for (video, number) in self.rows.videos.iter_mut().zip(0..) {
                video.popularity[at] >>= shift;
                if video.live && video.popularity[at] > 0 {
                    horizon.total = add_mass(horizon.total, video.popularity[at]);
                    self.popular[at].insert((Reverse(video.popularity[at]), number));
                }
            }
        }
    }

    /// Roughly what the catalogue takes in memory.
    pub(crate) fn bytes(&self) -> usize {
        let videos: usize = self.rows.videos.iter().map(Video::bytes).sum();
        let neighbours: usize = self.rows.neighbours.iter().map(Neighbours::bytes).sum();
        let features: usize = self.rows.features.iter().map(|feature| 2 * feature.bytes()).sum();
        let postings: usize = self.postings.iter().map(|posting| posting.capacity() * size_of::<u32>()).sum();
        // Trees: id or score and number, nodes two thirds full.
        let trees = self.video_ids.len() * 30
            + self.popular.iter().map(BTreeSet::len).sum::<usize>() * 24
            + self.feature_ids.len() * 12
            + self.rows.lone.len() * 18
            + self.rows.idle.len() * 12
            + self.rows.free.capacity() * size_of::<u32>()
            + self.rows.copies.bytes();
        let bitmaps = self.live.serialized_size() + self.little_shown.serialized_size();
        let vectors = self.rows.vectors.bytes();
        vectors
            + videos
            + neighbours
            + features
            + postings
            + self.postings.capacity() * size_of::<Vec<u32>>()
            + trees
            + bitmaps
    }

    fn feature_number(&mut self, feature: Feature) -> Option<u32> {
        if let Some(&number) = self.feature_ids.get(&feature) {
            return Some(number);
        }
        let number = match self.rows.free.pop() {
            Some(number) => {
                self.rows.features[number as usize] = feature.clone();
                number
            }
            None => {
                let number = u32::try_from(self.rows.features.len()).ok()?;
                self.rows.features.push(feature.clone());
                self.rows.feature_records.push(Record::default());
                self.postings.push(Vec::new());
                number
            }
        };
        self.feature_ids.insert(feature, number);
        Some(number)
    }

    /// The number of a video's feature; none yet for a word that no other video has.
    fn enter(&mut self, video: u32, feature: Feature) -> Option<u32> {
        let Feature::Word(word) = &feature else { return self.feature_number(feature) };
        if self.feature_ids.contains_key(&feature) {
            return self.feature_number(feature);
        }
        let key = word_key(word);
        let Some(other) = self.rows.lone.remove(&key) else {
            self.rows.lone.insert(key, video);
            self.rows.videos[video as usize].lone.push(key);
            return None;
        };
        let number = self.feature_number(feature)?;
        let row = &mut self.rows.videos[other as usize];
        row.lone.retain(|&lone| lone != key);
        if other != video {
            let is_language = |&f: &u32| self.rows.features[f as usize].kind() == Kind::Language;
            let place = row.features.iter().position(is_language).unwrap_or(row.features.len());
            row.features.insert(place, number);
            let posting = &mut self.postings[number as usize];
            if let Err(place) = posting.binary_search(&other) {
                posting.insert(place, other);
            }
        }
        Some(number)
    }

    /// A video's words that no other has go with it.
    fn drop_lone(&mut self, number: u32) {
        for key in std::mem::take(&mut self.rows.videos[number as usize].lone) {
            self.rows.lone.remove(&key);
        }
    }

    /// Rows of features that are out of use and that tastes may still refer to.
    pub(crate) const fn retired(&self) -> usize {
        self.retired
    }

    /// Forgets creators, sounds and languages that no video has had since before `day`.
    pub(crate) fn retire_idle(&mut self, day: u32) {
        let due: Vec<u32> =
            self.rows.idle.iter().filter(|(_, since)| **since < day).map(|(&feature, _)| feature).collect();
        for feature in due {
            self.rows.idle.remove(&feature);
            self.forget(feature);
        }
    }

    /// Nothing refers to rows out of use any more: others may take them.
    pub(crate) fn free_retired(&mut self) {
        let features = self.rows.features.iter().zip(0..);
        self.rows.free = features.filter(|(row, _)| **row == Feature::Retired).map(|(_, at)| at).collect();
        self.retired = 0;
    }

    fn forget(&mut self, feature: u32) {
        let text = std::mem::replace(&mut self.rows.features[feature as usize], Feature::Retired);
        self.feature_ids.remove(&text);
        self.rows.feature_records[feature as usize] = Record::default();
        self.postings[feature as usize] = Vec::new();
        self.retired += 1;
    }

    fn enlist(&mut self, number: u32) {
        let video = &self.rows.videos[number as usize];
        if !video.live {
            return;
        }
        for &feature in &video.features {
            let posting = &mut self.postings[feature as usize];
            if let Err(place) = posting.binary_search(&number) {
                posting.insert(place, number);
            }
            self.rows.idle.remove(&feature);
        }
        for (&mass, popular) in video.popularity.iter().zip(&mut self.popular) {
            if mass > 0 {
                popular.insert((Reverse(mass), number));
            }
        }
        self.live.insert(number);
        if video.record.shown < self.impressions_few {
            self.little_shown.insert(number);
        }
    }

    fn delist(&mut self, number: u32) {
        let video = &self.rows.videos[number as usize];
        for &feature in &video.features {
            let posting = &mut self.postings[feature as usize];
            if let Ok(place) = posting.binary_search(&number) {
                posting.remove(place);
            }
        }
        for (&mass, popular) in video.popularity.iter().zip(&mut self.popular) {
            popular.remove(&(Reverse(mass), number));
        }
        self.live.remove(number);
        self.little_shown.remove(number);
    }

    /// Drops tags and words that no video carries any more: they were a creator's. Creators and sounds wait for their
    /// next video for a while.
    fn retire(&mut self, features: &[u32]) {
        for &feature in features {
            if !self.postings[feature as usize].is_empty() {
                continue;
            }
            match self.kind(feature) {
                Kind::Tag | Kind::Word => self.forget(feature),
                Kind::Creator | Kind::Sound | Kind::Language => {
                    self.rows.idle.insert(feature, self.today);
                }
                Kind::Retired => {}
            }
        }
    }
}

/// A video of which nothing is known.
fn blank(id: VideoId) -> Video {
    Video {
        id,
        live: false,
        published_ms: 0,
        duration_ms: 0,
        creator: None,
        sound: None,
        features: Vec::new(),
        tags: Vec::new(),
        record: Record::default(),
        surplus: Surplus::default(),
        popularity: [0; HORIZONS],
        vector: None,
        lone: Vec::new(),
    }
}

/// Stands for a word that one video alone has: its text is not needed before another one brings it.
fn word_key(word: &str) -> u64 {
    let digest = Sha256::digest(word);
    digest.iter().take(8).fold(0, |key, &byte| key << 8 | u64::from(byte))
}
