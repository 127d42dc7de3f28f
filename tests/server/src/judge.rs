//! What the head of a request alone says about the client: rules kept and rules broken.
//!
//! Looks at one request at a time and at nothing the server stores; never answers. The first
//! finding with a status decides the refusal, all of them go into the log.

use crate::checksum;
use crate::head::{Field, Framing, Head, number};
use crate::log::Level;
use crate::metadata;
use crate::options::Options;

/// The media type of upload bytes (T-020).
const OFFSET_TYPE: &str = "application/offset+octet-stream";

/// One thing that is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Finding {
    pub(crate) rule: &'static str,
    pub(crate) level: Level,
    pub(crate) text: String,
    /// The refusal it calls for, if any.
    pub(crate) status: Option<u32>,
}

/// Collects findings about one request.
struct Judge<'j> {
    head: &'j Head,
    options: &'j Options,
    findings: Vec<Finding>,
}

/// Judges a request; `method` is the effective one.
pub(crate) fn judge(head: &Head, method: &str, options: &Options) -> Vec<Finding> {
    let mut judge = Judge { head, options, findings: Vec::new() };
    judge.http();
    match method {
        "OPTIONS" => judge.no_version(),
        "POST" => {
            judge.version();
            judge.post();
        }
        "HEAD" => {
            judge.version();
            judge.no_body("T-011");
            for (name, _) in &head.headers {
                if name.to_ascii_lowercase().starts_with("upload-") {
                    judge.should("T-011", format!("HEAD with {name}"));
                }
            }
        }
        "PATCH" => {
            judge.version();
            judge.patch();
        }
        "DELETE" => {
            judge.version();
            judge.no_body("T-110");
            if !options.extensions.termination {
                judge.refuse("T-007", Level::Should, 405, "termination is off".into());
            }
        }
        _ => {}
    }
    judge.findings
}

impl Judge<'_> {
    fn refuse(&mut self, rule: &'static str, level: Level, status: u32, text: String) {
        self.findings.push(Finding { rule, level, text, status: Some(status) });
    }

    fn must(&mut self, rule: &'static str, status: u32, text: String) {
        self.refuse(rule, Level::Must, status, text);
    }

    fn should(&mut self, rule: &'static str, text: String) {
        self.findings.push(Finding { rule, level: Level::Should, text, status: None });
    }

    /// Rules every HTTP/1.1 request keeps.
    fn http(&mut self) {
        if !self.head.http10 && self.head.field("Host") == Field::Absent {
            self.must("H", 400, "no Host".into());
        }
        if self.head.field("Host") == Field::Repeated {
            self.must("H", 400, "Host is repeated".into());
        }
        if let Err(text) = self.head.framing() {
            self.must("T-022", 400, text);
        }
    }

    /// T-001: exactly one `Tus-Resumable: 1.0.0`.
    fn version(&mut self) {
        match self.head.field("Tus-Resumable") {
            Field::Once("1.0.0") => {}
            other => self.must("T-001", 412, format!("Tus-Resumable is {other:?}")),
        }
    }

    /// T-002: OPTIONS goes without it.
    fn no_version(&mut self) {
        if self.head.has("Tus-Resumable") {
            self.should("T-002", "OPTIONS with Tus-Resumable".into());
        }
    }

    fn no_body(&mut self, rule: &'static str) {
        let empty = matches!(self.head.framing(), Ok(Framing::Nothing | Framing::Length(0)) | Err(_));
        if !empty {
            let text = format!("{} with a body", self.head.method);
            self.must(rule, 400, text);
        }
    }

    /// An integer field (T-010); None if absent or refused.
    fn integer(&mut self, name: &str) -> Option<u64> {
        match self.head.field(name) {
            Field::Absent => None,
            Field::Repeated => {
                self.must("T-010", 400, format!("{name} is repeated"));
                None
            }
            Field::Once(text) => {
                let value = number(text);
                if value.is_none() {
                    self.must("T-010", 400, format!("{name} is not a number: {text:?}"));
                }
                value
            }
        }
    }

    fn post(&mut self) {
        let on = self.options.extensions;
        if !on.creation {
            self.refuse("T-007", Level::Should, 405, "creation is off".into());
        }
        let final_upload = self.concat();
        self.lengths(final_upload);
        self.metadata();
        self.post_body(final_upload);
        self.checksum(true);
    }

    /// `Upload-Concat` (T-120, T-121); whether it asks for a final upload.
    fn concat(&mut self) -> bool {
        let value = match self.head.field("Upload-Concat") {
            Field::Absent => return false,
            Field::Repeated => {
                self.must("T-121", 400, "Upload-Concat is repeated".into());
                return false;
            }
            Field::Once(value) => value,
        };
        if !self.options.extensions.concatenation {
            let text = "concatenation is off".into();
            self.refuse("T-007", Level::Should, 501, text);
        }
        match value.strip_prefix("final;") {
            Some(list) => {
                if list.split(' ').any(str::is_empty) {
                    let text = format!("blanks in Upload-Concat: {value:?}");
                    self.must("T-121", 400, text);
                }
                true
            }
            None => {
                if value != "partial" {
                    self.must("T-120", 400, format!("Upload-Concat is {value:?}"));
                }
                false
            }
        }
    }

    /// T-040: exactly one of length and deferral; neither in a final upload.
    fn lengths(&mut self, final_upload: bool) {
        let length = self.head.has("Upload-Length");
        let defer = self.head.has("Upload-Defer-Length");
        self.integer("Upload-Length");
        match (final_upload, length, defer) {
            (true, false, false) | (false, true, false) => {}
            (true, ..) => {
                let text = "a final upload with a length".into();
                self.must("T-121", 400, text);
            }
            (false, true, true) => {
                let text = "both Upload-Length and Upload-Defer-Length".into();
                self.must("T-040", 400, text);
            }
            (false, false, false) => {
                let text = "neither Upload-Length nor Upload-Defer-Length".into();
                self.must("T-040", 400, text);
            }
            (false, false, true) => {
                let value = self.head.field("Upload-Defer-Length");
                if value != Field::Once("1") {
                    self.must("T-070", 400, format!("Upload-Defer-Length is {value:?}"));
                }
                if !self.options.extensions.creation_defer_length {
                    let text = "creation-defer-length is off".into();
                    self.refuse("T-007", Level::Should, 501, text);
                }
            }
        }
    }

    fn metadata(&mut self) {
        match self.head.field("Upload-Metadata") {
            Field::Absent => {}
            Field::Repeated => self.must("T-046", 400, "Upload-Metadata is repeated".into()),
            Field::Once(value) => {
                if let Err(text) = metadata::check(value) {
                    self.must("T-046", 400, text);
                }
                if value.len() > 4096 {
                    let text = format!("{} bytes of Upload-Metadata", value.len());
                    self.should("T-049", text);
                }
            }
        }
    }

    /// T-041, T-060, T-064: what a POST may carry.
    fn post_body(&mut self, final_upload: bool) {
        let offset_type = self.head.field("Content-Type") == Field::Once(OFFSET_TYPE);
        match self.head.framing() {
            Ok(Framing::Nothing) => {
                self.should("T-041", "POST without Content-Length".into());
            }
            Ok(Framing::Length(0)) if offset_type => {
                self.should("T-041", format!("empty POST with Content-Type {OFFSET_TYPE}"));
            }
            Ok(Framing::Length(0)) | Err(_) => {}
            Ok(_) if final_upload => {
                self.must("T-064", 403, "a final upload with a body".into());
            }
            Ok(_) if !self.options.extensions.creation_with_upload => {
                self.should("T-007", "POST with a body, creation-with-upload is off".into());
            }
            Ok(_) if !offset_type => {
                let text = format!("Content-Type is {:?}", self.head.field("Content-Type"));
                self.must("T-060", 415, text);
            }
            Ok(_) => {}
        }
    }

    fn patch(&mut self) {
        let content_type = self.head.field("Content-Type");
        if content_type != Field::Once(OFFSET_TYPE) {
            self.must("T-020", 415, format!("Content-Type is {content_type:?}"));
        }
        if !self.head.has("Upload-Offset") {
            self.must("T-021", 400, "no Upload-Offset".into());
        }
        self.integer("Upload-Offset");
        self.integer("Upload-Length");
        for name in ["Upload-Defer-Length", "Upload-Metadata", "Upload-Concat"] {
            if self.head.has(name) {
                self.should("T-070", format!("PATCH with {name}"));
            }
        }
        match self.head.framing() {
            Ok(Framing::Nothing) => {
                self.must("T-022", 411, "PATCH without Content-Length".into());
            }
            Ok(Framing::Length(0)) if !self.head.has("Upload-Length") => {
                self.should("T-022", "an empty PATCH that says no length".into());
            }
            _ => {}
        }
        self.checksum(false);
    }

    /// T-090, T-091, T-100.
    fn checksum(&mut self, creation: bool) {
        let on = self.options.extensions;
        let trailing = self.head.lists("Trailer", "Upload-Checksum");
        if trailing && !on.checksum_trailer {
            self.should("T-007", "checksum-trailer is off".into());
        }
        if trailing && self.head.has("Upload-Checksum") {
            let text = "Upload-Checksum as a field and as a trailer".into();
            self.must("T-100", 400, text);
        }
        if trailing && self.head.framing() != Ok(Framing::Chunked) {
            self.must("T-100", 400, "Trailer without chunked coding".into());
        }
        match self.head.field("Upload-Checksum") {
            Field::Absent => {}
            _ if !on.checksum => self.should("T-007", "checksum is off".into()),
            Field::Repeated => self.must("T-091", 400, "Upload-Checksum is repeated".into()),
            Field::Once(value) => {
                if let Err(text) = checksum::parse(value, &self.options.algorithms) {
                    self.must("T-091", 400, text);
                }
                if creation {
                    self.should("T-095", "Upload-Checksum in a POST".into());
                }
            }
        }
    }
}
