//! Header names as they are best sent: in the usual capitals, or as the caller wrote them.
//!
//! Names compare without case (RFC 9110 section 5.1), and ureq writes them in lower case. Some proxies and servers look
//! for `Proxy-Authorization` or `Content-Length` as they have always been written.

/// Gives the names in a finished request head their capitals: those of `given`, and of all others the first letter of
/// each word.
pub(super) fn restore(head: &mut [u8], given: &[String]) {
    for line in head.split_mut(|byte| *byte == b'\n').skip(1) {
        let Some(colon) = line.iter().position(|byte| *byte == b':') else { continue };
        let name = &mut line[..colon];
        match given.iter().find(|given| given.as_bytes().eq_ignore_ascii_case(name)) {
            Some(given) => name.copy_from_slice(given.as_bytes()),
            None => {
                for word in name.split_mut(|byte| *byte == b'-') {
                    word.iter_mut().take(1).for_each(|letter| letter.make_ascii_uppercase());
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_get_their_capitals_and_values_keep_theirs() {
        let mut head = b"PATCH /a:b HTTP/1.1\r\nhost: h:1\r\nx-http-method-override: patch\r\ncontent-length: 5\r\n\
            authorization: a-b\r\n-: x\r\n\r\n"
            .to_vec();
        let given = ["X-HTTP-Method-Override", "AUTHORIZATION"].map(str::to_owned);
        restore(&mut head, &given);
        assert_eq!(
            String::from_utf8(head).unwrap(),
            "PATCH /a:b HTTP/1.1\r\nHost: h:1\r\nX-HTTP-Method-Override: patch\r\nContent-Length: 5\r\n\
             AUTHORIZATION: a-b\r\n-: x\r\n\r\n"
        );
    }
}
