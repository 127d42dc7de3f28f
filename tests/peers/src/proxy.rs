//! Proxies of the system's own packages: nginx in front of a server, tinyproxy in front of a client.
//!
//! Each runs as one process, of this test's own, with a configuration written into its folder. A program that is not
//! installed is written down as left out; `cargo xtask test --strict` installs Debian's packages.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use crate::peer::{START_LIMIT, START_TRIES, free_port, new_dir};
use crate::wrapper::Wrapped;
use crate::{left_out, tools};

/// A running proxy, on a loopback port. Dropping it kills it and removes its folder; the same happens when the test
/// process dies.
#[derive(Debug)]
pub struct Proxy {
    dir: PathBuf,
    port: u16,
    process: Wrapped,
}

/// nginx with `server` in its only server block; `listen` is there already. In it stands `@dir@` for the proxy's own
/// folder, and `@port@` for the port it listens on.
///
/// With `tls`, a certificate and its key as PEM, it speaks HTTPS.
///
/// # Panics
///
/// When it is installed but does not start.
#[must_use]
#[track_caller]
pub fn nginx(server: &str, tls: Option<(&str, &str)>) -> Option<Proxy> {
    // Where a user's path lacks the superuser's programs.
    let program = ["nginx", "/usr/sbin/nginx"].into_iter().find_map(tools::which);
    let Some(program) = program else { return left_out("nginx", "not found in PATH") };
    let lay_out = |dir: &Path, port: u16| {
        let listen = if tls.is_some() { format!("127.0.0.1:{port} ssl") } else { format!("127.0.0.1:{port}") };
        if let Some((certificate, key)) = tls {
            fs::write(dir.join("certificate.pem"), certificate)?;
            fs::write(dir.join("key.pem"), key)?;
        }
        let certificate = "ssl_certificate @dir@/certificate.pem; ssl_certificate_key @dir@/key.pem;";
        let text = NGINX
            .replace("@listen@", &listen)
            .replace("@certificate@", if tls.is_some() { certificate } else { "" })
            .replace("@server@", server)
            .replace("@dir@", &dir.display().to_string())
            .replace("@port@", &port.to_string());
        let file = dir.join("nginx.conf");
        fs::write(&file, text)?;
        let mut line: Vec<OsString> = vec![program.clone().into(), "-p".into(), dir.into(), "-c".into()];
        line.extend([file.into(), "-e".into(), "stderr".into()]);
        Ok(line)
    };
    Some(Proxy::start("nginx", lay_out))
}

/// tinyproxy, with more lines of configuration.
///
/// # Panics
///
/// When it is installed but does not start.
#[must_use]
#[track_caller]
pub fn tinyproxy(more: &str) -> Option<Proxy> {
    let program = tools::needed("tinyproxy")?;
    let lay_out = |dir: &Path, port: u16| {
        let file = dir.join("tinyproxy.conf");
        fs::write(&file, format!("Port {port}\nListen 127.0.0.1\nTimeout 600\nMaxClients 100\n{more}\n"))?;
        Ok(vec![program.clone().into(), "-d".into(), "-c".into(), file.into()])
    };
    Some(Proxy::start("tinyproxy", lay_out))
}

/// One process, so that nothing is left when it is killed.
const NGINX: &str = r#"
daemon off;
master_process off;
pid @dir@/nginx.pid;
events { worker_connections 256; }
http {
    log_format told '$request_method $request_uri $status $upstream_status $request_length';
    access_log @dir@/access.log told;
    client_body_temp_path @dir@/body;
    proxy_temp_path @dir@/proxy;
    fastcgi_temp_path @dir@/fastcgi;
    uwsgi_temp_path @dir@/uwsgi;
    scgi_temp_path @dir@/scgi;
    proxy_http_version 1.1;
    server {
        listen @listen@;
        @certificate@
        @server@
    }
}
"#;

impl Proxy {
    #[track_caller]
    fn start(name: &str, lay_out: impl Fn(&Path, u16) -> io::Result<Vec<OsString>>) -> Proxy {
        let mut tries = 1;
        loop {
            match Self::try_start(name, &lay_out) {
                Ok(proxy) => return proxy,
                // A free port may be taken by another process before the proxy has it.
                Err(error) if error.kind() == io::ErrorKind::BrokenPipe && tries < START_TRIES => tries += 1,
                Err(error) => panic!("{name} does not start: {error}"),
            }
        }
    }

    fn try_start(name: &str, lay_out: impl Fn(&Path, u16) -> io::Result<Vec<OsString>>) -> io::Result<Proxy> {
        let (dir, port) = (new_dir(name), free_port()?);
        fs::create_dir_all(&dir)?;
        let process = Wrapped::start(&dir, &lay_out(&dir, port)?)?;
        let proxy = Proxy { dir, port, process };
        let deadline = Instant::now() + START_LIMIT;
        loop {
            let listens = TcpStream::connect(("127.0.0.1", port)).is_ok();
            // In this order: who listens counts only if it cannot be a stranger on the port.
            let (kind, what) = match (proxy.process.has_exited(), listens) {
                (true, _) => (io::ErrorKind::BrokenPipe, "it ended at once"),
                (false, true) => return Ok(proxy),
                (false, false) if Instant::now() >= deadline => (io::ErrorKind::TimedOut, "it does not listen"),
                (false, false) => {
                    thread::sleep(Duration::from_millis(10));
                    continue;
                }
            };
            return Err(io::Error::new(kind, format!("{what}: {}", proxy.log())));
        }
    }

    /// Host and port, as they stand in a URL.
    #[must_use]
    pub fn authority(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// The proxy's own folder.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// What it has printed and, of nginx, the requests it has had.
    #[must_use]
    pub fn log(&self) -> String {
        let requests = fs::read_to_string(self.dir.join("access.log")).unwrap_or_default();
        format!("{}{requests}", self.process.printed())
    }
}
