use super::super::list::Colour;
use super::*;

const CANVAS: Canvas = Canvas { width: 360, height: 640 };

fn text(letters: &str) -> Text {
    Text {
        text: letters.into(),
        from_ms: 0,
        to_ms: 1000,
        x: 0.5,
        y: 0.5,
        width: 0.8,
        size: 0.08,
        colour: Colour([255, 0, 0]),
        style: TextStyle::Plain,
        align: Align::Centre,
        rotation: 0.0,
    }
}

fn painted(text: &Text) -> Picture {
    let picture = paint(text, CANVAS).unwrap();
    assert_eq!(picture.rgba.len(), (picture.width * picture.height * 4) as usize);
    for side in [picture.x, picture.y, picture.width as i32, picture.height as i32] {
        assert_eq!(side % 2, 0, "{side}");
    }
    assert!(picture.x >= 0 && picture.y >= 0);
    assert!(picture.x as u32 + picture.width <= CANVAS.width);
    assert!(picture.y as u32 + picture.height <= CANVAS.height);
    picture
}

/// Pixels that are opaque.
fn inked(picture: &Picture) -> usize {
    picture.rgba.as_chunks::<4>().0.iter().filter(|pixel| pixel[3] > 200).count()
}

#[test]
fn a_line_stands_in_the_middle_in_its_colour() {
    let picture = painted(&text("HHHH"));
    let centre =
        (picture.x as f32 + picture.width as f32 / 2.0, picture.y as f32 + picture.height as f32 / 2.0);
    assert!((centre.0 - 180.0).abs() < 3.0, "{centre:?}");
    // Capitals are 0.714 high and stand on the baseline: their middle is 0.95 - 0.357 - 0.6 of the size below.
    assert!((centre.1 - 320.0).abs() < 3.0, "{centre:?}");
    assert!((picture.height as f32 - 0.714 * 51.2).abs() < 4.0, "{}", picture.height);
    let solid = picture.rgba.as_chunks::<4>().0.iter().filter(|pixel| pixel[3] == 255);
    assert!(solid.clone().count() > 1000 && solid.clone().all(|pixel| pixel[..3] == [255, 0, 0]));
}

#[test]
fn long_lines_wrap_at_the_block_and_endless_words_break() {
    let one = painted(&text("word"));
    let three = painted(&Text { width: 0.4, ..text("words words words") });
    assert!(three.height as f32 > one.height as f32 + 1.9 * 1.2 * 51.2, "{} {}", one.height, three.height);
    let word = painted(&Text { width: 0.4, ..text("wwwwwwwwwwwwwwwwwwww") });
    assert!(word.width <= (0.4 * 360.0) as u32 + 4, "{}", word.width);
}

#[test]
fn alignment_moves_the_line_to_its_side() {
    let left = painted(&Text { align: Align::Left, ..text("i") });
    let right = painted(&Text { align: Align::Right, ..text("i") });
    assert!((left.x - 36).abs() <= 6, "{}", left.x);
    assert!((right.x + right.width as i32 - 324).abs() <= 6, "{} {}", right.x, right.width);
}

#[test]
fn arabic_is_joined_and_runs_from_right_to_left() {
    // Joined letters have no gaps between them, unlike the same letters kept apart.
    let gaps = |letters: &str| {
        let picture = painted(&text(letters));
        let column_is_empty = |column: usize| {
            (0..picture.height as usize)
                .all(|row| picture.rgba[(row * picture.width as usize + column) * 4 + 3] < 40)
        };
        // White columns after the first letter and before the next.
        let first = (0..picture.width as usize).find(|at| !column_is_empty(*at)).unwrap();
        (first + 1..picture.width as usize)
            .filter(|at| column_is_empty(at - 1) && !column_is_empty(*at))
            .count()
    };
    assert_eq!(gaps("سسس"), 0);
    assert!(gaps("س\u{200c}س\u{200c}س") >= 2);
    // The first letter of a Hebrew word is the rightmost: where the wide one comes first, most ink is on the right.
    let right_share = |letters: &str| {
        let picture = painted(&text(letters));
        let (width, rows) = (picture.width as usize, picture.height as usize);
        let ink = |columns: std::ops::Range<usize>| {
            let cells = (0..rows).flat_map(|row| columns.clone().map(move |column| row * width + column));
            cells.filter(|cell| picture.rgba[cell * 4 + 3] > 128).count()
        };
        ink(width / 2..width) as f32 / ink(0..width) as f32
    };
    assert!(right_share("שי") > 0.55 && right_share("יש") < 0.45);
}

#[test]
fn a_rim_is_black_and_a_box_see_through() {
    let plain = painted(&text("o"));
    let rim = painted(&Text { style: TextStyle::Outline, ..text("o") });
    let grown = rim.width as f32 - plain.width as f32;
    assert!((grown - 2.0 * RIM * 51.2).abs() <= 3.0, "{grown}");
    let black = |picture: &Picture| {
        picture.rgba.as_chunks::<4>().0.iter().filter(|pixel| **pixel == [0, 0, 0, 255]).count()
    };
    assert_eq!(black(&plain), 0);
    assert!(black(&rim) > 100);
    let boxed = painted(&Text { style: TextStyle::Box, ..text("o") });
    assert!((boxed.height as f32 - 1.2 * 51.2).abs() <= 3.0, "{}", boxed.height);
    let corner = boxed.width as usize * 15 + 7;
    assert_eq!(boxed.rgba[corner * 4..corner * 4 + 4], [0, 0, 0, 153]);
}

#[test]
fn a_quarter_turn_swaps_the_sides() {
    let flat = painted(&text("HHHHHH"));
    let turned = painted(&Text { rotation: 90.0, ..text("HHHHHH") });
    assert!(turned.width.abs_diff(flat.height) <= 4 && turned.height.abs_diff(flat.width) <= 4);
    assert!(inked(&turned).abs_diff(inked(&flat)) < inked(&flat) / 10);
}

#[test]
fn what_lies_outside_is_cut_or_nothing() {
    assert_eq!(paint(&Text { x: -0.5, width: 0.1, ..text("i") }, CANVAS), None);
    let edge = painted(&Text { x: 0.0, ..text("HHHH") });
    assert_eq!(edge.x, 0);
    assert!(edge.width < painted(&text("HHHH")).width);
}

#[test]
fn the_worst_texts_are_painted() {
    let marks = format!("a{}", "\u{0301}".repeat(199));
    for letters in [
        marks.as_str(),
        "\u{202e}\u{2066}x\u{2069}\u{202c}\u{feff}",
        "\u{10ffff}\u{e000}\u{fdd0}",
        "👨\u{200d}👩\u{200d}👧\u{200d}👦🏳\u{fe0f}\u{200d}🌈",
        "'];movie=/etc/passwd[x];%{pts}\\",
    ] {
        for style in [TextStyle::Plain, TextStyle::Outline, TextStyle::Box] {
            for (size, width, rotation) in [(0.3, 0.05, 33.0), (0.015, 1.0, -179.0)] {
                let text = Text { style, size, width, rotation, ..text(letters) };
                let _ = paint(&text, CANVAS);
            }
        }
    }
}

#[test]
fn emoji_have_their_own_colours_where_the_system_has_them() {
    if !system_fonts().iter().any(|path| path.ends_with("NotoColorEmoji.ttf")) {
        eprintln!("skipped: no Noto Color Emoji on this system");
        return;
    }
    let picture = painted(&Text { colour: Colour([0, 0, 255]), ..text("😀") });
    let yellow = picture.rgba.as_chunks::<4>().0.iter();
    let yellow = yellow.filter(|pixel| pixel[3] == 255 && pixel[0] > 200 && pixel[1] > 150 && pixel[2] < 120);
    assert!(yellow.count() > 300);
    assert!(picture.height as f32 > 0.7 * 51.2);
}

#[test]
fn a_png_has_the_same_pixels() {
    let picture = painted(&text("Takt"));
    let bytes = picture.png().unwrap();
    let mut reader = png::Decoder::new(std::io::Cursor::new(bytes)).read_info().unwrap();
    let mut pixels = vec![0; picture.rgba.len()];
    let info = reader.next_frame(&mut pixels).unwrap();
    assert_eq!((info.width, info.height), (picture.width, picture.height));
    assert_eq!(pixels, picture.rgba);
}
