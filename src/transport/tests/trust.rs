//! Whom the client trusts, and how it shows who it is.

use std::path::PathBuf;
use std::sync::Arc;

use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};

use super::peer::*;
use super::tls_peer::*;
use crate::error::ErrorKind;
use crate::transport::{
    Body, BreakKind, PlatformCertificates, ProxySetting, ProxyUrl, Request, Settings, TlsSettings, Transport,
};

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

/// A certificate with the name that `Identity::signed_by` gives to every issuer, for the server at 127.0.0.1 too.
fn named_like_an_issuer(change: impl FnOnce(&mut rcgen::CertificateParams)) -> Identity {
    let mut named = parameters(&["127.0.0.1"]);
    named.distinguished_name = parameters_of_issuer().distinguished_name;
    change(&mut named);
    Identity::self_signed(named)
}

#[test]
fn only_a_certificate_that_may_sign_others_is_an_authority() {
    use rcgen::{BasicConstraints, ExtendedKeyUsagePurpose, IsCa, KeyUsagePurpose};
    let ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let usable = |change: &dyn Fn(&mut rcgen::CertificateParams)| named_like_an_issuer(change);
    let signing = KeyUsagePurpose::KeyCertSign;
    let cases = [
        ("CA:TRUE", usable(&|p| p.is_ca = ca), true),
        ("CA:TRUE, keyCertSign", usable(&|p| (p.is_ca, p.key_usages) = (ca, vec![signing])), true),
        (
            "serverAuth",
            usable(&|p| {
                p.is_ca = ca;
                p.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
            }),
            true,
        ),
        ("no constraints", usable(&|_| {}), false),
        ("CA:FALSE", usable(&|p| p.is_ca = IsCa::ExplicitNoCa), false),
        ("CA:FALSE, keyCertSign", usable(&|p| (p.is_ca, p.key_usages) = (IsCa::ExplicitNoCa, vec![signing])), false),
        ("no constraints, keyCertSign", usable(&|p| p.key_usages = vec![signing]), false),
        (
            "CA:TRUE without keyCertSign",
            usable(&|p| {
                p.is_ca = ca;
                p.key_usages = vec![KeyUsagePurpose::DigitalSignature];
            }),
            false,
        ),
        (
            "clientAuth",
            usable(&|p| {
                p.is_ca = ca;
                p.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
            }),
            false,
        ),
        ("version 1", usable(&|_| {}).in_version_1(), false),
    ];
    for (case, issuer, accepted) in cases {
        let signed = Identity::signed_by(parameters(&["127.0.0.1"]), &issuer);
        for (what, shown, accepted) in [
            ("what it signed", &signed, accepted),
            // It is good for itself whatever it may do for others, if it is for servers and has a name.
            ("itself", &issuer, !["clientAuth", "version 1"].contains(&case)),
        ] {
            let peer = serve_one(server_config(shown));
            let result = client_trusting(&issuer).head(&https(&peer));
            assert_eq!(result.is_ok(), accepted, "{case}, {what}: {result:?}");
        }
    }
}

#[test]
fn a_bundle_may_hold_anything() {
    let authority = new_authority();
    let listed = Identity::signed_by(parameters(&["127.0.0.1"]), &authority);
    let unlisted = Identity::signed_by(parameters(&["127.0.0.1"]), &authority);
    let stranger = Identity::self_signed(parameters(&["127.0.0.1"]));
    let twin = named_like_an_issuer(|_| {});
    let by_twin = Identity::signed_by(parameters(&["127.0.0.1"]), &twin);
    let old = Identity::self_signed(parameters(&["example.test"])).in_version_1();
    let text = [&listed.pem, &old.pem, &twin.pem, &authority.pem, &authority.pem, &listed.pem].map(String::as_str);
    let bundle = Temporary::with(&["# a comment\n", &text.concat(), &listed.key.serialize_pem()].concat());
    let client = client_with(TlsSettings { ca_file: Some(bundle.0.clone()), ..TlsSettings::default() });
    for (server, accepted) in
        [(&listed, true), (&unlisted, true), (&twin, true), (&by_twin, false), (&stranger, false), (&old, false)]
    {
        let result = client.head(&https(&serve_one(server_config(server))));
        assert_eq!(result.is_ok(), accepted, "{result:?}");
    }
}

#[test]
fn an_intermediate_authority_alone_is_enough() {
    let root = new_authority();
    let mut named = authority(parameters(&[]));
    named.distinguished_name.push(rcgen::DnType::CommonName, "between");
    let between = Identity::signed_by(named.clone(), &root);
    let key = rcgen::KeyPair::generate().unwrap();
    let certificate = parameters(&["127.0.0.1"]).signed_by(&key, &rcgen::Issuer::new(named, &between.key)).unwrap();
    let server = Identity { pem: certificate.pem(), der: certificate.der().clone(), key };
    for (trusted, accepted) in [(&between, true), (&server, true), (&root, false)] {
        let result = client_trusting(trusted).head(&https(&serve_one(server_config(&server))));
        assert_eq!(result.is_ok(), accepted, "{result:?}");
    }
}

#[test]
fn where_everyone_is_trusted_any_certificate_will_do_but_not_another_key() {
    let old = Identity::self_signed(parameters(&[])).in_version_1();
    let other = Identity::self_signed(parameters(&[]));
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        for pinned_keys in [vec![], vec![pin(&old)]] {
            for (signing, accepted) in [(&old, true), (&other, false)] {
                let peer = serve_one(showing(&old, signing, &[version]));
                let pinned_keys = pinned_keys.clone();
                let client = client_with(TlsSettings { verify: false, pinned_keys, ..TlsSettings::default() });
                let result = client.head(&https(&peer));
                assert_eq!(result.is_ok(), accepted, "{version:?}: {result:?}");
            }
        }
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

/// A server that asks for a client certificate without insisting, and tells for each connection whether it got one.
fn serve_curious(
    server: &Identity,
    authority: &Identity,
    version: &'static rustls::SupportedProtocolVersion,
    connections: usize,
) -> (Peer, Log<bool>) {
    let mut roots = RootCertStore::empty();
    roots.add(authority.der.clone()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider.clone());
    let config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[version])
        .unwrap()
        .with_client_cert_verifier(verifier.allow_unauthenticated().build().unwrap())
        .with_single_cert(vec![server.der.clone()], server.private_key())
        .unwrap();
    let (config, seen) = (Arc::new(config), Log::<bool>::default());
    let told = Arc::clone(&seen);
    let peer = Peer::new(move |listener| {
        let serving = (0..connections).map(|_| {
            let (mut connection, told) = (encrypt(&config, accept(&listener)), Arc::clone(&told));
            std::thread::spawn(move || {
                while connection.try_read_head().is_some() {
                    told.lock().unwrap().push(connection.0.conn.peer_certificates().is_some());
                    connection.write(NO_CONTENT);
                }
            })
        });
        for connection in serving.collect::<Vec<_>>() {
            connection.join().unwrap();
        }
    });
    (peer, seen)
}

#[test]
fn the_client_certificate_is_shown_to_those_who_may_know_us_only() {
    let authority = new_authority();
    let server = Identity::signed_by(parameters(&["127.0.0.1"]), &authority);
    let user = Identity::signed_by(parameters(&["user"]), &authority);
    let [ca_file, chain, key] =
        [&authority.pem, &user.pem, &user.key.serialize_pem()].map(|text| Temporary::with(text));
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        let (peer, seen) = serve_curious(&server, &authority, version, 4);
        let client = client_with(TlsSettings {
            ca_file: Some(ca_file.0.clone()),
            client_certificate: Some((chain.0.clone(), key.0.clone())),
            ..TlsSettings::default()
        });
        // Neither is a connection lent to the other kind of request nor a session resumed by it.
        let requests = [(true, false), (false, false), (true, false), (false, false), (false, true), (true, true)];
        for (identify, fresh_connection) in requests {
            let url = https(&peer);
            let request = Request {
                method: "HEAD",
                url: &url,
                headers: &[],
                deadline: None,
                timeouts: None,
                response_limit: None,
                fresh_connection,
                identify,
                pointed_by: &[],
            };
            client.transport.perform(&request, Body::None, &client.cancel, &client.watch).unwrap();
        }
        drop(client);
        peer.finish();
        assert_eq!(*seen.lock().unwrap(), requests.map(|(identify, _)| identify), "{version:?}");
    }
}

#[test]
fn nothing_goes_over_plain_http_where_tls_is_asked_for() {
    let user = Identity::self_signed(parameters(&["user"]));
    let [chain, key] = [&user.pem, &user.key.serialize_pem()].map(|text| Temporary::with(text));
    for (setter, tls) in [
        ("tus_config_set_https_only", TlsSettings { https_only: true, ..TlsSettings::default() }),
        ("tus_config_pin_tls_key", TlsSettings { pinned_keys: vec![[0; 32]], verify: false, ..TlsSettings::default() }),
        ("tus_config_set_tls_min_version", TlsSettings { allow_tls12: false, ..TlsSettings::default() }),
        (
            "tus_config_set_tls_client_certificate",
            TlsSettings { client_certificate: Some((chain.0.clone(), key.0.clone())), ..TlsSettings::default() },
        ),
    ] {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let port = listener.local_addr().unwrap().port();
        let proxy = ProxySetting::Url(ProxyUrl::parse(&format!("http://127.0.0.1:{port}")).unwrap());
        for proxy in [ProxySetting::None, proxy] {
            let client = Client::new(Settings { tls: tls.clone(), proxy, ..settings() });
            let broken = client.patch(&format!("http://127.0.0.1:{port}/"), b"hello").unwrap_err();
            assert_eq!((broken.kind, broken.never_sent), (BreakKind::TlsRejected, true));
            let text = broken.cause.unwrap().to_string();
            assert!(text.contains(setter) && text.contains("https://"), "{text}");
        }
        assert!(listener.accept().is_err(), "a connection was made");
    }
}

#[test]
fn the_platforms_certificates_are_read_when_the_client_is_made_if_https_is_to_be_expected() {
    use crate::transport::tls::Tls;
    let some = || vec![new_authority().der];
    let settings = |platform| TlsSettings { platform, ..TlsSettings::default() };
    for (platform, settled) in [
        (PlatformCertificates::Needed, true),
        (PlatformCertificates::Likely, true),
        (PlatformCertificates::Unlikely, false),
    ] {
        assert_eq!(Tls::on_platform(&settings(platform), some).unwrap().is_settled(), settled, "{platform:?}");
    }
    let none = Vec::new;
    let error = Tls::on_platform(&settings(PlatformCertificates::Needed), none).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Tls);
    assert!(error.full_message().contains("tus_config_set_tls_ca_file"), "{error:?}");
    for platform in [PlatformCertificates::Likely, PlatformCertificates::Unlikely] {
        assert!(!Tls::on_platform(&settings(platform), none).unwrap().is_settled());
    }
    let unverified = TlsSettings { verify: false, ..settings(PlatformCertificates::Needed) };
    assert!(Tls::on_platform(&unverified, none).unwrap().is_settled());
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
                    let config = Arc::new(showing(&real, signing, &[version]));
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
