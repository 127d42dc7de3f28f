//! Header fields the caller may not set, and the check of those he may.

use crate::error::{Error, Result};

/// Fields that carry the protocol or the message framing: setting them would break one or the other.
const RESERVED: &[&str] = &[
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "expect",
    "host",
    "keep-alive",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "tus-checksum-algorithm",
    "tus-extension",
    "tus-max-size",
    "tus-resumable",
    "tus-version",
    "upgrade",
    // Not all of `upload-`: hosted services have names of their own there (Cloudflare's `Upload-Creator`).
    "upload-checksum",
    "upload-complete",
    "upload-concat",
    "upload-defer-length",
    "upload-draft-interop-version",
    "upload-expires",
    "upload-incomplete",
    "upload-length",
    "upload-limit",
    "upload-metadata",
    "upload-offset",
    "x-http-method-override",
];

/// Refuses names and values that cannot be sent, and names that are the library's own.
pub fn check_field(name: &str, value: &str) -> Result<()> {
    check_name(name)?;
    // RFC 9110 5.5: visible ASCII, space, tab, and bytes from 0x80. CR, LF and NUL would end the field.
    if let Some(byte) = value.bytes().find(|byte| byte.is_ascii_control() && *byte != b'\t') {
        return Err(Error::invalid(format!("the value of header {name:?} has control byte 0x{byte:02x}")));
    }
    if value.trim_matches([' ', '\t']) != value {
        return Err(Error::invalid(format!("the value of header {name:?} begins or ends with blanks")));
    }
    Ok(())
}

/// Refuses names that are no header names or the library's own.
pub fn check_name(name: &str) -> Result<()> {
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    if name.is_empty() || !name.bytes().all(is_token) {
        return Err(Error::invalid(format!("{name:?} is not a header name")));
    }
    let lower = name.to_ascii_lowercase();
    if RESERVED.contains(&lower.as_str()) {
        return Err(Error::invalid(format!("header {name:?} is written by the library and cannot be set")));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn guards_names_and_values() {
        for name in ["Authorization", "X-Api-Key", "cookie", "User-Agent", "Accept", "X-Request-ID", "Upload-Creator"] {
            assert!(check_field(name, "Bearer abc ü").is_ok(), "{name}");
        }
        for name in ["", "a b", "a:b", "a\r\nb", "ü", "Host", "content-LENGTH", "Tus-Resumable", "Upload-Offset", "TE"]
        {
            assert!(check_field(name, "x").is_err(), "{name:?}");
        }
        for value in ["a\r\nX: y", "a\nb", "a\0", "\x7f", " a", "a\t"] {
            assert!(check_field("X-A", value).is_err(), "{value:?}");
        }
        assert!(check_field("X-A", "").is_ok());
    }
}
