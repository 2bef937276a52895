//! A caption from a file's name: people name files after what is in them.

use std::path::Path;
use takt_core::CAPTION_CHARS_MAX;
use unicode_normalization::UnicodeNormalization as _;

/// `My_first-dance #cats.mp4` becomes `My first dance #cats`.
pub(crate) fn from_name(path: &Path) -> String {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    // Macs hand out names with accents as characters of their own.
    let composed: String = stem.nfc().collect();
    let spaced: String = composed
        .chars()
        .map(|c| if matches!(c, '_' | '-' | '+') || c.is_control() { ' ' } else { c })
        .collect();
    let words: Vec<&str> = spaced.split_whitespace().collect();
    words.join(" ").chars().take(CAPTION_CHARS_MAX).collect::<String>().trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_captions_the_server_takes() {
        let check = |name: &str, expected: &str| {
            let caption = from_name(Path::new(name));
            assert_eq!(caption, expected);
            assert!(caption.parse::<takt_core::Caption>().is_ok(), "{caption}");
        };
        check("in/My_first-dance #cats.mp4", "My first dance #cats");
        check("20200131--v1.0.webm", "20200131 v1.0");
        check("a\nb\u{7}.mp4", "a b");
        check("e\u{301}te\u{301}.mov", "été");
        check(".mp4", ".mp4");
        check("---.mp4", "");
        check(&format!("{}.mp4", "é".repeat(600)), &"é".repeat(CAPTION_CHARS_MAX));
    }
}
