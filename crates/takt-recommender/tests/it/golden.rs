//! Small cases that name the source, term or reason that decides them.

use crate::cell::{Cell, Upload, creator, item, place, sound, term, video, viewer};
use takt_core::Timestamp;
use takt_recommender::{
    Control, DEFAULT_POLICY, Engine, Event, FilterName, Gap, Page, PageItem, PageRequest, Placement, Policy,
    RestoreError, SourceName, Subject, Wish,
};

/// A cell with one video per line: creator, sound (- for none), caption.
fn cell(videos: &[(u128, Option<u128>, &str)]) -> Cell {
    let mut cell = Cell::new();
    for (&(creator, sound, caption), n) in videos.iter().zip(0..) {
        cell.publish(n, &Upload { creator, sound, caption: caption.into(), ..Upload::default() });
    }
    cell
}

/// Videos by `count` creators who have nothing in common.
fn strangers(count: u128) -> Cell {
    let mut cell = Cell::new();
    for n in 0..count {
        cell.publish(n, &Upload { creator: n, ..Upload::default() });
    }
    cell
}

fn dropped(page: &Page, reason: FilterName) -> u32 {
    page.stages.dropped.iter().find(|(name, _)| *name == reason).expect("every reason is listed").1
}
fn has(page: &Page, n: u128) -> bool {
    page.items.iter().any(|item| item.video == video(n))
}

#[test]
fn a_stranger_gets_a_page_of_different_creators_at_once() {
    let mut cell = Cell::new();
    for n in 0..60 {
        cell.publish(
            n,
            &Upload { creator: n % 12, sound: None, caption: String::new(), ..Upload::default() },
        );
    }
    let page = cell.page(0, 10, 1);
    assert_eq!(page.items.len(), 10);
    let mut creators: Vec<_> =
        page.items.iter().map(|item| (0..60).find(|&n| video(n) == item.video).unwrap() % 12).collect();
    creators.sort_unstable();
    creators.dedup();
    assert!(creators.len() >= 9, "{} creators", creators.len());
}

#[test]
fn an_empty_cell_and_an_exhausted_viewer_get_an_empty_page() {
    let mut cell = Cell::new();
    assert_eq!(cell.page(0, 10, 1).items, []);
    for n in 0..12 {
        cell.publish(n, &Upload { creator: n, ..Upload::default() });
        if n > 1 {
            cell.impression(0, video(n));
        }
    }
    assert_eq!(cell.page(0, 10, 1).items.len(), 2);
    cell.impression(0, video(0));
    cell.impression(0, video(1));
    let page = cell.page(0, 10, 1);
    assert_eq!(page.items, []);
    assert_eq!(dropped(&page, FilterName::Seen), 12);
    assert_eq!(cell.page(0, 0, 1).items, []);
    assert_eq!(cell.page(1, usize::MAX, 1).items.len(), 12);
}

#[test]
fn finishing_raises_the_creator() {
    let mut cell = cell(&[(1, None, ""), (1, None, ""), (2, None, ""), (3, None, "")]);
    cell.finish(0, video(0));
    let page = cell.page(0, 10, 1);
    // One finish: 1 / (1 + 0.5), at weight 1.
    assert_eq!(term(&page, 1, "creator"), 666_666);
    assert_eq!(term(&page, 2, "creator"), 0);
    assert_eq!(item(&page, 1).source, SourceName::Creator);
    assert_eq!(place(&page, 1), 0);
    assert_eq!(dropped(&page, FilterName::Seen), 1);
}

#[test]
fn skipping_lowers_the_creator_and_a_longer_watch_takes_it_back() {
    let mut cell = cell(&[(1, None, ""), (1, None, ""), (2, None, "")]);
    cell.skip(0, video(0));
    assert_eq!(term(&cell.page(0, 10, 1), 1, "creator"), -615_384);
    assert_eq!(place(&cell.page(0, 10, 1), 1), 1);
    // The client reported on page hide; the viewer came back and watched on.
    cell.finish(0, video(0));
    assert_eq!(term(&cell.page(0, 10, 1), 1, "creator"), 666_666);
    // A report that came late changes nothing.
    let digest_before = cell.page(0, 10, 1).items;
    cell.skip(0, video(0));
    assert_eq!(cell.page(0, 10, 1).items, digest_before);
}

#[test]
fn being_shown_or_served_says_nothing_about_taste() {
    let mut cell = cell(&[(1, Some(1), "#a b"), (1, Some(1), "#a b"), (2, None, "")]);
    let page = cell.page(0, 1, 1);
    cell.serve(0, &page);
    cell.impression(0, video(0));
    let page = cell.page(0, 10, 1);
    for name in
        ["creator", "sound", "tag", "word", "co_watch", "next", "walk", "trending", "popularity", "lasting"]
    {
        assert!(page.items.iter().all(|item| item.terms.iter().all(|term| term.name != name)), "{name}");
    }
}

#[test]
fn sound_tag_and_word_count_on_their_own() {
    let mut cell = cell(&[
        (1, Some(1), "#cats meow"),
        (2, Some(1), ""),
        (3, None, "#cats"),
        (4, None, "meow"),
        (5, None, ""),
    ]);
    cell.like(0, video(0));
    let page = cell.page(0, 10, 1);
    assert!(term(&page, 1, "sound") > 0 && term(&page, 2, "tag") > 0 && term(&page, 3, "word") > 0);
    assert_eq!((item(&page, 1).source, item(&page, 3).source), (SourceName::Sound, SourceName::Topic));
    // By score alone: a place for exploration may go to it.
    let now = Timestamp::from_millis(cell.now_ms);
    let request = PageRequest { viewer: viewer(0), account: None, limit: 10, now, seed: 1 };
    assert_eq!(cell.engine.rank(&request).last().map(|&(id, _)| id), Some(video(4)));
    // An unlike takes all of it back.
    cell.push(Event::Unlike { viewer: viewer(0), impression: None, video: video(0) });
    let page = cell.page(0, 10, 1);
    assert_eq!((term(&page, 1, "sound"), term(&page, 2, "tag"), term(&page, 3, "word")), (0, 0, 0));
}

#[test]
fn liked_together_by_others_is_co_watch() {
    let mut cell = strangers(30);
    for who in 1..=6 {
        cell.finish(who, video(3));
        cell.finish(who, video(7));
    }
    cell.finish(0, video(3));
    let page = cell.page(0, 10, 1);
    assert!(term(&page, 7, "co_watch") > 0);
    assert_eq!((place(&page, 7), item(&page, 7).source), (0, SourceName::CoWatch));
    // What one single other viewer liked is coincidence: it leads nobody.
    let mut one = strangers(30);
    one.finish(1, video(3));
    one.finish(1, video(7));
    one.finish(0, video(3));
    for name in ["co_watch", "next", "walk"] {
        assert_eq!(term(&one.page(0, 30, 1), 7, name), 0, "{name}");
    }
    assert_eq!(cell.engine.led_by(viewer(0), video(7), 2), [video(3)]);
    assert_eq!(cell.engine.led_by(viewer(0), video(11), 2), []);
    // With a second one it begins, and is far from what six make of it.
    one.finish(2, video(3));
    one.finish(2, video(7));
    let two = term(&one.page(0, 30, 1), 7, "co_watch");
    let six = term(&page, 7, "co_watch");
    assert!(two > 0 && two * 10 < six * 9, "{two} of {six}");
    // Among videos that lead on, a coincidence of one viewer counts for less than six.
    cell.finish(9, video(3));
    cell.finish(9, video(8));
    let page = cell.page(0, 30, 1);
    assert!(term(&page, 8, "co_watch") > 0 && term(&page, 8, "co_watch") < term(&page, 7, "co_watch"));
}

#[test]
fn what_others_finish_is_popular_and_what_they_skip_is_not() {
    let mut cell = strangers(30);
    for who in 1..=20 {
        cell.finish(who, video(5));
        cell.skip(who, video(6));
    }
    let page = cell.page(0, 30, 1);
    assert!(term(&page, 5, "popularity") > 0 && term(&page, 5, "enjoyed") > term(&page, 7, "enjoyed"));
    assert!(term(&page, 6, "popularity") == 0 && term(&page, 6, "enjoyed") < term(&page, 7, "enjoyed"));
    assert_eq!((place(&page, 5), item(&page, 5).source), (0, SourceName::Trending));
    // A day later it is half as popular, half of a half of a half .. as much talked of, and nearly as lasting.
    let all = ["trending", "popularity", "lasting"];
    let before = all.map(|name| term(&page, 5, name));
    cell.pass_ms(24 * 3_600_000);
    cell.impression(30, video(20));
    let after = all.map(|name| term(&cell.page(0, 30, 1), 5, name));
    // Each signal's share is likes / (likes + 2000 of doubt), against an even spread over 30 videos; the term is a weight,
    // which has not changed, times log2(1 + 2 x share x 30).
    let logarithm = |half_lives: f64| {
        let likes = 20.0 * 0.5_f64.powf(half_lives);
        (1.0 + 2.0 * 30.0 * likes / (likes + 2_000.0)).log2()
    };
    for (at, half_lives) in [(0, 8.0), (1, 1.0), (2, 24.0 / 336.0)] {
        let got = after[at] as f64 / before[at] as f64;
        let expected = logarithm(half_lives) / logarithm(0.0);
        assert!((got / expected - 1.0).abs() < 0.01, "{}: {got} against {expected}", all[at]);
    }
    // A few new likes outweigh many old ones in these hours, not over the weeks.
    for who in 1..=10 {
        cell.finish(who, video(8));
    }
    let page = cell.page(0, 30, 1);
    assert!(term(&page, 8, "trending") > term(&page, 5, "trending"));
    assert!(term(&page, 8, "lasting") < term(&page, 5, "lasting"));
}

#[test]
fn one_viewer_counts_once() {
    let mut honest = strangers(10);
    honest.finish(1, video(5));
    honest.like(1, video(5));
    let mut eager = strangers(10);
    eager.finish(1, video(5));
    for _ in 0..10_000 {
        eager.like(1, video(5));
        eager.push(Event::Unlike { viewer: viewer(1), impression: None, video: video(5) });
        eager.finish(1, video(5));
    }
    assert_eq!(honest.page(0, 10, 1).items, eager.page(0, 10, 1).items);
}

#[test]
fn forgetting_a_subject_leaves_as_much_of_it_as_merely_seeing_it_would() {
    for subject in [Subject::Creator(creator(0)), Subject::Sound(sound(1)), Subject::Tag("cats".into())] {
        let mut cell = Cell::new();
        for n in 0..20 {
            let own = n % 2 == 0;
            let caption = if own { "#cats" } else { "#dogs" };
            cell.publish(
                n,
                &Upload {
                    creator: n % 2,
                    sound: own.then_some(1),
                    caption: caption.into(),
                    ..Upload::default()
                },
            );
        }
        for who in 10..16 {
            for n in [0, 2, 1, 3, 8, 9] {
                cell.finish(who, video(n));
            }
        }
        // Viewer 0 likes both kinds and has one forgotten; viewer 1 has only seen that one.
        for n in [0, 2, 1, 3] {
            cell.finish(0, video(n));
            if n % 2 == 1 { cell.finish(1, video(n)) } else { cell.impression(1, video(n)) }
        }
        let push =
            |cell: &mut Cell, control| cell.push(Event::ViewerControlled { viewer: viewer(0), control });
        push(&mut cell, Control::Wish { subject: subject.clone(), wish: Some(Wish::More) });
        push(&mut cell, Control::Forget { subject: subject.clone() });
        let taste = cell.engine.taste(viewer(0), Timestamp::from_millis(cell.now_ms), 100);
        assert!(taste.subjects.iter().all(|leant| leant.subject != subject), "{:?}", taste.subjects);
        assert_eq!(taste.seen, 4);
        let (forgot, saw) = (cell.page(0, 20, 1), cell.page(1, 20, 1));
        let kind = match subject {
            Subject::Creator(_) => "creator",
            Subject::Sound(_) => "sound",
            _ => "tag",
        };
        for n in (4..20).filter(|n| n % 2 == 0) {
            for name in [kind, "wish", "co_watch", "next", "walk"] {
                assert_eq!(term(&forgot, n, name), term(&saw, n, name), "{subject:?}: {name} of {n}");
            }
        }
        assert!(term(&forgot, 8, "co_watch") > 0, "what else was liked still leads on");
    }
}

#[test]
fn not_interested_acts_at_once() {
    let mut cell =
        cell(&[(1, Some(1), "#a"), (1, None, ""), (2, Some(1), ""), (3, None, "#a"), (4, None, "")]);
    cell.not_interested(0, video(0));
    let page = cell.page(0, 10, 1);
    assert!(!has(&page, 0));
    assert_eq!(dropped(&page, FilterName::NotInterested), 1);
    for n in 1..=3 {
        assert!(term(&page, n, "not_interested") < -2_000_000, "{:?}", item(&page, n));
    }
    assert_eq!((term(&page, 4, "not_interested"), place(&page, 4)), (0, 0));
}

#[test]
fn removed_own_and_reserved_videos_are_dropped_for_that_reason() {
    let mut cell = strangers(4);
    cell.finish(1, video(0));
    cell.finish(1, video(1));
    cell.finish(0, video(0));
    cell.push(Event::VideoRemoved { video: video(1) });
    let page = cell.page(0, 10, 1);
    assert!(!has(&page, 1) && has(&page, 2) && has(&page, 3));
    // No source puts it forward: postings, popularity and the sums of co-watch hold only what can be watched. So the
    // filter has nothing to count; it is the last line, and names the reason to whoever asks about this video.
    assert_eq!(dropped(&page, FilterName::Removed), 0);
    let now = Timestamp::from_millis(cell.now_ms);
    let own = PageRequest { viewer: viewer(0), account: Some(creator(2)), limit: 10, now, seed: 1 };
    assert_eq!(cell.engine.filter(&own, video(1)), Some(FilterName::Removed));
    assert_eq!(cell.engine.filter(&own, video(3)), None);
    let page = cell.engine.page(&own);
    assert!(!has(&page, 2) && has(&page, 3));
    assert_eq!(dropped(&page, FilterName::Own), 1);
    // Nor does one come back from among those that wait on a device.
    let served = cell.page(5, 4, 1);
    cell.serve(5, &served);
    assert_eq!(cell.page(5, 4, 1).items.len(), served.items.len());
    cell.push(Event::VideoRemoved { video: video(3) });
    let again = cell.page(5, 4, 1);
    assert!(again.items.len() == served.items.len() - 1 && !has(&again, 3));
}

#[test]
fn who_has_met_a_video_does_not_get_a_copy_of_it() {
    let mut cell = strangers(5);
    let linked = |copy, original| Event::VideoLinked { video: video(copy), original: video(original) };
    cell.push(linked(1, 0));
    cell.push(linked(2, 1));
    // Nobody gets two of a family on one page.
    let page = cell.page(7, 10, 1);
    assert_eq!((0..3).filter(|&n| has(&page, n)).count(), 1);
    assert!(has(&page, 3) && has(&page, 4));
    assert_eq!(dropped(&page, FilterName::Copy), 2);
    // Nor on the next one, while the first waits on their device.
    cell.serve(7, &page);
    let next = cell.page(7, 10, 1);
    assert_eq!(dropped(&next, FilterName::Copy), 2);
    // Who has seen any of them is spared the others, even when that one is gone.
    cell.finish(6, video(2));
    cell.push(Event::VideoRemoved { video: video(2) });
    let page = cell.page(6, 10, 1);
    assert!(!has(&page, 0) && !has(&page, 1) && has(&page, 3));
    let now = Timestamp::from_millis(cell.now_ms);
    let asked = PageRequest { viewer: viewer(6), account: None, limit: 10, now, seed: 1 };
    assert_eq!(cell.engine.filter(&asked, video(0)), Some(FilterName::Copy));
    // A link to what the log has not published is counted and changes nothing.
    let before = cell.engine.stats().ignored;
    cell.push(linked(3, 99));
    assert_eq!(cell.engine.stats().ignored, before + 1);
    assert!(has(&cell.page(6, 10, 1), 3));
}

#[test]
fn a_served_video_stays_away_for_half_an_hour_while_there_is_another() {
    let mut cell = strangers(6);
    let first = cell.page(0, 4, 1);
    cell.serve(0, &first);
    let second = cell.page(0, 2, 1);
    assert_eq!(dropped(&second, FilterName::Reserved), 4);
    let served = |item: &PageItem| first.items.iter().any(|other| other.video == item.video);
    assert!(!second.items.iter().any(served), "{second:?}");
    cell.pass_ms(30 * 60_000 - 1);
    assert!(!cell.page(0, 2, 1).items.iter().any(served));
    assert_eq!(dropped(&cell.page(1, 10, 1), FilterName::Reserved), 0, "other viewers are not concerned");
    cell.pass_ms(1);
    assert_eq!(dropped(&cell.page(0, 10, 1), FilterName::Reserved), 0);
}

#[test]
fn what_was_served_and_never_shown_comes_again_last_when_nothing_else_is_left() {
    let mut cell = strangers(6);
    let first = cell.page(0, 2, 1);
    cell.serve(0, &first);
    cell.pass_ms(1_000);
    let second = cell.page(0, 2, 2);
    cell.serve(0, &second);
    cell.impression(0, first.items[1].video);
    let third = cell.page(0, 10, 3);
    let placed = |placement| third.items.iter().filter(move |item| item.placement == placement);
    assert_eq!(third.items.len(), 5, "all but the one that was shown");
    let again: Vec<_> = placed(Placement::Returned).map(|item| item.video).collect();
    let oldest_first = [first.items[0].video, second.items[0].video, second.items[1].video];
    assert_eq!(again, oldest_first);
    assert!(third.items[2..].iter().all(|item| item.source == SourceName::Returned));
}

#[test]
fn neighbours_differ_in_creator_and_sound_within_and_across_pages() {
    let mut cell = Cell::new();
    for n in 0..40 {
        cell.publish(
            n,
            &Upload {
                creator: n % 5,
                sound: (n % 7 < 2).then_some(n % 7),
                caption: String::new(),
                ..Upload::default()
            },
        );
    }
    cell.like(0, video(0));
    let mut above: Option<u128> = None;
    for round in 0..10 {
        let page = cell.page(0, 3, round);
        cell.serve(0, &page);
        for item in &page.items {
            let n = (0..40).find(|&n| video(n) == item.video).unwrap();
            if let Some(above) = above {
                assert_ne!(n % 5, above % 5, "creators of {above} and {n}");
                assert!(n % 7 > 1 || n % 7 != above % 7, "sounds of {above} and {n}");
            }
            above = Some(n);
            cell.impression(0, item.video);
        }
    }
}

#[test]
fn one_creator_alone_still_fills_the_page() {
    let mut cell = Cell::new();
    for n in 0..10 {
        cell.publish(n, &Upload { creator: 1, sound: Some(1), caption: "#same".into(), ..Upload::default() });
    }
    assert_eq!(cell.page(0, 10, 1).items.len(), 10);
}

#[test]
fn new_videos_get_their_place_by_exploration() {
    let mut cell = strangers(100);
    for n in 0..50 {
        for who in 1..=60 {
            cell.finish(who, video(n));
        }
    }
    let page = cell.page(0, 10, 1);
    let explored: Vec<_> = page.items.iter().filter(|item| item.source == SourceName::Exploration).collect();
    assert!((1..=2).contains(&explored.len()), "0.15 of ten places");
    let placed: Vec<_> =
        page.items.iter().filter(|item| item.placement == takt_recommender::Placement::Exploration).collect();
    assert_eq!(placed, explored);
    assert!(explored.iter().all(|item| (50..100).any(|n| video(n) == item.video)));
}

#[test]
fn a_corrected_caption_counts_and_a_video_that_comes_back_stays_seen() {
    let mut cell = cell(&[(1, None, "#cats"), (2, None, "#dogs"), (3, None, "")]);
    cell.like(0, video(0));
    assert_eq!(term(&cell.page(0, 10, 1), 1, "tag"), 0);
    cell.publish(1, &Upload { creator: 2, sound: None, caption: "#cats".into(), ..Upload::default() });
    assert!(term(&cell.page(0, 10, 1), 1, "tag") > 0);
    cell.push(Event::VideoRemoved { video: video(0) });
    cell.publish(0, &Upload { creator: 1, sound: None, caption: "#cats".into(), ..Upload::default() });
    assert!(!has(&cell.page(0, 10, 1), 0) && has(&cell.page(1, 10, 1), 0));
}

#[test]
fn signing_in_joins_what_both_have_seen_and_like() {
    let mut cell = cell(&[
        (1, None, "#cats"),
        (2, None, "#dogs"),
        (3, None, "#cats"),
        (4, None, "#dogs"),
        (5, None, ""),
    ]);
    cell.finish(0, video(0));
    cell.finish(1, video(1));
    cell.push(Event::ViewerMerged { from: viewer(0), into: viewer(1) });
    let page = cell.page(1, 10, 1);
    assert!(!has(&page, 0) && !has(&page, 1));
    assert!(term(&page, 2, "tag") > 0 && term(&page, 3, "tag") > 0);
    assert!(has(&cell.page(0, 10, 1), 0), "the viewer that ended is a stranger");
    cell.push(Event::ViewerMerged { from: viewer(1), into: viewer(1) });
    assert!(!has(&cell.page(1, 10, 1), 0));
}

#[test]
fn gaps_say_where_and_repeated_entries_change_nothing() {
    let cell = strangers(3);
    let mut engine = Engine::new(Policy::default());
    let entry = &cell.log[0];
    assert_eq!(engine.apply(2, entry), Err(Gap { expected: 1, got: 2 }));
    assert_eq!(
        engine.apply(2, entry).unwrap_err().to_string(),
        "event log has a gap: expected position 1, got 2"
    );
    engine.apply(1, entry).unwrap();
    let digest = engine.digest();
    engine.apply(1, &cell.log[1]).unwrap();
    engine.apply(0, &cell.log[1]).unwrap();
    assert_eq!((engine.position(), engine.digest()), (1, digest));
}

#[test]
fn an_event_about_an_unknown_video_is_counted_and_teaches_nothing() {
    let mut cell = strangers(3);
    cell.like(0, video(99));
    let stats = cell.engine.stats();
    assert_eq!((stats.ignored, stats.viewers, stats.videos, stats.position), (1, 0, 3, 4));
}

#[test]
fn snapshots_of_anything_else_are_refused() {
    let mut cell = strangers(5);
    cell.finish(0, video(1));
    let bytes = cell.engine.snapshot();
    let restored = Engine::restore(Policy::default(), &bytes).unwrap();
    assert_eq!((restored.digest(), restored.position()), (cell.engine.digest(), 6));
    assert_eq!(restored.digest().as_slice(), &bytes[bytes.len() - 32..]);
    let refused = |policy: Policy, bytes: &[u8]| Engine::restore(policy, bytes).unwrap_err();
    let other = Policy::from_toml(&DEFAULT_POLICY.replace("chance = 0.05", "chance = 0.06")).unwrap();
    assert_eq!(refused(other, &bytes), RestoreError::Policy);
    assert_eq!(refused(Policy::default(), b"something else"), RestoreError::NotASnapshot);
    assert_eq!(refused(Policy::default(), &[]), RestoreError::NotASnapshot);
    for at in 8..bytes.len() {
        let mut damaged = bytes.clone();
        damaged[at] ^= 1;
        assert_eq!(refused(Policy::default(), &damaged), RestoreError::Checksum, "byte {at}");
    }
    let mut newer = bytes;
    newer[7] = 200;
    assert_eq!(refused(Policy::default(), &newer), RestoreError::Format { found: 200 });
}

/// The state of a fixed log under the policy compiled in, in debug and release builds alike. If it changes and the policy
/// did not, then old snapshots would be wrong: `FORMAT` in `snapshot.rs` has to change with it.
#[test]
fn the_same_log_gives_the_same_state_on_every_machine() {
    let mut cell = Cell::new();
    for n in 0..50 {
        let caption = format!("word{} #tag{}", n % 7, n % 5);
        cell.publish(
            n,
            &Upload { creator: n % 9, sound: (n % 4 == 0).then_some(n % 3), caption, ..Upload::default() },
        );
        cell.pass_ms(3_600_000);
    }
    for round in 0..200 {
        let who = round % 7;
        let page = cell.page(who, 3, round as u64);
        cell.serve(who, &page);
        for item in page.items.iter().take(2) {
            cell.watch(who, item.video, (round as u32 * 977) % 20_000);
        }
        if let Some(item) = page.items.first().filter(|_| round % 5 == 0) {
            cell.like(who, item.video);
        }
        cell.pass_ms(600_000);
    }
    let expected = "1fe2f849959afa4447b8b230914465530670decd52f9141bd8f27c2cd38cc46a";
    assert_eq!(hex::encode(cell.engine.digest()), expected);
}
