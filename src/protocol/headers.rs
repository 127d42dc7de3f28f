//! Header fields as a list, and the few ways the protocol reads them.

use crate::error::BrokenRule;

/// Header fields in the order they came. Names compare without case, values are as sent, trimmed.
///
/// A value that is not UTF-8 is kept with the replacement character: no header of the protocol may have one, and what
/// reads them refuses it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Headers(Vec<(String, String)>);

impl Headers {
    /// No headers yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a field at the end.
    pub fn push(&mut self, name: impl Into<String>, value: impl Into<String>) {
        self.0.push((name.into(), value.into()));
    }

    /// All fields, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// The first value of `name`.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.all(name).next()
    }

    /// Every value of `name`, in order.
    pub fn all<'a, 'n>(&'a self, name: &'n str) -> impl Iterator<Item = &'a str> + use<'a, 'n> {
        self.0.iter().filter(move |(have, _)| have.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// The one value of `name`: the same value twice counts once, different values break T-010.
    pub fn single(&self, name: &str) -> Result<Option<&str>, BrokenRule> {
        let mut values = self.all(name);
        let Some(first) = values.next() else {
            return Ok(None);
        };
        if values.any(|other| other != first) {
            return Err(BrokenRule::ConflictingHeaders);
        }
        Ok(Some(first))
    }

    /// The one non-negative integer of `name` (T-010): `1*DIGIT`, at most 2^63-1; `5, 5` counts once.
    pub fn integer(&self, name: &str) -> Result<Option<u64>, BrokenRule> {
        let mut found = None;
        for value in self.all(name).flat_map(|value| value.split(',')) {
            let number = parse_integer(value.trim_matches([' ', '\t'])).ok_or(BrokenRule::MalformedInteger)?;
            if found.is_some_and(|earlier| earlier != number) {
                return Err(BrokenRule::ConflictingHeaders);
            }
            found = Some(number);
        }
        Ok(found)
    }

    /// The members of a comma list, trimmed, empty ones left out (T-005, T-007).
    pub fn list<'a, 'n>(&'a self, name: &'n str) -> impl Iterator<Item = &'a str> + use<'a, 'n> {
        self.all(name).flat_map(|value| value.split(',')).map(str::trim).filter(|member| !member.is_empty())
    }
}

impl FromIterator<(String, String)> for Headers {
    fn from_iter<I: IntoIterator<Item = (String, String)>>(fields: I) -> Self {
        Headers(fields.into_iter().collect())
    }
}

/// `1*DIGIT` up to 2^63-1 and nothing else (T-010).
pub fn parse_integer(text: &str) -> Option<u64> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    text.parse().ok().filter(|number| *number <= i64::MAX as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(fields: &[(&str, &str)]) -> Headers {
        fields.iter().map(|(n, v)| (n.to_string(), v.to_string())).collect()
    }

    #[test]
    fn integers_are_digits_only() {
        for bad in ["", "-1", "+5", "5.0", "0x5", "5 5", "abc", "9223372036854775808", "\u{feff}5", "５", "5,6,", "1e3"]
        {
            let got = headers(&[("Upload-Offset", bad)]).integer("upload-offset");
            assert!(got.is_err(), "{bad:?} was taken as {got:?}");
        }
        let huge = "1".repeat(41);
        assert_eq!(headers(&[("a", &huge)]).integer("a"), Err(BrokenRule::MalformedInteger));
        for (good, number) in [("0", 0), ("0005", 5), ("9223372036854775807", i64::MAX as u64), ("5, 5", 5)] {
            assert_eq!(headers(&[("A", good)]).integer("a"), Ok(Some(number)));
        }
        assert_eq!(headers(&[]).integer("a"), Ok(None));
    }

    #[test]
    fn the_same_twice_counts_once() {
        assert_eq!(headers(&[("a", "5"), ("A", "5")]).integer("a"), Ok(Some(5)));
        assert_eq!(headers(&[("a", "5"), ("A", "6")]).integer("a"), Err(BrokenRule::ConflictingHeaders));
        assert_eq!(headers(&[("l", "/x"), ("L", "/x")]).single("l"), Ok(Some("/x")));
        assert_eq!(headers(&[("l", "/x"), ("L", "/y")]).single("l"), Err(BrokenRule::ConflictingHeaders));
    }

    #[test]
    fn lists_are_trimmed() {
        let headers = headers(&[("Tus-Extension", "creation, ,termination,"), ("tus-extension", " checksum")]);
        assert_eq!(headers.list("Tus-Extension").collect::<Vec<_>>(), ["creation", "termination", "checksum"]);
    }
}
