use super::*;
use proptest::prelude::*;

const MINUTE: u32 = 60_000;

fn read(text: &str) -> Result<Track, String> {
    parse(text.as_bytes(), MINUTE).map_err(|refusal| format!("{}: {refusal}", refusal.field()))
}

fn one(text: &str) -> Result<String, String> {
    read(&format!("WEBVTT\n\n00:01.000 --> 00:02.000\n{text}\n")).map(|track| track.cues[0].text.clone())
}

#[test]
fn what_is_not_understood_is_left_out() {
    let file = "\u{feff}WEBVTT - made elsewhere\r\nKind: captions\r\nLanguage: de-AT\r\n\r\nNOTE not\r\nshown\r\n\r\nSTYLE\r\n\
                ::cue { background: url(https://else.where) }\r\n\r\nREGION\r\nid:a\r\n\r\nintro\r\n\
                00:01.000 --> 00:02.500 align:start position:10%\r\n<v.loud Ada> Hello   \r\n  <i.x>you</i> &amp; me\r\n\r\n\
                00:00:02.500 --> 00:01:10.000\r\nbye &copy; 1 &lt; 2\r\n";
    let track = read(file).unwrap();
    assert_eq!(track.language.as_deref(), Some("de-AT"));
    let written = write(&track.cues);
    assert_eq!(
        written,
        "WEBVTT\n\n00:00:01.000 --> 00:00:02.500\n<v Ada> Hello\n<i>you</i> &amp; me</v>\n\n\
         00:00:02.500 --> 00:01:00.000\nbye &amp;copy; 1 &lt; 2\n"
    );
    assert_eq!(plain(&track.cues), " Hello\nyou & me\nbye &copy; 1 < 2");
}

#[test]
fn refusals_name_the_cue_and_the_rule() {
    let says = |file: &str, expected: &str| assert_eq!(read(file).unwrap_err(), expected, "{file:?}");
    let after = |cue: &str| format!("WEBVTT\n\n00:00.000 --> 00:05.000\nfirst\n\n{cue}\n");
    says("", "captions: the file must begin with the line WEBVTT");
    says("WEBVTTX\n", "captions: the file must begin with the line WEBVTT");
    says("1\n00:01,000 --> 00:02,000\nx", "captions: the file must begin with the line WEBVTT");
    says("WEBVTT\n", "captions: the file must have at least one cue");
    says(
        &after("just words"),
        "captions.cues[1].start: cue 2: must have a line of times such as 00:01.000 --> 00:03.000",
    );
    let time = "must be a time such as 00:01.000 or 0:00:01.000";
    for bad in [
        "1.000",
        "00:61.000",
        "60:00.000",
        "00:01",
        "00:01.00",
        "-0:01.000",
        "99999:00:00.000",
        "0x:01.000",
        "٠٠:01.000",
    ] {
        says(&after(&format!("{bad} --> 00:09.000\nx")), &format!("captions.cues[1].start: cue 2: {time}"));
        says(&after(&format!("00:06.000 --> {bad}\nx")), &format!("captions.cues[1].end: cue 2: {time}"));
    }
    says(
        &after("9999:59:59.999 --> 9999:59:59.999\nx"),
        "captions.cues[1].start: cue 2: must be a time such as 00:01.000 or 0:00:01.000",
    );
    says(&after("00:06.000 --> 00:06.000\nx"), "captions.cues[1].end: cue 2: must be after its start");
    says(
        &after("00:04.999 --> 00:06.000\nx"),
        "captions.cues[1].start: cue 2: must not begin before the cue before it ends",
    );
    says(
        &after("01:00.000 --> 01:01.000\nx"),
        "captions.cues[1].start: cue 2: must begin before the video ends, at 00:01:00.000",
    );
    says(&after("00:06.000 --> 00:07.000"), "captions.cues[1].text: cue 2: must not be empty");
}

#[test]
fn marks_are_balanced_or_refused() {
    assert_eq!(one("<b>a<i>b</i></b>").unwrap(), "<b>a<i>b</i></b>");
    assert_eq!(one("<v Ada>a").unwrap(), "<v Ada>a</v>");
    assert_eq!(one("a > b && c").unwrap(), "a &gt; b &amp;&amp; c");
    for (text, rule) in [
        ("<script>alert(1)</script>", "must not have the mark <script>;"),
        ("<img src=x onerror=alert(1)>", "must not have the mark <img src=x onerror=al>;"),
        ("<00:00:01.000>x", "must not have the mark <00:00:01.000>;"),
        ("<b>x", "must close <b>"),
        ("x</b>", "must not close <b>"),
        ("<b><i>x</b></i>", "must not close <b>"),
        ("1 < 2", "must not have a < without a >"),
        ("<v>x", "must name who speaks"),
        ("<b><b><b><b><b>x</b></b></b></b></b>", "must not have more than 4 marks"),
        ("a\u{7}b", "must not have the control character U+0007"),
        ("a\u{202e}b", "must not have the control character U+202E"),
        ("<b></b>", "must not be empty"),
    ] {
        let refused = one(text).unwrap_err();
        assert!(refused.contains(rule) && refused.contains("cue 1: "), "{text}: {refused}");
    }
}

#[test]
fn sizes_are_limited() {
    assert!(one(&"x".repeat(CUE_CHARS_MAX)).is_ok());
    assert!(one(&"x".repeat(CUE_CHARS_MAX + 1)).unwrap_err().contains("at most 300 characters, not 301"));
    assert!(one(&"x\n".repeat(CUE_LINES_MAX + 1)).unwrap_err().contains("at most 6 lines"));
    let many = |count: usize| {
        let cue = |n: usize| format!("{} --> {}\nx\n\n", stamp(n as u32 * 10), stamp(n as u32 * 10 + 10));
        read(&format!("WEBVTT\n\n{}", (0..count).map(cue).collect::<String>()))
    };
    assert_eq!(many(CUES_MAX).unwrap().cues.len(), CUES_MAX);
    assert!(many(CUES_MAX + 1).unwrap_err().contains("at most 500 cues"));
    assert!(read(&"x".repeat(BYTES_MAX + 1)).unwrap_err().contains("bytes"));
    assert!(parse(b"WEBVTT\n\n\xff", MINUTE).unwrap_err().rule.contains("UTF-8"));
}

fn pieces() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("WEBVTT".to_owned()),
        Just("\n".to_owned()),
        Just("\n\n".to_owned()),
        Just("\r".to_owned()),
        Just(" --> ".to_owned()),
        Just("-->".to_owned()),
        Just("<v Bo>".to_owned()),
        Just("</v>".to_owned()),
        Just("<b>".to_owned()),
        Just("</b>".to_owned()),
        Just("&nbsp;".to_owned()),
        Just("&".to_owned()),
        Just("NOTE".to_owned()),
        (0_u32..70_000).prop_map(stamp),
        "\\PC{0,6}",
    ];
    prop::collection::vec(piece, 0..60).prop_map(|pieces| format!("WEBVTT\n\n{}", pieces.concat()))
}

/// Files that are mostly right.
fn files() -> impl Strategy<Value = String> {
    let line = prop_oneof![
        "[a-zäß&<> ]{1,12}",
        Just("<i>so</i> &nbsp;".to_owned()),
        Just("--> x".to_owned()),
        Just(" \t".to_owned())
    ];
    let cue = (1_u32..900, 1_u32..900, prop::collection::vec(line, 1..4));
    prop::collection::vec(cue, 1..20).prop_map(|cues| {
        let (mut file, mut at) = (String::from("WEBVTT\n"), 0);
        for (pause, length, lines) in cues {
            let start = at + pause;
            at = start + length;
            file.push_str(&format!("\n{} --> {}\n{}\n", stamp(start), stamp(at), lines.join("\n")));
        }
        file
    })
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let _ = parse(&bytes, MINUTE);
    }

    #[test]
    fn what_was_written_reads_as_the_same(file in prop_oneof![files(), pieces()]) {
        if let Ok(track) = parse(file.as_bytes(), MINUTE) {
            let written = write(&track.cues);
            prop_assert_eq!(&parse(written.as_bytes(), MINUTE).unwrap().cues, &track.cues);
            for pair in track.cues.windows(2) {
                prop_assert!(pair[0].start_ms < pair[0].end_ms && pair[0].end_ms <= pair[1].start_ms);
            }
        }
    }
}
