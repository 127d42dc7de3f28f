//! Scenario 48 over TLS: certificates that are refused once and for all, handshakes that are cut and tried again.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use tus_test_server::{Certificate, Ending, Extensions, LocationForm, Options, Rule, Server, TlsOptions};

use crate::support::api::every_way;
use crate::support::server::{assert_stored, assert_story, assert_told, assert_wire, lines};
use crate::support::{Api, Folder, HELLO, Kind, Setup, noise};

every_way! {
    scenario_48_tls_upload,
    scenario_48_tls_bad_certificates,
    scenario_48_tls_not_verified,
    scenario_48_tls_client_certificate,
    scenario_48_tls_client_certificate_elsewhere,
    scenario_48_tls_nothing_over_plain_http,
    scenario_48_tls_key_for_all_to_read,
    scenario_48_tls_cut_in_the_handshake,
    scenario_48_tls_cut_in_the_body,
    scenario_48_tls_end_without_a_word,
    scenario_48_tls_to_a_plain_server,
    scenario_48_tls_files_that_are_none,
}

struct Secure {
    server: Server,
    folder: Folder,
    ca_file: PathBuf,
}

fn secure(tls: TlsOptions) -> Secure {
    let extensions = Extensions { creation_with_upload: false, ..Extensions::default() };
    let server = Server::start(Options { tls: Some(tls), extensions, ..Options::default() }).unwrap();
    let folder = Folder::new();
    let ca_file = folder.file("ca.pem", server.tls().unwrap().ca_pem.as_bytes());
    Secure { server, folder, ca_file }
}

impl Secure {
    fn setup(&self) -> Setup {
        Setup { ca_file: Some(self.ca_file.clone()), ..Setup::to(&self.server) }
    }
}

fn scenario_48_tls_upload(api: Api) {
    let secure = secure(TlsOptions::default());
    let bytes = noise(3_000_001, 10);
    let path = secure.folder.file("data", &bytes);
    let story = ["OPTIONS 204", "POST 3000001 201", "PATCH 0+3000001 204"];
    let from_file = api.upload(&secure.setup(), &path).unwrap();
    assert_story(&secure.server, &story, &from_file.url, &bytes);
    assert!(from_file.url.starts_with("https://"));
    assert_eq!(secure.server.connections(), 1);
    secure.server.clear_log();
    let from_memory = api.upload(&secure.setup(), &bytes).unwrap();
    assert_story(&secure.server, &story, &from_memory.url, &bytes);
}

fn scenario_48_tls_bad_certificates(api: Api) {
    for certificate in [Certificate::Expired, Certificate::WrongName, Certificate::Untrusted] {
        let secure = secure(TlsOptions { certificate, ..TlsOptions::default() });
        let error = api.upload(&secure.setup(), HELLO).unwrap_err();
        assert_eq!(error.gist(), (Kind::Tls, 0, false), "{certificate:?}");
        assert!(!error.retryable, "{error:?}");
        assert_told(&secure.server, &[]);
        assert_eq!(secure.server.connections(), 1, "{certificate:?} will not get better");
    }
    // An authority that only this test knows, unknown to the platform.
    let secure = secure(TlsOptions::default());
    let error = api.upload(&Setup::to(&secure.server), HELLO).unwrap_err();
    assert_eq!(error.gist(), (Kind::Tls, 0, false));
    assert_told(&secure.server, &[]);
}

fn scenario_48_tls_not_verified(api: Api) {
    for certificate in [Certificate::Expired, Certificate::WrongName, Certificate::Untrusted] {
        let secure = secure(TlsOptions { certificate, ..TlsOptions::default() });
        let done = api.upload(&Setup { tls_verify: false, ..Setup::to(&secure.server) }, HELLO).unwrap();
        assert_story(&secure.server, &["OPTIONS 204", "POST 11 201", "PATCH 0+11 204"], &done.url, HELLO);
    }
}

fn scenario_48_tls_client_certificate(api: Api) {
    let secure = secure(TlsOptions { client_certificate: true, ..TlsOptions::default() });
    let files = secure.server.tls().unwrap().clone();
    let chain = secure.folder.file("client.pem", files.client_pem.as_bytes());
    let key = secure.folder.file("client.key", files.client_key_pem.as_bytes());
    let known = Setup { client_certificate: Some((chain, key)), ..secure.setup() };
    let done = api.upload(&known, HELLO).unwrap();
    assert_story(&secure.server, &["OPTIONS 204", "POST 11 201", "PATCH 0+11 204"], &done.url, HELLO);

    secure.server.clear_log();
    let before = secure.server.connections();
    let error = api.upload(&secure.setup(), HELLO).unwrap_err();
    assert_eq!(error.gist(), (Kind::Tls, 0, false));
    assert!(!error.retryable, "{error:?}");
    assert_told(&secure.server, &[]);
    assert_eq!(secure.server.connections(), before + 1, "a certificate that is missing will not come");
}

/// The certificate goes where the caller's headers go (T-150), whatever leads to another origin.
fn scenario_48_tls_client_certificate_elsewhere(api: Api) {
    let secure = secure(TlsOptions::default());
    let elsewhere = Server::start(Options {
        tls: Some(TlsOptions { client_certificate: true, ..TlsOptions::default() }),
        ..Options::default()
    })
    .unwrap();
    let files = elsewhere.tls().unwrap().clone();
    let both = [&secure.server.tls().unwrap().ca_pem, &files.ca_pem].map(String::as_str).concat();
    let ca_file = Some(secure.folder.file("both.pem", both.as_bytes()));
    let chain = secure.folder.file("client.pem", files.client_pem.as_bytes());
    let key = secure.folder.file("client.key", files.client_key_pem.as_bytes());
    let setup = Setup { ca_file, client_certificate: Some((chain, key)), ..Setup::to(&secure.server) };
    let url = elsewhere.seed(Some(11), b"").unwrap();
    let allowed = Setup { allowed_origins: vec![elsewhere.origin().to_owned()], ..setup.clone() };
    let without_endpoint = Setup { url: None, ..setup.clone() };
    let refused = |error: crate::support::Failure| {
        assert_eq!(error.kind, Kind::Tls);
        assert!(error.message.contains("tus_config_allow_origin"), "{error:?}");
    };
    secure.server.script(Rule::on("POST").forever().location(LocationForm::Other(url.clone())));
    refused(api.upload(&setup, HELLO).unwrap_err());
    refused(api.resume(&setup, HELLO, &url).unwrap_err());
    refused(api.resume(&without_endpoint, HELLO, &url).unwrap_err());
    refused(api.client(&setup).unwrap().info(&url).unwrap_err());
    refused(api.client(&setup).unwrap().delete(&url).unwrap_err());
    assert_told(&elsewhere, &[]);
    api.upload(&allowed, HELLO).unwrap();
    assert_stored(&elsewhere, &url, HELLO);
    let allowed = Setup { url: None, ..allowed };
    assert!(api.resume(&allowed, HELLO, &url).is_ok());
}

fn scenario_48_tls_nothing_over_plain_http(api: Api) {
    let (plain, secure) = (crate::support::server::server(), secure(TlsOptions::default()));
    let url = plain.seed(Some(11), b"").unwrap();
    let refused = |error: crate::support::Failure| {
        assert_eq!(error.kind, Kind::Tls);
        assert!(error.message.contains("https_only"), "{error:?}");
    };
    refused(api.client(&Setup { https_only: true, ..Setup::to(&plain) }).err().unwrap());
    let setup = Setup { https_only: true, ..secure.setup() };
    for setup in [setup.clone(), Setup { url: None, ..setup.clone() }] {
        let setup = Setup { allowed_origins: vec![plain.origin().to_owned()], ..setup };
        refused(api.resume(&setup, HELLO, &url).unwrap_err());
        refused(api.client(&setup).unwrap().info(&url).unwrap_err());
        refused(api.client(&setup).unwrap().delete(&url).unwrap_err());
    }
    assert_eq!(plain.connections(), 0);
    api.upload(&setup, HELLO).unwrap();
}

fn scenario_48_tls_key_for_all_to_read(api: Api) {
    use std::os::unix::fs::PermissionsExt as _;
    let secure = secure(TlsOptions { client_certificate: true, ..TlsOptions::default() });
    let files = secure.server.tls().unwrap().clone();
    let chain = secure.folder.file("client.pem", files.client_pem.as_bytes());
    let key = secure.folder.file("client.key", files.client_key_pem.as_bytes());
    for (mode, warned) in [(0o600, false), (0o640, false), (0o644, true)] {
        std::fs::set_permissions(&key, std::fs::Permissions::from_mode(mode)).unwrap();
        let lines = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&lines);
        let log: crate::support::hooks::OnLog =
            Arc::new(move |level, line: &str| seen.lock().unwrap().push(format!("{level} {line}")));
        let pair = Some((chain.clone(), key.clone()));
        api.client(&Setup { client_certificate: pair, log: Some(log), ..secure.setup() }).unwrap();
        let told =
            lines.lock().unwrap().iter().any(|line: &String| line.starts_with('2') && line.contains("client.key"));
        assert_eq!(told, warned, "{mode:o}");
    }
}

/// Weather, unlike a certificate.
fn scenario_48_tls_cut_in_the_handshake(api: Api) {
    for ending in [Ending::Fin, Ending::Rst, Ending::Close] {
        for bytes in [0, 1, 5, 100] {
            let secure = secure(TlsOptions::default());
            secure.server.script(Rule::on_connection().times(2).cut_request(bytes, ending));
            let done = api.upload(&Setup { query_server: false, ..secure.setup() }, HELLO).unwrap();
            assert_story(&secure.server, &["POST 11 201", "PATCH 0+11 204"], &done.url, HELLO);
            assert!(secure.server.connections() >= 3, "{ending:?} after {bytes}");
        }
    }
}

fn scenario_48_tls_cut_in_the_body(api: Api) {
    let secure = secure(TlsOptions::default());
    let bytes = noise(2_000_000, 11);
    for ending in [Ending::Fin, Ending::Rst, Ending::Close] {
        secure.server.clear_log();
        secure.server.script(Rule::on("PATCH").cut_body(777_777, ending));
        let done = api.upload(&Setup { query_server: false, ..secure.setup() }, &bytes).unwrap();
        let story = ["POST 2000000 201", "PATCH 0+2000000 -", "HEAD 200", "PATCH 777777+1222223 204"];
        assert_story(&secure.server, &story, &done.url, &bytes);
    }
}

/// Scenario 56 over TLS: a server that ends the connection after its answer without saying goodbye.
fn scenario_48_tls_end_without_a_word(api: Api) {
    let secure = secure(TlsOptions::default());
    for method in ["POST", "PATCH"] {
        secure.server.script(Rule::on(method).ending(Ending::Fin));
    }
    let done = api.upload(&secure.setup(), HELLO).unwrap();
    // A PATCH may find its connection still standing and die on it unseen: then HEAD comes before the next.
    let told: Vec<_> = lines(&secure.server).into_iter().filter(|line| line != "HEAD 200").collect();
    assert_eq!(told, ["OPTIONS 204", "POST 11 201", "PATCH 0+11 204"]);
    assert!(done.stats.retries <= 1, "{:?}", done.stats);
    assert_stored(&secure.server, &done.url, HELLO);
}

fn scenario_48_tls_to_a_plain_server(api: Api) {
    let plain = crate::support::server::server();
    let url = plain.endpoint().replace("http:", "https:");
    plain.script(Rule::on_connection().forever().cut_request(3, Ending::Fin).raw("HTTP/1.1 400 Bad Request\r\n\r\n"));
    let error = api.upload(&Setup { retries: 1, query_server: false, ..Setup::url(&url) }, HELLO).unwrap_err();
    assert!(matches!(error.kind, Kind::Tls | Kind::Io), "{error:?}");

    let secure = secure(TlsOptions::default());
    let url = secure.server.endpoint().replace("https:", "http:");
    let error = api.upload(&Setup { retries: 1, query_server: false, ..Setup::url(&url) }, HELLO).unwrap_err();
    assert!(matches!(error.kind, Kind::Protocol | Kind::Io), "{error:?}");
    assert_wire(&secure.server, &[]);
}

fn scenario_48_tls_files_that_are_none(api: Api) {
    let secure = secure(TlsOptions::default());
    let empty = secure.folder.file("empty.pem", b"");
    let junk =
        secure.folder.file("junk.pem", b"-----BEGIN CERTIFICATE-----\nbm90IG9uZQ==\n-----END CERTIFICATE-----\n");
    let missing = secure.folder.path().join("missing.pem");
    for path in [&empty, &junk, &missing] {
        let error = api.client(&Setup { ca_file: Some(path.clone()), ..Setup::to(&secure.server) }).err().unwrap();
        assert!(matches!(error.kind, Kind::Tls | Kind::InvalidArgument), "{}: {error:?}", path.display());
        assert!(error.message.contains(&path.display().to_string()), "{error:?}");
        let pair = Some((path.clone(), path.clone()));
        let error = api.client(&Setup { client_certificate: pair, ..secure.setup() }).err().unwrap();
        assert!(matches!(error.kind, Kind::Tls | Kind::InvalidArgument), "{}: {error:?}", path.display());
    }
    assert_eq!(secure.server.connections(), 0);
}
