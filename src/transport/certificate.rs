//! What a certificate says of itself, where webpki does not ask: may it sign others, may it be a server's now, what is its key?

use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::{CertificateError, Error};
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::ExtendedKeyUsage;
use x509_parser::prelude::FromDer as _;

/// A certificate taken apart.
pub(super) struct Certificate<'a>(X509Certificate<'a>);

impl<'a> Certificate<'a> {
    /// Takes it apart; of any version, whatever its extensions.
    pub(super) fn parse(der: &'a CertificateDer<'_>) -> Result<Certificate<'a>, Error> {
        match X509Certificate::from_der(der) {
            Ok(([], certificate)) => Ok(Certificate(certificate)),
            _ => Err(CertificateError::BadEncoding.into()),
        }
    }

    /// Whether it may sign the certificates of servers. It has to say so (RFC 5280 4.2.1.9): one of version 1, which cannot, may not.
    pub(super) fn is_authority(&self) -> bool {
        let ca = matches!(self.0.basic_constraints(), Ok(Some(constraints)) if constraints.value.ca);
        let signs = self.0.key_usage().is_ok_and(|usage| usage.is_none_or(|usage| usage.value.key_cert_sign()));
        ca && signs && self.is_for_servers()
    }

    /// Whether it names itself as who has signed it.
    pub(super) fn is_self_signed(&self) -> bool {
        self.0.issuer().as_raw() == self.0.subject().as_raw()
    }

    /// Its SubjectPublicKeyInfo.
    pub(super) fn key(&self) -> &[u8] {
        self.0.public_key().raw
    }

    /// Whether a server may show it now, by what it says of its time and use.
    pub(super) fn check_server(&self, now: UnixTime) -> Result<(), Error> {
        let seconds = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
        let validity = self.0.validity();
        let time = |timestamp: i64| UnixTime::since_unix_epoch(std::time::Duration::from_secs(timestamp.max(0) as u64));
        let (not_before, not_after) = (validity.not_before.timestamp(), validity.not_after.timestamp());
        if seconds < not_before {
            return Err(CertificateError::NotValidYetContext { time: now, not_before: time(not_before) }.into());
        }
        if seconds > not_after {
            return Err(CertificateError::ExpiredContext { time: now, not_after: time(not_after) }.into());
        }
        if !self.is_for_servers() {
            return Err(CertificateError::InvalidPurpose.into());
        }
        Ok(())
    }

    fn is_for_servers(&self) -> bool {
        let for_servers = |usage: &ExtendedKeyUsage<'_>| usage.any || usage.server_auth;
        self.0.extended_key_usage().is_ok_and(|usage| usage.is_none_or(|usage| for_servers(usage.value)))
    }
}
