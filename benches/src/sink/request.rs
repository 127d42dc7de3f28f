//! The head of a request, as far as the server cares.

/// What a head says.
pub(super) struct Request<'a> {
    pub(super) method: &'a str,
    pub(super) path: &'a str,
    pub(super) content_length: u64,
    pub(super) upload_length: Option<u64>,
    pub(super) upload_offset: Option<u64>,
    /// Anything that the server does not understand: chunked bodies, numbers that are none.
    pub(super) strange: bool,
    pub(super) close: bool,
}

impl<'a> Request<'a> {
    /// Reads a head that is complete.
    pub(super) fn parse(head: &'a str) -> Self {
        let mut lines = head.split("\r\n");
        let mut first = lines.next().unwrap_or_default().split(' ');
        let mut request = Self {
            method: first.next().unwrap_or_default(),
            path: first.next().unwrap_or_default(),
            content_length: 0,
            upload_length: None,
            upload_offset: None,
            strange: false,
            close: false,
        };
        for (name, value) in lines.filter_map(|line| line.split_once(':')) {
            request.take(name, value.trim());
        }
        request
    }

    fn take(&mut self, name: &str, value: &str) {
        let is = |other: &str| name.eq_ignore_ascii_case(other);
        if is("content-length") {
            self.content_length = self.number(value);
        } else if is("upload-length") {
            self.upload_length = Some(self.number(value));
        } else if is("upload-offset") {
            self.upload_offset = Some(self.number(value));
        } else if is("transfer-encoding") || is("expect") {
            self.strange = true;
        } else if is("connection") {
            self.close = value.eq_ignore_ascii_case("close");
        }
    }

    fn number(&mut self, value: &str) -> u64 {
        value.parse().unwrap_or_else(|_| {
            self.strange = true;
            0
        })
    }
}
