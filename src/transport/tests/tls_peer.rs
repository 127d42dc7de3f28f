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
        let issuer = Issuer::new(authority(parameters_of_issuer()), &issuer.key);
        let certificate = parameters.signed_by(&key, &issuer).unwrap();
        Identity { pem: certificate.pem(), der: certificate.der().clone(), key }
    }

    pub(super) fn private_key(&self) -> PrivateKeyDer<'static> {
        PrivateKeyDer::try_from(self.key.serialize_der()).unwrap()
    }
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
    ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![identity.der.clone()], identity.private_key())
        .unwrap()
}

/// A server of one version that shows the certificate of `shown` and signs with the key of `signing`, which need not fit.
pub(super) fn impostor_config(
    shown: &Identity,
    signing: &Identity,
    version: &'static rustls::SupportedProtocolVersion,
) -> ServerConfig {
    let provider = rustls::crypto::ring::default_provider();
    let key = provider.key_provider.load_private_key(signing.private_key()).unwrap();
    let shown = rustls::sign::CertifiedKey::new(vec![shown.der.clone()], key);
    ServerConfig::builder_with_provider(Arc::new(provider))
        .with_protocol_versions(&[version])
        .unwrap()
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(rustls::sign::SingleCertAndKey::from(shown)))
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
