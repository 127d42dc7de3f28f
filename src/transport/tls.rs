//! TLS: the client's certificates, the handshake, and the encrypted side of a connection.
//!
//! rustls is used directly, not through ureq: ureq's TLS transport writes one 16 KiB record per system call, and
//! hides the socket from our cancel and clocks. Settings are read and checked once per client.

use std::fmt;
use std::fs;
use std::io::{self, Read as _, Write as _};
use std::os::fd::AsFd as _;
use std::path::Path;
use std::sync::Arc;

use once_cell::sync::OnceCell;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{AlertDescription, CertificateError, ClientConfig, ClientConnection, InconsistentKeys, OtherError};
use zeroize::{Zeroize as _, Zeroizing};

use super::BreakKind;
use super::context::Context;
use super::explain::{Shown, explain};
use super::failure::Failure;
use super::settings::{PlatformCertificates, TlsSettings};
use super::verifier::{Trusted, Verifier};
use super::wait::Until;
use crate::error::{Error, ErrorKind};
use crate::sys::poll::Entry;
use crate::sys::socket::{Socket, would_block};

/// How many bytes of a connection may come without any data in them: certificates, session tickets, new keys, and the
/// beginning of the largest record.
const MAX_WITHOUT_DATA: usize = 256 * 1024;

/// The TLS side of a client.
pub(super) struct Tls {
    configs: OnceCell<Configs>,
    provider: Arc<CryptoProvider>,
    identity: Option<Arc<CertifiedKey>>,
    allow_tls12: bool,
    pinned_keys: Vec<[u8; 32]>,
    platform: fn() -> Vec<CertificateDer<'static>>,
}

/// How a server is spoken to. Each has sessions of its own to resume: a resumed one says who we are without the certificate
/// being shown again, and rustls keeps sessions by the name of the host alone.
struct Configs {
    /// One that may know us.
    known: Arc<ClientConfig>,
    /// One that may not.
    stranger: Arc<ClientConfig>,
}

impl Tls {
    /// Reads and checks the files.
    pub(super) fn new(settings: &TlsSettings) -> Result<Tls, Error> {
        Tls::on_platform(settings, platform_certificates)
    }

    /// The same with these certificates as the platform's.
    pub(super) fn on_platform(
        settings: &TlsSettings,
        platform: fn() -> Vec<CertificateDer<'static>>,
    ) -> Result<Tls, Error> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let identity = match &settings.client_certificate {
            Some((chain, key)) => Some(Arc::new(read_identity(chain, key)?)),
            None => None,
        };
        let tls = Tls {
            configs: OnceCell::new(),
            provider,
            identity,
            allow_tls12: settings.allow_tls12,
            pinned_keys: settings.pinned_keys.clone(),
            platform,
        };
        let made = match (&settings.ca_file, settings.platform) {
            _ if !settings.verify => tls.configure(None).map(drop),
            (Some(path), _) => tls.configure(Some(read_trusted(path)?)).map(drop),
            (None, PlatformCertificates::Needed) => tls.configs().map(drop),
            (None, PlatformCertificates::Likely) => {
                // Without certificates the first https connection says so.
                let _ = tls.configs();
                Ok(())
            }
            (None, PlatformCertificates::Unlikely) => Ok(()),
        };
        made.map_err(|failure| {
            let error = Error::new(ErrorKind::Tls, "TLS cannot be used");
            match failure.cause {
                Some(cause) => error.with_cause(cause),
                None => error,
            }
        })?;
        Ok(tls)
    }

    fn configure(&self, trusted: Option<Trusted>) -> Result<&Configs, Failure> {
        let verifier = Verifier::new(trusted, &self.pinned_keys, &self.provider);
        let stranger = self.config(&verifier, None)?;
        let known = match &self.identity {
            Some(identity) => self.config(&verifier, Some(identity))?,
            None => Arc::clone(&stranger),
        };
        Ok(self.configs.get_or_init(|| Configs { known, stranger }))
    }

    fn config(
        &self,
        verifier: &Arc<Verifier>,
        identity: Option<&Arc<CertifiedKey>>,
    ) -> Result<Arc<ClientConfig>, Failure> {
        let versions: &[_] = match self.allow_tls12 {
            true => &[&rustls::version::TLS13, &rustls::version::TLS12],
            false => &[&rustls::version::TLS13],
        };
        // Not the process-wide default provider: that belongs to the host.
        let builder = ClientConfig::builder_with_provider(Arc::clone(&self.provider))
            .with_protocol_versions(versions)
            .map_err(rejected)?
            .dangerous()
            .with_custom_certificate_verifier(Arc::<Verifier>::clone(verifier));
        Ok(Arc::new(match identity {
            Some(identity) => builder.with_client_cert_resolver(Arc::new(SingleCertAndKey::from(Arc::clone(identity)))),
            None => builder.with_no_client_auth(),
        }))
    }

    /// The configurations; reads the platform's certificates if nothing else was said.
    fn configs(&self) -> Result<&Configs, Failure> {
        if let Some(configs) = self.configs.get() {
            return Ok(configs);
        }
        let mut trusted = Trusted::nobody();
        for certificate in (self.platform)() {
            // Stores hold certificates no verifier can use; the others count.
            let _ = trusted.add(certificate);
        }
        if trusted.is_empty() {
            let reason = "this system has no certificates to verify servers with: install them (often the package \
                          ca-certificates) or name a file by tus_config_set_tls_ca_file";
            return Err(Failure::because(BreakKind::TlsRejected, reason));
        }
        self.configure(Some(trusted))
    }

    /// Whether it is settled whom to trust.
    #[cfg(test)]
    pub(super) fn is_settled(&self) -> bool {
        self.configs.get().is_some()
    }

    /// Speaks TLS to the server on a new connection.
    pub(super) fn handshake(
        &self,
        context: &Context,
        socket: &Socket,
        host: &str,
        until: Until,
    ) -> Result<Session, Failure> {
        let name = ServerName::try_from(host.to_owned())
            .map_err(|error| rejected(error).explained(format!("{host} is no name a certificate can have")))?;
        let configs = self.configs()?;
        let config = if context.target.identify { &configs.known } else { &configs.stranger };
        let mut connection = ClientConnection::new(Arc::clone(config), name).map_err(rejected)?;
        // A whole buffer is encrypted and written at once; rustls would take 64 KiB at a time.
        connection.set_buffer_limit(None);
        let shown = match (&self.identity, context.target.identify) {
            (None, _) => Shown::Nothing,
            (Some(_), true) => Shown::Certificate,
            (Some(_), false) => Shown::Withheld,
        };
        let mut session = Session { connection, shown, without_data: 0 };
        loop {
            context.turn(Some(until))?;
            let writing = match session.flush(socket) {
                Ok(None) => false,
                Ok(Some(_)) => continue,
                Err(error) if would_block(&error) => true,
                Err(error) => return Err(Failure::stream(error)),
            };
            if session.connection.is_handshaking() {
                match session.receive(socket) {
                    Ok(0) => {
                        return Err(Failure::ended().explained(
                            "the peer closed the connection in the TLS handshake: does it speak https at this port?",
                        ));
                    }
                    Ok(_) => continue,
                    Err(error) if would_block(&error) => {}
                    Err(error) => return Err(Failure::stream(error)),
                }
            } else if !writing {
                return Ok(session);
            }
            let fd = socket.as_fd();
            let entry = if writing { Entry::either(fd) } else { Entry::readable(fd) };
            context.wait(&mut [entry], Some(until), None)?;
        }
    }
}

impl std::fmt::Debug for Tls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tls").field("identity", &self.identity.is_some()).finish_non_exhaustive()
    }
}

/// The encrypted side of one connection.
#[derive(Debug)]
pub(super) struct Session {
    connection: ClientConnection,
    shown: Shown,
    /// Bytes received since the last that were data.
    without_data: usize,
}

impl Session {
    /// Decrypts what is there; 0 is the end, whether it was announced or not: the length of an answer is HTTP's
    /// business, and many servers just close. What was no data (a session ticket, new keys, an empty record) is
    /// [`io::ErrorKind::Interrupted`]: the caller looks at its clocks before it reads on.
    pub(super) fn read(&mut self, socket: &Socket, buffer: &mut [u8]) -> io::Result<usize> {
        match self.read_decrypted(buffer) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            result => return result,
        }
        self.receive(socket)?;
        self.read_decrypted(buffer).map_err(|error| match error.kind() {
            io::ErrorKind::WouldBlock => io::ErrorKind::Interrupted.into(),
            _ => error,
        })
    }

    fn read_decrypted(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.connection.reader().read(buffer);
        if read.is_ok() {
            self.without_data = 0;
        }
        match read {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(0),
            read => read,
        }
    }

    /// Encrypts all of it.
    pub(super) fn encrypt(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.connection.writer().write_all(bytes)
    }

    /// Writes what fits of what is encrypted; `None` if there is nothing.
    pub(super) fn flush(&mut self, socket: &Socket) -> io::Result<Option<usize>> {
        if !self.connection.wants_write() {
            return Ok(None);
        }
        self.connection.write_tls(&mut Pipe(socket)).map(Some)
    }

    /// Says goodbye, if there is room for it.
    pub(super) fn close(&mut self, socket: &Socket) {
        if !self.connection.wants_write() {
            self.connection.send_close_notify();
            let _ = self.flush(socket);
        }
    }

    /// Takes in what the socket has; 0 is its end.
    fn receive(&mut self, socket: &Socket) -> io::Result<usize> {
        let count = self.connection.read_tls(&mut Pipe(socket))?;
        let processed = self.connection.process_new_packets();
        // Answers of the protocol itself: an alert that says what was wrong, new keys. If there is no room now,
        // they leave with the next write.
        let _ = self.flush(socket);
        processed.map_err(|error| {
            let explanation = explain(&error, self.shown);
            io::Error::new(io::ErrorKind::InvalidData, Trouble { error, explanation })
        })?;
        self.without_data += count;
        if self.without_data > MAX_WITHOUT_DATA {
            return Err(io::Error::other("the peer sends TLS records without end and without data"));
        }
        Ok(count)
    }
}

/// The socket as rustls wants it.
struct Pipe<'a>(&'a Socket);

impl io::Read for Pipe<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.receive(buffer)
    }
}

impl io::Write for Pipe<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.send(bytes, false)
    }

    fn write_vectored(&mut self, pieces: &[io::IoSlice<'_>]) -> io::Result<usize> {
        self.0.send_all_of(pieces)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// An error of rustls, and what it means.
#[derive(Debug, Clone)]
pub(super) struct Trouble {
    error: rustls::Error,
    explanation: Option<String>,
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.explanation {
            Some(explanation) => f.write_str(explanation),
            None => self.error.fmt(f),
        }
    }
}

impl std::error::Error for Trouble {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        let has_words = self.explanation.is_some();
        has_words.then_some(&self.error as &(dyn std::error::Error + 'static))
    }
}

/// What it means to a request.
pub(super) fn failure(trouble: Trouble) -> Failure {
    use AlertDescription::{CloseNotify, InternalError, UserCanceled};
    use rustls::Error as Tls;
    let closed = match &trouble.error {
        // Bytes were damaged or cut, or the server has troubles of its own: another connection may be better.
        Tls::DecryptError | Tls::PeerSentOversizedRecord | Tls::FailedToGetRandomBytes => true,
        Tls::AlertReceived(alert) => matches!(alert, CloseNotify | InternalError | UserCanceled),
        _ => false,
    };
    match trouble.error {
        // A reason of the verifier's own, which rustls has wrapped.
        Tls::InvalidCertificate(CertificateError::Other(OtherError(reason))) => {
            Failure { cause: Some(reason), ..Failure::new(BreakKind::TlsRejected) }
        }
        _ if closed => Failure { kind: BreakKind::Closed, ..rejected(trouble) },
        _ => rejected(trouble),
    }
}

fn rejected(error: impl std::error::Error + Send + Sync + 'static) -> Failure {
    Failure { cause: Some(Arc::new(error)), ..Failure::new(BreakKind::TlsRejected) }
}

/// The platform's certificates.
///
/// Where they are is known without asking `SSL_CERT_FILE`: the host's environment is not ours to read.
fn platform_certificates() -> Vec<CertificateDer<'static>> {
    #[cfg(target_os = "linux")]
    {
        const FILES: [&str; 7] = [
            "/etc/ssl/certs/ca-certificates.crt",                // Debian, Ubuntu, Arch, Alpine
            "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem", // Fedora, RHEL
            "/etc/pki/tls/certs/ca-bundle.crt",                  // older Fedora, RHEL
            "/etc/ssl/ca-bundle.pem",                            // openSUSE
            "/etc/pki/tls/cacert.pem",                           // OpenELEC
            "/etc/ssl/cert.pem",                                 // Alpine without its certificate package
            "/opt/etc/ssl/certs/ca-certificates.crt",            // Entware
        ];
        const DIRECTORIES: [&str; 2] = ["/etc/ssl/certs", "/etc/pki/tls/certs"];
        let file = FILES.iter().map(Path::new).find(|path| path.exists());
        let directory = DIRECTORIES.iter().map(Path::new).find(|path| file.is_none() && path.exists());
        rustls_native_certs::load_certs_from_paths(file, directory).certs
    }
    #[cfg(not(target_os = "linux"))]
    rustls_native_certs::load_native_certs().certs
}

fn read(path: &Path) -> Result<Zeroizing<Vec<u8>>, Error> {
    fs::read(path).map(Zeroizing::new).map_err(|error| {
        let code = error.raw_os_error();
        let what = format!("{} cannot be read", path.display());
        Error::new(ErrorKind::Tls, what).with_os_code(code).with_cause(Arc::new(error))
    })
}

fn read_certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, Error> {
    let pem = read(path)?;
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    match certificates {
        Ok(certificates) if certificates.is_empty() => {
            Err(Error::new(ErrorKind::Tls, format!("{} holds no certificate in PEM form", path.display())))
        }
        Ok(certificates) => Ok(certificates),
        Err(error) => Err(unusable(path, "is not in PEM form", error)),
    }
}

/// The certificates of a file, each of which has to be usable.
fn read_trusted(path: &Path) -> Result<Trusted, Error> {
    let mut trusted = Trusted::nobody();
    for (index, certificate) in read_certificates(path)?.into_iter().enumerate() {
        let added = trusted.add(certificate);
        added.map_err(|error| unusable(path, &format!("has an unusable certificate (number {})", index + 1), error))?;
    }
    Ok(trusted)
}

fn read_identity(chain: &Path, key: &Path) -> Result<CertifiedKey, Error> {
    let certificates = read_certificates(chain)?;
    let no_key = |error| unusable(key, "holds no private key in PEM form (an encrypted one cannot be used)", error);
    let mut der = PrivateKeyDer::from_pem_slice(&read(key)?).map_err(no_key)?;
    let signing = rustls::crypto::ring::sign::any_supported_type(&der);
    der.zeroize();
    let no_fit = |error| unusable(key, &format!("does not fit the certificate in {}", chain.display()), error);
    let identity = CertifiedKey::new(certificates, signing.map_err(no_fit)?);
    match identity.keys_match() {
        Ok(()) | Err(rustls::Error::InconsistentKeys(InconsistentKeys::Unknown)) => Ok(identity),
        Err(error) => Err(no_fit(error)),
    }
}

fn unusable(path: &Path, what: &str, error: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::new(ErrorKind::Tls, format!("{} {what}", path.display())).with_cause(Arc::new(error))
}
