//! Made music, changed as uploads are.

use super::*;
use proptest::prelude::*;

fn chance(seed: &mut u32) -> f32 {
    *seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
    (*seed >> 8) as f32 / (1 << 24) as f32
}

/// Plucked notes at uneven times, another melody for each seed.
fn music(seed: u32, seconds: usize) -> Vec<f32> {
    let mut seed = seed.wrapping_mul(7_919).wrapping_add(17);
    let mut samples = vec![0.0_f32; seconds * SAMPLE_RATE as usize];
    let mut at = 0;
    while at < samples.len() {
        let pitch = 110.0 * 2.0_f32.powf((chance(&mut seed) * 36.0).floor() / 12.0);
        let step = pitch * std::f32::consts::TAU / SAMPLE_RATE as f32;
        for n in 0..8_000.min(samples.len() - at) {
            let decay = (-(n as f32) / 2_500.0).exp();
            let waves: f32 = (1..6).map(|wave| (n as f32 * step * wave as f32).sin() / wave as f32).sum();
            samples[at + n] += 0.2 * decay * waves;
        }
        at += 1_200 + (chance(&mut seed) * 3_000.0) as usize;
    }
    samples
}

fn with_noise(samples: &[f32], level: f32) -> Vec<f32> {
    let mut seed = 99;
    samples.iter().map(|sample| sample * 0.6 + level * (chance(&mut seed) - 0.5)).collect()
}

#[test]
fn a_sound_is_itself_quieter_noisier_and_cut() {
    let second = SAMPLE_RATE as usize;
    for seed in 0..10 {
        let original = music(seed, 15);
        let known = Fingerprint::of(&original);
        for (what, changed, shift_ms) in [
            ("quiet and noisy", with_noise(&original, 0.1), 0),
            ("cut", original[3 * second + 100..].to_vec(), 3_009),
            ("a piece", with_noise(&original[4 * second..9 * second], 0.05), 4_000),
        ] {
            let likeness = Fingerprint::of(&changed).compare(&known).unwrap();
            assert!(likeness.is_same(), "{seed} {what}: {likeness:?}");
            assert!((likeness.shift_ms - shift_ms).abs() <= 50, "{seed} {what}: {likeness:?}");
            let keys = index_keys(&known);
            let found = query_keys(&Fingerprint::of(&changed))
                .into_iter()
                .filter(|key| keys.binary_search(key).is_ok());
            assert!(found.count() >= 3, "{seed} {what}");
        }
    }
}

#[test]
fn where_a_piece_begins_is_known_to_a_third_of_a_frame_of_a_video() {
    let mut seed = 7;
    for number in 0..40 {
        let original = music(number, 12);
        let known = Fingerprint::of(&original);
        let begins = (chance(&mut seed) * 5.0 * SAMPLE_RATE as f32) as usize;
        let begins_ms = (begins * 1000 / SAMPLE_RATE as usize) as i32;
        let piece = with_noise(&original[begins..], 0.05);
        let found = Fingerprint::of(&piece).compare(&known).unwrap();
        assert!((found.shift_ms - begins_ms).abs() <= 10, "{number}: {begins_ms} ms, {found:?}");
        // The other way round it begins before.
        let found = known.compare(&Fingerprint::of(&piece)).unwrap();
        assert!((found.shift_ms + begins_ms).abs() <= 10, "{number}: {begins_ms} ms, {found:?}");
    }
}

#[test]
fn different_sounds_stay_apart() {
    let known: Vec<Fingerprint> = (0..24).map(|seed| Fingerprint::of(&music(seed, 12))).collect();
    for (a, first) in known.iter().enumerate() {
        for second in &known[a + 1..] {
            let likeness = first.compare(second);
            assert!(!likeness.is_some_and(|likeness| likeness.is_same()), "{likeness:?}");
        }
    }
}

#[test]
fn a_recording_with_a_known_sound_in_it_for_a_moment_is_another() {
    let second = SAMPLE_RATE as usize;
    for seed in 0..6 {
        let known = Fingerprint::of(&music(seed, 4));
        let mut long = music(seed + 50, 12);
        for (sample, other) in long[5 * second..].iter_mut().zip(music(seed, 4)) {
            *sample = 0.3 * *sample + other;
        }
        let likeness = Fingerprint::of(&long).compare(&known).unwrap();
        assert!(likeness.agreeing > 12, "it is in there: {likeness:?}");
        assert!(!likeness.is_same(), "{seed}: {likeness:?}");
    }
}

#[test]
fn silence_and_a_hum_are_no_sound_to_recognise() {
    assert!(Fingerprint::of(&[0.0; 50_000]).is_empty());
    assert!(Fingerprint::of(&[]).is_empty());
    let hum: Vec<f32> = (0..100_000).map(|n| 0.3 * (n as f32 * 0.0285).sin()).collect();
    let (first, second) = (Fingerprint::of(&hum), Fingerprint::of(&hum[5_000..]));
    assert!(!first.compare(&second).is_some_and(|likeness| likeness.is_same()));
}

proptest! {
    #[test]
    fn bytes_come_back(seed in 0_u32..50) {
        let fingerprint = Fingerprint::of(&music(seed, 3));
        prop_assert_eq!(Fingerprint::from_bytes(&fingerprint.to_bytes()), Some(fingerprint));
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        if let Some(fingerprint) = Fingerprint::from_bytes(&bytes) {
            let _ = fingerprint.compare(&fingerprint);
            let _ = index_keys(&fingerprint);
        }
    }

    #[test]
    fn any_samples_can_be_listened_to(samples in prop::collection::vec(any::<f32>(), 0..4000)) {
        let fingerprint = Fingerprint::of(&samples);
        let _ = fingerprint.compare(&fingerprint);
    }
}
