//! Made sounds whose beats are known to the sample.

use super::*;

/// Noise that is the same each time.
fn noise(count: usize, mut seed: u32) -> Vec<f32> {
    let next = || {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (seed >> 8) as f32 / (1 << 23) as f32 - 1.0
    };
    std::iter::repeat_with(next).take(count).collect()
}

/// Clicks at `bpm`, the first after `first_ms`, for `seconds`, over a little noise.
fn clicks(bpm: f32, first_ms: f32, seconds: f32) -> (Vec<f32>, Vec<f32>) {
    let rate = SAMPLE_RATE as f32;
    let mut samples: Vec<f32> =
        noise((seconds * rate) as usize, 7).into_iter().map(|sample| sample * 0.003).collect();
    let mut times = Vec::new();
    let mut at_ms = first_ms;
    while at_ms < seconds * 1000.0 - 60.0 {
        times.push(at_ms);
        let at = (at_ms / 1000.0 * rate) as usize;
        for n in 0..300 {
            let decay = (-(n as f32) / 60.0).exp();
            samples[at + n] += 0.7 * decay * (n as f32 * 0.9).sin();
        }
        at_ms += 60_000.0 / bpm;
    }
    (samples, times)
}

#[test]
fn the_tempo_of_clicks_is_found_and_its_beats_are_on_them() {
    for bpm in [60.0, 75.0, 90.0, 100.5, 120.0, 128.0, 140.0, 174.0, 190.0] {
        let (samples, times) = clicks(bpm, 370.0, 16.0);
        let tempo = rhythm(&samples).tempo.unwrap_or_else(|| panic!("{bpm}"));
        assert!((tempo.bpm - bpm).abs() < bpm * 0.01, "{bpm}: {}", tempo.bpm);
        assert!(tempo.confidence > 0.8, "{bpm}: {}", tempo.confidence);
        assert!(tempo.beats_ms.len() + 2 > times.len(), "{bpm}: {} beats", tempo.beats_ms.len());
        for beat in &tempo.beats_ms {
            let off = times.iter().map(|time| (time - *beat as f32).abs()).fold(f32::MAX, f32::min);
            assert!(off <= 15.0, "{bpm}: the beat at {beat} ms is {off} ms off");
        }
    }
}

#[test]
fn every_click_is_an_onset_and_nothing_else_is() {
    let (samples, times) = clicks(97.0, 500.0, 10.0);
    let onsets = rhythm(&samples).onsets_ms;
    assert_eq!(onsets.len(), times.len(), "{onsets:?}");
    for (onset, time) in onsets.iter().zip(&times) {
        assert!((*onset as f32 - time).abs() <= 15.0, "{onset} for {time}");
    }
}

#[test]
fn silence_has_neither_onsets_nor_tempo() {
    assert_eq!(rhythm(&vec![0.0; 11_025 * 10]), Rhythm::default());
    assert_eq!(rhythm(&[]), Rhythm::default());
}

#[test]
fn noise_and_a_steady_tone_have_no_tempo() {
    for seed in 1..6 {
        assert_eq!(rhythm(&noise(11_025 * 12, seed)).tempo, None, "{seed}");
    }
    let tone: Vec<f32> = (0..11_025 * 12).map(|n| (n as f32 * 0.25).sin() * 0.5).collect();
    assert_eq!(rhythm(&tone).tempo, None);
}

/// Syllables as speech has them: 2 to 7 a second, in phrases with pauses, each a buzz with its own pitch and vowel.
fn babble(seconds: usize, seed: u32) -> Vec<f32> {
    let chance = noise(seconds * 40, seed);
    let mut chance = chance.into_iter().map(|value| value.abs());
    let mut samples = vec![0.0; seconds * SAMPLE_RATE as usize];
    let mut at = 0_usize;
    while let (Some(length), Some(pause), Some(pitch), Some(loud)) =
        (chance.next(), chance.next(), chance.next(), chance.next())
    {
        let length = (1_300.0 + 2_200.0 * length) as usize;
        for n in 0..length.min(samples.len().saturating_sub(at)) {
            let shape = (n as f32 / length as f32 * std::f32::consts::PI).sin();
            let phase = n as f32 * (100.0 + 100.0 * pitch) * std::f32::consts::TAU / SAMPLE_RATE as f32;
            let buzz: f32 = (1..12).map(|wave| (phase * wave as f32).sin() / wave as f32).sum();
            samples[at + n] += 0.2 * (0.3 + 0.7 * loud) * shape * buzz;
        }
        at += length + if pause > 0.8 { 6_000 } else { (900.0 * pause) as usize };
        if at >= samples.len() {
            break;
        }
    }
    samples
}

#[test]
fn what_has_the_rhythm_of_speech_has_no_tempo() {
    for seed in 1..9 {
        let tempo = rhythm(&babble(14, seed)).tempo;
        assert_eq!(tempo, None, "{seed}");
    }
}

#[test]
fn a_sound_too_short_for_a_tempo_has_none() {
    assert_eq!(rhythm(&clicks(120.0, 100.0, 2.0).0).tempo, None);
}

/// When a drum is hit in a bar, and how loud.
type Hits = &'static [(usize, f32)];
/// A drum's samples, by their number.
type Drum<'a> = Box<dyn Fn(usize) -> f32 + 'a>;

/// What drums do in one bar of four beats, twelve steps each: when, and how loud.
struct Pattern {
    name: &'static str,
    kick: Hits,
    snare: Hits,
    hat: Hits,
}

const EIGHTHS: Hits = &[(0, 1.0), (6, 0.7), (12, 1.0), (18, 0.7), (24, 1.0), (30, 0.7), (36, 1.0), (42, 0.7)];
const SIXTEENTHS: Hits = &[
    (0, 1.0),
    (3, 0.6),
    (6, 0.8),
    (9, 0.6),
    (12, 1.0),
    (15, 0.6),
    (18, 0.8),
    (21, 0.6),
    (24, 1.0),
    (27, 0.6),
    (30, 0.8),
    (33, 0.6),
    (36, 1.0),
    (39, 0.6),
    (42, 0.8),
    (45, 0.6),
];
const QUARTERS: Hits = &[(0, 1.0), (12, 1.0), (24, 1.0), (36, 1.0)];
const OFFBEATS: Hits = &[(6, 1.0), (18, 1.0), (30, 1.0), (42, 1.0)];
const BACKBEAT: Hits = &[(12, 1.0), (36, 1.0)];

/// The beat of each is the quarter: the time from a bass drum to the snare that answers it.
const PATTERNS: &[Pattern] = &[
    Pattern { name: "rock", kick: &[(0, 1.0), (24, 1.0)], snare: BACKBEAT, hat: EIGHTHS },
    Pattern {
        name: "rock, busy",
        kick: &[(0, 1.0), (21, 0.7), (24, 1.0), (30, 0.7)],
        snare: BACKBEAT,
        hat: EIGHTHS,
    },
    Pattern {
        name: "rock, sixteenths",
        kick: &[(0, 1.0), (24, 1.0), (33, 0.7)],
        snare: BACKBEAT,
        hat: SIXTEENTHS,
    },
    Pattern { name: "rock, quarters", kick: &[(0, 1.0), (24, 1.0)], snare: BACKBEAT, hat: QUARTERS },
    Pattern { name: "four on the floor", kick: QUARTERS, snare: BACKBEAT, hat: OFFBEATS },
    Pattern { name: "four on the floor, bare", kick: QUARTERS, snare: &[], hat: OFFBEATS },
    Pattern {
        name: "half-time",
        kick: &[(0, 1.0), (18, 0.8)],
        snare: &[(12, 1.0), (36, 1.0)],
        hat: SIXTEENTHS,
    },
    Pattern { name: "one drop", kick: &[(24, 1.0)], snare: &[(24, 0.6)], hat: EIGHTHS },
    Pattern {
        name: "swing",
        kick: &[(0, 0.3), (24, 0.3)],
        snare: &[],
        hat: &[(0, 0.8), (12, 1.0), (20, 0.7), (24, 0.8), (36, 1.0), (44, 0.7)],
    },
    Pattern {
        name: "swing, foot",
        kick: &[(0, 0.3), (12, 0.3), (24, 0.3), (36, 0.3)],
        snare: &[(20, 0.15), (44, 0.2)],
        hat: &[(0, 0.8), (12, 1.3), (20, 0.7), (24, 0.8), (36, 1.3), (44, 0.7)],
    },
    Pattern {
        name: "shuffle",
        kick: &[(0, 1.0), (24, 1.0)],
        snare: &[(12, 1.0), (36, 1.0)],
        hat: &[(0, 1.0), (8, 0.6), (12, 1.0), (20, 0.6), (24, 1.0), (32, 0.6), (36, 1.0), (44, 0.6)],
    },
    Pattern {
        name: "triplets",
        kick: &[(0, 1.0), (24, 1.0)],
        snare: &[(12, 1.0), (36, 1.0)],
        hat: &[
            (0, 1.0),
            (4, 0.6),
            (8, 0.6),
            (12, 1.0),
            (16, 0.6),
            (20, 0.6),
            (24, 1.0),
            (28, 0.6),
            (32, 0.6),
            (36, 1.0),
            (40, 0.6),
            (44, 0.6),
        ],
    },
    Pattern {
        name: "boom chick",
        kick: &[(0, 0.8), (24, 0.8)],
        snare: &[(12, 0.3), (36, 0.3)],
        hat: &[(6, 0.4), (12, 0.8), (18, 0.4), (30, 0.4), (36, 0.8), (42, 0.4)],
    },
    Pattern { name: "brushes", kick: &[(0, 0.4)], snare: &[(12, 0.3), (36, 0.3)], hat: EIGHTHS },
    Pattern { name: "sparse", kick: &[(0, 1.0)], snare: &[(24, 1.0)], hat: EIGHTHS },
    Pattern { name: "hats alone", kick: &[], snare: &[], hat: QUARTERS },
];

fn band(pattern: &Pattern, bpm: f32, seconds: f32, seed: u32) -> Vec<f32> {
    let rate = SAMPLE_RATE as f32;
    let hiss = noise(4_000, seed);
    let mut samples: Vec<f32> =
        noise((seconds * rate) as usize, seed + 1).into_iter().map(|s| s * 0.003).collect();
    let one = 5.0 / bpm * rate;
    let drums: [(Hits, Drum<'_>); 3] = [
        (
            pattern.kick,
            Box::new(|n| {
                let t = n as f32 / rate;
                0.9 * (-t * 18.0).exp()
                    * (std::f32::consts::TAU * (50.0 * t + 4.0 * (1.0 - (-t * 30.0).exp()))).sin()
            }),
        ),
        (
            pattern.snare,
            Box::new(|n| {
                let t = n as f32 / rate;
                (-t * 22.0).exp() * (0.45 * hiss[n] + 0.3 * (std::f32::consts::TAU * 190.0 * t).sin())
            }),
        ),
        (
            pattern.hat,
            Box::new(|n| {
                let t = n as f32 / rate;
                0.22 * (-t * 90.0).exp() * (hiss[n] - hiss[n.saturating_sub(1)])
            }),
        ),
    ];
    for bar in 0.. {
        let begins = bar as f32 * 48.0 * one + 0.2 * rate;
        if begins as usize >= samples.len() {
            break;
        }
        for (hits, drum) in &drums {
            for (step, loud) in *hits {
                let at = (begins + *step as f32 * one) as usize;
                for n in 0..3_000.min(samples.len().saturating_sub(at)) {
                    samples[at + n] += loud * drum(n);
                }
            }
        }
    }
    samples
}

#[test]
fn the_beat_of_many_patterns_is_the_time_from_drum_to_answer() {
    const USUAL: std::ops::RangeInclusive<f32> = 72.0..=120.0;
    let (mut right, mut all) = (0, 0);
    for pattern in PATTERNS {
        for bpm in [65.0, 72.0, 80.0, 88.0, 96.0, 104.0, 112.0, 120.0, 130.0, 140.0, 150.0, 160.0, 174.0] {
            let tempo = rhythm(&band(pattern, bpm, 14.0, 5)).tempo;
            let times = tempo.unwrap_or_else(|| panic!("{} at {bpm} has no tempo", pattern.name)).bpm / bpm;
            let is = |wanted: f32| (times / wanted - 1.0).abs() < 0.02;
            // What is slower may be counted double, what is quicker by half: people do so too.
            assert!(
                is(1.0) || !USUAL.contains(&bpm) && (is(0.5) || is(2.0)),
                "{} at {bpm}: {times}",
                pattern.name
            );
            all += 1;
            right += usize::from(is(1.0));
        }
    }
    assert!(right * 100 >= all * 90, "{right} of {all}");
}
