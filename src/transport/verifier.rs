//! Whom to trust.
//!
//! The authorities given, and each other certificate given as that of one server alone: one that may not sign others is no authority, and one that
//! signed itself (`openssl req -x509` makes it claim to be an authority, which webpki refuses for a server and libcurl accepts) is good for its server.
//! Or everyone. Either way only servers with one of the pinned keys, if there are any.
//!
//! That the server holds the key of the certificate it shows is checked whatever the way: a certificate is public, so without that check a pinned key
//! would prove nothing.

use std::fmt;
use std::sync::Arc;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{verify_server_cert_signed_by_trust_anchor, verify_server_name};
use rustls::crypto::{CryptoProvider, WebPkiSupportedAlgorithms, verify_tls13_signature_with_raw_key};
use rustls::pki_types::{CertificateDer, ServerName, SubjectPublicKeyInfoDer, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{
    CertificateError, DigitallySignedStruct, Error, OtherError, PeerMisbehaved, RootCertStore, SignatureScheme,
};

use super::certificate::Certificate;
use crate::digest::Digest;
use crate::protocol::checksum::Algorithm;

/// The certificates to trust.
#[derive(Debug)]
pub(super) struct Trusted {
    authorities: RootCertStore,
    /// The SHA-256 of each certificate, authorities too.
    servers: Vec<[u8; 32]>,
}

impl Trusted {
    /// Nobody.
    pub(super) fn nobody() -> Trusted {
        Trusted { authorities: RootCertStore::empty(), servers: Vec::new() }
    }

    /// Trusts one more certificate: as an authority if it may be one, and as that of a server.
    pub(super) fn add(&mut self, der: CertificateDer<'static>) -> Result<(), Error> {
        let certificate = Certificate::parse(&der)?;
        let digest = sha256(&der);
        if certificate.is_authority() {
            self.authorities.add(der)?;
        }
        self.servers.push(digest);
        Ok(())
    }

    /// Whether nobody is trusted.
    pub(super) fn is_empty(&self) -> bool {
        self.servers.is_empty()
    }
}

/// Decides on a server's certificate.
#[derive(Debug)]
pub(super) struct Verifier {
    /// `None`: everyone.
    trusted: Option<Trusted>,
    keys: Vec<[u8; 32]>,
    algorithms: WebPkiSupportedAlgorithms,
}

impl Verifier {
    /// Trusts these, or everyone; only servers with one of these keys, if there are any.
    pub(super) fn new(trusted: Option<Trusted>, keys: &[[u8; 32]], provider: &CryptoProvider) -> Arc<Verifier> {
        let algorithms = provider.signature_verification_algorithms;
        Arc::new(Verifier { trusted, keys: keys.to_vec(), algorithms })
    }

    fn check_trust(
        &self,
        trusted: &Trusted,
        der: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        now: UnixTime,
    ) -> Result<(), Error> {
        let signed = ParsedCertificate::try_from(der).and_then(|parsed| {
            let (authorities, algorithms) = (&trusted.authorities, self.algorithms.all);
            verify_server_cert_signed_by_trust_anchor(&parsed, authorities, intermediates, now, algorithms)
        });
        match signed {
            Err(error @ Error::InvalidCertificate(CertificateError::UnknownIssuer))
                if !trusted.servers.contains(&sha256(der)) && Certificate::parse(der)?.is_self_signed() =>
            {
                Err(Rejection::of_self_signed(error))
            }
            Err(_) if trusted.servers.contains(&sha256(der)) => Certificate::parse(der)?.check_server(now),
            result => result,
        }?;
        verify_server_name(&ParsedCertificate::try_from(der)?, name)
    }

    fn check_pin(&self, der: &CertificateDer<'_>) -> Result<(), Error> {
        if self.keys.is_empty() {
            return Ok(());
        }
        let key = sha256(Certificate::parse(der)?.key());
        if self.keys.contains(&key) { Ok(()) } else { Err(Rejection::of_key(&key)) }
    }
}

/// A reason of ours not to talk to a server, in words that need no others.
#[derive(Debug)]
pub(super) struct Rejection {
    text: String,
    cause: Option<Error>,
}

impl Rejection {
    fn of_self_signed(cause: Error) -> Error {
        let text = "the server's certificate is self-signed and not among those trusted: if it is the right one, name a \
                    file with it by tus_config_set_tls_ca_file";
        Rejection { text: text.to_owned(), cause: Some(cause) }.into_error()
    }

    fn of_key(key: &[u8; 32]) -> Error {
        let key = BASE64_STANDARD.encode(key);
        let text = format!(
            "the server's key is none of those pinned with tus_config_pin_tls_key: either it has been changed, then pin \
             sha256//{key} too, or somebody else answers in the server's place"
        );
        Rejection { text, cause: None }.into_error()
    }

    fn into_error(self) -> Error {
        CertificateError::Other(OtherError(Arc::new(self))).into()
    }
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for Rejection {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.cause.as_ref().map(|cause| cause as &(dyn std::error::Error + 'static))
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        _: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        if let Some(trusted) = &self.trusted {
            self.check_trust(trusted, certificate, intermediates, name, now)?;
        }
        self.check_pin(certificate)?;
        Ok(ServerCertVerified::assertion())
    }

    /// As rustls does it, but by the key alone: rustls reads only certificates of version 3, and where everyone is trusted any will do.
    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let certificate = Certificate::parse(certificate)?;
        let key = SubjectPublicKeyInfoDer::from(certificate.key());
        let key = webpki::RawPublicKeyEntity::try_from(&key).map_err(|_| CertificateError::BadEncoding)?;
        let known = self.algorithms.mapping.iter().find(|(scheme, _)| *scheme == signature.scheme);
        let (_, algorithms) = known.ok_or(PeerMisbehaved::SignedHandshakeWithUnadvertisedSigScheme)?;
        // A scheme of TLS 1.2 does not say which curve it is about: the one of the key fits, the others do not.
        let fits = |algorithm| key.verify_signature(algorithm, message, signature.signature()).is_ok();
        match algorithms.iter().any(|algorithm| fits(*algorithm)) {
            true => Ok(HandshakeSignatureValid::assertion()),
            false => Err(CertificateError::BadSignature.into()),
        }
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let certificate = Certificate::parse(certificate)?;
        let key = SubjectPublicKeyInfoDer::from(certificate.key());
        verify_tls13_signature_with_raw_key(message, &key, signature, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut digest = Digest::new(Algorithm::Sha256);
    digest.update(bytes);
    let mut array = [0; 32];
    array.copy_from_slice(&digest.finish());
    array
}
