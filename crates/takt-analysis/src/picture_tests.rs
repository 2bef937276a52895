//! Made scenes, changed as uploads are.

use super::*;
use proptest::prelude::*;

/// A frame of a made scene: blobs that move with `time`, placed by `scene`; looked at through a window.
fn frame(scene: u32, time: f32, look: impl Fn(f32, f32) -> (f32, f32)) -> Vec<u8> {
    let blob = |n: u32| {
        // Mixed as in murmur3's end, so that scenes have nothing in common.
        let r = |k: u32| {
            let mut mixed =
                scene.wrapping_mul(0x9e37_79b9) ^ n.wrapping_mul(0x85eb_ca6b) ^ k.wrapping_mul(0xc2b2_ae35);
            for _ in 0..2 {
                mixed = (mixed ^ mixed >> 16).wrapping_mul(0x85eb_ca6b);
                mixed = (mixed ^ mixed >> 13).wrapping_mul(0xc2b2_ae35);
            }
            (mixed >> 8) as f32 / (1 << 24) as f32
        };
        (
            r(1) + 0.3 * (time * (r(2) - 0.5)).sin(),
            r(3) + 0.3 * (time * (r(4) - 0.5)).cos(),
            0.05 + 0.2 * r(5),
            r(6) * 200.0,
        )
    };
    let mut pixels = Vec::new();
    for y in 0..FRAME_EDGE {
        for x in 0..FRAME_EDGE {
            let (u, v) = look(x as f32 / FRAME_EDGE as f32, y as f32 / FRAME_EDGE as f32);
            let light: f32 = (0..7)
                .map(blob)
                .map(|(bx, by, size, height)| {
                    height * (-((u - bx).powi(2) + (v - by).powi(2)) / (2.0 * size * size)).exp()
                })
                .sum();
            pixels.push(light.min(255.0) as u8);
        }
    }
    pixels
}

fn video(scene: u32, from: u32, until: u32, look: impl Fn(f32, f32) -> (f32, f32) + Copy) -> Pictures {
    let frames: Vec<u8> = (from..until).flat_map(|n| frame(scene, n as f32 * 0.5, look)).collect();
    Pictures::of(&frames)
}

#[test]
fn a_copy_cropped_mirrored_or_cut_is_the_same() {
    for scene in 1..20 {
        let original = video(scene, 0, 20, |u, v| (u, v));
        for (what, copy, mirrored) in [
            ("itself", video(scene, 0, 20, |u, v| (u, v)), false),
            ("cropped", video(scene, 0, 20, |u, v| (0.03 + 0.94 * u, 0.03 + 0.94 * v)), false),
            ("mirrored", video(scene, 0, 20, |u, v| (1.0 - u - 1.0 / 32.0, v)), true),
            ("cut", video(scene, 4, 18, |u, v| (u, v)), false),
        ] {
            let likeness = copy.compare(&original).unwrap();
            assert!(likeness.is_same(SoundRelation::Unknown), "{scene} {what}: {likeness:?}");
            assert_eq!(likeness.mirrored, mirrored, "{scene} {what}: {likeness:?}");
            let keys = original.index_keys();
            assert!(copy.query_keys().iter().any(|key| keys.binary_search(key).is_ok()), "{scene} {what}");
        }
    }
}

#[test]
fn different_scenes_are_not_the_same() {
    let videos: Vec<Pictures> = (1..40).map(|scene| video(scene, 0, 12, |u, v| (u, v))).collect();
    for (a, first) in videos.iter().enumerate() {
        for second in &videos[a + 1..] {
            let likeness = first.compare(second);
            assert!(
                !likeness.is_some_and(|likeness| likeness.is_same(SoundRelation::Unknown)),
                "{likeness:?}"
            );
        }
    }
}

#[test]
fn flat_frames_are_like_nothing() {
    let black = Pictures::of(&[16; FRAME_EDGE * FRAME_EDGE * 10]);
    assert!(black.is_empty() && black.index_keys().is_empty());
    assert_eq!(black.compare(&black), None);
    assert_eq!(Pictures::default().compare(&black), None);
}

proptest! {
    #[test]
    fn bytes_come_back(frames in prop::collection::vec(any::<u8>(), 0..FRAME_EDGE * FRAME_EDGE * 3)) {
        let pictures = Pictures::of(&frames);
        prop_assert_eq!(Pictures::from_bytes(&pictures.to_bytes()), Some(pictures));
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..100)) {
        if let Some(pictures) = Pictures::from_bytes(&bytes) {
            let _ = pictures.compare(&pictures);
        }
    }
}
