//! HTTP dates (RFC 9110 section 5.6.7), used by `Upload-Expires`, `Retry-After` and `Date` (T-080, T-140).

use std::time::UNIX_EPOCH;

/// Seconds since 1970 of any of the three forms, 0 for dates before; `None` for anything else.
pub fn parse_http_date(text: &str) -> Option<u64> {
    let time = httpdate::parse_http_date(text.trim()).ok()?;
    Some(time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_forms_and_junk() {
        for form in ["Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994"] {
            assert_eq!(parse_http_date(form), Some(784_111_777), "{form}");
        }
        for junk in ["", "tomorrow", "1994-11-06T08:49:37Z", "Sun, 06 Nov 1994 08:49:37", "784111777"] {
            assert_eq!(parse_http_date(junk), None, "{junk:?}");
        }
    }
}
