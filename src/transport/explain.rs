//! What a TLS error means, and which setting or URL mends it, in plain words.

use std::time::{Duration, SystemTime};

use httpdate::HttpDate;
use rustls::pki_types::UnixTime;
use rustls::{AlertDescription, CertificateError, Error, InvalidMessage};

/// What the server was shown of us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shown {
    /// Nothing: there is no client certificate.
    Nothing,
    /// Nothing, since it may not know us.
    Withheld,
    /// The client certificate, if it asked for one.
    Certificate,
}

/// A sentence about the error: lower case, no full stop. `None` where rustls says it all.
pub(super) fn explain(error: &Error, shown: Shown) -> Option<String> {
    match error {
        Error::InvalidCertificate(error) => certificate(error),
        Error::InvalidMessage(InvalidMessage::InvalidContentType | InvalidMessage::UnknownProtocolVersion) => Some(
            "the server does not speak TLS at this port: is the URL to begin with http://, or to name another port?"
                .to_owned(),
        ),
        Error::PeerIncompatible(_) => Some(
            "the server offers no TLS that is good enough: 1.2 or 1.3, or what tus_config_set_tls_min_version asks for"
                .to_owned(),
        ),
        Error::AlertReceived(alert) => said(*alert, shown),
        _ => None,
    }
}

fn certificate(error: &CertificateError) -> Option<String> {
    use CertificateError as E;
    Some(match error {
        E::Expired => "the server's certificate has expired; or is this machine's clock wrong?".to_owned(),
        E::ExpiredContext { not_after, .. } => {
            format!("the server's certificate expired at {}; or is this machine's clock wrong?", date(*not_after))
        }
        E::NotValidYet => "the server's certificate is not valid yet; or is this machine's clock wrong?".to_owned(),
        E::NotValidYetContext { not_before, .. } => format!(
            "the server's certificate is not valid before {}; or is this machine's clock wrong?",
            date(*not_before)
        ),
        E::UnknownIssuer => "none of the trusted authorities has signed the server's certificate: name a file with the one \
                             that has by tus_config_set_tls_ca_file (or the server does not send the certificates in between)"
            .to_owned(),
        E::NotValidForName => "the server's certificate is for another name than the URL's".to_owned(),
        E::NotValidForNameContext { expected, presented } => {
            let expected = expected.to_str();
            match presented.as_slice() {
                [] => format!("the server's certificate is not for {expected}: it names nothing (no subjectAltName)"),
                names => format!(
                    "the server's certificate is not for {expected}, only for {}: the URL has to use such a name",
                    listed(names)
                ),
            }
        }
        E::InvalidPurpose | E::InvalidPurposeContext { .. } => {
            "the server's certificate is not one for servers (extendedKeyUsage)".to_owned()
        }
        E::BadSignature => "a signature is wrong: the server does not hold the key of the certificate it shows, or the \
                            certificate was changed"
            .to_owned(),
        E::BadEncoding => "the server's certificate cannot be read".to_owned(),
        _ => return None,
    })
}

/// What the server said before it ended the connection.
fn said(alert: AlertDescription, shown: Shown) -> Option<String> {
    use AlertDescription as A;
    Some(match alert {
        A::HandshakeFailure | A::ProtocolVersion | A::InsufficientSecurity if shown != Shown::Withheld => {
            let asked = match shown {
                Shown::Nothing => " or wants a client certificate (tus_config_set_tls_client_certificate)",
                _ => "",
            };
            format!(
                "the server refuses: it speaks no version of TLS that we do (tus_config_set_tls_min_version), no cipher{asked}"
            )
        }
        A::UnrecognisedName => "the server does not know the name in the URL".to_owned(),
        A::CertificateRequired
        | A::NoCertificate
        | A::BadCertificate
        | A::UnsupportedCertificate
        | A::CertificateRevoked
        | A::CertificateExpired
        | A::CertificateUnknown
        | A::UnknownCA
        | A::AccessDenied
        | A::HandshakeFailure => match shown {
            Shown::Nothing => {
                "the server wants a client certificate: set one by tus_config_set_tls_client_certificate".into()
            }
            Shown::Withheld => {
                "the server wants a client certificate, which is shown to the endpoint's origin only and to \
                                those given to tus_config_allow_origin"
                    .into()
            }
            Shown::Certificate => {
                "the server does not accept the client certificate given to tus_config_set_tls_client_certificate"
                    .into()
            }
        },
        _ => return None,
    })
}

/// The names of a certificate, as webpki writes them but without the words around; a few are enough to see whose it is.
fn listed(names: &[String]) -> String {
    let bare = |name: &String| {
        let inner = name.split_once('(').and_then(|(_, rest)| rest.strip_suffix(')')).unwrap_or(name);
        inner.trim_matches('"').to_owned()
    };
    let mut listed = names.iter().take(5).map(bare).collect::<Vec<_>>().join(", ");
    if names.len() > 5 {
        listed.push_str(", ...");
    }
    listed
}

fn date(time: UnixTime) -> HttpDate {
    // Later than the year 9999 there are no dates of this form.
    HttpDate::from(SystemTime::UNIX_EPOCH + Duration::from_secs(time.as_secs().min(253_402_300_799)))
}
