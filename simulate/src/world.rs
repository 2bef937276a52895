//! What is the same for every recommender: topics, creators, videos, and viewers with hidden, drifting tastes.
//!
//! Invariant: a world is a function of its size and seed. Nothing that a recommender does changes it.

use crate::chance::Key;
use crate::config::{Config, DAY_MS, HOUR_MS};

/// Topics; KuaiRand-Pure has 47.
pub const TOPICS: usize = 32;
/// Parts of each topic, with tags of their own.
const SUBTOPICS: usize = 4;
/// Dimensions of style, which no tag tells.
pub const STYLES: usize = 8;
/// Groups of topics that tend to be liked together.
const ARCHETYPES: usize = 12;
const ARCHETYPE_TOPICS: usize = 4;
const SOUNDS: usize = 300;
const TOPIC_WORDS: usize = 12;
const COMMON_WORDS: usize = 200;
const GENERIC_TAGS: usize = 3;

/// Purposes of draws, so that no two share their luck.
mod purpose {
    pub(super) const ARCHETYPE: u64 = 1;
    pub(super) const CREATOR: u64 = 2;
    pub(super) const VIDEO: u64 = 3;
    pub(super) const VIEWER: u64 = 4;
    pub(super) const TASTE: u64 = 5;
    pub(super) const AFFINITY: u64 = 6;
    pub(super) const SESSION: u64 = 7;
    pub(super) const DRIFT: u64 = 8;
}

/// How often something happens in each hour of a day, relative to the others: least before dawn, most in the evening.
const HOURS: [f64; 24] = [
    3.0, 2.0, 1.0, 1.0, 1.0, 1.0, 2.0, 3.0, 4.0, 4.0, 4.0, 5.0, 6.0, 6.0, 5.0, 5.0, 5.0, 6.0, 7.0, 8.0, 9.0,
    9.0, 8.0, 5.0,
];

/// What anybody can see of a video.
#[derive(Debug, Clone, PartialEq)]
pub struct Facts {
    /// Its number, in order of publication.
    pub video: u32,
    /// Who published it.
    pub creator: u32,
    /// The sound it shares with others.
    pub sound: Option<u32>,
    /// 0 or 1.
    pub language: u8,
    /// Hash tags by number.
    pub tags: Vec<u32>,
    /// Words of the caption by number.
    pub words: Vec<u32>,
    /// Its length.
    pub duration_ms: u32,
    /// When it was published; negative before the run.
    pub published_ms: i64,
}

/// A video with what nobody can see.
#[derive(Debug, Clone)]
pub struct Video {
    /// What anybody can see.
    pub facts: Facts,
    /// What it is really about.
    pub topic: usize,
    subtopic: usize,
    /// How well it is made, to everybody alike.
    pub quality: f64,
    style: [f64; STYLES],
}

struct Creator {
    topic: usize,
    second_topic: usize,
    quality: f64,
    language: u8,
    style: [f64; STYLES],
}

/// A viewer's traits that stay.
#[derive(Debug, Clone)]
pub struct Viewer {
    /// Comes for the first time only then.
    pub joins_ms: i64,
    /// Is one of those whose taste changes at once.
    pub changes: bool,
    /// Videos in the other language appeal far less.
    pub language: u8,
    /// How readily they press like, 1 on average.
    pub likes: f64,
    /// Sessions per day.
    sessions_per_day: f64,
}

/// What a viewer likes on one day.
#[derive(Debug, Clone, PartialEq)]
pub struct Taste {
    /// From 0 for nothing to 1, per topic.
    pub topics: [f64; TOPICS],
    style: [f64; STYLES],
}

/// A cell's people and videos.
pub struct World {
    /// Its size.
    pub config: Config,
    /// In order of publication.
    pub videos: Vec<Video>,
    /// By number.
    pub viewers: Vec<Viewer>,
    /// Per archetype, how much it likes each topic.
    archetypes: Vec<[f64; TOPICS]>,
    key: Key,
}

impl World {
    /// The world of this size and seed.
    pub fn new(config: Config, seed: u64) -> Self {
        let key = Key::new(seed);
        let creators: Vec<Creator> =
            (0..config.creators).map(|n| creator(key.with(purpose::CREATOR).with(n as u64))).collect();
        Self {
            config,
            videos: videos(&config, key.with(purpose::VIDEO), &creators),
            viewers: (0..config.viewers)
                .map(|n| viewer(&config, key.with(purpose::VIEWER).with(n as u64)))
                .collect(),
            archetypes: archetypes(key.with(purpose::ARCHETYPE)),
            key,
        }
    }

    /// The root of all draws of this run.
    pub const fn key(&self) -> Key {
        self.key
    }

    /// What a viewer likes at a time: their mixture of archetypes and topics of their own, drifted day by day, and all
    /// of it drawn anew for those who change.
    pub fn taste(&self, viewer: usize, now_ms: i64) -> Taste {
        let changed = self.viewers[viewer].changes && now_ms >= self.config.change_ms();
        let key = self.key.with(purpose::TASTE).with(viewer as u64).with(u64::from(changed));
        let mut topics = [0.0; TOPICS];
        let first = key.with(0).below(ARCHETYPES);
        let second = key.with(1).below(ARCHETYPES);
        let share = 0.5 + 0.3 * key.with(2).unit();
        for (topic, liking) in topics.iter_mut().enumerate() {
            *liking = share * self.archetypes[first][topic] + (1.0 - share) * self.archetypes[second][topic];
        }
        for own in 0..2 {
            topics[key.with(3 + own).choose(&topic_shares(0.4))] += 0.5;
        }
        let day = now_ms.div_euclid(DAY_MS).max(0);
        for (topic, liking) in topics.iter_mut().enumerate() {
            let drift = key.with(purpose::DRIFT).with(topic as u64);
            let walked: f64 = (0..day).map(|day| drift.with(day as u64).normal()).sum();
            *liking = (*liking * (0.2 * walked).exp()).min(1.0);
        }
        Taste { topics, style: style(key.with(10)) }
    }

    /// How a video appeals to a viewer as the log-odds of liking it, before boredom and where in the session it comes.
    pub fn appeal(&self, taste: &Taste, viewer: usize, video: usize) -> f64 {
        let (row, video) = (&self.viewers[viewer], &self.videos[video]);
        let affinity = |kind: u64, thing: u64| {
            self.key.with(purpose::AFFINITY).with(kind).with(viewer as u64).with(thing).normal()
        };
        let style: f64 = taste.style.iter().zip(video.style).map(|(a, b)| a * b).sum();
        let subtopic = (video.topic * SUBTOPICS + video.subtopic) as u64;
        let foreign = if row.language == video.facts.language { 0.0 } else { 1.5 };
        -1.9 + 4.2 * taste.topics[video.topic]
            + 0.35 * affinity(0, subtopic)
            + 0.7 * style
            + 0.5 * affinity(1, u64::from(video.facts.creator))
            + video.facts.sound.map_or(0.0, |sound| 0.3 * affinity(2, u64::from(sound)))
            + video.quality
            - foreign
    }

    /// When a viewer means to come, in order, over the whole run.
    pub fn session_starts(&self, viewer: usize) -> Vec<i64> {
        let row = &self.viewers[viewer];
        let key = self.key.with(purpose::SESSION).with(viewer as u64);
        let mut starts = Vec::new();
        for day in 0..self.config.days {
            let key = key.with(day as u64);
            // Poisson by exponential gaps.
            let (mut at, mut count) = (key.with(0).exponential(), 0);
            while at < row.sessions_per_day {
                count += 1;
                starts.push(day * DAY_MS + moment_of_day(key.with(1).with(count)));
                at += key.with(2).with(count).exponential();
            }
        }
        starts.retain(|&start| start >= row.joins_ms);
        starts.sort_unstable();
        starts
    }
}

/// Zipf's law over topics: with exponent 0.8 the largest has 18 % of the videos (19 % in KuaiRand-Pure).
fn topic_shares(exponent: f64) -> [f64; TOPICS] {
    std::array::from_fn(|topic| (topic as f64 + 1.0).powf(-exponent))
}

fn moment_of_day(key: Key) -> i64 {
    let hour = key.with(0).choose(&HOURS) as i64;
    hour * HOUR_MS + key.with(1).below(HOUR_MS as usize) as i64
}

/// Of unit length on average.
fn style(key: Key) -> [f64; STYLES] {
    std::array::from_fn(|n| key.with(n as u64).normal() / (STYLES as f64).sqrt() * 1.3)
}

/// Groups of four topics each. Every topic is in one group and the larger half in two, so that worlds differ in what goes
/// together but not in how much is liked at all.
fn archetypes(key: Key) -> Vec<[f64; TOPICS]> {
    let mut places: Vec<usize> = (0..ARCHETYPES * ARCHETYPE_TOPICS)
        .map(|place| if place < TOPICS { place } else { place - TOPICS })
        .collect();
    places.sort_by_key(|&topic| key.with(topic as u64).bits());
    // Dealt out in turn, so that the two places of a topic go to two groups.
    let mut groups = vec![[0.0; TOPICS]; ARCHETYPES];
    for (place, &topic) in places.iter().enumerate() {
        groups[place % ARCHETYPES][topic] = 0.6 + 0.4 * key.with(1_000 + place as u64).unit();
    }
    groups
}

fn creator(key: Key) -> Creator {
    Creator {
        topic: key.with(0).choose(&topic_shares(0.8)),
        second_topic: key.with(1).choose(&topic_shares(0.8)),
        quality: 0.3 * key.with(2).normal(),
        language: u8::from(key.with(3).happens(0.2)),
        style: style(key.with(4)),
    }
}

fn viewer(config: &Config, key: Key) -> Viewer {
    let measured_ms = (config.end_ms() - config.measured_from_ms()) as f64;
    let joins_late = key.with(0).happens(0.15);
    let joined_ms = config.measured_from_ms() + (0.8 * measured_ms * key.with(1).unit()) as i64;
    Viewer {
        joins_ms: if joins_late { joined_ms } else { 0 },
        changes: !joins_late && key.with(2).happens(0.3),
        language: u8::from(key.with(3).happens(0.2)),
        likes: (0.8 * key.with(4).normal() - 0.32).exp(),
        sessions_per_day: 2.4 * (0.5 * key.with(5).normal() - 0.125).exp(),
    }
}

fn videos(config: &Config, key: Key, creators: &[Creator]) -> Vec<Video> {
    let before = (0..config.videos_before as u64).map(|n| {
        let key = key.with(0).with(n);
        (-(key.with(0).below((10 * DAY_MS) as usize) as i64) - 1, key)
    });
    let uploads = (0..config.days as u64).flat_map(|day| {
        (0..config.uploads_per_day as u64).map(move |n| {
            let key = key.with(1 + day).with(n);
            (day as i64 * DAY_MS + moment_of_day(key.with(0)), key)
        })
    });
    let mut published: Vec<(i64, Key)> = before.chain(uploads).collect();
    published.sort_by_key(|&(at_ms, key)| (at_ms, key.bits()));
    // Some creators publish far more than others.
    let industry: Vec<f64> = (0..creators.len()).map(|n| (n as f64 + 3.0).powf(-0.7)).collect();
    let videos = published.into_iter().enumerate().map(|(number, (at_ms, key))| {
        let creator = key.with(1).choose(&industry);
        video(key, number as u32, at_ms, creator as u32, &creators[creator])
    });
    videos.collect()
}

fn video(key: Key, number: u32, published_ms: i64, creator_number: u32, creator: &Creator) -> Video {
    let topic = match key.with(2).unit() {
        draw if draw < 0.7 => creator.topic,
        draw if draw < 0.9 => creator.second_topic,
        _ => key.with(3).choose(&topic_shares(0.8)),
    };
    let subtopic = key.with(4).below(SUBTOPICS);
    let own = style(key.with(5));
    // 6 to 90 s, most between 12 and 45.
    let duration_s = (20.0 * (0.65 * key.with(6).normal()).exp()).clamp(6.0, 90.0);
    let sound = key.with(7).happens(0.6).then(|| sound(key.with(8), topic));
    Video {
        facts: Facts {
            video: number,
            creator: creator_number,
            sound,
            language: creator.language,
            tags: tags(key.with(9), topic, subtopic),
            words: words(key.with(10), topic),
            duration_ms: (duration_s * 1e3) as u32,
            published_ms,
        },
        topic,
        subtopic,
        quality: creator.quality + 0.35 * key.with(11).normal(),
        style: std::array::from_fn(|n| 0.7 * creator.style[n] + 0.7 * own[n]),
    }
}

/// Half of all sounds belong to a topic each, the others to none.
fn sound(key: Key, topic: usize) -> u32 {
    let rank = ((SOUNDS as f64 / 2.0).powf(key.with(0).unit()) - 1.0) as usize;
    if key.with(1).happens(0.5) {
        let of_topic = rank % (SOUNDS / 2 / TOPICS).max(1);
        (topic * (SOUNDS / 2 / TOPICS) + of_topic) as u32
    } else {
        (SOUNDS / 2 + rank) as u32
    }
}

/// Creators tag by habit: mostly the topic, sometimes its part, sometimes what they hope will be found, sometimes wrongly.
fn tags(key: Key, topic: usize, subtopic: usize) -> Vec<u32> {
    let mut tags = Vec::new();
    if key.with(0).happens(0.75) {
        tags.push(topic);
    }
    if key.with(1).happens(0.35) {
        tags.push(TOPICS + topic * SUBTOPICS + subtopic);
    }
    if key.with(2).happens(0.35) {
        tags.push(TOPICS * (SUBTOPICS + 1) + key.with(3).below(GENERIC_TAGS));
    }
    if key.with(4).happens(0.1) {
        tags.push(key.with(5).below(TOPICS));
    }
    tags.sort_unstable();
    tags.dedup();
    tags.into_iter().map(|tag| tag as u32).collect()
}

fn words(key: Key, topic: usize) -> Vec<u32> {
    let count = key.with(0).below(6) as u64;
    let mut words: Vec<usize> = (0..count)
        .map(|n| {
            let key = key.with(1 + n);
            if key.with(0).happens(0.3) {
                COMMON_WORDS + topic * TOPIC_WORDS + key.with(1).below(TOPIC_WORDS)
            } else {
                ((COMMON_WORDS as f64 + 1.0).powf(key.with(1).unit()) - 1.0) as usize
            }
        })
        .collect();
    words.sort_unstable();
    words.dedup();
    words.into_iter().map(|word| word as u32).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_world_is_a_function_of_its_seed() {
        let facts = |seed| World::new(Config::QUICK, seed).videos.into_iter().map(|video| video.facts);
        assert!(facts(1).eq(facts(1)));
        assert!(!facts(1).eq(facts(2)));
    }

    #[test]
    fn videos_are_numbered_in_order_of_publication() {
        let world = World::new(Config::QUICK, 1);
        assert!(world.videos.is_sorted_by_key(|video| video.facts.published_ms));
        assert!(world.videos.iter().zip(0..).all(|(video, number)| video.facts.video == number));
    }

    #[test]
    fn tastes_drift_by_day_and_change_at_once() {
        let world = World::new(Config::QUICK, 1);
        let changing = world.viewers.iter().position(|viewer| viewer.changes).unwrap();
        let apart =
            |a: &Taste, b: &Taste| -> f64 { a.topics.iter().zip(b.topics).map(|(a, b)| (a - b).abs()).sum() };
        let change = world.config.change_ms();
        let (first, next) = (world.taste(changing, 0), world.taste(changing, DAY_MS));
        assert_eq!(first, world.taste(changing, DAY_MS - 1));
        let drifted = apart(&first, &next);
        let jumped = apart(&world.taste(changing, change - 1), &world.taste(changing, change));
        assert!(drifted > 0.0 && drifted < jumped, "{drifted} against {jumped}");
    }
}
