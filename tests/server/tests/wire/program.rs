//! The server as a program.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Command, Stdio};

use crate::client::request;

#[test]
fn it_prints_its_endpoint_and_ends_with_its_input() {
    let scratch = crate::client::server().dir().with_extension("program");
    std::fs::create_dir_all(&scratch).unwrap();
    let port_file = scratch.join("port");
    let mut program = Command::new(env!("CARGO_BIN_EXE_tus-test-server"))
        .args(["--until-stdin-eof", "--quiet", "--max-size", "10", "--throttle", "1000000"])
        .arg("--port-file")
        .arg(&port_file)
        .arg("--dir")
        .arg(scratch.join("uploads"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(program.stdout.take().unwrap()).read_line(&mut line).unwrap();
    // The file comes after the line; the first answer says that both are there.
    let address = line.trim().strip_prefix("http://").unwrap().trim_end_matches("/files/").to_owned();
    let mut stream = TcpStream::connect(&address).unwrap();
    let wire = request("POST", "/files/", "Upload-Length: 11\r\nConnection: close\r\n", b"");
    stream.write_all(&wire).unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    assert!(text.starts_with("HTTP/1.1 413 "), "{text}");
    drop(program.stdin.take());
    assert!(program.wait().unwrap().success());
    let port = std::fs::read_to_string(&port_file).unwrap();
    assert!(address.ends_with(&format!(":{}", port.trim())));
    std::fs::remove_dir_all(scratch).unwrap();
}

#[test]
fn it_explains_itself() {
    let output = Command::new(env!("CARGO_BIN_EXE_tus-test-server")).arg("--nonsense").output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8(output.stderr).unwrap().contains("usage: tus-test-server"));
}
