//! The log's bytes stay what they are.

use crate::cell::{creator, sound, video, viewer};
use proptest::prelude::*;
use takt_core::{ImpressionId, PageId, Timestamp};
use takt_recommender::{
    Control, DecodeError, Event, LogEntry, MadeItem, MadePage, ServedItem, Subject, Wish,
};

const VIDEO: &str = "10000000000000000100000000000000aa";
const ORIGINAL: &str = "10000000000000000100000000000000ab";
const VIEWER: &str = "10000000000000000200000000000000bb";
const OTHER: &str = "10000000000000000200000000000000cc";
const CREATOR: &str = "10000000000000000300000000000000dd";
const SOUND: &str = "10000000000000000400000000000000ee";
const PAGE: &str = "1000000000000000060000000000001100";
const IMPRESSION: &str = "10000000000000000500000000000000ff";

/// One entry of every variant, and the bytes that logs hold it as.
fn golden() -> Vec<(Event, String)> {
    let (viewer, other, video) = (viewer(0xbb), viewer(0xcc), video(0xaa));
    let impression = Some(ImpressionId::from_u128((5 << 64) + 0xff));
    let controlled = |control: Control| Event::ViewerControlled { viewer, control };
    vec![
        (
            Event::VideoPublished {
                video,
                creator: creator(0xdd),
                sound: Some(sound(0xee)),
                language: Some("de".parse().expect("a language")),
                tags: vec!["a".into()],
                words: vec!["b".into(), "ü".into()],
                duration_ms: 15_000,
            },
            format!("00{VIDEO}{CREATOR}01{SOUND}010264650101610201620 2c3bc9875"),
        ),
        (Event::VideoRemoved { video }, format!("01{VIDEO}")),
        (
            Event::PageServed {
                viewer,
                seed: 300,
                position: 1,
                policy: [7; 32],
                items: vec![ServedItem { impression: ImpressionId::from_u128((5 << 64) + 0xff), video }],
            },
            format!("02{VIEWER}ac0201{}01{IMPRESSION}{VIDEO}", "07".repeat(32)),
        ),
        (Event::Impression { viewer, impression, video }, format!("03{VIEWER}01{IMPRESSION}{VIDEO}")),
        (
            Event::Watch { viewer, impression: None, video, watch_ms: u32::MAX, loops: 2, paused: true },
            format!("04{VIEWER}00{VIDEO}ffffffff0f0201"),
        ),
        (Event::Like { viewer, impression, video }, format!("05{VIEWER}01{IMPRESSION}{VIDEO}")),
        (Event::Unlike { viewer, impression: None, video }, format!("06{VIEWER}00{VIDEO}")),
        (Event::Share { viewer, impression: None, video }, format!("07{VIEWER}00{VIDEO}")),
        (Event::NotInterested { viewer, impression: None, video }, format!("08{VIEWER}00{VIDEO}")),
        (Event::ViewerMerged { from: viewer, into: other }, format!("09{VIEWER}{OTHER}")),
        (Event::ViewerForgotten { viewer }, format!("0a{VIEWER}")),
        (
            Event::PageMade(MadePage {
                page: PageId::from_u128((6 << 64) + 0x1100),
                viewer,
                account: Some(creator(0xdd)),
                limit: 10,
                seed: 300,
                position: 1,
                policy: [7; 32],
                seeds: [8; 32],
                candidates: [9; 32],
                items: vec![MadeItem { video, score: -2 }],
            }),
            format!(
                "0c{PAGE}{VIEWER}01{CREATOR}0aac0201{}{}{}01{VIDEO}03",
                "07".repeat(32),
                "08".repeat(32),
                "09".repeat(32)
            ),
        ),
        (Event::SeedsCommitted { commitment: [7; 32] }, format!("0d{}", "07".repeat(32))),
        (Event::SeedsRevealed { secret: [7; 32] }, format!("0e{}", "07".repeat(32))),
        (Event::VideoLinked { video, original: crate::cell::video(0xab) }, format!("0f{VIDEO}{ORIGINAL}")),
        (
            controlled(Control::NotInterested { subject: Subject::Video(video) }),
            format!("0b{VIEWER}0000{VIDEO}"),
        ),
        (
            controlled(Control::NotInterestedEnds { subject: Subject::Creator(creator(0xdd)) }),
            format!("0b{VIEWER}0101{CREATOR}"),
        ),
        (
            controlled(Control::Wish { subject: Subject::Sound(sound(0xee)), wish: Some(Wish::More) }),
            format!("0b{VIEWER}0202{SOUND}0100"),
        ),
        (
            controlled(Control::Wish { subject: Subject::Tag("a".into()), wish: Some(Wish::Less) }),
            format!("0b{VIEWER}020301610101"),
        ),
        (
            controlled(Control::Wish { subject: Subject::Word("b".into()), wish: None }),
            format!("0b{VIEWER}0204016200"),
        ),
        (controlled(Control::Follow { creator: creator(0xdd) }), format!("0b{VIEWER}03{CREATOR}")),
        (controlled(Control::Unfollow { creator: creator(0xdd) }), format!("0b{VIEWER}04{CREATOR}")),
        (controlled(Control::Reset), format!("0b{VIEWER}05")),
        (controlled(Control::Forget { subject: Subject::Tag("a".into()) }), format!("0b{VIEWER}08030161")),
        (controlled(Control::Learning { on: false }), format!("0b{VIEWER}0600")),
        (
            controlled(Control::Adopt {
                leanings: vec![(Subject::Language("de".parse().expect("one")), -1)],
            }),
            format!("0b{VIEWER}070105026465 01"),
        ),
    ]
}

#[test]
fn every_variant_has_its_bytes() {
    for (event, expected) in golden() {
        let entry = LogEntry { at: Timestamp::from_millis(1_767_225_600_000), event };
        // Version 1, then the time as a zigzag varint.
        let expected = format!("0180a0d5edee66{}", expected.replace(' ', ""));
        let bytes = entry.encode();
        assert_eq!(hex::encode(&bytes), expected, "{entry:?}");
        assert_eq!(LogEntry::decode(&bytes), Ok(entry));
    }
}

#[test]
fn what_is_no_entry_is_refused() {
    let entry = LogEntry { at: Timestamp::from_millis(-1), event: Event::VideoRemoved { video: video(1) } };
    let bytes = entry.encode();
    assert_eq!(LogEntry::decode(&bytes), Ok(entry));
    assert_eq!(LogEntry::decode(&[]), Err(DecodeError::Empty));
    assert_eq!(LogEntry::decode(&[&[2], &bytes[1..]].concat()), Err(DecodeError::Version(2)));
    assert!(matches!(LogEntry::decode(&bytes[..bytes.len() - 1]), Err(DecodeError::Damaged(_))));
    assert!(matches!(LogEntry::decode(&[&bytes[..], &[0]].concat()), Err(DecodeError::Damaged(_))));
}

proptest! {
    #[test]
    fn decoding_any_bytes_never_panics(mut bytes: Vec<u8>, known: bool) {
        if let (true, Some(first)) = (known, bytes.first_mut()) {
            *first = 1;
        }
        let _ = LogEntry::decode(&bytes);
    }
}
