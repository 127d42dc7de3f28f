//! TLS servers and certificates made for the occasion.

use std::net::TcpStream;
use std::path::PathBuf;
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use super::peer::*;
use crate::transport::{Settings, TlsSettings};

/// A certificate and its key.
pub(super) struct Identity {
    pub(super) pem: String,
    pub(super) der: CertificateDer<'static>,
    pub(super) key: KeyPair,
}

pub(super) fn parameters(names: &[&str]) -> CertificateParams {
    CertificateParams::new(names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>()).unwrap()
}

pub(super) fn expired(mut parameters: CertificateParams) -> CertificateParams {
    parameters.not_after = rcgen::date_time_ymd(2020, 1, 1);
    parameters
}

pub(super) fn authority(mut parameters: CertificateParams) -> CertificateParams {
    parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    parameters
}

impl Identity {
    pub(super) fn self_signed(parameters: CertificateParams) -> Identity {
        let key = KeyPair::generate().unwrap();
        let certificate = parameters.self_signed(&key).unwrap();
        Identity { pem: certificate.pem(), der: certificate.der().clone(), key }
    }

    pub(super) fn signed_by(parameters: CertificateParams, issuer: &Identity) -> Identity {
        let key = KeyPair::generate().unwrap();
        // Its name is what counts; rcgen has no care whether it may sign.
        let issuer = Issuer::new(authority(parameters_of_issuer()), &issuer.key);
        let certificate = parameters.signed_by(&key, &issuer).unwrap();
        Identity { pem: certificate.pem(), der: certificate.der().clone(), key }
    }

    /// The same certificate in version 1, which has no extensions.
    pub(super) fn in_version_1(self) -> Identity {
        use rcgen::SigningKey as _;
        let (_, certificate, _) = element(&self.der);
        let (_, tbs, rest) = element(certificate);
        let algorithm = &rest[..rest.len() - element(rest).2.len()];
        let mut fields = Vec::new();
        let mut left = tbs;
        while !left.is_empty() {
            let (tag, _, after) = element(left);
            // Neither the version nor the extensions.
            if tag != 0xa0 && tag != 0xa3 {
                fields.extend_from_slice(&left[..left.len() - after.len()]);
            }
            left = after;
        }
        let mut content = wrapped(0x30, &fields);
        let signature = self.key.sign(&content).unwrap();
        content.extend_from_slice(algorithm);
        content.extend(wrapped(3, &[&[0], &signature[..]].concat()));
        let der = CertificateDer::from(wrapped(0x30, &content));
        let encoded = base64::Engine::encode(&base64::prelude::BASE64_STANDARD, &der);
        let pem = format!("-----BEGIN CERTIFICATE-----\n{encoded}\n-----END CERTIFICATE-----\n");
        Identity { pem, der, key: self.key }
    }

    pub(super) fn private_key(&self) -> PrivateKeyDer<'static> {
        PrivateKeyDer::try_from(self.key.serialize_der()).unwrap()
    }
}

/// The first element of a DER encoding: its tag, its content and what follows it.
fn element(der: &[u8]) -> (u8, &[u8], &[u8]) {
    let (length, start) = match der[1] {
        short @ ..=0x7f => (usize::from(short), 2),
        0x81 => (usize::from(der[2]), 3),
        _ => (usize::from(u16::from_be_bytes([der[2], der[3]])), 4),
    };
    (der[0], &der[start..start + length], &der[start + length..])
}

/// An element with this tag and content.
fn wrapped(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = u16::try_from(content.len()).unwrap().to_be_bytes();
    let length = match content.len() {
        0..=0x7f => vec![length[1]],
        0x80..=0xff => vec![0x81, length[1]],
        _ => vec![0x82, length[0], length[1]],
    };
    [&[tag], &length[..], content].concat()
}

pub(super) fn parameters_of_issuer() -> CertificateParams {
    let mut parameters = parameters(&[]);
    parameters.distinguished_name.push(rcgen::DnType::CommonName, "a test's own authority");
    parameters
}

/// An authority of its own.
pub(super) fn new_authority() -> Identity {
    Identity::self_signed(authority(parameters_of_issuer()))
}

/// A file that is removed at the end.
pub(super) struct Temporary(pub(super) PathBuf);

impl Temporary {
    pub(super) fn with(text: &str) -> Temporary {
        static COUNT: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);
        let count = COUNT.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        let path = std::env::temp_dir().join(format!("libtus-tls-{}-{count}.pem", std::process::id()));
        std::fs::write(&path, text).unwrap();
        Temporary(path)
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

pub(super) fn server_config(identity: &Identity) -> ServerConfig {
    showing(identity, identity, rustls::ALL_VERSIONS)
}

/// A server that shows the certificate of `shown` and signs with the key of `signing`, which need not fit.
pub(super) fn showing(
    shown: &Identity,
    signing: &Identity,
    versions: &[&'static rustls::SupportedProtocolVersion],
) -> ServerConfig {
    let provider = rustls::crypto::ring::default_provider();
    let key = provider.key_provider.load_private_key(signing.private_key()).unwrap();
    let shown = rustls::sign::CertifiedKey::new(vec![shown.der.clone()], key);
    ServerConfig::builder_with_provider(Arc::new(provider))
        .with_protocol_versions(versions)
        .unwrap()
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(rustls::sign::SingleCertAndKey::from(shown)))
}

/// A server that answers one request, if the handshake gets as far.
pub(super) fn serve_one(config: ServerConfig) -> Peer {
    serve(config, |mut connection| {
        if connection.0.conn.complete_io(&mut connection.0.sock).is_ok() && connection.try_read_head().is_some() {
            connection.write("HTTP/1.1 204 No Content\r\n\r\n");
        } else {
            let _ = connection.0.conn.write_tls(&mut connection.0.sock);
        }
    })
}

pub(super) type Encrypted = Connection<StreamOwned<ServerConnection, TcpStream>>;

pub(super) fn encrypt(config: &Arc<ServerConfig>, connection: Connection) -> Encrypted {
    Connection(StreamOwned::new(ServerConnection::new(config.clone()).unwrap(), connection.0))
}

/// A TLS server that runs a script with its first connection.
pub(super) fn serve(config: ServerConfig, script: impl FnOnce(Encrypted) + Send + 'static) -> Peer {
    Peer::once(move |connection| script(encrypt(&Arc::new(config), connection)))
}

/// A TLS server that gets as far as it gets.
pub(super) fn serve_or_fail(config: ServerConfig) -> Peer {
    serve(config, |mut connection| {
        let mut byte = [0];
        while std::io::Read::read(&mut connection.0, &mut byte).is_ok_and(|count| count > 0) {}
    })
}

pub(super) fn https(peer: &Peer) -> String {
    format!("https://127.0.0.1:{}/", peer.port)
}

pub(super) fn client_with(tls: TlsSettings) -> Client {
    Client::new(Settings { tls, ..settings() })
}

pub(super) fn client_trusting(identity: &Identity) -> Client {
    let file = Temporary::with(&identity.pem);
    client_with(TlsSettings { ca_file: Some(file.0.clone()), ..TlsSettings::default() })
}
