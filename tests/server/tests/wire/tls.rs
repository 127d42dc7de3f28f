//! HTTPS with certificates made on the spot.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use tus_test_server::{Certificate, Ending, Options, Rule, Server, TlsOptions};

use crate::client::{PATIENCE, request, start};

fn secure(certificate: Certificate, client_certificate: bool) -> Server {
    let tls = Some(TlsOptions { certificate, client_certificate });
    start(Options { tls, ..Options::default() })
}

/// Sends an OPTIONS and returns what comes back.
fn ask(server: &Server, show_certificate: bool) -> Result<String, String> {
    let files = server.tls().unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(files.ca_pem.as_bytes()).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let builder = builder.with_root_certificates(roots);
    let config = if show_certificate {
        let chain = vec![CertificateDer::from_pem_slice(files.client_pem.as_bytes()).unwrap()];
        let key = PrivateKeyDer::from_pem_slice(files.client_key_pem.as_bytes()).unwrap();
        builder.with_client_auth_cert(chain, key).unwrap()
    } else {
        builder.with_no_client_auth()
    };
    let name = ServerName::try_from("127.0.0.1").unwrap();
    let session = ClientConnection::new(Arc::new(config), name).unwrap();
    let socket = TcpStream::connect(server.address()).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut stream = StreamOwned::new(session, socket);
    let wire = request("OPTIONS", "/files/", "Connection: close\r\n", b"");
    stream.write_all(&wire).map_err(|error| error.to_string())?;
    let mut text = String::new();
    stream.read_to_string(&mut text).map_err(|error| error.to_string())?;
    Ok(text)
}

#[test]
fn a_good_certificate() {
    let server = secure(Certificate::Good, false);
    assert!(server.endpoint().starts_with("https://127.0.0.1:"));
    assert!(ask(&server, false).unwrap().starts_with("HTTP/1.1 204"));
}

#[test]
fn bad_certificates() {
    for certificate in [Certificate::Expired, Certificate::WrongName, Certificate::Untrusted] {
        let server = secure(certificate, false);
        let error = ask(&server, false).unwrap_err();
        assert!(error.contains("certificate"), "{certificate:?}: {error}");
        assert!(server.requests().is_empty());
    }
}

#[test]
fn client_certificates() {
    let server = secure(Certificate::Good, true);
    assert!(ask(&server, true).unwrap().starts_with("HTTP/1.1 204"));
    assert!(ask(&server, false).is_err());
    assert_eq!(server.requests().len(), 1);
}

#[test]
fn a_handshake_cut_in_the_middle() {
    let server = secure(Certificate::Good, false);
    server.script(Rule::on_connection().cut_request(20, Ending::Rst));
    assert!(ask(&server, false).is_err());
    assert!(ask(&server, false).is_ok());
}

#[test]
fn a_cut_answer_is_no_goodbye() {
    let server = secure(Certificate::Good, false);
    server.script(Rule::on("OPTIONS").cut_response(10, Ending::Fin));
    let error = ask(&server, false).unwrap_err();
    assert!(error.contains("close_notify"), "{error}");
}
