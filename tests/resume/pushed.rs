//! Sources that the program writes while they are uploaded.

use std::time::Duration;

use tus::engine::client::Client;
use tus::engine::info::UploadInfo;
use tus::error::{Error, ErrorKind};
use tus::source::Source;
use tus_test_server::{Ending, Rule};

use crate::fixture::*;

/// Far longer than anything here takes.
const LONG: Option<Duration> = Some(Duration::from_secs(60));

#[test]
fn what_is_written_survives_what_breaks() {
    for size in [None, Some(3500)] {
        for nth in 1..=4 {
            let (server, bytes) = (server(), noise(3500, 120));
            server.script(Rule::on("PATCH").nth(nth).cut_body(450, Ending::Rst));
            let (writer, mut source) = Source::push(size, 100).unwrap();
            let client = Client::new(config_to(&server.endpoint())).unwrap();
            let done = std::thread::scope(|scope| {
                scope.spawn(|| {
                    for piece in bytes.chunks(777) {
                        writer.write(piece, LONG).1.unwrap();
                    }
                    writer.finish().unwrap();
                });
                client.upload(&mut source, &options()).unwrap()
            });
            assert_stored(&server, &done, &bytes);
            assert_clean(&server);
        }
    }
}

/// Whichever operation it was, and wherever it failed.
#[test]
fn a_writer_is_told_when_the_operation_is_over() {
    type Operation = fn(&Client, &mut Source) -> Result<UploadInfo, Error>;
    let operations: [(Operation, bool); 3] = [
        (|client, source| client.upload(source, &options()), true),
        (|client, source| client.create_partial_upload(source, &options()), true),
        (|client, source| client.resume_upload(source, "nothing", &options()), false),
    ];
    for (operation, creates) in operations {
        let (server, bytes) = (server(), noise(3500, 121));
        if creates {
            server.script(Rule::on("POST").reply(413));
        }
        let (writer, mut source) = Source::push(Some(3500), 100).unwrap();
        let client = Client::new(config_to(&server.endpoint())).unwrap();
        std::thread::scope(|scope| {
            let giver = scope.spawn(|| writer.write(&bytes, LONG));
            operation(&client, &mut source).unwrap_err();
            let (taken, result) = giver.join().unwrap();
            assert_eq!(result.unwrap_err().kind(), ErrorKind::InvalidState);
            // With the next one it goes on.
            let rest = &bytes[taken..];
            let writer = &writer;
            scope.spawn(move || {
                let mut rest = rest;
                while !rest.is_empty() {
                    rest = &rest[writer.write(rest, LONG).0..];
                    std::thread::yield_now();
                }
            });
            let done = client.upload(&mut source, &options()).unwrap();
            assert_stored(&server, &done, &bytes);
            assert_clean(&server);
        });
    }
}
