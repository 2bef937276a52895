//! The headers of the tus protocol, 1.0.0: read strictly, written exactly.

use crate::error::{Error, Result};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use takt_core::Timestamp;

/// The one version of the protocol spoken here.
pub(super) const VERSION: &str = "1.0.0";
pub(super) const TUS_RESUMABLE: &str = "tus-resumable";
pub(super) const TUS_VERSION: &str = "tus-version";
pub(super) const UPLOAD_OFFSET: &str = "upload-offset";
pub(super) const UPLOAD_LENGTH: &str = "upload-length";
pub(super) const UPLOAD_METADATA: &str = "upload-metadata";
pub(super) const UPLOAD_EXPIRES: &str = "upload-expires";
const PATCH_TYPE: &str = "application/offset+octet-stream";
const METADATA_BYTES_MAX: usize = 4096;

/// Refuses requests in another version of the protocol, or none.
pub(super) fn require_version(headers: &HeaderMap) -> Result<()> {
    if text(headers, TUS_RESUMABLE) == Some(VERSION) {
        return Ok(());
    }
    let message = "send Tus-Resumable: 1.0.0, the version of the upload protocol spoken here";
    Err(Error::refused(StatusCode::PRECONDITION_FAILED, "tus_version", message))
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim)
}

/// A count of bytes: digits alone.
fn count(headers: &HeaderMap, name: &'static str) -> Result<u64> {
    let value = text(headers, name).ok_or_else(|| bad(name, "is required"))?;
    if value.is_empty() || !value.bytes().all(|b| b.is_ascii_digit()) {
        return Err(bad(name, "must be a count of bytes"));
    }
    // Too many digits for 64 bits: larger than any limit, so let the limit speak.
    Ok(value.parse().unwrap_or(u64::MAX))
}

fn bad(name: &'static str, rule: &'static str) -> Error {
    Error::Refused {
        status: StatusCode::BAD_REQUEST,
        code: "invalid_header",
        message: rule.into(),
        field: Some(name.to_owned()),
    }
}

/// `Upload-Length`. Lengths told later are not taken: a limit is named before the first byte is sent, or not at all.
pub(super) fn upload_length(headers: &HeaderMap) -> Result<u64> {
    if headers.contains_key("upload-defer-length") {
        return Err(bad(UPLOAD_LENGTH, "is required: the length must be known at the start"));
    }
    count(headers, UPLOAD_LENGTH)
}

/// `Upload-Offset`.
pub(super) fn upload_offset(headers: &HeaderMap) -> Result<u64> {
    count(headers, UPLOAD_OFFSET)
}

/// `Content-Length`, where the client says it.
pub(super) fn content_length(headers: &HeaderMap) -> Option<u64> {
    text(headers, header::CONTENT_LENGTH.as_str()).and_then(|value| value.parse().ok())
}

/// Refuses bodies that are not marked as upload bytes.
pub(super) fn require_patch_type(headers: &HeaderMap) -> Result<()> {
    if text(headers, header::CONTENT_TYPE.as_str())
        .is_some_and(|value| value.eq_ignore_ascii_case(PATCH_TYPE))
    {
        return Ok(());
    }
    let (status, code) = (StatusCode::UNSUPPORTED_MEDIA_TYPE, "not_upload_bytes");
    Err(Error::refused(status, code, "send the bytes as application/offset+octet-stream"))
}

/// `Upload-Metadata` as received, once it is known to be well-formed: pairs of a name and base64, parted by commas.
pub(super) fn upload_metadata(headers: &HeaderMap) -> Result<String> {
    let Some(value) = headers.get(UPLOAD_METADATA) else { return Ok(String::new()) };
    let Ok(value) = value.to_str() else { return Err(bad(UPLOAD_METADATA, "must be ASCII")) };
    if value.len() > METADATA_BYTES_MAX {
        return Err(bad(UPLOAD_METADATA, "must have at most 4096 bytes"));
    }
    let mut names: Vec<&str> = Vec::new();
    for pair in value.split(',').map(str::trim).filter(|pair| !pair.is_empty() || value.contains(',')) {
        let (name, encoded) = pair.split_once(' ').unwrap_or((pair, ""));
        let well_formed = !name.is_empty() && STANDARD.decode(encoded.trim()).is_ok();
        if !well_formed || names.contains(&name) {
            return Err(bad(UPLOAD_METADATA, "must be pairs of a name, used once, and a value in base64"));
        }
        names.push(name);
    }
    Ok(value.to_owned())
}

/// A header of digits.
pub(super) fn number(value: u64) -> HeaderValue {
    HeaderValue::from(value)
}

/// A time as HTTP writes it (RFC 9110 section 5.6.7): `Sun, 06 Nov 1994 08:49:37 GMT`.
pub(super) fn http_date(time: Timestamp) -> HeaderValue {
    const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    // RFC 3339 already knows the calendar: 1994-11-06T08:49:37.000Z
    let written = time.to_string();
    let month: usize = written.get(5..7).and_then(|m| m.parse().ok()).unwrap_or(1);
    let day_of_week = time.millis().div_euclid(86_400_000).rem_euclid(7);
    let date = match (written.get(0..4), written.get(8..10), written.get(11..19)) {
        (Some(year), Some(day), Some(clock)) if written.len() == 24 => {
            let month = MONTHS[month.clamp(1, 12) - 1];
            format!("{}, {day} {month} {year} {clock} GMT", DAYS[usize::try_from(day_of_week).unwrap_or(0)])
        }
        _ => "Thu, 01 Jan 1970 00:00:00 GMT".to_owned(),
    };
    HeaderValue::try_from(date).unwrap_or(HeaderValue::from_static("Thu, 01 Jan 1970 00:00:00 GMT"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| ((*name).parse().unwrap(), HeaderValue::from_str(value).unwrap()))
            .collect()
    }

    #[test]
    fn lengths_are_digits() {
        assert_eq!(upload_length(&headers(&[("upload-length", "5")])).unwrap(), 5);
        assert_eq!(upload_length(&headers(&[("upload-length", "99999999999999999999")])).unwrap(), u64::MAX);
        for bad in ["", "-1", "+1", "1.5", "0x10", "5 5", "five"] {
            assert!(upload_length(&headers(&[("upload-length", bad)])).is_err(), "{bad}");
        }
        assert!(upload_length(&headers(&[("upload-defer-length", "1")])).is_err());
        assert!(upload_offset(&HeaderMap::new()).is_err());
    }

    #[test]
    fn metadata_is_kept_as_sent_or_refused() {
        for good in ["", "filename d29ybGQ=", "filename d29ybGQ=,is_private", "a YQ==, b Yg=="] {
            assert_eq!(upload_metadata(&headers(&[("upload-metadata", good)])).unwrap(), good);
        }
        for bad in ["a %", "a YQ==,a Yg==", ",", " YQ==,", &"x".repeat(5000)] {
            assert!(upload_metadata(&headers(&[("upload-metadata", bad)])).is_err(), "{bad}");
        }
    }

    #[test]
    fn dates_are_written_as_http_wants_them() {
        assert_eq!(http_date(Timestamp::from_millis(784_111_777_000)), "Sun, 06 Nov 1994 08:49:37 GMT");
        assert_eq!(http_date(Timestamp::from_millis(0)), "Thu, 01 Jan 1970 00:00:00 GMT");
        assert_eq!(http_date(Timestamp::from_millis(1_795_356_000_999)), "Sun, 22 Nov 2026 14:00:00 GMT");
    }

    proptest! {
        #[test]
        fn any_header_is_answered(value in "[ -~]{0,60}") {
            let headers = headers(&[("upload-length", &value), ("upload-metadata", &value), ("content-length", &value)]);
            let _ = (upload_length(&headers), upload_metadata(&headers), content_length(&headers));
        }

        #[test]
        fn any_time_has_a_date(millis in any::<i64>()) {
            prop_assert!(http_date(Timestamp::from_millis(millis)).len() == 29);
        }
    }
}
