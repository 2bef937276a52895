//! The sounds a new cell begins with, synthesised here, so that there is something to pick on the first day and no
//! recording of anybody's in it. Public domain (CC0); the cell's own, so that everyone may use them.

use super::analyse::{Impression, keep};
use super::store::{self, NewRow};
use super::{Consent, Licence, SOUND_MS_MAX, job, kind, search_text};
use crate::error::{Error, Result};
use crate::state::State;
use crate::video::{self, Folder};
use crate::worker::Failed;
use std::f32::consts::TAU;
use takt_analysis::SAMPLE_RATE;
use takt_core::SoundId;
use takt_media::Container;
use takt_store::{Job, Tx};

/// Samples a second of what is synthesised, mono.
const RATE: u32 = 24_000;
/// Loudest sample, of 1.
const PEAK: f32 = 0.8;
/// Their ids are the same in every cell, and older than any that is minted.
const FIRST_ID: u128 = 0x0000_0000_0001_7000_8000_0000_0000_0001;
const CREDIT: &str = "Takt";

/// One of the sounds: bars of four beats, all of them the same length.
struct Score {
    title: &'static str,
    beats_per_minute: f32,
    bars: usize,
    /// Sixteenths of a bar in which each drum sounds, the first of them the highest bit.
    kick: u16,
    snare: u16,
    hat: u16,
    /// A key (MIDI number; 69 is 440 Hz) for each eighth of the bars, 0 for none; repeated to the end.
    melody: &'static [u8],
    /// The same for the bass, by quarters.
    bass: &'static [u8],
    /// Keys held from bar to bar.
    pad: &'static [[u8; 3]],
}

const SCORES: &[Score] = &[
    Score {
        title: "Morning Steps",
        beats_per_minute: 120.0,
        bars: 8,
        kick: 0b1000_1000_1000_1000,
        snare: 0b0000_1000_0000_1000,
        hat: 0b0010_0010_0010_0010,
        melody: &[72, 0, 76, 79, 0, 76, 72, 0, 69, 0, 72, 76, 0, 72, 69, 0],
        bass: &[48, 48, 48, 55, 45, 45, 45, 52],
        pad: &[],
    },
    Score {
        title: "Side Street",
        beats_per_minute: 90.0,
        bars: 6,
        kick: 0b1000_0010_0010_0000,
        snare: 0b0000_1000_0000_1001,
        hat: 0b1010_1010_1010_1010,
        melody: &[0, 0, 63, 0, 0, 67, 0, 70, 0, 0, 63, 0, 0, 62, 60, 0],
        bass: &[36, 0, 43, 36, 39, 0, 41, 43],
        pad: &[[60, 63, 67], [58, 62, 65]],
    },
    Score {
        title: "Night Train",
        beats_per_minute: 128.0,
        bars: 8,
        kick: 0b1000_1000_1000_1000,
        snare: 0b0000_1000_0000_1010,
        hat: 0b1011_1011_1011_1011,
        melody: &[69, 72, 76, 81, 76, 72, 69, 64, 67, 71, 74, 79, 74, 71, 67, 62],
        bass: &[45, 45, 45, 45, 43, 43, 43, 43],
        pad: &[],
    },
    Score {
        title: "Paper Boats",
        beats_per_minute: 76.0,
        bars: 4,
        kick: 0,
        snare: 0,
        hat: 0,
        melody: &[76, 79, 84, 83, 79, 76, 74, 72, 74, 76, 77, 81, 79, 0, 72, 0],
        bass: &[],
        pad: &[[60, 64, 67], [57, 60, 64], [53, 57, 60], [55, 59, 62]],
    },
    Score {
        title: "Still Water",
        beats_per_minute: 60.0,
        bars: 4,
        kick: 0,
        snare: 0,
        hat: 0,
        melody: &[],
        bass: &[],
        pad: &[[57, 64, 71], [53, 60, 69], [55, 62, 71], [50, 57, 65]],
    },
    Score {
        title: "Quick Feet",
        beats_per_minute: 150.0,
        bars: 8,
        kick: 0b1000_0010_1000_0000,
        snare: 0b0000_1000_0000_1000,
        hat: 0b1010_1010_1010_1010,
        melody: &[64, 0, 67, 0, 71, 67, 0, 64, 62, 0, 66, 0, 69, 66, 0, 62],
        bass: &[40, 40, 47, 40, 38, 38, 45, 38],
        pad: &[],
    },
];

fn id(number: usize) -> SoundId {
    SoundId::from_u128(FIRST_ID + number as u128)
}

/// Has the sounds made by a job, unless they are there.
pub(crate) async fn begin_starter_set(state: &State) -> Result<()> {
    if !state.config.sound.starter_set || missing(state).await?.is_empty() {
        return Ok(());
    }
    let begun = job(state, kind::STARTER, "starter".into(), serde_json::json!({}));
    state
        .db
        .write(async |tx: &mut Tx| {
            // One that was given up, on a full disk perhaps, makes way.
            state.jobs.cancel(tx, kind::STARTER, &begun.key).await?;
            state.jobs.enqueue(tx, begun.clone(), &state.clock).await?;
            Ok::<_, Error>(())
        })
        .await
}

async fn missing(state: &State) -> Result<Vec<usize>> {
    let mut missing = Vec::new();
    for number in 0..SCORES.len() {
        let made = store::work(&state.db, id(number)).await?.is_some_and(|row| row.audio_file.is_some());
        if !made {
            missing.push(number);
        }
    }
    Ok(missing)
}

/// Runs the `sound_starter` job.
pub(crate) async fn starter_set(state: &State, job: &Job) -> Result<(), Failed> {
    let tools = video::tools(state)?;
    let limits = state.config.media_limits();
    for number in missing(state).await? {
        let folder = Folder::make(state, job.id).await?;
        let score = &SCORES[number];
        let source = folder.path().join("score.wav");
        let synthesised = tokio::task::spawn_blocking(|| wav(&render(score))).await;
        let bytes = synthesised.map_err(|error| Failed::fault(format!("synthesising failed: {error}")))?;
        tokio::fs::write(&source, bytes).await.map_err(Error::from)?;
        let media = takt_media::Job { tools: &tools, limits: &limits, dir: folder.path(), source: &source };
        let failed = |error: takt_media::Error| Failed::fault(error.to_string());
        let file = takt_media::sound_file(&media, Container::Wav, &source, false, SOUND_MS_MAX).await;
        let file = file.map_err(failed)?;
        let heard = takt_media::samples(&media, Container::Mp4, &file.path, SAMPLE_RATE, SOUND_MS_MAX).await;
        let impression = Impression::of(heard.map_err(failed)?).await?;
        let row = NewRow {
            id: id(number),
            account: None,
            video: None,
            status: "ready",
            title: score.title,
            credit: CREDIT,
            licence: Licence::Cc0,
            search_text: &search_text(score.title, CREDIT, None),
            consent: Consent::Everyone,
            duration_ms: impression.duration_ms,
            now: state.clock.now(),
        };
        state.db.write(async |tx: &mut Tx| store::insert(tx, &row).await).await?;
        keep(state, id(number), &file, impression).await?;
    }
    Ok(())
}

/// Samples of a score, the same on every machine up to the last bit of a sine.
fn render(score: &Score) -> Vec<f32> {
    let beat = 60.0 / score.beats_per_minute;
    let mut samples = vec![0.0; (score.bars as f32 * 4.0 * beat * RATE as f32) as usize];
    for bar in 0..score.bars {
        let start = bar as f32 * 4.0 * beat;
        for sixteenth in 0..16 {
            let at = start + sixteenth as f32 * beat / 4.0;
            let sounds = |drum: u16| drum >> (15 - sixteenth) & 1 == 1;
            if sounds(score.kick) {
                add(&mut samples, at, 0.3, |t| {
                    0.9 * (-t * 14.0).exp() * (TAU * (48.0 * t + 3.0 * (1.0 - (-t * 30.0).exp()))).sin()
                });
            }
            if sounds(score.snare) {
                add(&mut samples, at, 0.2, |t| {
                    0.45 * (-t * 22.0).exp() * (noise(t) + 0.5 * (TAU * 190.0 * t).sin())
                });
            }
            if sounds(score.hat) {
                add(&mut samples, at, 0.06, |t| 0.18 * (-t * 70.0).exp() * (noise(t) - noise(t + 0.000_05)));
            }
        }
        for eighth in 0..8 {
            note(&mut samples, score.melody, bar * 8 + eighth, start + eighth as f32 * beat / 2.0, pluck);
        }
        for quarter in 0..4 {
            note(&mut samples, score.bass, bar * 4 + quarter, start + quarter as f32 * beat, bass);
        }
        if let Some(chord) = score.pad.get(bar % score.pad.len().max(1)) {
            let length = 4.0 * beat;
            for key in chord {
                let step = TAU * frequency(*key);
                let swell = move |t: f32| (std::f32::consts::PI * t / length).sin();
                add(&mut samples, start, length, |t| {
                    0.11 * swell(t)
                        * ((step * t).sin() + 0.5 * (step * 1.003 * t).sin() + 0.2 * (2.0 * step * t).sin())
                });
            }
        }
    }
    let loudest = samples.iter().fold(0.0_f32, |most, sample| most.max(sample.abs()));
    samples.iter_mut().for_each(|sample| *sample *= PEAK / loudest.max(f32::MIN_POSITIVE));
    samples
}

fn frequency(key: u8) -> f32 {
    440.0 * ((f32::from(key) - 69.0) / 12.0).exp2()
}

fn note(samples: &mut [f32], keys: &[u8], number: usize, at: f32, voice: fn(f32, f32) -> f32) {
    if let Some(key) = keys.get(number % keys.len().max(1)).filter(|key| **key > 0) {
        let step = TAU * frequency(*key);
        add(samples, at, 0.8, |t| voice(step, t));
    }
}

fn pluck(step: f32, t: f32) -> f32 {
    let body: f32 = (1..5).map(|wave| (step * wave as f32 * t).sin() / (wave * wave) as f32).sum();
    0.3 * (-t * 5.0).exp() * (1.0 - (-t * 400.0).exp()) * body
}

fn bass(step: f32, t: f32) -> f32 {
    0.4 * (-t * 4.0).exp() * (1.0 - (-t * 200.0).exp()) * ((step * t).sin() + 0.3 * (2.0 * step * t).sin())
}

/// White noise as a function of time, so that it needs no state (the usual sine hash).
fn noise(t: f32) -> f32 {
    let number = (t * RATE as f32) as u32;
    let mixed = (number ^ number >> 7).wrapping_mul(2_654_435_761);
    ((mixed ^ mixed >> 15).wrapping_mul(2_246_822_519) >> 8) as f32 / (1 << 23) as f32 - 1.0
}

/// Adds what `voice` gives for each moment after `at`, for `length` seconds. What goes past the end begins again at the
/// front, so that the sound loops without a seam.
fn add(samples: &mut [f32], at: f32, length: f32, voice: impl Fn(f32) -> f32) {
    let first = (at * RATE as f32) as usize;
    let total = samples.len().max(1);
    for n in 0..(length * RATE as f32) as usize {
        if let Some(sample) = samples.get_mut((first + n) % total) {
            *sample += voice(n as f32 / RATE as f32);
        }
    }
}

/// A WAV file (RIFF, 16-bit PCM, mono) of the samples.
fn wav(samples: &[f32]) -> Vec<u8> {
    let data_bytes = u32::try_from(samples.len() * 2).unwrap_or(u32::MAX);
    let mut bytes = Vec::with_capacity(samples.len() * 2 + 44);
    bytes.extend(b"RIFF");
    bytes.extend((data_bytes.saturating_add(36)).to_le_bytes());
    bytes.extend(b"WAVEfmt ");
    bytes.extend(16_u32.to_le_bytes());
    bytes.extend([1_u16, 1].iter().flat_map(|value| value.to_le_bytes()));
    bytes.extend([RATE, RATE * 2].iter().flat_map(|value| value.to_le_bytes()));
    bytes.extend([2_u16, 16].iter().flat_map(|value| value.to_le_bytes()));
    bytes.extend(b"data");
    bytes.extend(data_bytes.to_le_bytes());
    bytes.extend(samples.iter().flat_map(|sample| ((sample * 32_767.0) as i16).to_le_bytes()));
    bytes
}
