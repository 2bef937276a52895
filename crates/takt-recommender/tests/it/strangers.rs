//! What a viewer gets of whom little is known: what was received well, and what is made in their language.

use crate::cell::{Cell, Upload, place, term, video};
use takt_recommender::SourceName;

/// Videos by creators who have nothing in common, in no language.
fn cell(count: u128) -> Cell {
    let mut cell = Cell::new();
    for n in 0..count {
        cell.publish(n, &Upload { creator: n, ..Upload::default() });
    }
    cell
}

fn meet(cell: &mut Cell, who: u128, n: u128, enjoyed: bool) {
    cell.impression(who, video(n));
    if enjoyed {
        cell.finish(who, video(n));
    } else {
        cell.skip(who, video(n));
    }
}

#[test]
fn a_stranger_gets_what_was_received_well_before_what_was_shown_often() {
    let mut cell = cell(10);
    // As many have come to like either, one in five of those who met the first, all of those who met the second.
    for who in 100..130 {
        meet(&mut cell, who, 0, who < 106);
    }
    for who in 200..206 {
        meet(&mut cell, who, 1, true);
    }
    let page = cell.page(0, 10, 1);
    assert_eq!(term(&page, 0, "popularity"), term(&page, 1, "popularity"));
    assert!(term(&page, 0, "acclaim") < 0 && term(&page, 1, "acclaim") > 0, "{page:?}");
    assert!(place(&page, 1) < place(&page, 0));
    assert_eq!(term(&page, 2, "acclaim"), 0, "nobody has met it");
}

#[test]
fn being_liked_by_those_who_like_such_videos_is_no_acclaim() {
    let mut cell = Cell::new();
    for n in 0..80 {
        let caption = if n % 2 == 0 { "#cats" } else { "#dogs" };
        cell.publish(n, &Upload { creator: n, caption: caption.into(), ..Upload::default() });
    }
    // Half of them like nothing but cats, the others nothing but dogs.
    for n in 0..60 {
        for who in 100..116 {
            meet(&mut cell, who, n, n % 2 == who % 2);
        }
        cell.pass_ms(60_000);
    }
    // One is enjoyed by everybody who likes cats, and shown to nobody else; of another as many enjoy it, of either kind.
    for who in 100..116 {
        if who % 2 == 0 {
            meet(&mut cell, who, 70, true);
        }
        if who < 108 {
            meet(&mut cell, who, 72, true);
        }
    }
    let page = cell.page(0, 50, 1);
    let (friends, anybody) = (term(&page, 70, "acclaim"), term(&page, 72, "acclaim"));
    assert!(2 * friends < anybody, "{friends} against {anybody}");
}

#[test]
fn acclaim_gives_way_to_the_viewers_own_taste() {
    let mut cell = cell(20);
    for who in 100..110 {
        meet(&mut cell, who, 19, true);
    }
    let mut before = term(&cell.page(0, 20, 1), 19, "acclaim");
    assert!(before > 0);
    for n in 0..5 {
        meet(&mut cell, 0, n, true);
        let after = term(&cell.page(0, 20, 1), 19, "acclaim");
        assert!(after < before, "{after} after {} likes, {before} before", n + 1);
        before = after;
    }
    assert_eq!(before, 0);
}

#[test]
fn a_language_that_the_viewer_likes_is_a_source() {
    let mut cell = Cell::new();
    for n in 0..5 {
        cell.publish(n, &Upload { creator: n, language: Some("fr"), ..Upload::default() });
    }
    for n in 5..400 {
        cell.publish(n, &Upload { creator: n, language: Some("en"), ..Upload::default() });
        cell.pass_ms(60_000);
    }
    let from_language = |cell: &Cell| {
        let sources = cell.page(0, 10, 1).stages.sources;
        sources.iter().find(|(source, _)| *source == SourceName::Language).map(|&(_, count)| count)
    };
    assert_eq!(from_language(&cell), Some(0));
    meet(&mut cell, 0, 0, true);
    assert_eq!(from_language(&cell), Some(4), "the others in this language, among hundreds of newer ones");
    // What others like goes first, then what is new.
    for who in 100..103 {
        meet(&mut cell, who, 3, true);
    }
    assert_eq!(from_language(&cell), Some(4));
}

#[test]
fn one_viewers_likes_of_a_day_make_thirty_videos_acclaimed_at_most() {
    let mut cell = cell(60);
    for n in 0..50 {
        meet(&mut cell, 100, n, true);
    }
    let page = cell.page(0, 50, 1);
    let acclaimed = page.items.iter().filter(|item| item.terms.iter().any(|term| term.name == "acclaim"));
    assert!((20..=31).contains(&acclaimed.count()), "{page:?}");
}
