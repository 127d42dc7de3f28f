//! Where servers may point to (row by row of [`Locations`]), with 127.0.0.1 taken for an address outside.

use std::net::{IpAddr, Ipv4Addr};

use tus_test_server::{Options, Rule, Server};

use super::client::Client;
use super::config::Config;
use super::options::UploadOptions;
use crate::error::{BrokenRule, Error, ErrorKind};
use crate::source::Source;
use crate::transport::{Locations, ProxySetting};

const INSIDE: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2));

fn outside() -> Server {
    Server::start(Options::default()).unwrap()
}

fn inside() -> Server {
    Server::start(Options { ip: INSIDE, ..Options::default() }).unwrap()
}

/// Two servers, the first of which has the second create what it is asked to create.
fn pair() -> (Server, Server, String) {
    let (front, back) = (outside(), inside());
    let url = back.seed(Some(5), b"").unwrap();
    front.script(Rule::on("POST").forever().header("Location", url.as_str()));
    (front, back, url)
}

fn client(front: &Server, change: impl FnOnce(&mut Config)) -> Client {
    let mut config = Config::new();
    config.set_url(&front.endpoint()).unwrap();
    config.set_proxy(ProxySetting::None);
    config.is_inward = Some(|address| address.to_canonical() == INSIDE);
    change(&mut config);
    Client::new(config).unwrap()
}

fn upload(client: &Client) -> Result<(), Error> {
    client.upload(&mut Source::memory(b"hello".to_vec()), &UploadOptions::default()).map(drop)
}

fn assert_refused(error: &Error) {
    assert_eq!(error.kind(), ErrorKind::Protocol(BrokenRule::ForeignLocation), "{error:?}");
    assert!(!error.is_retryable() && error.request().is_some());
    assert!(error.full_message().contains("tus_config_"), "what to do: {}", error.full_message());
}

#[test]
fn a_location_does_not_lead_inward() {
    let (front, back, url) = pair();
    let error = upload(&client(&front, |_| {})).unwrap_err();
    assert_refused(&error);
    assert_eq!(error.upload_url().unwrap().as_str(), url);
    assert_eq!((back.connections(), back.requests().len()), (0, 0));
}

#[test]
fn a_redirect_does_not_lead_inward() {
    for method in ["POST", "PATCH"] {
        let (front, back) = (outside(), inside());
        front.script(Rule::on(method).reply(307).header("Location", &back.endpoint()));
        assert_refused(&upload(&client(&front, |_| {})).unwrap_err());
        assert_eq!(back.connections(), 0, "{method}");
    }
}

/// What counts is the address, not how it is written.
#[test]
fn no_form_of_an_address_leads_inward() {
    for host in ["127.0.0.2", "2130706434", "0x7f.2", "0177.0.0.2", "127.2", "[::ffff:127.0.0.2]"] {
        let (front, back) = (outside(), inside());
        let port = back.origin().rsplit(':').next().unwrap().to_owned();
        front.script(Rule::on("POST").header("Location", &format!("http://{host}:{port}/files/1")));
        let error = upload(&client(&front, |_| {})).unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::Protocol(_) | ErrorKind::Resolve), "{host}: {error:?}");
        assert_eq!(back.connections(), 0, "{host}");
    }
}

/// From a server inside to one outside, and from there back in.
#[test]
fn every_server_of_a_chain_counts() {
    let (first, second, third) = (inside(), outside(), inside());
    first.script(Rule::on("POST").reply(307).header("Location", &second.endpoint()));
    second.script(Rule::on("POST").header("Location", &third.seed(Some(5), b"").unwrap()));
    assert_refused(&upload(&client(&first, |_| {})).unwrap_err());
    assert_eq!(third.connections(), 0);
}

#[test]
fn a_server_inside_may_point_inward() {
    let (front, back, _) = pair();
    upload(&client(&front, |config| config.is_inward = Some(|_| true))).unwrap();
    assert_eq!(back.uploads()[0].offset, 5);
}

#[test]
fn what_the_caller_allows_is_allowed() {
    let (front, back, _) = pair();
    upload(&client(&front, |config| config.allow_origin(&back.endpoint()).unwrap())).unwrap();
    let (front, _back, _) = pair();
    upload(&client(&front, |config| config.set_locations(Locations::Any))).unwrap();
    // A URL that the caller names is his own.
    let (front, back, url) = pair();
    let client = client(&front, |config| config.set_locations(Locations::Allowed));
    client.server_info().unwrap();
    client.resume_upload(&mut Source::memory(b"hello".to_vec()), &url, &UploadOptions::default()).unwrap();
    assert_eq!(back.uploads()[0].offset, 5);
}

#[test]
fn only_allowed_origins_on_wish() {
    let (front, back, _) = pair();
    let not_even_outside = |config: &mut Config| {
        config.is_inward = Some(|_| false);
        config.set_locations(Locations::Allowed);
    };
    assert_refused(&upload(&client(&front, not_even_outside)).unwrap_err());
    assert_eq!(back.connections(), 0);
}

/// A connection that the caller's own request has made does not serve what another server points to.
#[test]
fn no_idle_connection_is_a_way_inward() {
    let (front, back, url) = pair();
    let client = client(&front, |_| {});
    client.upload_info(&url).unwrap();
    assert_eq!(back.connections(), 1);
    assert_refused(&upload(&client).unwrap_err());
    assert_eq!(back.requests().len(), 1);
}
