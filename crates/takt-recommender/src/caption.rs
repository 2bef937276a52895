//! The tags and words of a caption, as they go into [`crate::Event::VideoPublished`].
//!
//! The server calls this once, when it writes the event; the log holds the outcome. A later release may split
//! captions otherwise without changing what old logs mean.

/// More tags than this are dropped, here and when an event is applied.
pub const TAGS_MAX: usize = 8;
/// More words than this are dropped, here and when an event is applied.
pub const WORDS_MAX: usize = 24;
/// A longer tag or word (in UTF-8 bytes) is dropped, here and when an event is applied.
pub const TERM_BYTES_MAX: usize = 64;

/// What a caption is about, in pieces that can be compared.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CaptionTerms {
    /// Hash tags in lower case without the sign, each once, in order.
    pub tags: Vec<String>,
    /// All other words of at least two letters in lower case, each once, in order. Text written without spaces
    /// (Chinese, Japanese, Thai, Lao, Khmer, Burmese) is cut into overlapping pairs of characters.
    pub words: Vec<String>,
}

/// Splits a caption into tags and words.
pub fn caption_terms(caption: &str) -> CaptionTerms {
    let mut terms = CaptionTerms::default();
    let lower = caption.to_lowercase();
    for piece in lower.split(char::is_whitespace) {
        // An address says where, not what.
        if piece.starts_with("http://") || piece.starts_with("https://") || piece.starts_with('@') {
            continue;
        }
        let mut rest = piece;
        while !rest.is_empty() {
            let is_tag = rest.starts_with('#');
            let start = rest.find(is_word).unwrap_or(rest.len());
            let tagged = is_tag && start == 1;
            let word = &rest[start..];
            let end = word.find(|c| !is_word(c)).unwrap_or(word.len());
            let (word, after) = word.split_at(end);
            rest = after;
            if tagged {
                push(&mut terms.tags, word, TAGS_MAX);
            } else {
                push_word(&mut terms.words, word);
            }
            // Between two words of one piece only a hash sign means something.
            if let Some(next) = rest.find(|c| c == '#' || is_word(c)) {
                rest = &rest[next..];
            } else {
                break;
            }
        }
    }
    terms
}

fn is_word(c: char) -> bool {
    // Combining marks sit inside words of many scripts and are not alphanumeric on their own.
    c.is_alphanumeric()
        || c == '_'
        || matches!(c, '\u{300}'..='\u{36f}' | '\u{900}'..='\u{dff}' | '\u{e30}'..='\u{e4e}')
}

fn is_unspaced(c: char) -> bool {
    matches!(c, '\u{e00}'..='\u{eff}' | '\u{1000}'..='\u{109f}' | '\u{1780}'..='\u{17ff}' | '\u{3040}'..='\u{30ff}'
        | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{323af}')
}

fn push_word(words: &mut Vec<String>, word: &str) {
    if word.chars().any(is_unspaced) {
        let characters: Vec<char> = word.chars().collect();
        for pair in characters.windows(2) {
            push(words, &pair.iter().collect::<String>(), WORDS_MAX);
        }
    } else if word.chars().nth(1).is_some() {
        push(words, word, WORDS_MAX);
    }
}

fn push(list: &mut Vec<String>, term: &str, most: usize) {
    let fits = !term.is_empty() && term.len() <= TERM_BYTES_MAX && list.len() < most;
    if fits && !list.iter().any(|known| known == term) {
        list.push(term.to_owned());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(caption: &str, tags: &str, words: &str) {
        let got = caption_terms(caption);
        assert_eq!((got.tags.join(" ").as_str(), got.words.join(" ").as_str()), (tags, words), "{caption:?}");
    }

    #[test]
    fn captions_fall_into_tags_and_words() {
        check("", "", "");
        check("Mein Kater schläft! #Katze #süß", "katze süß", "mein kater schläft");
        check("#cats#dogs, and-more", "cats dogs", "and more");
        check("cats cats #cats a # #", "cats", "cats");
        check("see https://example.com/cats @ada #1", "1", "see");
        check("猫が好き #猫", "猫", "猫が が好 好き");
        check("🎬🎬 don't_stop", "", "don t_stop");
    }

    #[test]
    fn nothing_grows_without_bound() {
        let many: String = (0..1_000).map(|i| format!("#t{i} w{i} ")).collect();
        let got = caption_terms(&many);
        assert_eq!((got.tags.len(), got.words.len()), (TAGS_MAX, WORDS_MAX));
        assert_eq!(caption_terms(&"x".repeat(1_000)), CaptionTerms::default());
    }
}
