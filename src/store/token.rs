//! A record as one word, for programs that keep state of their own: in a database, a form, a command line.
//!
//! `tus1.` + checksum (eight hexadecimal digits) + `.` + the record in base64url without padding. The word has only
//! letters, digits, `-`, `_` and `.`, so that it survives URLs, shells and file names; the checksum finds out the cut
//! or mangled one.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::check_of;
use super::record::{BadRecord, FORMAT, Record};

const MARK: &str = "tus";

impl Record {
    /// The record as one word. Whoever has it can go on with the upload: it is as secret as the upload's URL.
    pub fn to_token(&self) -> String {
        let text = URL_SAFE_NO_PAD.encode(self.to_bytes());
        format!("{MARK}{FORMAT}.{}.{text}", check_of(text.as_bytes()))
    }

    /// The record in a word made by [`Record::to_token`]. Blanks and line ends around it do not matter.
    ///
    /// # Errors
    ///
    /// [`BadRecord::Newer`] if a later version of the library made it, [`BadRecord::Garbage`] if it is cut, mangled, or
    /// no such word.
    pub fn from_token(token: &str) -> Result<Record, BadRecord> {
        let parts = token.trim_ascii().strip_prefix(MARK).and_then(|rest| rest.split_once('.'));
        let (format, rest) = parts.ok_or(BadRecord::Garbage)?;
        match format.parse::<u64>() {
            // Such as `+1` or `01`, which parse as well.
            Ok(number) if number.to_string() != format => return Err(BadRecord::Garbage),
            Ok(FORMAT) => {}
            Ok(number) if number > FORMAT => return Err(BadRecord::Newer(number)),
            _ => return Err(BadRecord::Garbage),
        }
        let (check, text) = rest.split_once('.').ok_or(BadRecord::Garbage)?;
        if check != check_of(text.as_bytes()) {
            return Err(BadRecord::Garbage);
        }
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| BadRecord::Garbage)?;
        Record::from_bytes(&bytes)
    }
}
