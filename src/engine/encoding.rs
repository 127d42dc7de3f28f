//! Text metadata: UTF-8 on the caller's side, any WHATWG encoding on the server's.

use crate::error::{Error, ErrorKind, Result};

/// The encoding of text values on the server.
#[derive(Debug, Clone, Copy)]
pub struct TextEncoding {
    /// `None` is UTF-8, which needs no library.
    #[cfg(feature = "encodings")]
    other: Option<&'static encoding_rs::Encoding>,
}

impl TextEncoding {
    /// UTF-8.
    pub fn utf8() -> Self {
        TextEncoding {
            #[cfg(feature = "encodings")]
            other: None,
        }
    }

    /// By WHATWG label, without regard to case. Encodings that cannot be written (UTF-16, replacement) are refused.
    #[cfg(feature = "encodings")]
    pub fn named(label: &str) -> Result<Self> {
        let found = encoding_rs::Encoding::for_label_no_replacement(label.as_bytes())
            .ok_or_else(|| Error::invalid(format!("{label:?} is not the name of a text encoding")))?;
        if found == encoding_rs::UTF_8 {
            return Ok(Self::utf8());
        }
        if found.output_encoding() != found {
            return Err(Error::new(ErrorKind::Unsupported, format!("metadata cannot be written in {}", found.name())));
        }
        Ok(TextEncoding { other: Some(found) })
    }

    /// By WHATWG label; this build knows UTF-8 only.
    #[cfg(not(feature = "encodings"))]
    pub fn named(label: &str) -> Result<Self> {
        if label.eq_ignore_ascii_case("utf-8") || label.eq_ignore_ascii_case("utf8") {
            return Ok(Self::utf8());
        }
        Err(Error::new(ErrorKind::Unsupported, format!("this build has no text encoding {label:?}, only UTF-8")))
    }

    /// A text in this encoding; text it has no characters for is refused, not replaced.
    pub fn encode(self, text: &str) -> Result<Vec<u8>> {
        #[cfg(feature = "encodings")]
        if let Some(encoding) = self.other {
            let (bytes, _, lossy) = encoding.encode(text);
            if lossy {
                return Err(Error::invalid(format!("a metadata value cannot be written in {}", encoding.name())));
            }
            return Ok(bytes.into_owned());
        }
        Ok(text.as_bytes().to_vec())
    }

    /// The text of bytes in this encoding; `None` if they are not.
    pub fn decode(self, bytes: &[u8]) -> Option<String> {
        #[cfg(feature = "encodings")]
        if let Some(encoding) = self.other {
            return encoding.decode_without_bom_handling_and_without_replacement(bytes).map(|text| text.into_owned());
        }
        std::str::from_utf8(bytes).ok().map(str::to_owned)
    }
}

#[cfg(all(test, feature = "encodings"))]
mod tests {
    use super::*;

    #[test]
    fn both_ways() {
        for (label, text, bytes) in [
            ("utf-8", "straße", "straße".as_bytes()),
            ("ISO-8859-1", "straße", &b"stra\xdfe"[..]),
            ("shift_jis", "日本", &b"\x93\xfa\x96\x7b"[..]),
        ] {
            let encoding = TextEncoding::named(label).unwrap();
            assert_eq!(encoding.encode(text).unwrap(), bytes);
            assert_eq!(encoding.decode(bytes).unwrap(), text);
        }
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        assert_eq!(TextEncoding::named("klingon").unwrap_err().kind(), ErrorKind::InvalidArgument);
        assert_eq!(TextEncoding::named("utf-16le").unwrap_err().kind(), ErrorKind::Unsupported);
        assert!(TextEncoding::named("latin1").unwrap().encode("日本").is_err());
        assert_eq!(TextEncoding::utf8().decode(b"\xff"), None);
    }
}
