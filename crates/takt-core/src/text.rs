//! Text with rules: what is accepted is checked once, here, and then carried by a type.

use std::fmt;
use std::str::FromStr;

/// A caption holds at most this many characters (Unicode scalar values).
pub const CAPTION_CHARS_MAX: usize = 500;
const HANDLE_CHARS_MIN: usize = 2;
const HANDLE_CHARS_MAX: usize = 40;

/// What was wrong with a text, as a rule the person who typed it can follow.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidText(pub &'static str);

macro_rules! text {
    ($($(#[$doc:meta])* $name:ident, $check:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
        #[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(value_type = String))]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// The text itself.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }
        impl FromStr for $name {
            type Err = InvalidText;
            fn from_str(text: &str) -> Result<Self, InvalidText> {
                $check(text).map(Self)
            }
        }
        impl TryFrom<String> for $name {
            type Error = InvalidText;
            fn try_from(text: String) -> Result<Self, InvalidText> {
                text.parse()
            }
        }
        impl From<$name> for String {
            fn from(text: $name) -> String {
                text.0
            }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    )*};
}

text! {
    /// An account's public name: lower-case, unique in its cell, part of addresses.
    Handle, check_handle;
    /// What a creator writes under a video. May be empty; control characters other than line breaks are refused.
    Caption, check_caption;
    /// A language as a BCP 47 tag of a primary language and, at most, a script and a region: `de`, `pt-BR`, `zh-Hant-TW`.
    Lang, check_lang;
}

fn check_handle(text: &str) -> Result<String, InvalidText> {
    let handle = text.to_ascii_lowercase();
    if !(HANDLE_CHARS_MIN..=HANDLE_CHARS_MAX).contains(&handle.len()) {
        return Err(InvalidText("must have 2 to 40 characters"));
    }
    if !handle
        .bytes()
        .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'_' | b'.' | b'-'))
    {
        return Err(InvalidText("may hold letters a to z, digits, underscore, hyphen and dot"));
    }
    if handle.starts_with('.') || handle.ends_with('.') || handle.contains("..") {
        return Err(InvalidText("may not begin or end with a dot, nor hold two in a row"));
    }
    Ok(handle)
}

fn check_caption(text: &str) -> Result<String, InvalidText> {
    let caption = text.trim();
    if caption.chars().count() > CAPTION_CHARS_MAX {
        return Err(InvalidText("must have at most 500 characters"));
    }
    if caption.chars().any(|c| c.is_control() && c != '\n') {
        return Err(InvalidText("may not hold control characters"));
    }
    Ok(caption.to_owned())
}

fn check_lang(text: &str) -> Result<String, InvalidText> {
    const RULE: InvalidText = InvalidText("must be a language tag such as de, en or pt-BR");
    let mut parts = text.split('-');
    let primary = parts.next().unwrap_or_default();
    if !(2..=3).contains(&primary.len()) || !primary.bytes().all(|b| b.is_ascii_alphabetic()) {
        return Err(RULE);
    }
    let mut tag = primary.to_ascii_lowercase();
    for part in parts {
        if !(2..=4).contains(&part.len()) || !part.bytes().all(|b| b.is_ascii_alphanumeric()) || tag.len() > 7
        {
            return Err(RULE);
        }
        tag.push('-');
        tag.push_str(part);
    }
    Ok(tag)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn handles() {
        assert_eq!("Ada.L_1-x".parse::<Handle>().unwrap().as_str(), "ada.l_1-x");
        for bad in ["", "a", ".ada", "ada.", "a..b", "ada lovelace", "ädä", "a/b", "<b>", &"a".repeat(41)] {
            assert!(bad.parse::<Handle>().is_err(), "{bad}");
        }
    }

    #[test]
    fn captions() {
        assert_eq!(" one\ntwo 🎬 ".parse::<Caption>().unwrap().as_str(), "one\ntwo 🎬");
        assert!("a\u{0}b".parse::<Caption>().is_err());
        assert!("é".repeat(CAPTION_CHARS_MAX).parse::<Caption>().is_ok());
        assert!("e".repeat(CAPTION_CHARS_MAX + 1).parse::<Caption>().is_err());
    }

    #[test]
    fn languages() {
        for good in ["de", "en-GB", "zh-Hant-TW", "gsw"] {
            assert!(good.parse::<Lang>().is_ok(), "{good}");
        }
        for bad in ["", "d", "deutsch", "de_DE", "de-", "de-DE-x-y-z", "1x"] {
            assert!(bad.parse::<Lang>().is_err(), "{bad}");
        }
    }
}
