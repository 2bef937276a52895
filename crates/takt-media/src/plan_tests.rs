use proptest::prelude::*;

use super::*;
use crate::inspect::VideoSource;

/// A clip that fits in every way.
fn fitting() -> Source {
    Source {
        container: Container::Mp4,
        bytes: 5_000_000,
        duration_ms: 20_000,
        truncated: false,
        video: VideoSource {
            index: 0,
            codec: "h264".into(),
            profile: "High".into(),
            level: 31,
            coded_width: 720,
            coded_height: 1280,
            width: 720,
            height: 1280,
            pixel_format: "yuv420p".into(),
            square_pixels: true,
            transformed: false,
            interlaced: false,
            hdr: false,
            hdr_is_hlg: false,
            color_matrix: "bt709".into(),
            frame_rate: FrameRate { frames: 30, seconds: 1 },
            fps_mean: 30.0,
            bit_rate: 1_900_000,
            starts_with_key: true,
            key_gap_ms: 2_000,
            duration_ms: 20_000,
            start_ms: 0,
            frames: Vec::new(),
            edited: false,
            damaged: false,
        },
        audio: Some(AudioSource {
            index: 1,
            codec: "aac".into(),
            profile: "LC".into(),
            channels: 2,
            sample_rate: 48_000,
            start_ms: 0,
            duration_ms: 20_000,
        }),
    }
}

fn sized(width: u32, height: u32) -> Source {
    let mut source = fitting();
    (source.video.width, source.video.height) = (width, height);
    (source.video.coded_width, source.video.coded_height) = (width, height);
    source
}

/// The plan in one line: `copy(sound)` or the first rung, then the others.
fn outline(source: &Source) -> String {
    let plan = plan(source, &Settings::default());
    let rung = |rung: &Rung| format!("{}x{}@{:.2}", rung.width, rung.height, rung.frame_rate.fps());
    let first = match &plan.first {
        First::Copy(audio) => format!("copy({audio:?})"),
        First::Encode(first) => rung(first),
    };
    std::iter::once(first).chain(plan.further.iter().map(rung)).collect::<Vec<_>>().join(" ")
}

#[test]
fn what_fits_is_copied_and_every_rule_counts() {
    assert_eq!(outline(&fitting()), "copy(Copy) 540x960@30.00 360x640@30.00");
    type Break = fn(&mut Source);
    let broken_rules: [(&str, Break); 20] = [
        ("container", |s| s.container = Container::Matroska),
        ("codec", |s| s.video.codec = "hevc".into()),
        ("pixels", |s| s.video.pixel_format = "yuvj420p".into()),
        ("profile", |s| s.video.profile = "High 10".into()),
        ("level", |s| s.video.level = 51),
        ("interlaced", |s| s.video.interlaced = true),
        ("hdr", |s| s.video.hdr = true),
        ("turned", |s| s.video.transformed = true),
        ("shape", |s| s.video.square_pixels = false),
        ("odd", |s| s.video.coded_width = 719),
        ("rate", |s| s.video.frame_rate = FrameRate { frames: 120, seconds: 1 }),
        ("mean rate", |s| s.video.fps_mean = 90.0),
        ("bits", |s| s.video.bit_rate = 3_100_000),
        ("first key", |s| s.video.starts_with_key = false),
        ("key gap", |s| s.video.key_gap_ms = 5_100),
        ("late picture", |s| s.video.start_ms = 41),
        ("late sound", |s| s.audio.as_mut().unwrap().start_ms = 41),
        ("edit list", |s| s.video.edited = true),
        ("damage", |s| s.video.damaged = true),
        ("cut off", |s| s.truncated = true),
    ];
    for (rule, break_it) in broken_rules {
        let mut source = fitting();
        break_it(&mut source);
        assert!(!outline(&source).starts_with("copy"), "{rule}: {}", outline(&source));
    }
}

#[test]
fn sound_that_browsers_do_not_share_is_encoded() {
    let with = |change: fn(&mut AudioSource)| {
        let mut source = fitting();
        source.audio.iter_mut().for_each(change);
        outline(&source).split(' ').next().unwrap().to_owned()
    };
    assert_eq!(with(|audio| audio.codec = "opus".into()), "copy(Encode)");
    assert_eq!(with(|audio| audio.profile = "HE-AAC".into()), "copy(Encode)");
    assert_eq!(with(|audio| audio.channels = 6), "copy(Encode)");
    let mut mute = fitting();
    mute.audio = None;
    assert!(outline(&mute).starts_with("copy(None)"));
}

#[test]
fn ladders_by_size() {
    for (width, height, expected) in [
        (1080, 1920, "540x960@30.00 720x1280@30.00 360x640@30.00"),
        (1920, 1080, "960x540@30.00 1280x720@30.00 640x360@30.00"),
        (2160, 3840, "540x960@30.00 720x1280@30.00 360x640@30.00"),
        (1080, 1916, "540x958@30.00 720x1278@30.00 360x638@30.00"),
        (721, 1281, "540x960@30.00 720x1280@30.00 360x640@30.00"),
        (620, 1080, "540x940@30.00 620x1080@30.00 360x628@30.00"),
        (540, 540, "540x540@30.00 360x360@30.00"),
        (321, 181, "320x180@30.00"),
    ] {
        let mut source = sized(width, height);
        source.video.codec = "hevc".into();
        assert_eq!(outline(&source), expected, "{width}x{height}");
    }
    // A copy of few bits needs no smaller ones.
    let mut thrifty = fitting();
    thrifty.video.bit_rate = 500_000;
    assert_eq!(outline(&thrifty), "copy(Copy)");
}

#[test]
fn rates() {
    let at = |mean, median, busy| FrameRate::measured(mean, median, busy);
    let fraction = |frames, seconds| FrameRate { frames, seconds };
    assert_eq!(at(29.97, 30.3, 30.3), fraction(30_000, 1_001));
    assert_eq!(at(30.0, 30.0, 30.3), fraction(30, 1));
    assert_eq!(at(5.0, 5.0, 5.0), fraction(5_000, 1_000));
    assert_eq!(at(14.14, 14.14, 14.2), fraction(14_140, 1_000));
    // A screen that stands still most of the time.
    assert_eq!(at(8.0, 16.0, 59.9), fraction(60_000, 1_001));
    assert_eq!(fraction(60, 1).at_most(30), fraction(60, 2));
    assert_eq!(fraction(60_000, 1_001).at_most(30), fraction(60_000, 2_002));
    assert_eq!(fraction(50, 1).at_most(30), fraction(50, 2));
    assert_eq!(fraction(35, 1).at_most(30), fraction(30, 1));
    assert_eq!(fraction(30_000, 1_001).at_most(30), fraction(30_000, 1_001));
}

proptest! {
    #[test]
    fn sizes_are_even_shrink_only_and_keep_their_shape(width in 64_u32..5000, height in 64_u32..5000, edge in 2_u32..1200) {
        let (w, h) = fit(width, height, edge);
        prop_assert!(w.is_multiple_of(2) && h.is_multiple_of(2));
        prop_assert!(w >= 2 && h >= 2 && w <= width.max(2) && h <= height.max(2));
        prop_assert!(w.min(h) <= edge.max(2));
        // Either side is at most two pixels off the exact size; on the long side that is what rounding the short gives.
        let exact = f64::from(width.max(height)) * f64::from(edge.min(width.min(height))) / f64::from(width.min(height));
        prop_assert!((f64::from(w.max(h)) - exact).abs() <= 2.0, "{w}x{h} for {exact}");
    }

    #[test]
    fn rates_stay_within_their_limit(mean in 0.01_f64..2000.0, median in 0.01_f64..2000.0, busy in 0.01_f64..2000.0, most in 1_u32..120) {
        let rate = FrameRate::measured(mean, median, busy.max(mean));
        prop_assert!(rate.frames > 0 && rate.seconds > 0);
        let limited = rate.at_most(most);
        prop_assert!(limited.frames > 0 && limited.seconds > 0);
        prop_assert!(limited.fps() <= f64::from(most) * 1.011);
    }

    #[test]
    fn every_plan_is_sane(width in 64_u32..4096, height in 64_u32..4096, fps in 1_u32..120, bits in 1_u64..50_000_000, copyable: bool) {
        let mut source = sized(width, height);
        source.video.frame_rate = FrameRate { frames: fps, seconds: 1 };
        source.video.fps_mean = f64::from(fps);
        source.video.bit_rate = bits;
        source.video.damaged = !copyable;
        let plan = plan(&source, &Settings::default());
        prop_assert_eq!(&plan, &super::plan(&source, &Settings::default()));
        let first = match &plan.first {
            First::Encode(rung) => Some(rung),
            First::Copy(_) => None,
        };
        for rung in plan.further.iter().chain(first) {
            prop_assert!(rung.width <= width && rung.height <= height);
            prop_assert!(rung.width <= rung.height || width > height || width == height);
            prop_assert!(rung.frame_rate.fps() <= f64::from(fps) * 1.01);
        }
        for pair in plan.further.windows(2) {
            prop_assert!(pair[0].width > pair[1].width);
        }
        let json = serde_json::to_string(&plan).unwrap();
        prop_assert_eq!(serde_json::from_str::<Plan>(&json).unwrap(), plan);
    }
}
