//! An edit list without what it takes from another video.

use super::list::{EditList, Layout};
use takt_core::VideoId;

/// The list with every part of `video` taken out: its half of the picture, and its segments. What stands over the time
/// line moves with the parts that stay. The list may be too short to be rendered then; checking tells.
pub fn without(list: &EditList, video: VideoId) -> EditList {
    let mut left = list.clone();
    if left.layout.video == Some(video) {
        left.layout = Layout::default();
    }
    // From when to when on the time line something is taken out.
    let mut gaps: Vec<(u32, u32)> = Vec::new();
    let mut at = 0.0;
    for segment in &list.segments {
        let length = f64::from(segment.end_ms.saturating_sub(segment.start_ms)) / segment.speed.max(0.01);
        if segment.video == Some(video) {
            gaps.push((round(at), round(at + length)));
        }
        at += length;
    }
    left.segments.retain(|segment| segment.video != Some(video));
    let moved = |at_ms: u32| {
        let before: u32 = gaps.iter().map(|(from, to)| at_ms.clamp(*from, *to) - from).sum();
        at_ms.saturating_sub(before)
    };
    for text in &mut left.texts {
        (text.from_ms, text.to_ms) = (moved(text.from_ms), moved(text.to_ms));
    }
    left.texts.retain(|text| text.from_ms < text.to_ms);
    for voice in &mut left.voice_over {
        voice.at_ms = moved(voice.at_ms);
    }
    if let (Some(sound), Some((0, to))) = (&mut left.sound, gaps.first()) {
        sound.start_ms = sound.start_ms.saturating_add(*to);
    }
    left.poster_ms = moved(left.poster_ms);
    left
}

fn round(ms: f64) -> u32 {
    ms.round().clamp(0.0, f64::from(u32::MAX)) as u32
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn list(json: serde_json::Value) -> EditList {
        serde_json::from_value(json).expect("a list")
    }

    #[test]
    fn a_duet_keeps_its_own_half() {
        let (own, other) = ("01890a5d-ac96-774b-bcce-b302099a8057", "01890a5d-ac96-774b-bcce-b302099a8058");
        let single = json!({
            "version": 1, "canvas": {"width": 540, "height": 960},
            "segments": [{"source": own, "start_ms": 0, "end_ms": 4000}], "poster_ms": 900,
        });
        let mut duet = single.clone();
        duet["layout"] = json!({"kind": "stacked", "video": other, "start_ms": 500, "place": "top"});
        let other = other.parse().expect("an id");
        assert_eq!(without(&list(duet.clone()), other), list(single));
        assert_eq!(without(&list(duet.clone()), VideoId::from_u128(1)), list(duet), "of another video");
    }

    #[test]
    fn a_stitch_begins_where_its_own_part_does() {
        let (own, other) = ("01890a5d-ac96-774b-bcce-b302099a8057", "01890a5d-ac96-774b-bcce-b302099a8058");
        let text = |from: u32, to: u32| json!({"text": "a", "from_ms": from, "to_ms": to, "x": 0.5, "y": 0.5, "size": 0.1});
        let stitch = list(json!({
            "version": 1, "canvas": {"width": 540, "height": 960},
            "segments": [
                {"video": other, "start_ms": 1000, "end_ms": 5000, "speed": 2.0},
                {"source": own, "start_ms": 0, "end_ms": 4000},
            ],
            "sound": {"sound": own, "start_ms": 100},
            "voice_over": [{"source": own, "at_ms": 2500, "start_ms": 0, "end_ms": 500}],
            "texts": [text(0, 1500), text(1000, 3000), text(3000, 4000)],
            "poster_ms": 500,
        }));
        let left = without(&stitch, other.parse().expect("an id"));
        assert_eq!(left.segments.len(), 1);
        let times: Vec<_> = left.texts.iter().map(|text| (text.from_ms, text.to_ms)).collect();
        assert_eq!(times, [(0, 1000), (1000, 2000)]);
        assert_eq!((left.voice_over[0].at_ms, left.poster_ms), (500, 0));
        assert_eq!(left.sound.expect("the sound stays").start_ms, 2100);
    }
}
