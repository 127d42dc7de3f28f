//! Interim answers (1xx): before, during and after the body, with fields and without (T-033).

use super::peer::*;
use crate::transport::BreakKind;

const EACH: &str = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 100 Continue\r\nX-A: 1\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n\
    HTTP/1.1 103 Early Hints\r\nLink: </x>\r\nLink: </y>\r\n\r\nHTTP/1.1 104 Upload Resumption Supported\r\n\
    Upload-Offset: 5\r\n\r\n";

#[test]
fn all_of_them_are_skipped_and_kept() {
    let peer = Peer::once(|mut connection| {
        for _ in 0..3 {
            connection.read_request();
            connection.write(EACH);
            connection.write("HTTP/1.1 204 No Content\r\n\r\n");
        }
    });
    let client = client();
    for round in 0..3 {
        let received = match round {
            0 => client.head(&peer.url()),
            1 => client.patch(&peer.url(), b"hello"),
            _ => client.patch_from(&peer.url(), &mut OnDisk::with(&noise(300_000)), 300_000),
        }
        .unwrap();
        assert_eq!(received.answer.status, 204);
        let statuses: Vec<_> = received.interim.iter().map(|answer| answer.status).collect();
        assert_eq!(statuses, [100, 100, 102, 103, 104]);
        assert_eq!(received.interim[1].headers.get("x-a"), Some("1"));
        assert_eq!(received.interim[3].headers.all("link").count(), 2);
        assert_eq!(received.interim[4].headers.get("Upload-Offset"), Some("5"));
        assert!(!received.early);
    }
}

#[test]
fn they_may_come_while_the_body_goes_out() {
    const LENGTH: usize = 40 << 20;
    for by_kernel in [false, true] {
        let peer = Peer::once(|mut connection| {
            connection.read_head();
            connection.write("HTTP/1.1 104 \r\nUpload-Offset: 0\r\n\r\n");
            for part in 1..=4 {
                connection.read(LENGTH / 4);
                connection.write(&format!("HTTP/1.1 104 \r\nUpload-Offset: {part}\r\n\r\n"));
            }
            connection.write("HTTP/1.1 204 \r\n\r\n");
        });
        let received = if by_kernel {
            client().patch_from(&peer.url(), &mut OnDisk::with(&vec![7; LENGTH]), LENGTH as u64)
        } else {
            client().patch_from(&peer.url(), &mut Zeros, LENGTH as u64)
        };
        let received = received.unwrap();
        assert_eq!((received.answer.status, received.early, received.body_sent), (204, false, LENGTH as u64));
        let offsets: Vec<_> =
            received.interim.iter().filter_map(|answer| answer.headers.get("upload-offset")).collect();
        assert_eq!(offsets, ["0", "1", "2", "3", "4"]);
    }
}

#[test]
fn they_are_limited() {
    for (count, size) in [(65, 0), (3, 30_000)] {
        let peer = Peer::once(move |mut connection| {
            connection.read_head();
            let one = format!("HTTP/1.1 102 \r\nA: {}\r\n\r\n", "x".repeat(size));
            connection.write(&one.repeat(count));
            connection.read_to_end();
        });
        assert_eq!(client().get(&peer.url()).unwrap_err().kind, BreakKind::NotHttp);
    }
}

#[test]
fn switching_protocols_unasked_is_an_error_during_the_body_too() {
    let peer = Peer::once(|mut connection| {
        connection.read_head();
        connection.write("HTTP/1.1 101 Switching\r\nUpgrade: x\r\n\r\n");
        connection.read_to_end();
    });
    let broken = client().patch_from(&peer.url(), &mut Zeros, 1 << 40).unwrap_err();
    assert_eq!(broken.kind, BreakKind::NotHttp);
}
