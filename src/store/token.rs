//! A record as one word, for programs that keep state of their own: in a database, a form, a command line.
//!
//! `tus1.` + seal + `.` + the record in base64url without padding. The word has only letters, digits, `-`, `_` and `.`,
//! so that it survives URLs, shells and file names. Without a key the seal is a checksum (eight hexadecimal digits),
//! which finds out the cut or mangled word and nothing else. With a [`TokenKey`] it is the HMAC-SHA-256 of everything
//! else in the word (43 base64url digits), which only those can make who have the key.

use std::fmt;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use zeroize::Zeroizing;

use super::check_of;
use super::record::{BadRecord, FORMAT, MAX_BYTES, Record};

const MARK: &str = "tus";
/// The digits of a checksum, and those of a signature.
const CHECK_DIGITS: usize = 8;
const SIGNATURE_DIGITS: usize = 43;
/// The most bytes of a token, blanks around it included: nothing longer is looked at.
const MAX_TOKEN: usize = MAX_BYTES.div_ceil(3) * 4 + 256;

/// A key that tokens are signed with. It is wiped from memory when the last of its clones is dropped.
#[derive(Clone)]
pub struct TokenKey(Arc<Zeroizing<Vec<u8>>>);

impl TokenKey {
    /// The fewest bytes of a key: fewer could be guessed.
    pub const MIN_BYTES: usize = 16;

    /// A key of these bytes; `None` if they are fewer than [`TokenKey::MIN_BYTES`].
    pub fn new(bytes: &[u8]) -> Option<TokenKey> {
        (bytes.len() >= Self::MIN_BYTES).then(|| TokenKey(Arc::new(Zeroizing::new(bytes.to_vec()))))
    }

    fn of(&self, text: &str) -> Hmac<Sha256> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).expect("HMAC takes keys of any length");
        mac.update(text.as_bytes());
        mac
    }

    fn sign(&self, text: &str) -> String {
        URL_SAFE_NO_PAD.encode(self.of(text).finalize().into_bytes())
    }

    /// Whether a signature is that of a text; how long that takes says nothing about the right one.
    fn has_signed(&self, text: &str, signature: &str) -> bool {
        URL_SAFE_NO_PAD.decode(signature).is_ok_and(|signature| self.of(text).verify_slice(&signature).is_ok())
    }
}

impl fmt::Debug for TokenKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenKey(...)")
    }
}

impl Record {
    /// The record as one word, signed if there is a key. Whoever has it can go on with the upload: it is as secret as
    /// the upload's URL.
    pub fn to_token(&self, key: Option<&TokenKey>) -> String {
        let text = URL_SAFE_NO_PAD.encode(self.to_bytes());
        let seal = match key {
            Some(key) => key.sign(&signed(&text)),
            None => check_of(text.as_bytes()),
        };
        format!("{MARK}{FORMAT}.{seal}.{text}")
    }

    /// The record in a word made by [`Record::to_token`]. Blanks and line ends around it do not matter. With a key only
    /// words signed with it count, and nothing of any other is read; without one only words that are not signed.
    ///
    /// # Errors
    ///
    /// [`BadRecord::Newer`] if a later version of the library made it; [`BadRecord::Unsigned`], [`BadRecord::Signed`]
    /// and [`BadRecord::Forged`] if signature and key do not go together; [`BadRecord::Garbage`] if it is cut, mangled,
    /// or no such word.
    pub fn from_token(token: &str, key: Option<&TokenKey>) -> Result<Record, BadRecord> {
        if token.len() > MAX_TOKEN {
            return Err(BadRecord::Garbage);
        }
        let parts = token.trim_ascii().strip_prefix(MARK).and_then(|rest| rest.split_once('.'));
        let (format, rest) = parts.ok_or(BadRecord::Garbage)?;
        match format.parse::<u64>() {
            // Such as `+1` or `01`, which parse as well.
            Ok(number) if number.to_string() != format => return Err(BadRecord::Garbage),
            Ok(FORMAT) => {}
            Ok(number) if number > FORMAT => return Err(BadRecord::Newer(number)),
            _ => return Err(BadRecord::Garbage),
        }
        let (seal, text) = rest.split_once('.').ok_or(BadRecord::Garbage)?;
        match (key, seal.len()) {
            (Some(key), SIGNATURE_DIGITS) if key.has_signed(&signed(text), seal) => {}
            (Some(_), SIGNATURE_DIGITS) => return Err(BadRecord::Forged),
            (Some(_), CHECK_DIGITS) => return Err(BadRecord::Unsigned),
            (None, CHECK_DIGITS) if seal == check_of(text.as_bytes()) => {}
            (None, SIGNATURE_DIGITS) => return Err(BadRecord::Signed),
            _ => return Err(BadRecord::Garbage),
        }
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| BadRecord::Garbage)?;
        Record::from_bytes(&bytes)
    }
}

/// What a signature is of: all of the word but itself.
fn signed(text: &str) -> String {
    format!("{MARK}{FORMAT}.{text}")
}
