//! Recognizing connections that speak another protocol.

/// Describes what the first bytes of a connection look like, for the log.
pub(crate) fn looks_like(bytes: &[u8]) -> &'static str {
    const METHODS: [&[u8]; 9] = [
        b"GET ", b"POST", b"HEAD", b"PUT ", b"OPTI", b"DELE", b"CONN", b"PATC", b"TRAC",
    ];
    if METHODS.iter().any(|method| bytes.starts_with(method)) {
        HTTP
    } else if bytes.starts_with(&[0x16, 0x03]) {
        "a TLS handshake"
    } else if bytes.starts_with(b"SSH-") {
        "an SSH client"
    } else {
        "nothing known"
    }
}

/// What [`looks_like`] returns for HTTP.
pub(crate) const HTTP: &str = "an HTTP request";

/// The answer to a web browser. Other protocols get none.
pub(crate) const HTTP_ANSWER: &[u8] = b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\n\
Content-Length: 66\r\nConnection: close\r\n\r\n\
This port serves laboratory instruments, it is not a web server.\r\n";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_announced_length_is_the_length() {
        let text = std::str::from_utf8(HTTP_ANSWER).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(
            head.contains(&format!("Content-Length: {}", body.len())),
            "{}",
            body.len()
        );
    }

    #[test]
    fn known_protocols_are_named() {
        assert_eq!(looks_like(b"GET / HTTP/1.1"), "an HTTP request");
        assert_eq!(looks_like(b"TRACE / HTTP/1.1"), "an HTTP request");
        assert_eq!(looks_like(&[0x16, 0x03, 0x01, 0x02]), "a TLS handshake");
        assert_eq!(looks_like(&[0, 1, 2, 3]), "nothing known");
    }
}
