//! What is learned from many viewers: it leads where their likes lead, within bounds for each of them.

use crate::cell::{Cell, START_MS, Upload, creator, video, viewer};
use proptest::prelude::*;
use std::collections::BTreeSet;
use takt_core::{Timestamp, VideoId};
use takt_recommender::{
    Control, DEFAULT_POLICY, Engine, Event, LogEntry, PageRequest, Policy, Subject, TermName,
};

const TOPICS: u128 = 5;

/// A cell of five topics with creators of their own, as an editor would set it up.
fn topics(videos: u128, policy: Policy) -> Cell {
    let mut cell = Cell::with(policy);
    for n in 0..videos {
        let topic = n % TOPICS;
        let creator = topic * 100 + (n / TOPICS) % 6;
        cell.publish(
            n,
            &Upload { creator, sound: None, caption: format!("#topic{topic}"), ..Upload::default() },
        );
        cell.pass_ms(60_000);
    }
    cell
}

fn number(id: VideoId) -> u128 {
    (0..2_000).find(|&n| video(n) == id).expect("one of ours")
}

fn ids(cell: &Cell, who: u128, limit: usize) -> Vec<VideoId> {
    let now = Timestamp::from_millis(cell.now_ms);
    let request = PageRequest { viewer: viewer(who), account: None, limit, now, seed: 5 };
    cell.engine.rank(&request).into_iter().map(|(id, _)| id).collect()
}

#[test]
fn who_finishes_one_topic_gets_it_and_never_nothing_else() {
    for topic in 0..TOPICS {
        for seed in 0..10 {
            let mut cell = topics(300, Policy::default());
            let mut own = Vec::new();
            while own.len() < 30 {
                let page = cell.page(0, 3, seed * 100 + own.len() as u64);
                cell.serve(0, &page);
                for item in &page.items {
                    let is_own = number(item.video) % TOPICS == topic;
                    own.push(is_own);
                    cell.impression(0, item.video);
                    if is_own {
                        cell.finish(0, item.video)
                    } else {
                        cell.skip(0, item.video)
                    }
                    cell.pass_ms(8_000);
                }
            }
            let (all, late) =
                (own.iter().filter(|&&own| own).count(), own[10..].iter().filter(|&&own| own).count());
            assert!(all < 30, "topic {topic}, seed {seed}: nothing else came");
            assert!(late >= 12, "topic {topic}, seed {seed}: {late} of the last 20 of 30");
        }
    }
}

#[test]
fn likes_lead_on_in_their_own_direction() {
    let mut cell = Cell::new();
    for n in 0..60 {
        cell.publish(n, &Upload { creator: n, ..Upload::default() });
    }
    // Everybody likes 1, then 2, then 3, with others of their own between viewers.
    for who in 1..=12 {
        for n in [1, 2, 3, 20 + who] {
            cell.finish(who, video(n));
        }
    }
    cell.finish(50, video(2));
    let page = cell.page(50, 30, 1);
    let next = |n: u128| {
        let item = page.items.iter().find(|item| item.video == video(n)).expect("it is on the page");
        item.terms.iter().find(|term| term.name == "next").map_or(0, |term| term.value)
    };
    assert!(next(3) > next(1) && next(1) > 0, "forward {} back {}", next(3), next(1));
}

/// A page under the default policy and one with a term's weight raised: of two videos, the one that has more of the term
/// and was above stays above.
#[test]
fn raising_a_weight_never_lowers_who_has_more_of_it() {
    let terms = ["creator", "tag", "freshness", "enjoyed", "completion", "skip", "exploration", "chance"];
    for name in terms {
        let line = DEFAULT_POLICY
            .lines()
            .find(|line| line.starts_with(&format!("{name} = ")) && !line.contains('{'));
        let line = line.unwrap_or_else(|| panic!("the policy weighs {name}"));
        let raised = DEFAULT_POLICY.replace(&format!("\n{line}\n"), &format!("\n{name} = 9.0\n"));
        assert_ne!(raised, DEFAULT_POLICY);
        let pages = [DEFAULT_POLICY, &raised].map(|policy| {
            let mut cell = topics(100, Policy::from_toml(policy).expect("a valid policy"));
            for who in 0..8 {
                for n in 0..20 {
                    let n = (n * 7 + who * 3) % 100;
                    if n % TOPICS == who % TOPICS {
                        cell.finish(who, video(n))
                    } else {
                        cell.skip(who, video(n))
                    }
                }
            }
            cell
        });
        let term = TermName::ALL.iter().find(|term| term.as_str() == name).expect("registered").as_str();
        let page = pages[0].page(1, 50, 5);
        let value = |id: VideoId| {
            let item = page.items.iter().find(|item| item.video == id);
            item.map(|item| item.terms.iter().find(|t| t.name == term).map_or(0, |t| t.value))
        };
        let (before, after) = (ids(&pages[0], 1, 100), ids(&pages[1], 1, 100));
        let place = |id: VideoId| after.iter().position(|&other| other == id).unwrap_or(after.len());
        for (at, &above) in before.iter().enumerate() {
            for &below in &before[at + 1..] {
                if let (Some(more), Some(less)) = (value(above), value(below))
                    && more >= less
                {
                    assert!(place(above) < place(below), "{name}: {more} fell behind {less}");
                }
            }
        }
    }
}

/// One viewer, however eager, does not turn the pages of others: of the ten best, six stay, even where there are forty viewers.
#[test]
fn ten_thousand_likes_of_one_viewer_do_not_move_others_far() {
    let mut cell = topics(1_000, Policy::default());
    for who in 1..40 {
        for n in 0..25 {
            let n = (n * 11 + who * 37) % 1_000;
            if n % TOPICS == who % TOPICS || n % 7 == 0 {
                cell.finish(who, video(n))
            } else {
                cell.skip(who, video(n))
            }
            cell.pass_ms(2_000);
        }
    }
    let before: Vec<_> = (1..40).map(|who| ids(&cell, who, 10)).collect();
    for round in 0..10_u32 {
        for n in 0..1_000 {
            cell.like(999, video(n));
            cell.watch(999, video(n), u32::MAX - round);
        }
    }
    for (who, before) in (1..40).zip(before) {
        let before: BTreeSet<_> = before.into_iter().collect();
        let kept = ids(&cell, who, 10).into_iter().filter(|id| before.contains(id)).count();
        assert!(kept >= 6, "viewer {who} keeps {kept} of 10");
    }
}

/// Half of the creators are followed once their videos are shown, or turned down by a control; the term that predicts it
/// tells their next videos from those of the others, for a viewer who has done neither.
#[test]
fn what_viewers_ask_for_after_an_exposure_is_predicted() {
    let control = |good: bool, creator| match good {
        true => Control::Follow { creator },
        false => Control::NotInterested { subject: Subject::Creator(creator) },
    };
    for (good, name) in [(true, "follow"), (false, "refusal")] {
        let mut cell = Cell::new();
        for n in 0..20 {
            cell.publish(n, &Upload { creator: n, ..Upload::default() });
        }
        for who in 1..=60 {
            for n in 0..10 {
                cell.impression(who, video(n));
                cell.watch(who, video(n), 5_000);
                if n % 2 == 0 {
                    cell.push(Event::ViewerControlled {
                        viewer: viewer(who),
                        control: control(good, creator(n)),
                    });
                }
                cell.pass_ms(5_000);
            }
        }
        let term = |cell: &Cell, who: u128, n: u128| {
            let page = cell.page(who, 20, 1);
            let item = page.items.iter().find(|item| item.video == video(n)).expect("all are on the page");
            item.terms.iter().find(|term| term.name == name).map_or(0, |term| term.value)
        };
        let sign = if good { 1 } else { -1 };
        for n in 0..5 {
            let (asked, not) = (term(&cell, 99, 2 * n), term(&cell, 99, 2 * n + 1));
            assert!((asked - not) * sign > 100_000, "{name}: {asked} and {not}");
        }
        if good {
            // Who follows already can not begin to.
            cell.push(Event::ViewerControlled { viewer: viewer(99), control: control(true, creator(2)) });
            assert_eq!(term(&cell, 99, 2), 0);
            assert!(term(&cell, 99, 4) > 0);
        }
    }
}

/// Following, turning down and taking back again and again teaches as much as doing it once.
#[test]
fn asking_again_teaches_nothing_more() {
    let cells = [1, 50].map(|times| {
        let mut cell = Cell::new();
        for n in 0..6 {
            cell.publish(n, &Upload { creator: n, ..Upload::default() });
        }
        cell.impression(1, video(0));
        cell.impression(1, video(1));
        for _ in 0..times {
            let subject = || Subject::Video(video(0));
            let creator = creator(1);
            for control in [
                Control::NotInterestedEnds { subject: subject() },
                Control::NotInterested { subject: subject() },
                Control::Unfollow { creator },
                Control::Follow { creator },
            ] {
                cell.push(Event::ViewerControlled { viewer: viewer(1), control });
            }
        }
        cell.page(2, 6, 1).items
    });
    assert_eq!(cells[0], cells[1]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// The same log in two engines, one of which is written down and read again at any position, and in two threads.
    #[test]
    fn learning_is_the_same_over_a_snapshot_and_in_threads(seed: u64, cut in 0_usize..400) {
        let mut log = Vec::new();
        for n in 0..40 {
            log.push(Event::VideoPublished {
                video: video(n), creator: creator(n % 7), sound: None, language: None,
                tags: vec![format!("t{}", n % 3)], words: Vec::new(), duration_ms: 9_000 + 1_000 * n as u32,
            });
        }
        let mut draw = seed;
        for _ in 0..360 {
            draw = draw.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let (who, n) = (viewer(u128::from(draw >> 60)), video(u128::from((draw >> 40) % 40)));
            log.push(Event::Watch {
                viewer: who, impression: None, video: n, watch_ms: (draw >> 20) as u32 % 20_000, loops: 0, paused: false,
            });
        }
        let entry = |at: usize| LogEntry {
            at: Timestamp::from_millis(START_MS + 3_600_000 * at as i64), event: log[at].clone(),
        };
        let run = || {
            let mut engine = Engine::new(Policy::default());
            (0..log.len()).for_each(|at| engine.apply(at as u64 + 1, &entry(at)).expect("dense"));
            engine.digest()
        };
        let digests = std::thread::scope(|scope| [scope.spawn(run), scope.spawn(run)].map(|run| run.join().expect("no panic")));
        let mut engine = Engine::new(Policy::default());
        (0..cut).for_each(|at| engine.apply(at as u64 + 1, &entry(at)).expect("dense"));
        let mut engine = Engine::restore(Policy::default(), &engine.snapshot()).expect("just written");
        (cut..log.len()).for_each(|at| engine.apply(at as u64 + 1, &entry(at)).expect("dense"));
        prop_assert_eq!(engine.digest(), digests[0]);
        prop_assert_eq!(digests[0], digests[1]);
    }
}
