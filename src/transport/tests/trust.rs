//! Whom the client trusts, and how it shows who it is.

use std::path::PathBuf;
use std::sync::Arc;

use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};

use super::peer::*;
use super::tls_peer::*;
use crate::error::ErrorKind;
use crate::transport::{BreakKind, ProxySetting, ProxyUrl, Settings, TlsSettings, Transport};

const NO_CONTENT: &str = "HTTP/1.1 204 No Content\r\n\r\n";

#[test]
fn servers_that_cannot_be_trusted_are_rejected() {
    let authority = new_authority();
    let good = Identity::signed_by(parameters(&["127.0.0.1"]), &authority);
    let other_name = Identity::signed_by(parameters(&["example.test"]), &authority);
    let old = Identity::signed_by(expired(parameters(&["127.0.0.1"])), &authority);
    let own = Identity::self_signed(parameters(&["127.0.0.1"]));
    let ours = client_trusting(&authority);
    let theirs = client_trusting(&new_authority());
    for (client, server, accepted) in [
        (&ours, &good, true),
        (&theirs, &good, false),
        (&ours, &other_name, false),
        (&ours, &old, false),
        (&ours, &own, false),
    ] {
        let peer = serve(server_config(server), |mut connection| {
            if connection.0.conn.complete_io(&mut connection.0.sock).is_ok() && connection.try_read_head().is_some() {
                connection.write(NO_CONTENT);
            }
        });
        match client.head(&https(&peer)) {
            Ok(received) => assert!(accepted && received.answer.status == 204),
            Err(broken) => {
                assert!(!accepted, "{broken:?}");
                assert_eq!(broken.kind, BreakKind::TlsRejected, "{broken:?}");
                assert!(broken.never_sent && broken.cause.is_some());
            }
        }
    }
}

#[test]
fn the_platforms_certificates_are_the_default() {
    let server = Identity::self_signed(parameters(&["127.0.0.1"]));
    let peer = serve_or_fail(server_config(&server));
    let broken = client_with(TlsSettings::default()).head(&https(&peer)).unwrap_err();
    assert_eq!(broken.kind, BreakKind::TlsRejected);
}

#[test]
fn verification_can_be_switched_off() {
    for server in [
        Identity::self_signed(parameters(&["example.test"])),
        Identity::self_signed(expired(authority(parameters(&[])))),
    ] {
        let peer = serve(server_config(&server), |mut connection| {
            connection.read_head();
            connection.write(NO_CONTENT);
        });
        let client = client_with(TlsSettings { verify: false, ..TlsSettings::default() });
        assert_eq!(client.head(&https(&peer)).unwrap().answer.status, 204);
    }
}

#[test]
fn a_servers_own_certificate_is_trusted_as_it_is() {
    for (parameters, accepted) in [
        (parameters(&["127.0.0.1"]), true),
        (authority(parameters(&["127.0.0.1"])), true),
        (authority(parameters(&["example.test"])), false),
        (expired(authority(parameters(&["127.0.0.1"]))), false),
        (expired(parameters(&["127.0.0.1"])), false),
    ] {
        let server = Identity::self_signed(parameters);
        let peer = serve(server_config(&server), |mut connection| {
            if connection.0.conn.complete_io(&mut connection.0.sock).is_ok() && connection.try_read_head().is_some() {
                connection.write(NO_CONTENT);
            }
        });
        let result = client_trusting(&server).head(&https(&peer));
        assert_eq!(
            result.as_ref().map(|_| true).map_err(|broken| broken.kind),
            match accepted {
                true => Ok(true),
                false => Err(BreakKind::TlsRejected),
            }
        );
    }
}

#[test]
fn the_client_shows_its_certificate() {
    let authority = new_authority();
    let server = Identity::signed_by(parameters(&["127.0.0.1"]), &authority);
    let user = Identity::signed_by(parameters(&["user"]), &authority);
    let stranger = Identity::self_signed(parameters(&["user"]));
    let mut roots = RootCertStore::empty();
    roots.add(authority.der.clone()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let ca_file = Temporary::with(&authority.pem);
    for (identity, accepted) in [(Some(&user), true), (Some(&stranger), false), (None, false)] {
        for versions in [&[&rustls::version::TLS13][..], &[&rustls::version::TLS12]] {
            let verifier =
                WebPkiClientVerifier::builder_with_provider(Arc::new(roots.clone()), provider.clone()).build().unwrap();
            let config = ServerConfig::builder_with_provider(provider.clone())
                .with_protocol_versions(versions)
                .unwrap()
                .with_client_cert_verifier(verifier)
                .with_single_cert(vec![server.der.clone()], server.private_key())
                .unwrap();
            let peer = serve(config, |mut connection| {
                if connection.0.conn.complete_io(&mut connection.0.sock).is_ok() {
                    connection.read_head();
                    connection.write(NO_CONTENT);
                } else {
                    let _ = connection.0.conn.write_tls(&mut connection.0.sock);
                }
            });
            let files = identity
                .map(|identity| (Temporary::with(&identity.pem), Temporary::with(&identity.key.serialize_pem())));
            let client = client_with(TlsSettings {
                ca_file: Some(ca_file.0.clone()),
                client_certificate: files.as_ref().map(|(chain, key)| (chain.0.clone(), key.0.clone())),
                ..TlsSettings::default()
            });
            let result = client.patch(&https(&peer), b"hello").map(|received| received.answer.status);
            match accepted {
                true => assert_eq!(result.unwrap(), 204),
                false => assert_eq!(result.unwrap_err().kind, BreakKind::TlsRejected),
            }
        }
    }
}

#[test]
fn bad_files_are_found_when_the_client_is_made() {
    let one = new_authority();
    let two = new_authority();
    let certificate = Temporary::with(&one.pem);
    let key = Temporary::with(&one.key.serialize_pem());
    let other_key = Temporary::with(&two.key.serialize_pem());
    let empty = Temporary::with("");
    let broken = Temporary::with("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
    let missing = PathBuf::from("/nonexistent/file.pem");
    let make = |ca: Option<&PathBuf>, identity: Option<(&PathBuf, &PathBuf)>| {
        let tls = TlsSettings {
            ca_file: ca.cloned(),
            client_certificate: identity.map(|(chain, key)| (chain.clone(), key.clone())),
            ..TlsSettings::default()
        };
        Transport::new(Settings { tls, ..settings() }).map(drop)
    };
    make(Some(&certificate.0), Some((&certificate.0, &key.0))).unwrap();
    for result in [
        make(Some(&missing), None),
        make(Some(&empty.0), None),
        make(Some(&key.0), None),
        make(Some(&broken.0), None),
        make(None, Some((&missing, &key.0))),
        make(None, Some((&certificate.0, &missing))),
        make(None, Some((&certificate.0, &other_key.0))),
        make(None, Some((&certificate.0, &certificate.0))),
        make(None, Some((&empty.0, &key.0))),
        make(None, Some((&broken.0, &key.0))),
    ] {
        let error = result.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Tls, "{error:?}");
    }
}

#[test]
fn old_versions_can_be_refused() {
    let authority = new_authority();
    let server = Identity::signed_by(parameters(&["127.0.0.1"]), &authority);
    let file = Temporary::with(&authority.pem);
    for allow_tls12 in [true, false] {
        let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_protocol_versions(&[&rustls::version::TLS12])
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![server.der.clone()], server.private_key())
            .unwrap();
        let peer = serve(config, |mut connection| {
            if connection.0.conn.complete_io(&mut connection.0.sock).is_ok() {
                connection.read_request();
                connection.write(NO_CONTENT);
            } else {
                let _ = connection.0.conn.write_tls(&mut connection.0.sock);
            }
        });
        let client = client_with(TlsSettings { ca_file: Some(file.0.clone()), allow_tls12, ..TlsSettings::default() });
        let result = client.patch(&https(&peer), &noise(2_000_000)).map(|received| received.answer.status);
        assert_eq!(
            result.map_err(|broken| broken.kind),
            if allow_tls12 { Ok(204) } else { Err(BreakKind::TlsRejected) }
        );
    }
}

/// The pin of an identity's key.
fn pin(identity: &Identity) -> [u8; 32] {
    use rcgen::PublicKeyData as _;
    let mut digest = crate::digest::Digest::new(crate::protocol::checksum::Algorithm::Sha256);
    digest.update(&identity.key.subject_public_key_info());
    digest.finish().try_into().unwrap()
}

/// The way a connection comes to its server.
#[derive(Debug, Clone, Copy)]
enum Way {
    Direct,
    Connect,
    Socks,
}

impl Way {
    fn proxy(self, peer: &Peer) -> ProxySetting {
        let scheme = match self {
            Way::Direct => return ProxySetting::None,
            Way::Connect => "http",
            Way::Socks => "socks5h",
        };
        ProxySetting::Url(ProxyUrl::parse(&format!("{scheme}://127.0.0.1:{}", peer.port)).unwrap())
    }

    /// What the proxy does before the connection is the server's.
    fn begin(self, connection: &mut Connection) {
        match self {
            Way::Direct => {}
            Way::Connect => {
                assert!(connection.read_head().starts_with("CONNECT 127.0.0.1:"));
                connection.write("HTTP/1.1 200 OK\r\n\r\n");
            }
            Way::Socks => {
                connection.read(3);
                std::io::Write::write_all(&mut connection.0, b"\x05\x00").unwrap();
                connection.read(4 + 4 + 2);
                std::io::Write::write_all(&mut connection.0, &[5, 0, 0, 1, 0, 0, 0, 0, 0, 0]).unwrap();
            }
        }
    }
}

/// Switching verification off says that any certificate will do, not that its key need not be the server's.
#[test]
fn a_server_without_the_key_of_its_certificate_is_always_rejected() {
    let authority = new_authority();
    let real = Identity::signed_by(parameters(&["127.0.0.1"]), &authority);
    let other = Identity::signed_by(parameters(&["127.0.0.1"]), &authority);
    let file = Temporary::with(&authority.pem);
    for way in [Way::Direct, Way::Connect, Way::Socks] {
        for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
            for (verify, pinned) in [(true, false), (true, true), (false, false), (false, true)] {
                for (signing, holds_the_key) in [(&real, true), (&other, false)] {
                    let config = Arc::new(impostor_config(&real, signing, version));
                    let peer = Peer::once(move |mut connection| {
                        way.begin(&mut connection);
                        let mut connection = encrypt(&config, connection);
                        let shaken = connection.0.conn.complete_io(&mut connection.0.sock).is_ok();
                        if shaken && connection.try_read_head().is_some() {
                            assert!(holds_the_key, "a request was sent to an impostor");
                            connection.write(NO_CONTENT);
                        }
                    });
                    let tls = TlsSettings {
                        ca_file: verify.then(|| file.0.clone()),
                        verify,
                        pinned_keys: if pinned { vec![pin(&real)] } else { Vec::new() },
                        ..TlsSettings::default()
                    };
                    let client = Client::new(Settings { tls, proxy: way.proxy(&peer), ..settings() });
                    let result = client.head(&https(&peer)).map(|received| received.answer.status);
                    let case = format!("{way:?}, {version:?}, verify {verify}, pinned {pinned}");
                    match holds_the_key {
                        true => assert_eq!(result.unwrap(), 204, "{case}"),
                        false => assert_eq!(result.unwrap_err().kind, BreakKind::TlsRejected, "{case}"),
                    }
                }
            }
        }
    }
}

#[test]
fn only_pinned_keys_are_talked_to() {
    let authority = new_authority();
    let server = Identity::signed_by(parameters(&["127.0.0.1"]), &authority);
    let file = Temporary::with(&authority.pem);
    let its = pin(&server);
    let other = [7; 32];
    // Verification that is switched off leaves the pins: then the key alone says who it is.
    for (pins, verify, accepted) in [
        (vec![its], true, true),
        (vec![other, its], true, true),
        (vec![other], true, false),
        (vec![other], false, false),
    ] {
        let peer = serve(server_config(&server), |mut connection| {
            if connection.0.conn.complete_io(&mut connection.0.sock).is_ok() && connection.try_read_head().is_some() {
                connection.write(NO_CONTENT);
            }
        });
        let ca_file = Some(file.0.clone());
        let client = client_with(TlsSettings { ca_file, verify, pinned_keys: pins, ..TlsSettings::default() });
        let status = client.head(&https(&peer)).map(|received| received.answer.status).map_err(|broken| broken.kind);
        assert_eq!(status, if accepted { Ok(204) } else { Err(BreakKind::TlsRejected) });
    }
}
