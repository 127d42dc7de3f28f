//! TLS: the client's certificates, the handshake, and the encrypted side of a connection.
//!
//! rustls is used directly, not through ureq: ureq's TLS transport writes one 16 KiB record per system call, and
//! hides the socket from our cancel and clocks. Settings are read and checked once per client; the platform's roots
//! only when the first https connection is made.

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
use rustls::{AlertDescription, ClientConfig, ClientConnection, RootCertStore};

use super::BreakKind;
use super::context::Context;
use super::failure::Failure;
use super::settings::TlsSettings;
use super::verifier;
use super::wait::Until;
use crate::error::{Error, ErrorKind};
use crate::sys::poll::Entry;
use crate::sys::socket::{Socket, would_block};

/// The TLS side of a client.
pub(super) struct Tls {
    config: OnceCell<Arc<ClientConfig>>,
    provider: Arc<CryptoProvider>,
    identity: Option<Arc<CertifiedKey>>,
    allow_tls12: bool,
    pinned_keys: Vec<[u8; 32]>,
}

impl Tls {
    /// Reads and checks the files.
    pub(super) fn new(settings: &TlsSettings) -> Result<Tls, Error> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let identity = match &settings.client_certificate {
            Some((chain, key)) => Some(Arc::new(read_identity(chain, key, &provider)?)),
            None => None,
        };
        let tls = Tls {
            config: OnceCell::new(),
            provider,
            identity,
            allow_tls12: settings.allow_tls12,
            pinned_keys: settings.pinned_keys.clone(),
        };
        let verifier = match &settings.ca_file {
            _ if !settings.verify => Some(verifier::accept_all(&tls.provider)),
            Some(path) => {
                let own = read_certificates(path)?;
                let mut roots = RootCertStore::empty();
                for certificate in &own {
                    roots
                        .add(certificate.clone())
                        .map_err(|error| unusable(path, "has an unusable certificate", error))?;
                }
                let verifier = verifier::trust(roots, own, &tls.provider);
                Some(verifier.map_err(|error| unusable(path, "cannot be used", error))?)
            }
            None => None,
        };
        if let Some(verifier) = verifier {
            let config = tls.configure(verifier);
            let config =
                config.map_err(|error| Error::new(ErrorKind::Tls, "TLS cannot be used").with_cause(Arc::new(error)))?;
            // Nobody else has it yet, so it is still empty.
            let _ = tls.config.set(config);
        }
        Ok(tls)
    }

    fn configure(&self, verifier: Arc<dyn verifier::Verifier>) -> Result<Arc<ClientConfig>, rustls::Error> {
        let versions: &[_] = match self.allow_tls12 {
            true => &[&rustls::version::TLS13, &rustls::version::TLS12],
            false => &[&rustls::version::TLS13],
        };
        let verifier = verifier::pin(verifier, &self.pinned_keys);
        // Not the process-wide default provider: that belongs to the host.
        let builder = ClientConfig::builder_with_provider(Arc::clone(&self.provider))
            .with_protocol_versions(versions)?
            .dangerous()
            .with_custom_certificate_verifier(verifier);
        Ok(Arc::new(match &self.identity {
            Some(identity) => builder.with_client_cert_resolver(Arc::new(SingleCertAndKey::from(Arc::clone(identity)))),
            None => builder.with_no_client_auth(),
        }))
    }

    /// The configuration; reads the platform's roots if nothing else was said.
    fn config(&self) -> Result<&Arc<ClientConfig>, Failure> {
        self.config.get_or_try_init(|| {
            let mut roots = RootCertStore::empty();
            // Stores hold certificates no verifier can use; the others count.
            let (usable, _) = roots.add_parsable_certificates(platform_roots());
            if usable == 0 {
                let reason = "the system has no certificates to verify servers with";
                return Err(Failure::because(BreakKind::TlsRejected, reason));
            }
            verifier::trust(roots, Vec::new(), &self.provider).and_then(|v| self.configure(v)).map_err(failure)
        })
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
        let mut connection = ClientConnection::new(Arc::clone(self.config()?), name).map_err(failure)?;
        // A whole buffer is encrypted and written at once; rustls would take 64 KiB at a time.
        connection.set_buffer_limit(None);
        let mut session = Session(connection);
        loop {
            let writing = match session.flush(socket) {
                Ok(None) => false,
                Ok(Some(_)) => continue,
                Err(error) if would_block(&error) => true,
                Err(error) => return Err(Failure::stream(error)),
            };
            if session.0.is_handshaking() {
                match session.receive(socket) {
                    Ok(0) => {
                        return Err(Failure::ended().explained("the peer closed the connection in the TLS handshake"));
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
pub(super) struct Session(ClientConnection);

impl Session {
    /// Decrypts what is there; 0 is the end, whether it was announced or not: the length of an answer is HTTP's
    /// business, and many servers just close.
    pub(super) fn read(&mut self, socket: &Socket, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.0.reader().read(buffer) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(0),
                result => return result,
            }
            self.receive(socket)?;
        }
    }

    /// Encrypts all of it.
    pub(super) fn encrypt(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.writer().write_all(bytes)
    }

    /// Writes what fits of what is encrypted; `None` if there is nothing.
    pub(super) fn flush(&mut self, socket: &Socket) -> io::Result<Option<usize>> {
        if !self.0.wants_write() {
            return Ok(None);
        }
        self.0.write_tls(&mut Pipe(socket)).map(Some)
    }

    /// Says goodbye, if there is room for it.
    pub(super) fn close(&mut self, socket: &Socket) {
        if !self.0.wants_write() {
            self.0.send_close_notify();
            let _ = self.flush(socket);
        }
    }

    /// Takes in what the socket has; 0 is its end.
    fn receive(&mut self, socket: &Socket) -> io::Result<usize> {
        let count = self.0.read_tls(&mut Pipe(socket))?;
        let processed = self.0.process_new_packets();
        // Answers of the protocol itself: an alert that says what was wrong, new keys. If there is no room now,
        // they leave with the next write.
        let _ = self.flush(socket);
        processed.map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
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

/// What a TLS error means to a request.
pub(super) fn failure(error: rustls::Error) -> Failure {
    use AlertDescription::{CloseNotify, InternalError, UserCanceled};
    use rustls::Error as Tls;
    let closed = match &error {
        // Bytes were damaged or cut, or the server has troubles of its own: another connection may be better.
        Tls::DecryptError | Tls::PeerSentOversizedRecord | Tls::FailedToGetRandomBytes => true,
        Tls::AlertReceived(alert) => matches!(alert, CloseNotify | InternalError | UserCanceled),
        _ => false,
    };
    if closed { Failure { kind: BreakKind::Closed, ..rejected(error) } } else { rejected(error) }
}

fn rejected(error: impl std::error::Error + Send + Sync + 'static) -> Failure {
    Failure { cause: Some(Arc::new(error)), ..Failure::new(BreakKind::TlsRejected) }
}

/// The platform's certificates.
///
/// Where they are is known without asking `SSL_CERT_FILE`: the host's environment is not ours to read.
fn platform_roots() -> Vec<CertificateDer<'static>> {
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

fn read(path: &Path) -> Result<Vec<u8>, Error> {
    fs::read(path).map_err(|error| {
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

fn read_identity(chain: &Path, key: &Path, provider: &CryptoProvider) -> Result<CertifiedKey, Error> {
    let certificates = read_certificates(chain)?;
    let key_der = PrivateKeyDer::from_pem_slice(&read(key)?)
        .map_err(|error| unusable(key, "holds no private key in PEM form (an encrypted one cannot be used)", error))?;
    CertifiedKey::from_der(certificates, key_der, provider)
        .map_err(|error| unusable(key, &format!("does not fit the certificate in {}", chain.display()), error))
}

fn unusable(path: &Path, what: &str, error: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::new(ErrorKind::Tls, format!("{} {what}", path.display())).with_cause(Arc::new(error))
}
