//! Headers that both adapters read.

use std::time::Duration;

/// The wait a `Retry-After` header asks for, in either of its forms (seconds, or an HTTP date
/// measured against the `Date` of the response). `None` where it is absent or cannot be read.
#[must_use]
pub fn retry_after(headers: &http::HeaderMap) -> Option<Duration> {
    let value = headers
        .get(http::header::RETRY_AFTER)?
        .to_str()
        .ok()?
        .trim();
    if let Ok(seconds) = value.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let until = httpdate::parse_http_date(value).ok()?;
    let date = headers.get(http::header::DATE)?.to_str().ok()?;
    let now = httpdate::parse_http_date(date).ok()?;
    Some(until.duration_since(now).unwrap_or_default())
}

/// The time of the server, from the `Date` header of its response.
#[must_use]
pub fn date(headers: &http::HeaderMap) -> Option<chrono::DateTime<chrono::Utc>> {
    let value = headers.get(http::header::DATE)?.to_str().ok()?;
    httpdate::parse_http_date(value).ok().map(Into::into)
}

#[cfg(test)]
mod tests {
    use http::HeaderMap;

    use super::*;

    #[test]
    fn retry_after_is_read_in_both_forms() {
        let headers = |retry: &str| {
            let mut headers = HeaderMap::new();
            headers.insert("retry-after", retry.parse().unwrap());
            headers.insert("date", "Sun, 22 Nov 2026 10:00:00 GMT".parse().unwrap());
            retry_after(&headers)
        };
        assert_eq!(headers("120"), Some(Duration::from_secs(120)));
        let date = "Sun, 22 Nov 2026 10:00:07 GMT";
        assert_eq!(headers(date), Some(Duration::from_secs(7)));
        let past = "Sun, 22 Nov 2026 09:00:00 GMT";
        assert_eq!(headers(past), Some(Duration::ZERO));
        assert_eq!(headers("soon"), None);
        assert_eq!(headers("-1"), None);
    }
}
