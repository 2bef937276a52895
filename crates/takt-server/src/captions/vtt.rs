//! WebVTT (W3C Candidate Recommendation, 2019-04-04) as far as captions need it: cues with times and text, and in the
//! text `<b>`, `<i>`, `<u>` and `<v NAME>`.
//!
//! Invariant: what is stored is written by [`write`] from what [`parse`] understood, never the bytes that came. Style
//! sheets, regions, notes, identifiers and positions are left out; what looks like a mark and is none is refused.

use std::fmt::Write as _;

/// Largest file taken, in bytes.
pub const BYTES_MAX: usize = 128 * 1024;
/// Most cues of one track. A minute of fast speech takes about sixty.
pub const CUES_MAX: usize = 500;
/// Most characters of one cue, marks apart.
pub const CUE_CHARS_MAX: usize = 300;
/// Most lines of one cue.
pub const CUE_LINES_MAX: usize = 6;
/// Most characters of a speaker's name.
const SPEAKER_CHARS_MAX: usize = 60;
/// Most marks open at once.
const DEPTH_MAX: usize = 4;
/// Digits of an hour; more make a number that no video reaches.
const HOUR_DIGITS_MAX: usize = 4;

/// Text that is shown for a while.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cue {
    /// From when on, in milliseconds from the beginning of the video.
    pub start_ms: u32,
    /// Until when, in milliseconds.
    pub end_ms: u32,
    /// The text as WebVTT has it: escaped, marks balanced, lines separated by `\n`.
    pub text: String,
    /// What is said, without marks and escapes.
    pub plain: String,
}

/// What a file says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Track {
    /// In order of time, none beginning before the one before it ends.
    pub cues: Vec<Cue>,
    /// From a `Language:` line of the header.
    pub language: Option<String>,
}

/// A file, a cue or a part of one breaks a rule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", match .cue { Some(cue) => format!("cue {cue}: {}", .rule), None => .rule.clone() })]
pub struct Refusal {
    /// Number of the cue, from 1; none where it is about the file.
    pub cue: Option<usize>,
    /// `start`, `end`, `text` or nothing.
    pub part: &'static str,
    /// The rule in words.
    pub rule: String,
}

impl Refusal {
    fn file(rule: impl Into<String>) -> Self {
        Self { cue: None, part: "", rule: rule.into() }
    }

    /// The field at fault, as a path.
    pub fn field(&self) -> String {
        match self.cue {
            Some(cue) => format!("captions.cues[{}].{}", cue - 1, self.part),
            None => "captions".to_owned(),
        }
    }
}

/// Reads a file of captions for a video of `duration_ms`. Cues may end with the video at the latest; one that runs past
/// its end is cut there, one that begins past it is refused.
pub fn parse(bytes: &[u8], duration_ms: u32) -> Result<Track, Refusal> {
    if bytes.len() > BYTES_MAX {
        return Err(Refusal::file(format!("the file must have at most {BYTES_MAX} bytes")));
    }
    let text = std::str::from_utf8(bytes).map_err(|_| Refusal::file("the file must be text in UTF-8"))?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text).replace("\r\n", "\n").replace('\r', "\n");
    let mut blocks = Blocks { lines: text.lines().peekable() };
    let header = blocks.next().unwrap_or_default();
    let is_header =
        |line: &str| line == "WEBVTT" || line.starts_with("WEBVTT ") || line.starts_with("WEBVTT\t");
    if !header.first().is_some_and(|line| is_header(line)) {
        return Err(Refusal::file("the file must begin with the line WEBVTT"));
    }
    let language = header.iter().find_map(|line| line.strip_prefix("Language:"));
    let mut track = Track { cues: Vec::new(), language: language.map(|tag| tag.trim().to_owned()) };
    for block in blocks {
        // What is before the times names the cue; without times it is a note, a style or a region.
        let Some(timing) = block.iter().take(2).position(|line| line.contains("-->")) else {
            if is_cueless(&block) {
                continue;
            }
            let rule = "must have a line of times such as 00:01.000 --> 00:03.000";
            return Err(Refusal { cue: Some(track.cues.len() + 1), part: "start", rule: rule.to_owned() });
        };
        if track.cues.len() == CUES_MAX {
            return Err(Refusal::file(format!("the file must have at most {CUES_MAX} cues")));
        }
        let number = track.cues.len() + 1;
        let at = |part: &'static str| move |rule: String| Refusal { cue: Some(number), part, rule };
        let (start_ms, end_ms) = times(block[timing], at("start"), at("end"))?;
        let (text, plain) = text_of(&block[timing + 1..]).map_err(at("text"))?;
        let cue = Cue { start_ms, end_ms, text, plain };
        track.cues.push(placed(cue, track.cues.last(), duration_ms, at("start"), at("end"))?);
    }
    if track.cues.is_empty() {
        return Err(Refusal::file("the file must have at least one cue"));
    }
    Ok(track)
}

/// Groups of lines between empty lines.
struct Blocks<'a> {
    lines: std::iter::Peekable<std::str::Lines<'a>>,
}

impl<'a> Iterator for Blocks<'a> {
    type Item = Vec<&'a str>;

    fn next(&mut self) -> Option<Vec<&'a str>> {
        while self.lines.next_if(|line| line.is_empty()).is_some() {}
        self.lines.peek()?;
        let mut block = Vec::new();
        while let Some(line) = self.lines.next_if(|line| !line.is_empty()) {
            block.push(line);
        }
        Some(block)
    }
}

fn is_cueless(block: &[&str]) -> bool {
    let begins = |word: &str| {
        block
            .first()
            .and_then(|line| line.strip_prefix(word))
            .is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '\t']))
    };
    begins("NOTE") || begins("STYLE") || begins("REGION")
}

/// A line such as `00:01.000 --> 00:03.000 align:start`; what follows the times is a matter of looks.
fn times(
    line: &str,
    bad_start: impl Fn(String) -> Refusal,
    bad_end: impl Fn(String) -> Refusal,
) -> Result<(u32, u32), Refusal> {
    const RULE: &str = "must be a time such as 00:01.000 or 0:00:01.000";
    let (start, rest) = line.split_once("-->").unwrap_or((line, ""));
    let end = rest.split_whitespace().next().unwrap_or_default();
    let start_ms = time(start.trim()).ok_or_else(|| bad_start(RULE.to_owned()))?;
    let end_ms = time(end).ok_or_else(|| bad_end(RULE.to_owned()))?;
    Ok((start_ms, end_ms))
}

/// `HH:MM:SS.mmm` or `MM:SS.mmm`, in milliseconds.
fn time(text: &str) -> Option<u32> {
    let (clock, millis) = text.split_once('.')?;
    let mut parts = clock.rsplit(':');
    let number = |part: &str, digits: std::ops::RangeInclusive<usize>| {
        let plain = digits.contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit());
        if plain { part.parse::<u64>().ok() } else { None }
    };
    let seconds = number(parts.next()?, 2..=2).filter(|seconds| *seconds < 60)?;
    let minutes = number(parts.next()?, 2..=2).filter(|minutes| *minutes < 60)?;
    let hours = parts.next().map_or(Some(0), |part| number(part, 1..=HOUR_DIGITS_MAX))?;
    if parts.next().is_some() {
        return None;
    }
    u32::try_from(((hours * 60 + minutes) * 60 + seconds) * 1000 + number(millis, 3..=3)?).ok()
}

/// The cue if it stands where cues may: in order, none over another, within the video.
fn placed(
    mut cue: Cue,
    before: Option<&Cue>,
    duration_ms: u32,
    bad_start: impl Fn(String) -> Refusal,
    bad_end: impl Fn(String) -> Refusal,
) -> Result<Cue, Refusal> {
    if cue.end_ms <= cue.start_ms {
        return Err(bad_end("must be after its start".to_owned()));
    }
    if before.is_some_and(|before| cue.start_ms < before.end_ms) {
        return Err(bad_start("must not begin before the cue before it ends".to_owned()));
    }
    if cue.start_ms >= duration_ms {
        let rule = format!("must begin before the video ends, at {}", stamp(duration_ms));
        return Err(bad_start(rule));
    }
    cue.end_ms = cue.end_ms.min(duration_ms);
    Ok(cue)
}

/// The text of a cue, written anew, and what of it is said.
fn text_of(lines: &[&str]) -> Result<(String, String), String> {
    if lines.len() > CUE_LINES_MAX {
        return Err(format!("must have at most {CUE_LINES_MAX} lines"));
    }
    // A line of blanks would end the cue where it is read again.
    let lines = lines.iter().map(|line| line.trim_matches([' ', '\t'])).filter(|line| !line.is_empty());
    let joined = lines.collect::<Vec<_>>().join("\n");
    let mut writer = Writer::default();
    let mut rest = joined.as_str();
    while let Some(next) = rest.chars().next() {
        rest = match next {
            '<' => writer.mark(rest)?,
            '&' => writer.escape(rest),
            letter => {
                writer.letter(letter)?;
                &rest[letter.len_utf8()..]
            }
        };
    }
    writer.end()
}

/// Writes the text of one cue.
#[derive(Default)]
struct Writer {
    text: String,
    plain: String,
    /// Names of the marks that are open.
    open: Vec<&'static str>,
}

impl Writer {
    fn letter(&mut self, letter: char) -> Result<(), String> {
        if is_forbidden(letter) {
            return Err(format!("must not have the control character U+{:04X}", u32::from(letter)));
        }
        match letter {
            '&' => self.text.push_str("&amp;"),
            '<' => self.text.push_str("&lt;"),
            '>' => self.text.push_str("&gt;"),
            plain => self.text.push(plain),
        }
        self.plain.push(letter);
        Ok(())
    }

    /// An escape that WebVTT knows; any other `&` stands for itself.
    fn escape<'a>(&mut self, rest: &'a str) -> &'a str {
        const KNOWN: [(&str, char); 6] = [
            ("&amp;", '&'),
            ("&lt;", '<'),
            ("&gt;", '>'),
            ("&nbsp;", '\u{a0}'),
            ("&lrm;", '\u{200e}'),
            ("&rlm;", '\u{200f}'),
        ];
        let found = KNOWN.iter().find(|(name, _)| rest.starts_with(name));
        let (name, letter) = found.copied().unwrap_or(("&", '&'));
        // None of these is forbidden.
        let _ = self.letter(letter);
        &rest[name.len()..]
    }

    /// `<b>`, `</b>` and the like; answers what follows.
    fn mark<'a>(&mut self, rest: &'a str) -> Result<&'a str, String> {
        let Some((inside, after)) = rest[1..].split_once('>') else {
            return Err("must not have a < without a >; write &lt; for the sign itself".to_owned());
        };
        if let Some(name) = inside.strip_prefix('/') {
            let expected = self.open.pop();
            if expected != Some(name) {
                return Err(format!("must not close <{}>, which is not the mark opened last", shown(name)));
            }
            let _ = write!(self.text, "</{name}>");
            return Ok(after);
        }
        self.open_mark(inside)?;
        Ok(after)
    }

    fn open_mark(&mut self, inside: &str) -> Result<(), String> {
        let (name, speaker) = inside.split_once([' ', '\t']).unwrap_or((inside, ""));
        // Classes are a matter of looks.
        let name = name.split('.').next().unwrap_or_default();
        let Some(name) = ["b", "i", "u", "v"].into_iter().find(|known| *known == name) else {
            let rule = "must not have the mark";
            return Err(format!("{rule} <{}>; <b>, <i>, <u> and <v NAME> are understood", shown(inside)));
        };
        if self.open.len() == DEPTH_MAX {
            return Err(format!("must not have more than {DEPTH_MAX} marks inside each other"));
        }
        self.open.push(name);
        if name != "v" {
            let _ = write!(self.text, "<{name}>");
            return Ok(());
        }
        let speaker = speaker.trim();
        let odd = |letter: char| is_forbidden(letter) || matches!(letter, '<' | '&' | '\n');
        if speaker.is_empty() || speaker.chars().count() > SPEAKER_CHARS_MAX || speaker.chars().any(odd) {
            let rule = "must name who speaks in <v NAME>, in plain text of at most";
            return Err(format!("{rule} {SPEAKER_CHARS_MAX} characters"));
        }
        let _ = write!(self.text, "<v {speaker}>");
        Ok(())
    }

    fn end(mut self) -> Result<(String, String), String> {
        // The voice of a whole cue may be left open.
        if self.open == ["v"] {
            self.text.push_str("</v>");
            self.open.clear();
        }
        if let Some(open) = self.open.last() {
            return Err(format!("must close <{open}>"));
        }
        let chars = self.plain.chars().count();
        if self.plain.trim().is_empty() {
            return Err("must not be empty".to_owned());
        }
        if chars > CUE_CHARS_MAX {
            return Err(format!("must have at most {CUE_CHARS_MAX} characters, not {chars}"));
        }
        Ok((self.text, self.plain))
    }
}

/// Control characters, and those that turn the direction of text around for what stands beside the captions.
fn is_forbidden(letter: char) -> bool {
    (letter.is_control() && letter != '\n')
        || matches!(letter, '\u{202a}'..='\u{202e}' | '\u{2028}' | '\u{2029}' | '\u{feff}')
}

/// The beginning of something that came from outside, for a message.
fn shown(text: &str) -> String {
    text.chars().filter(|letter| !letter.is_control()).take(20).collect()
}

/// A time as it is written.
fn stamp(ms: u32) -> String {
    let (seconds, millis) = (ms / 1000, ms % 1000);
    format!("{:02}:{:02}:{:02}.{millis:03}", seconds / 3600, seconds / 60 % 60, seconds % 60)
}

/// The file of a track.
pub fn write(cues: &[Cue]) -> String {
    let mut file = String::from("WEBVTT\n");
    for cue in cues {
        let _ = write!(file, "\n{} --> {}\n{}\n", stamp(cue.start_ms), stamp(cue.end_ms), cue.text);
    }
    file
}

/// Everything that is said, cue after cue.
pub fn plain(cues: &[Cue]) -> String {
    cues.iter().map(|cue| cue.plain.as_str()).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
#[path = "vtt_tests.rs"]
mod tests;
