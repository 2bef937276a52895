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
