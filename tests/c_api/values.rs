//! Strings and numbers that are refused, and those at their limits that are not.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tus_test_server::Rule;

use crate::story::{How, Story};
use crate::wire::{assert_clean, assert_untouched, assert_uploads, assert_wire};

stories!(
    valgrind: remembered;
    rest: urls, headers, metadata_values, encodings, chunks, proxies, userinfo, metadata_keys, utf8, times,
        endless_waits, deadline, without_url,
);

fn urls(how: How) {
    let story = Story::new(how, "texts.c", "urls");
    if story.passes() {
        assert_untouched(&story.server);
    }
}

fn proxies(how: How) {
    let story = Story::new(how, "texts.c", "proxies");
    if story.passes() {
        assert_untouched(&story.server);
    }
}

fn userinfo(how: How) {
    let story = Story::new(how, "texts.c", "userinfo");
    story.server.script(Rule::on("HEAD").reply(401));
    if !story.passes() {
        return;
    }
    assert_wire(&story.server, &["OPTIONS 204", "POST 201", "PATCH 204", "HEAD 401"]);
    let basic = format!("Basic {}", STANDARD.encode("us@er:pass:word"));
    for request in story.server.requests() {
        assert_eq!(request.header_all("Authorization"), [basic.as_str()]);
        assert!(!request.target.contains("pass"), "{}", request.target);
        assert!(!request.header("Host").unwrap().contains('@'));
    }
    assert_clean(&story.server);
}

fn headers(how: How) {
    let story = Story::new(how, "texts.c", "headers");
    if !story.passes() {
        return;
    }
    assert_wire(&story.server, &["OPTIONS 204", "POST 201", "PATCH 204"]);
    for request in story.server.requests() {
        let names: Vec<_> = request.headers.iter().map(|(name, _)| name.to_ascii_lowercase()).collect();
        assert!(!names.iter().any(|name| name.contains("evil") || name == "x-gone"), "{names:?}");
        assert_eq!(request.header_all("Host").len(), 1);
        assert_eq!(request.header("X-Good"), Some("grüß 😀"));
        assert_eq!(request.header_all("X-Good-2"), ["two"]);
        assert_eq!(request.header_all("X-Empty"), [""]);
    }
    assert_clean(&story.server);
}

fn metadata_keys(how: How) {
    let story = Story::new(how, "texts.c", "metadata_keys");
    if story.passes() {
        assert_untouched(&story.server);
    }
}

fn metadata_values(how: How) {
    let story = Story::new(how, "texts.c", "metadata_values");
    if !story.passes() {
        return;
    }
    assert_wire(&story.server, &["OPTIONS 204", "POST 201", "PATCH 204", "POST 201", "PATCH 204"]);
    let expected: [(&str, &[u8]); 8] = [
        ("twice", b"second"),
        ("raw", b"line 1\r\nline 2\0\xff\xfe, a b\0"),
        ("emoji", "😀 €".as_bytes()),
        ("crlf", b"a\r\nX-Evil: 1"),
        ("nothing", b""),
        ("empty", b""),
        ("Twice", b"another key"),
        ("!#%&'*+-.^_`|~:;=?@", b"visible"),
    ];
    let pair = |(key, value): (&str, &[u8])| match value {
        b"" => key.to_owned(),
        value => format!("{key} {}", STANDARD.encode(value)),
    };
    let expected = expected.map(pair).join(",");
    let uploads = story.server.uploads();
    assert_eq!(uploads[0].metadata.as_deref(), Some(expected.as_str()));
    let large = format!("{expected},large {}", STANDARD.encode([b'x'; 10240]));
    assert_eq!(uploads[1].metadata.as_deref(), Some(large.as_str()));
    // The server minds the size (T-049), which was asked for, and nothing else.
    let violations: Vec<_> = story.server.violations().iter().map(|violation| violation.rule).collect();
    assert_eq!(violations, ["T-049"]);
}

fn encodings(how: How) {
    let story = Story::new(how, "texts.c", "encodings");
    if story.passes() {
        assert_wire(&story.server, &["OPTIONS 204", "POST 201", "PATCH 204", "POST 201", "PATCH 204"]);
        let text = format!("text {}", STANDARD.encode(b"gr\xfc\xdf"));
        let name = format!("filename {}", STANDARD.encode("日"));
        let metadata: Vec<_> = story.server.uploads().into_iter().filter_map(|upload| upload.metadata).collect();
        assert_eq!(metadata, [text, name]);
        assert_clean(&story.server);
    }
}

fn utf8(how: How) {
    let story = Story::new(how, "texts.c", "utf8");
    if !story.passes() {
        return;
    }
    let mut expected = ["OPTIONS 204", "POST 201", "PATCH 204"].repeat(5);
    expected.extend(["OPTIONS 204", "POST 201", "PATCH 204"]);
    assert_wire(&story.server, &expected);
    let metadata = format!("filename {}", STANDARD.encode(b"na\xefve"));
    let uploads = story.server.uploads();
    assert!(uploads.iter().any(|upload| upload.metadata.as_deref() == Some(metadata.as_str())));
    assert!(story.server.requests().iter().all(|request| request.header("X-Evil").is_none()));
    assert_clean(&story.server);
}

fn chunks(how: How) {
    let story = Story::new(how, "numbers.c", "chunks");
    if !story.passes() {
        return;
    }
    let lengths: Vec<_> = story.server.requests().iter().map(|request| request.body_len).collect();
    assert_eq!(lengths, [0, 1, 1, 1, 0, 2, 1, 0, 3, 0, 3, 0, 3, 0, 3, 0, 3]);
    assert!(story.server.uploads().iter().all(|upload| upload.finished));
    assert_clean(&story.server);
}

fn times(how: How) {
    let story = Story::new(how, "numbers.c", "times");
    if story.passes() {
        assert_wire(&story.server, &["OPTIONS 204", "POST 201", "PATCH 204"].repeat(2));
        assert_clean(&story.server);
    }
}

fn endless_waits(how: How) {
    let story = Story::new(how, "numbers.c", "endless_waits");
    story.server.script(Rule::on("POST").times(2).reply(503));
    if story.passes() {
        assert_wire(&story.server, &["OPTIONS 204", "POST 503"].repeat(2));
        assert_uploads(&story.server, &[]);
        assert_clean(&story.server);
    }
}

fn deadline(how: How) {
    let story = Story::new(how, "numbers.c", "deadline");
    story.server.script(Rule::on("POST").hang_after_head());
    story.server.script(Rule::on("POST").reply(503));
    if story.passes() {
        assert_wire(&story.server, &["OPTIONS 204", "POST -", "POST 503"]);
        assert_uploads(&story.server, &[]);
        assert_clean(&story.server);
    }
}

fn remembered(how: How) {
    let story = Story::new(how, "numbers.c", "remembered");
    if story.passes() {
        assert_untouched(&story.server);
    }
}

fn without_url(how: How) {
    let story = Story::new(how, "numbers.c", "without_url");
    if story.passes() {
        assert_wire(&story.server, &["OPTIONS 204", "POST 201", "PATCH 204", "HEAD 200", "HEAD 200", "DELETE 204"]);
        assert_clean(&story.server);
    }
}
