//! What is known about an upload besides its bytes, and its text form on disk.
//!
//! One `name value` a line; a file this version does not understand is left alone.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The first line of every `.info` file.
const MAGIC: &str = "tus-upload 1";

/// The part an upload plays in concatenation.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Concat {
    /// None.
    #[default]
    None,
    /// A partial upload.
    Partial,
    /// A final upload of these ids.
    Final(Vec<String>),
}

/// Everything known about an upload besides its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Info {
    /// None while deferred.
    pub(crate) length: Option<u64>,
    /// `Upload-Metadata` as sent.
    pub(crate) metadata: Option<String>,
    pub(crate) concat: Concat,
    /// `Upload-Concat` as sent, for HEAD.
    pub(crate) concat_sent: Option<String>,
    pub(crate) expires: Option<SystemTime>,
    pub(crate) created: SystemTime,
}

impl Info {
    pub(crate) fn new(length: Option<u64>) -> Self {
        Self {
            length,
            metadata: None,
            concat: Concat::None,
            concat_sent: None,
            expires: None,
            created: SystemTime::now(),
        }
    }

    pub(crate) fn to_text(&self) -> String {
        let mut text = format!("{MAGIC}\ncreated {}\n", micros(self.created));
        let mut line = |name: &str, value: &str| text.push_str(&format!("{name} {value}\n"));
        if let Some(length) = self.length {
            line("length", &length.to_string());
        }
        if let Some(metadata) = &self.metadata {
            line("metadata", metadata);
        }
        if let Some(sent) = &self.concat_sent {
            line("concat-sent", sent);
        }
        match &self.concat {
            Concat::None => {}
            Concat::Partial => line("concat", "partial"),
            Concat::Final(parts) => line("concat", &format!("final {}", parts.join(" "))),
        }
        if let Some(expires) = self.expires {
            line("expires", &micros(expires).to_string());
        }
        text
    }

    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut lines = text.lines();
        if lines.next() != Some(MAGIC) {
            return None;
        }
        let mut info = Self::new(None);
        for line in lines {
            let (name, value) = line.split_once(' ')?;
            match name {
                "length" => info.length = Some(value.parse().ok()?),
                "metadata" => info.metadata = Some(value.to_owned()),
                "concat-sent" => info.concat_sent = Some(value.to_owned()),
                "concat" if value == "partial" => info.concat = Concat::Partial,
                "concat" => {
                    let parts = value.strip_prefix("final ")?.split(' ');
                    info.concat = Concat::Final(parts.map(str::to_owned).collect());
                }
                "expires" => info.expires = Some(time(value)?),
                "created" => info.created = time(value)?,
                _ => return None,
            }
        }
        Some(info)
    }
}

fn micros(time: SystemTime) -> u128 {
    let since = time.duration_since(UNIX_EPOCH);
    since.map_or(0, |since| since.as_micros())
}

fn time(text: &str) -> Option<SystemTime> {
    Some(UNIX_EPOCH + Duration::from_micros(text.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_form_goes_both_ways() {
        let mut info = Info::new(Some(11));
        info.created = time("123456").unwrap();
        assert_eq!(Info::parse(&info.to_text()), Some(info.clone()));
        info.metadata = Some("a QQ==,b".into());
        info.concat_sent = Some("final;/files/x /files/y".into());
        info.concat = Concat::Final(vec!["x".into(), "y".into()]);
        info.expires = time("99");
        info.length = None;
        assert_eq!(Info::parse(&info.to_text()), Some(info));
        assert_eq!(Info::parse("something else"), None);
    }
}
