//! The grammar of `Upload-Metadata` (T-046), checked to the letter.
//!
//! Only says whether a value is well formed; the store keeps it as sent.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// Checks a whole field value; the error says what is wrong.
pub(crate) fn check(value: &str) -> Result<(), String> {
    let mut keys: Vec<&str> = Vec::new();
    for pair in value.split(',') {
        let (key, encoded) = match pair.split_once(' ') {
            Some((key, encoded)) => (key, Some(encoded)),
            None => (pair, None),
        };
        if key.is_empty() {
            return Err("an empty key".into());
        }
        if !key.bytes().all(|b| (0x21..0x7f).contains(&b)) {
            return Err(format!("key {key:?} is not visible ASCII"));
        }
        if keys.contains(&key) {
            return Err(format!("key {key:?} is there twice"));
        }
        keys.push(key);
        match encoded {
            Some("") => return Err(format!("key {key:?} has a blank and no value behind it")),
            Some(text) => {
                STANDARD.decode(text).map_err(|error| format!("value of {key:?} is not base64: {error}"))?;
            }
            None => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::check;

    #[test]
    fn well_formed() {
        for good in ["filename d29ybGQ=", "a,b QQ==", "a QQ==,b"] {
            assert_eq!(check(good), Ok(()), "{good:?}");
        }
    }

    #[test]
    fn malformed() {
        for bad in ["", "a,", "a QQ", "a  QQ==", "a ", "a QQ==, b", "a QQ==,a", "\u{e9} QQ==", "a Q_=="] {
            assert!(check(bad).is_err(), "{bad:?}");
        }
    }
}
