//! Volumes, the library's sound, voice-over, fades, pitch.

use serde_json::{Value, json};

use super::{Rendered, Studio, id, list, plain, segment, tone};
use crate::harness::samples;

/// Strength of a pitch in a span of samples (Goertzel), 1 for a full-scale sine.
fn strength(samples: &[f32], hertz: f64) -> f64 {
    let (mut real, mut imaginary) = (0.0, 0.0);
    for (number, sample) in samples.iter().enumerate() {
        let angle = std::f64::consts::TAU * hertz * number as f64 / 48_000.0;
        real += f64::from(*sample) * angle.cos();
        imaginary += f64::from(*sample) * angle.sin();
    }
    2.0 * f64::hypot(real, imaginary) / samples.len() as f64
}

impl Rendered {
    fn heard(&self, from_s: f64, to_s: f64, hertz: f64) -> f64 {
        let samples = both(self);
        strength(&samples[(from_s * 48_000.0) as usize..(to_s * 48_000.0) as usize], hertz)
    }
}

#[track_caller]
fn about(value: f64, expected: f64) {
    assert!((value - expected).abs() <= 0.1 * expected + 0.004, "{value} is not about {expected}");
}

/// FFmpeg's `sine` has an eighth of full scale.
const SINE: f64 = 0.125;

fn volume(number: u128, from: u32, to: u32, volume: f64) -> Value {
    json!({"source": id(number), "start_ms": from, "end_ms": to, "volume": volume})
}

#[test]
fn each_segment_has_its_own_volume() {
    let segments = json!([volume(1, 0, 1000, 0.5), volume(1, 0, 1000, 0.0), volume(1, 0, 1000, 2.0)]);
    let made = Studio::new().upload(1, &tone("red", 440, 2), "a.mp4").render(list(segments, json!({})));
    about(made.heard(0.1, 0.9, 440.0), SINE / 2.0);
    about(made.heard(1.1, 1.9, 440.0), 0.0);
    about(made.heard(2.1, 2.9, 440.0), SINE * 2.0);
}

#[test]
fn sources_with_and_without_sound_go_together() {
    let segments = json!([segment(1, 0, 1000), segment(2, 0, 1000), segment(1, 0, 500)]);
    let studio = Studio::new().upload(1, &plain("red", 2), "a.mp4").upload(2, &tone("blue", 440, 2), "b.mp4");
    let made = studio.render(list(segments, json!({})));
    about(made.heard(0.1, 0.9, 440.0), 0.0);
    about(made.heard(1.1, 1.9, 440.0), SINE);
    about(made.heard(2.05, 2.4, 440.0), 0.0);
}

#[test]
fn nothing_heard_is_no_sound_at_all() {
    let made = Studio::new()
        .upload(1, &tone("red", 440, 2), "a.mp4")
        .render(list(json!([volume(1, 0, 1000, 0.0)]), json!({})));
    assert_eq!(crate::harness::probe(&made.path, "stream=codec_type"), ["video"]);
}

/// A click in every second of the library's sound, one of them longer.
const CLICKS: &str = "-f lavfi -i aevalsrc='0.5*sin(2*PI*1000*t)*between(mod(t\\,1)\\,0\\,0.03)':s=48000:d=8";

/// The mean of both channels, where `samples` has their sum over the root of two.
fn both(made: &Rendered) -> Vec<f32> {
    samples(&made.path).into_iter().map(|sample| sample / std::f32::consts::SQRT_2).collect()
}

fn first_click_s(made: &Rendered) -> f64 {
    let at = samples(&made.path).iter().position(|sample| sample.abs() > 0.2).unwrap();
    at as f64 / 48_000.0
}

#[test]
fn the_sound_is_heard_where_it_was_measured() {
    for (start_ms, lead_ms, expected_s) in
        [(3000, 0, 0.0), (3000, 237, 0.237), (2750, 0, 0.25), (2500, -213, 0.287), (0, -600, 0.4)]
    {
        let sound =
            json!({"sound": {"sound": id(9), "start_ms": start_ms, "volume": 1.0, "lead_ms": lead_ms}});
        for name in ["sound.m4a", "sound.ogg", "sound.wav"] {
            let studio = Studio::new().upload(1, &plain("red", 2), "a.mp4").sound(CLICKS, name);
            let made = studio.render(list(json!([segment(1, 0, 1500)]), sound.clone()));
            let found = first_click_s(&made);
            assert!((found - expected_s).abs() <= 0.004, "{found} for {start_ms} {lead_ms} from {name}");
        }
    }
}

#[test]
fn own_sound_library_sound_and_voice_are_mixed() {
    let rest = json!({
        "sound": {"sound": id(9), "start_ms": 0, "volume": 0.5},
        "voice_over": [{"source": id(2), "at_ms": 1200, "start_ms": 300, "end_ms": 1100, "volume": 1.5}],
    });
    let studio = Studio::new()
        .upload(1, &tone("red", 440, 3), "a.mp4")
        .sound("-f lavfi -i sine=f=800:d=3", "sound.mp3")
        .voice(2, "-f lavfi -i sine=f=1500:d=2 -c:a libopus", "voice.webm");
    let made = studio.render(list(json!([segment(1, 0, 2500)]), rest));
    about(made.heard(0.2, 1.1, 440.0), SINE);
    about(made.heard(0.2, 1.1, 800.0), SINE / 2.0);
    about(made.heard(0.2, 1.1, 1500.0), 0.0);
    about(made.heard(1.3, 1.9, 1500.0), SINE * 1.5);
    about(made.heard(1.3, 1.9, 440.0), SINE);
    about(made.heard(2.05, 2.45, 1500.0), 0.0);
}

#[test]
fn fades_go_from_and_to_silence() {
    let fade = json!({"fade": {"in_ms": 1000, "out_ms": 500}});
    let made = Studio::new()
        .upload(1, &tone("red", 440, 3), "a.mp4")
        .render(list(json!([segment(1, 0, 3000)]), fade));
    about(made.heard(0.45, 0.55, 440.0), SINE / 2.0);
    about(made.heard(1.2, 2.4, 440.0), SINE);
    about(made.heard(2.7, 2.8, 440.0), SINE / 2.0);
    assert!(made.heard(0.0, 0.02, 440.0) < 0.01 && made.heard(2.97, 2.99, 440.0) < 0.015);
}

#[test]
fn the_pitch_stays_at_any_speed() {
    for speed in [0.3, 0.5, 1.3, 2.0, 3.0] {
        let segments = json!([{"source": id(1), "start_ms": 0, "end_ms": 4500, "speed": speed}]);
        let made = Studio::new().upload(1, &tone("red", 440, 5), "a.mp4").render(list(segments, json!({})));
        let length = 4.5 / speed;
        assert!((made.duration() - length).abs() < 0.02, "{} {length}", made.duration());
        // In short spans: stretching keeps the pitch, not the phase.
        for place in [0.3, 0.5, 0.7] {
            let from = place * length;
            assert!(made.heard(from, from + 0.1, 440.0) > 0.6 * SINE, "speed {speed}");
            assert!(made.heard(from, from + 0.1, 440.0 * speed) < 0.3 * SINE, "speed {speed}");
        }
    }
}

#[test]
fn backwards_sound_is_backwards() {
    // A second of silence, then a tone, over two pieces.
    let source = "-f lavfi -i color=c=red:s=240x426:r=30:d=4 -f lavfi -i sine=f=440:d=4:r=48000 -af \
                  volume=0:enable='lt(t\\,1)' -c:v libx264 -preset ultrafast -c:a aac";
    let segments = json!([{"source": id(1), "start_ms": 0, "end_ms": 4000, "reverse": true}]);
    let made = Studio::new().upload(1, source, "a.mp4").render(list(segments, json!({})));
    about(made.heard(0.1, 2.9, 440.0), SINE);
    about(made.heard(3.1, 3.9, 440.0), 0.0);
}

#[test]
fn a_loud_mix_is_kept_below_full_scale() {
    let loud = "-f lavfi -i color=c=red:s=240x426:r=30:d=2 -f lavfi -i aevalsrc=0.9*sin(2*PI*440*t):d=2:s=48000 \
                -c:v libx264 -preset ultrafast -c:a aac";
    let rest = json!({"sound": {"sound": id(9), "start_ms": 0, "volume": 2.0}});
    let studio = Studio::new()
        .upload(1, loud, "a.mp4")
        .sound("-f lavfi -i aevalsrc=0.9*sin(2*PI*440*t):d=2:s=48000", "sound.wav");
    let made = studio.render(list(json!([volume(1, 0, 1500, 2.0)]), rest));
    let peak = both(&made).iter().fold(0.0_f32, |peak, sample| peak.max(sample.abs()));
    assert!((0.5..=1.02).contains(&peak), "{peak}");
}
