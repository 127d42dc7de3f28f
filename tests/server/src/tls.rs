//! HTTPS: a certificate authority made on the spot, a server certificate, a client certificate.
//!
//! Everything is made anew for each server and lives in memory only.

use std::io;
use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, ExtendedKeyUsagePurpose, IsCa, KeyPair, date_time_ymd,
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};

/// How the server shows itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Certificate {
    /// Valid for `localhost`, `127.0.0.1` and `::1`, signed by the authority.
    #[default]
    Good,
    /// Valid years ago.
    Expired,
    /// For another name.
    WrongName,
    /// Signed by an authority nobody knows.
    Untrusted,
}

/// HTTPS settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TlsOptions {
    /// The server certificate.
    pub certificate: Certificate,
    /// Whether clients must show the client certificate.
    pub client_certificate: bool,
}

/// What a client needs, as PEM text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles {
    /// The authority to trust.
    pub ca_pem: String,
    /// A client certificate signed by it.
    pub client_pem: String,
    /// Its private key (PKCS #8).
    pub client_key_pem: String,
}

/// An authority, and what a server of another make needs to be trusted by it, as PEM text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerFiles {
    /// The authority to trust.
    pub ca_pem: String,
    /// The server's certificate, valid for `localhost`, `127.0.0.1` and `::1`.
    pub certificate_pem: String,
    /// Its private key (PKCS #8).
    pub key_pem: String,
}

impl ServerFiles {
    /// Makes them.
    ///
    /// # Errors
    ///
    /// When a key cannot be made.
    pub fn make() -> io::Result<Self> {
        let ca = authority("libtus test authority").map_err(io::Error::other)?;
        let (params, key) = server_params(Certificate::Good).map_err(io::Error::other)?;
        let certificate = params.signed_by(&key, &ca).map_err(io::Error::other)?;
        Ok(Self { ca_pem: ca.pem(), certificate_pem: certificate.pem(), key_pem: key.serialize_pem() })
    }
}

type Issuer = CertifiedIssuer<'static, KeyPair>;

/// Makes all certificates, the server's configuration and the client's files.
pub(crate) fn set_up(options: TlsOptions) -> io::Result<(Arc<ServerConfig>, TlsFiles)> {
    let ca = authority("libtus test authority").map_err(io::Error::other)?;
    let (chain, key) = server_certificate(options.certificate, &ca).map_err(io::Error::other)?;
    let client = client_certificate(&ca).map_err(io::Error::other)?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?;
    let builder = if options.client_certificate {
        let mut roots = RootCertStore::empty();
        roots.add(ca.der().clone()).map_err(io::Error::other)?;
        let verifier =
            WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build().map_err(io::Error::other)?;
        builder.with_client_cert_verifier(verifier)
    } else {
        builder.with_no_client_auth()
    };
    let mut config = builder.with_single_cert(chain, key).map_err(io::Error::other)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    let files = TlsFiles { ca_pem: ca.pem(), client_pem: client.0, client_key_pem: client.1 };
    Ok((Arc::new(config), files))
}

fn authority(name: &str) -> Result<Issuer, rcgen::Error> {
    let mut params = CertificateParams::new(Vec::new())?;
    params.distinguished_name = named(name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate()?)
}

fn server_params(kind: Certificate) -> Result<(CertificateParams, KeyPair), rcgen::Error> {
    let names = match kind {
        Certificate::WrongName => vec!["elsewhere.invalid".to_owned()],
        _ => ["localhost", "127.0.0.1", "::1"].map(str::to_owned).into(),
    };
    let mut params = CertificateParams::new(names)?;
    params.distinguished_name = named("libtus test server");
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    if kind == Certificate::Expired {
        params.not_before = date_time_ymd(2001, 1, 1);
        params.not_after = date_time_ymd(2002, 1, 1);
    }
    Ok((params, KeyPair::generate()?))
}

fn server_certificate(
    kind: Certificate,
    ca: &Issuer,
) -> Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>), rcgen::Error> {
    let (params, key) = server_params(kind)?;
    let certificate = if kind == Certificate::Untrusted {
        let stranger = authority("libtus test stranger")?;
        params.signed_by(&key, &stranger)?
    } else {
        params.signed_by(&key, ca)?
    };
    let der = PrivatePkcs8KeyDer::from(key.serialize_der());
    Ok((vec![certificate.der().clone()], der.into()))
}

/// A client certificate and its key, as PEM.
fn client_certificate(ca: &Issuer) -> Result<(String, String), rcgen::Error> {
    let mut params = CertificateParams::new(Vec::new())?;
    params.distinguished_name = named("libtus test client");
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    let key = KeyPair::generate()?;
    let certificate = params.signed_by(&key, ca)?;
    Ok((certificate.pem(), key.serialize_pem()))
}

fn named(name: &str) -> rcgen::DistinguishedName {
    let mut distinguished = rcgen::DistinguishedName::new();
    distinguished.push(rcgen::DnType::CommonName, name);
    distinguished
}
