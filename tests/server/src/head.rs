//! The head of a request: read strictly, kept as sent.
//!
//! Parses and never answers; what a fault in the head means for the client is said by `judge`.

/// Most bytes a request head may have.
pub(crate) const HEAD_LIMIT: usize = 64 * 1024;

/// A parsed request head.
#[derive(Debug, Clone)]
pub(crate) struct Head {
    pub(crate) method: String,
    pub(crate) target: String,
    pub(crate) http10: bool,
    /// Name and trimmed value of each field, in the order sent.
    pub(crate) headers: Vec<(String, String)>,
    /// Bytes the head took on the wire, with its blank line.
    pub(crate) wire_len: u64,
}

/// How many times a field was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Field<'a> {
    Absent,
    Once(&'a str),
    Repeated,
}

/// How the body of a request is delimited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Framing {
    /// Neither Content-Length nor Transfer-Encoding.
    Nothing,
    Length(u64),
    Chunked,
}

impl Head {
    /// Parses everything up to and including the blank line.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, String> {
        let text = bytes.strip_suffix(b"\r\n\r\n").ok_or("the head does not end with CR LF CR LF")?;
        let mut lines = split_lines(text)?.into_iter();
        let first = lines.next().ok_or("empty head")?;
        let (method, target, http10) = request_line(&first)?;
        let headers = lines.map(|line| field(&line)).collect::<Result<_, _>>()?;
        Ok(Self { method, target, http10, headers, wire_len: bytes.len() as u64 })
    }

    /// Every value of a field, in order.
    pub(crate) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let same = move |(n, _): &&(String, String)| n.eq_ignore_ascii_case(name);
        self.headers.iter().filter(same).map(|(_, v)| v.as_str())
    }

    /// The single value of a field.
    pub(crate) fn field<'a>(&'a self, name: &'a str) -> Field<'a> {
        let mut values = self.all(name);
        match (values.next(), values.next()) {
            (None, _) => Field::Absent,
            (Some(value), None) => Field::Once(value),
            (Some(_), Some(_)) => Field::Repeated,
        }
    }

    /// The first value of a field.
    pub(crate) fn first<'a>(&'a self, name: &'a str) -> Option<&'a str> {
        self.all(name).next()
    }

    /// Whether a field is there at all.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.all(name).next().is_some()
    }

    /// Whether a comma list field names `token`.
    pub(crate) fn lists(&self, name: &str, token: &str) -> bool {
        self.all(name).flat_map(|value| value.split(',')).any(|part| part.trim().eq_ignore_ascii_case(token))
    }

    /// The method the server acts on (T-009).
    pub(crate) fn effective_method(&self, overriding: bool) -> String {
        match self.first("X-HTTP-Method-Override") {
            Some(method) if overriding => method.to_ascii_uppercase(),
            _ => self.method.clone(),
        }
    }

    /// How the body is delimited (RFC 9112, 6); an error is a request nobody may send.
    pub(crate) fn framing(&self) -> Result<Framing, String> {
        match (self.field("Content-Length"), self.field("Transfer-Encoding")) {
            (Field::Absent, Field::Absent) => Ok(Framing::Nothing),
            (Field::Once(length), Field::Absent) => {
                number(length).map(Framing::Length).ok_or(format!("Content-Length is not a number: {length:?}"))
            }
            (Field::Absent, Field::Once(coding)) if coding.eq_ignore_ascii_case("chunked") => {
                if self.http10 {
                    return Err("Transfer-Encoding in an HTTP/1.0 request".into());
                }
                Ok(Framing::Chunked)
            }
            (Field::Absent, Field::Once(coding)) => Err(format!("unknown Transfer-Encoding {coding:?}")),
            (Field::Repeated, Field::Absent) => Err("Content-Length is repeated".into()),
            (Field::Absent, Field::Repeated) => Err("Transfer-Encoding is repeated".into()),
            _ => Err("both Content-Length and Transfer-Encoding".into()),
        }
    }
}

/// `1*DIGIT`, not above 2^63-1 (T-010).
pub(crate) fn number(text: &str) -> Option<u64> {
    if text.is_empty() || !text.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    text.parse().ok().filter(|n| *n <= i64::MAX as u64)
}

/// Splits at CR LF; a lone CR or LF is an error.
fn split_lines(text: &[u8]) -> Result<Vec<String>, String> {
    let text = String::from_utf8_lossy(text);
    let lines: Vec<String> = text.split("\r\n").map(str::to_owned).collect();
    match lines.iter().find(|line| line.contains(['\r', '\n', '\0'])) {
        Some(line) => Err(format!("a lone CR, LF or NUL in the head: {line:?}")),
        None => Ok(lines),
    }
}

/// `METHOD SP target SP HTTP/1.x`.
fn request_line(line: &str) -> Result<(String, String, bool), String> {
    let bad = || format!("bad request line {line:?}");
    let parts: Vec<&str> = line.split(' ').collect();
    let [method, target, version] = parts[..] else {
        return Err(bad());
    };
    let printable = target.bytes().all(|b| (0x21..0x7f).contains(&b));
    if !is_token(method) || target.is_empty() || !printable {
        return Err(bad());
    }
    let http10 = match version {
        "HTTP/1.1" => false,
        "HTTP/1.0" => true,
        _ => return Err(bad()),
    };
    Ok((method.to_owned(), target.to_owned(), http10))
}

/// `name: value`, value trimmed.
fn field(line: &str) -> Result<(String, String), String> {
    let bad = || format!("bad header line {line:?}");
    let (name, value) = line.split_once(':').ok_or_else(bad)?;
    let value = value.trim_matches([' ', '\t']);
    let control = |c: char| c.is_ascii_control() && c != '\t';
    if !is_token(name) || value.contains(control) {
        return Err(bad());
    }
    Ok((name.to_owned(), value.to_owned()))
}

/// An RFC 9110 token.
fn is_token(text: &str) -> bool {
    let tchar = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
    !text.is_empty() && text.bytes().all(tchar)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Head, String> {
        Head::parse(text.as_bytes())
    }

    #[test]
    fn fields_keep_their_order_and_case() {
        let head = parse("PATCH /f/1 HTTP/1.1\r\nHost: a\r\nx-A:  1 \r\nX-a: 2\r\n\r\n").unwrap();
        assert_eq!(head.headers[1], ("x-A".into(), "1".into()));
        assert_eq!(head.field("X-A"), Field::Repeated);
        assert_eq!(head.field("host"), Field::Once("a"));
    }

    #[test]
    fn strange_heads_are_refused() {
        for bad in [
            "GET / HTTP/1.1\nHost: a\r\n\r\n",
            "GET  / HTTP/1.1\r\n\r\n",
            "GET / HTTP/2\r\n\r\n",
            "GET / HTTP/1.1\r\nHost : a\r\n\r\n",
            "GET / HTTP/1.1\r\nA: b\r\n folded\r\n\r\n",
            "GET /\u{e9} HTTP/1.1\r\n\r\n",
            "GET / HTTP/1.1\r\nA: b\u{1}\r\n\r\n",
        ] {
            assert!(parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn framing_is_one_thing_or_the_other() {
        let framing = |fields: &str| {
            let head = parse(&format!("PATCH / HTTP/1.1\r\n{fields}\r\n")).unwrap();
            head.framing()
        };
        assert_eq!(framing(""), Ok(Framing::Nothing));
        assert_eq!(framing("Content-Length: 7\r\n"), Ok(Framing::Length(7)));
        assert_eq!(framing("Transfer-Encoding: chunked\r\n"), Ok(Framing::Chunked));
        assert!(framing("Content-Length: 7\r\nTransfer-Encoding: chunked\r\n").is_err());
        assert!(framing("Content-Length: +7\r\n").is_err());
        assert!(framing("Content-Length: 7\r\nContent-Length: 7\r\n").is_err());
    }

    #[test]
    fn numbers_are_digits_only() {
        assert_eq!(number("0"), Some(0));
        assert_eq!(number("9223372036854775807"), Some(i64::MAX as u64));
        for bad in ["", "-1", "+1", "1.0", " 1", "9223372036854775808", "0x1"] {
            assert_eq!(number(bad), None, "{bad:?}");
        }
    }
}
