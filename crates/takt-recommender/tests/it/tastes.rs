//! Viewers with opposite tastes come to see different feeds, and soon.

use crate::cell::{Cell, Upload, video};
use std::collections::BTreeSet;
use takt_core::VideoId;

const VIDEOS: u128 = 80;
const CREATORS_PER_TOPIC: u128 = 4;

/// Even videos are of topic A, odd ones of topic B.
fn is_topic_a(id: VideoId) -> bool {
    (0..VIDEOS).step_by(2).any(|n| video(n) == id)
}

fn catalogue(caption: impl Fn(u128) -> String, creators_mixed: bool) -> Cell {
    let mut cell = Cell::new();
    for n in 0..VIDEOS {
        let of_topic = (n / 2) % CREATORS_PER_TOPIC;
        let creator = if creators_mixed { of_topic } else { of_topic + 100 * (n % 2) };
        cell.publish(n, &Upload { creator, sound: None, caption: caption(n), ..Upload::default() });
        cell.pass_ms(60_000);
    }
    cell
}

/// Two viewers swipe in turn: viewer 0 finishes topic A and skips B, viewer 1 the other way round. `prefetch` is how many
/// videos a page has. Returns the share of the viewer's own topic on the page after `swipes`.
fn swipe(cell: &mut Cell, swipes: usize, prefetch: usize, seed: u64) -> [f64; 2] {
    let mut met = [BTreeSet::new(), BTreeSet::new()];
    let mut done = 0;
    while done < swipes {
        for who in 0..2 {
            let page = cell.page(who, prefetch, seed + done as u64);
            assert_eq!(page.items.len(), prefetch);
            cell.serve(who, &page);
            for item in &page.items {
                assert!(met[who as usize].insert(item.video), "{:?} came twice", item.video);
                cell.impression(who, item.video);
                if is_topic_a(item.video) == (who == 0) {
                    cell.finish(who, item.video);
                } else {
                    cell.skip(who, item.video);
                }
                cell.pass_ms(8_000);
            }
        }
        done += prefetch;
    }
    [0, 1].map(|who| {
        let page = cell.page(who, 10, seed + 999);
        assert!(page.items.iter().all(|item| !met[who as usize].contains(&item.video)));
        let own = page.items.iter().filter(|item| is_topic_a(item.video) == (who == 0)).count();
        own as f64 / page.items.len() as f64
    })
}

fn check(caption: impl Fn(u128) -> String + Copy, creators_mixed: bool, least: f64) {
    for prefetch in [1, 3, 5] {
        for seed in 0..20 {
            let mut cell = catalogue(caption, creators_mixed);
            let own = swipe(&mut cell, 15, prefetch, seed * 1_000);
            assert!(
                own.iter().all(|&share| share >= least),
                "own topic {own:?}, pages of {prefetch}, seed {seed}"
            );
        }
    }
}

fn words(n: u128) -> String {
    let topics = [
        [
            "my cat purring on the sofa",
            "the kitten chases a ball",
            "cat and kitten asleep",
            "whiskers of a happy cat",
        ],
        [
            "the truck engine roars",
            "old engine on the bench",
            "truck wheels in the mud",
            "wheels and engine parts",
        ],
    ];
    format!("{} number {n}", topics[(n % 2) as usize][(n / 2 % 4) as usize])
}

#[test]
fn by_tags_and_words() {
    check(|n| format!("{} #{}", words(n), ["cats", "trucks"][(n % 2) as usize]), false, 0.8);
}

#[test]
fn by_tags_alone() {
    check(|n| format!("#{}", ["cats", "trucks"][(n % 2) as usize]), true, 0.8);
}

#[test]
fn by_caption_words_alone() {
    // Creators are mixed and words tell least: with two places of ten for exploration, a third video may be of the
    // other topic.
    check(words, true, 0.7);
}

#[test]
fn by_caption_words_and_creators() {
    check(words, false, 0.8);
}

#[test]
fn by_creators_alone() {
    check(|_| String::new(), false, 0.8);
}

#[test]
fn one_or_two_creators_are_enough_for_a_topic() {
    for creators in [1, 2] {
        for seed in 0..20 {
            let mut cell = Cell::new();
            for n in 0..VIDEOS {
                let creator = (n / 2) % creators + 100 * (n % 2);
                cell.publish(n, &Upload { creator, sound: None, caption: words(n), ..Upload::default() });
                cell.pass_ms(60_000);
            }
            let own = swipe(&mut cell, 15, 1, seed * 1_000);
            // Of ten videos, three may be one creator's: two creators fill six.
            assert!(
                own.iter().all(|&share| share >= 0.6),
                "own topic {own:?}, {creators} creators, seed {seed}"
            );
        }
    }
}

#[test]
fn the_page_after_one_swipe_reflects_it() {
    for finished in [true, false] {
        let mut cell = catalogue(words, false);
        let first = cell.page(0, 1, 7).items[0].video;
        let order = |cell: &Cell| {
            let page = cell.page(0, 20, 7);
            page.items.iter().map(|item| item.video).filter(|&id| id != first).collect::<Vec<_>>()
        };
        let before = order(&cell);
        if finished {
            cell.finish(0, first);
        } else {
            cell.skip(0, first);
        }
        let after = order(&cell);
        assert_ne!(before[..10], after[..10]);
        let own = after[..5].iter().filter(|&&id| is_topic_a(id) == is_topic_a(first)).count();
        assert!(
            if finished { own >= 3 } else { own <= 2 },
            "finished {finished}: {own} of the next 5 are alike"
        );
    }
}
