//! Words of others (a server, a proxy) on their way into a message or the log: printable, bounded, without secrets.

use std::borrow::Cow;
use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

/// No more characters of one text are shown.
const MOST: usize = 200;
/// What stands in place of a secret.
const HIDDEN: &str = "[secret]";
/// Shorter values say nothing, and would turn up in any text.
const SHORTEST: usize = 3;
/// From this length on a value is hidden inside of words too.
const UNMISTAKABLE: usize = 8;
/// Names of schemes, which are no secrets.
const SCHEMES: &[&str] = &["basic", "bearer", "digest", "token", "negotiate"];

/// A text fit for one line of a message: whole words up to a bound, without secrets, without characters that a terminal
/// or a reader could be led astray by.
pub fn foreign(text: &str, secrets: &Secrets) -> String {
    let text = secrets.hide(text);
    let text = printable(&text);
    let text = text.trim();
    let Some((end, _)) = text.char_indices().nth(MOST) else { return text.to_owned() };
    // A word that is cut could be the beginning of a secret in a form that was not recognised.
    let whole = text[..end].rfind(' ').unwrap_or(0);
    format!("{}...", &text[..whole])
}

/// The text with the replacement character in place of control characters and those that turn the direction of text or
/// cannot be seen; ends of lines become blanks.
pub fn printable(text: &str) -> Cow<'_, str> {
    if !text.chars().any(|c| is_blank(c) || is_invisible(c)) {
        return text.into();
    }
    let shown = |c| match c {
        c if is_blank(c) => ' ',
        c if is_invisible(c) => char::REPLACEMENT_CHARACTER,
        c => c,
    };
    text.chars().map(shown).collect::<String>().into()
}

fn is_blank(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | '\u{b}' | '\u{c}' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

fn is_invisible(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
            | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}'
            | '\u{fdd0}'..='\u{fdef}' | '\u{e000}'..='\u{f8ff}' | '\u{e0000}'..='\u{10ffff}')
}

/// What must not be shown though others may say it: the values of the caller's headers, and what they are made of.
#[derive(Clone, Default)]
pub struct Secrets(Vec<Zeroizing<String>>);

impl Secrets {
    /// None.
    pub fn none() -> Secrets {
        Secrets::default()
    }

    /// Adds the value of a header: the whole, and its parts (the token after the scheme, the values of cookies, and of
    /// Basic credentials the password).
    pub fn add_header(&mut self, value: &str) {
        self.add(value);
        for part in value.split([' ', '\t', ';', ',']) {
            self.add(part);
            if let Some((_, value)) = part.split_once('=') {
                self.add(value);
            }
        }
        if let Some((scheme, encoded)) = value.split_once(' ')
            && scheme.eq_ignore_ascii_case("basic")
            && let Some(decoded) = STANDARD.decode(encoded.trim()).ok().map(Zeroizing::new)
            && let Ok(decoded) = std::str::from_utf8(&decoded)
        {
            self.add(decoded);
            self.add(decoded.split_once(':').map_or("", |(_, password)| password));
        }
    }

    /// Adds a text of its own.
    pub fn add(&mut self, text: &str) {
        let text = text.trim().trim_matches('"');
        let known = SCHEMES.iter().any(|scheme| scheme.eq_ignore_ascii_case(text));
        if text.len() >= SHORTEST && !known && !self.0.iter().any(|have| have.as_str() == text) {
            self.0.push(Zeroizing::new(text.to_owned()));
            // What contains another is hidden before that one.
            self.0.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        }
    }

    fn hide<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let mut text = Cow::Borrowed(text);
        for secret in &self.0 {
            if text.contains(secret.as_str()) {
                text = without(&text, secret).into();
            }
        }
        text
    }
}

/// The text without a secret: short ones only where they are words.
fn without(text: &str, secret: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(secret) {
        let (before, found) = rest.split_at(at);
        let after = &found[secret.len()..];
        shown.push_str(before);
        let inside = shown.ends_with(char::is_alphanumeric) || after.starts_with(char::is_alphanumeric);
        shown.push_str(if secret.len() < UNMISTAKABLE && inside { secret } else { HIDDEN });
        rest = after;
    }
    shown.push_str(rest);
    shown
}

/// Without what it is there to hide.
impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secrets({})", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(headers: &[&str]) -> Secrets {
        let mut secrets = Secrets::none();
        headers.iter().for_each(|value| secrets.add_header(value));
        secrets
    }

    #[test]
    fn a_text_becomes_one_printable_line() {
        for (text, shown) in [
            ("plain words, straße and 文字", "plain words, straße and 文字"),
            ("  blanks \t around\r\nand lines\u{2028}more ", "blanks   around  and lines more"),
            ("\u{9b}31mred\u{1b}[0m", "�31mred�[0m"),
            ("no \u{202e}gnp.exe\u{2066}\u{200b}\u{feff}", "no �gnp.exe���"),
            ("\0\u{7f}\u{e0041}", "���"),
        ] {
            assert_eq!(foreign(text, &Secrets::none()), shown, "{text:?}");
        }
    }

    #[test]
    fn a_long_text_ends_after_a_whole_word() {
        let shown = foreign(&"four ".repeat(1000), &Secrets::none());
        assert_eq!(shown.len(), 199 + 3);
        assert!(shown.ends_with("four..."), "{shown}");
        assert_eq!(foreign(&"9".repeat(50_000), &Secrets::none()), "...");
        assert_eq!(foreign(&"é".repeat(MOST), &Secrets::none()).chars().count(), MOST);
    }

    #[test]
    fn no_form_of_a_header_is_shown() {
        let secrets = of(&["Bearer c2VjcmV0LXRva2Vu", "sid=0123456789; theme=\"pink\"", "Basic YWw6cEBzcw==", "k7"]);
        for (text, shown) in [
            ("Authorization: Bearer c2VjcmV0LXRva2Vu!", "Authorization: [secret]!"),
            ("{\"token\":\"xc2VjcmV0LXRva2Vux\"}", "{\"token\":\"x[secret]x\"}"),
            ("Bearer expected", "Bearer expected"),
            ("cookie sid=0123456789", "cookie [secret]"),
            ("0123456789, pink but pinkish", "[secret], [secret] but pinkish"),
            ("YWw6cEBzcw== is al:p@ss, p@ss", "[secret] is [secret], [secret]"),
            ("k7", "k7"),
        ] {
            assert_eq!(foreign(text, &secrets), shown, "{text}");
        }
    }

    #[test]
    fn a_secret_at_the_bound_is_not_shown_in_part() {
        let secrets = of(&["Bearer c2VjcmV0LXRva2Vu"]);
        for before in 150..=220 {
            let text = format!("{} c2VjcmV0LXRva2Vu", "x".repeat(before));
            assert!(!foreign(&text, &secrets).contains("c2V"), "{before}");
        }
    }
}
