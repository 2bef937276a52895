//! Which bytes a request wants: RFC 9110 section 13 (conditions) and section 14 (ranges), for one immutable object.

use axum::http::header::{AsHeaderName, IF_MATCH, IF_NONE_MATCH, IF_RANGE, RANGE};
use axum::http::{HeaderMap, Method};
use std::ops::Range;

/// What to answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Wanted {
    /// 200 with everything.
    Whole,
    /// 206 with these bytes; never empty, never beyond the end.
    Part(Range<u64>),
    /// 304: the client has it.
    NotModified,
    /// 412: the client has something else and wanted nothing but that.
    PreconditionFailed,
    /// 416: the range begins beyond the end.
    Unsatisfiable,
}

/// Decides from the request's headers. `etag` is the object's strong entity tag with its quotes.
///
/// Several ranges in one request are answered with the whole object, as RFC 9110 section 14.2 leaves to the server;
/// so are ranges in other units and ranges that do not parse.
pub(super) fn wanted(method: &Method, headers: &HeaderMap, etag: &str, bytes_total: u64) -> Wanted {
    if headers.contains_key(IF_MATCH) && !any_tag(headers, IF_MATCH, |tag| tag == etag) {
        return Wanted::PreconditionFailed;
    }
    // Weak comparison: a `W/` in front does not matter here.
    if any_tag(headers, IF_NONE_MATCH, |tag| tag.strip_prefix("W/").unwrap_or(tag) == etag) {
        return Wanted::NotModified;
    }
    // Ranges are defined for GET alone.
    if method != Method::GET || !if_range_holds(headers, etag) {
        return Wanted::Whole;
    }
    let mut ranges = headers.get_all(RANGE).iter();
    match (ranges.next(), ranges.next()) {
        (Some(range), None) => range.to_str().map_or(Wanted::Whole, |text| parse(text, bytes_total)),
        _ => Wanted::Whole,
    }
}

/// Whether the header has `*` or a tag that `matches`. Our tags hold no comma, so splitting at commas is exact for them.
fn any_tag(headers: &HeaderMap, name: impl AsHeaderName, matches: impl Fn(&str) -> bool) -> bool {
    let values = headers.get_all(name).into_iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).map(str::trim).any(|tag| tag == "*" || matches(tag))
}

/// Media have no modification date, so a date in `If-Range` never holds; nor does a weak tag.
fn if_range_holds(headers: &HeaderMap, etag: &str) -> bool {
    headers.get(IF_RANGE).is_none_or(|value| value.as_bytes() == etag.as_bytes())
}

fn parse(text: &str, bytes_total: u64) -> Wanted {
    let Some((unit, set)) = text.split_once('=') else { return Wanted::Whole };
    if !unit.trim().eq_ignore_ascii_case("bytes") {
        return Wanted::Whole;
    }
    let Some((first, last)) = set.trim().split_once('-') else { return Wanted::Whole };
    match (position(first), position(last)) {
        (Some(first), Some(last)) if first > last => Wanted::Whole,
        (Some(first), _) if first >= bytes_total && (last.is_empty() || position(last).is_some()) => {
            Wanted::Unsatisfiable
        }
        (Some(first), Some(last)) => Wanted::Part(first..last.saturating_add(1).min(bytes_total)),
        (Some(first), None) if last.is_empty() => Wanted::Part(first..bytes_total),
        (None, Some(0)) if first.is_empty() => Wanted::Unsatisfiable,
        (None, Some(_)) if first.is_empty() && bytes_total == 0 => Wanted::Unsatisfiable,
        (None, Some(suffix)) if first.is_empty() => {
            Wanted::Part(bytes_total.saturating_sub(suffix)..bytes_total)
        }
        _ => Wanted::Whole,
    }
}

/// A position of digits alone. One that passes 64 bits is beyond the end of anything.
fn position(text: &str) -> Option<u64> {
    if text.is_empty() || !text.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    Some(text.parse().unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;
    use proptest::prelude::*;

    const ETAG: &str = "\"abc\"";

    fn ask(pairs: &[(&'static str, &str)]) -> Wanted {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, HeaderValue::from_str(value).unwrap());
        }
        wanted(&Method::GET, &headers, ETAG, 1000)
    }

    #[test]
    fn ranges() {
        for (text, expected) in [
            ("bytes=0-0", Wanted::Part(0..1)),
            ("bytes=0-", Wanted::Part(0..1000)),
            ("bytes=10-19", Wanted::Part(10..20)),
            ("BYTES = 10-19", Wanted::Part(10..20)),
            ("bytes=990-5000", Wanted::Part(990..1000)),
            ("bytes=990-99999999999999999999999999", Wanted::Part(990..1000)),
            ("bytes=-1", Wanted::Part(999..1000)),
            ("bytes=-5000", Wanted::Part(0..1000)),
            ("bytes=1000-", Wanted::Unsatisfiable),
            ("bytes=1000-1001", Wanted::Unsatisfiable),
            ("bytes=99999999999999999999999999-", Wanted::Unsatisfiable),
            ("bytes=-0", Wanted::Unsatisfiable),
            ("bytes=20-10", Wanted::Whole),
            ("bytes=2000-1000", Wanted::Whole),
            ("bytes=0-1,5-6", Wanted::Whole),
            ("bytes=", Wanted::Whole),
            ("bytes=-", Wanted::Whole),
            ("bytes=a-b", Wanted::Whole),
            ("bytes=1000-x", Wanted::Whole),
            ("bytes=+1-2", Wanted::Whole),
            ("items=0-1", Wanted::Whole),
            ("0-1", Wanted::Whole),
        ] {
            assert_eq!(ask(&[("range", text)]), expected, "{text}");
        }
        assert_eq!(ask(&[("range", "bytes=0-1"), ("range", "bytes=3-4")]), Wanted::Whole);
    }

    #[test]
    fn conditions_come_before_ranges() {
        assert_eq!(
            ask(&[("if-none-match", "\"x\", W/\"abc\""), ("range", "bytes=0-1")]),
            Wanted::NotModified
        );
        assert_eq!(ask(&[("if-none-match", "*")]), Wanted::NotModified);
        assert_eq!(ask(&[("if-none-match", "\"x\""), ("range", "bytes=0-1")]), Wanted::Part(0..2));
        assert_eq!(ask(&[("if-range", "\"abc\""), ("range", "bytes=0-1")]), Wanted::Part(0..2));
        for stale in ["\"x\"", "W/\"abc\"", "Sun, 22 Nov 2026 12:00:00 GMT"] {
            assert_eq!(ask(&[("if-range", stale), ("range", "bytes=5000-")]), Wanted::Whole, "{stale}");
        }
        assert_eq!(ask(&[("if-match", "\"x\"")]), Wanted::PreconditionFailed);
        assert_eq!(ask(&[("if-match", "\"x\", \"abc\""), ("range", "bytes=0-1")]), Wanted::Part(0..2));
    }

    #[test]
    fn only_get_has_ranges() {
        let mut headers = HeaderMap::new();
        headers.insert(RANGE, HeaderValue::from_static("bytes=5-6"));
        assert_eq!(wanted(&Method::HEAD, &headers, ETAG, 1000), Wanted::Whole);
    }

    proptest! {
        #[test]
        fn any_two_positions_give_what_the_slice_gives(first in 0_u64..3000, last in 0_u64..3000, total in 0_u64..2000) {
            let answer = parse(&format!("bytes={first}-{last}"), total);
            let expected = if first > last {
                Wanted::Whole
            } else if first >= total {
                Wanted::Unsatisfiable
            } else {
                Wanted::Part(first..(last + 1).min(total))
            };
            prop_assert_eq!(answer, expected);
        }

        #[test]
        fn suffixes_end_at_the_end(suffix in any::<u64>(), total in 1_u64..2000) {
            match parse(&format!("bytes=-{suffix}"), total) {
                Wanted::Part(part) => prop_assert!(part.end == total && part.end - part.start == suffix.min(total)),
                other => prop_assert!(suffix == 0 && other == Wanted::Unsatisfiable),
            }
        }

        #[test]
        fn no_text_gives_bytes_that_are_not_there(text in "(bytes)?[=0-9 ,-]{0,30}", total in 0_u64..100) {
            if let Wanted::Part(part) = parse(&text, total) {
                prop_assert!(part.start < part.end && part.end <= total);
            }
        }
    }
}
