//! Scenarios 20 and 21: where a created upload is.

use tus::error::BrokenRule;
use tus_test_server::{LocationForm, Rule};

use crate::support::api::every_way;
use crate::support::server::{assert_story, assert_told, server, server_with};
use crate::support::{Api, HELLO, Setup};

every_way! {
    scenario_20_no_usable_location,
    scenario_20_the_same_location_twice,
    scenario_21_forms_of_location,
    scenario_21_relative_to_an_endpoint_without_a_slash,
    scenario_21_query_and_escapes_are_kept,
    scenario_21_other_success_statuses,
}

/// T-043: an upload was created and nobody knows where; another POST would make another one.
fn scenario_20_no_usable_location(api: Api) {
    for form in [
        LocationForm::Missing,
        LocationForm::Empty,
        LocationForm::TwoDifferent,
        LocationForm::Other("   ".into()),
        LocationForm::Other("http://".into()),
        LocationForm::Other("http://127.0.0.1:x/files/{id}".into()),
        LocationForm::Other("http://127.0.0.1:0/files/{id}".into()),
        LocationForm::Other("file:///etc/passwd".into()),
        LocationForm::Other("javascript:alert(1)".into()),
        LocationForm::Other("ftp://127.0.0.1/files/{id}".into()),
    ] {
        let server = server();
        server.script(Rule::on("POST").location(form.clone()));
        let error = api.upload(&Setup::to(&server), HELLO).unwrap_err();
        error.assert_broke(BrokenRule::BadLocation);
        assert_eq!((error.status, error.upload_url), (201, None), "{form:?}");
        assert_told(&server, &["OPTIONS 204", "POST 11 201"]);
    }
}

fn scenario_20_the_same_location_twice(api: Api) {
    let server = server();
    server.script(Rule::on("POST").location(LocationForm::Twice));
    let done = api.upload(&Setup::to(&server), HELLO).unwrap();
    assert_story(&server, &["OPTIONS 204", "POST 11 201", "PATCH 0+11 204"], &done.url, HELLO);
}

/// T-044: the URL as RFC 3986 resolves it, and the target as it goes over the wire.
fn scenario_21_forms_of_location(api: Api) {
    for (form, target) in [
        (LocationForm::Absolute, "/files/{id}"),
        (LocationForm::PathAbsolute, "/files/{id}"),
        (LocationForm::Relative, "/files/{id}"),
        (LocationForm::DotDot, "/files/{id}"),
        (LocationForm::SchemeRelative, "/files/{id}"),
        (LocationForm::Query, "/files/?id={id}"),
        (LocationForm::Fragment, "/files/{id}"),
        (LocationForm::Spaced, "/files/{id}"),
        (LocationForm::Other("./{id}".into()), "/files/{id}"),
        (LocationForm::Other("../../../files/./x/../{id}".into()), "/files/{id}"),
        (LocationForm::Other("{id}?#f".into()), "/files/{id}?"),
    ] {
        let server = server_with(|options| options.location = form.clone());
        let done = api.upload(&Setup::to(&server), HELLO).unwrap();
        let id = server.uploads()[0].id.clone();
        let target = target.replace("{id}", &id);
        assert_eq!(server.requests()[2].target, target, "{form:?}");
        assert_eq!(done.url, format!("{}{target}", server.origin()), "{form:?}");
        assert_story(&server, &["OPTIONS 204", "POST 11 201", "PATCH 0+11 204"], &server.upload_url(&id), HELLO);
        // The URL that is told is the one that works.
        assert_eq!(api.resume(&Setup::to(&server), HELLO, &done.url).unwrap().stats.resumed, 11);
    }
}

fn scenario_21_relative_to_an_endpoint_without_a_slash(api: Api) {
    // Relative to `/files` the last part is replaced.
    for form in [LocationForm::Relative, LocationForm::PathAbsolute] {
        let server = server_with(|options| options.location = form);
        let setup = Setup::url(server.endpoint().trim_end_matches('/'));
        let done = api.upload(&setup, HELLO).unwrap();
        assert_eq!(server.requests()[1].target, "/files", "kept byte for byte");
        assert_story(&server, &["OPTIONS 204", "POST 11 201", "PATCH 0+11 204"], &done.url, HELLO);
    }
}

fn scenario_21_query_and_escapes_are_kept(api: Api) {
    let query = "?sig=a%2Fb%2f+c&x=%20&y";
    let server = server_with(|options| options.location = LocationForm::Other(format!("{{path}}{query}")));
    let done = api.upload(&Setup::url(&format!("{}?token=%2F+x", server.endpoint())), HELLO).unwrap();
    let targets: Vec<_> = server.requests().iter().map(|request| request.target.clone()).collect();
    let id = server.uploads()[0].id.clone();
    assert_eq!(targets[..2], ["/files/?token=%2F+x", "/files/?token=%2F+x"]);
    assert_eq!(targets[2], format!("/files/{id}{query}"));
    assert_story(&server, &["OPTIONS 204", "POST 11 201", "PATCH 0+11 204"], &done.url, HELLO);
}

/// T-043: any 2xx that says where.
fn scenario_21_other_success_statuses(api: Api) {
    for status in [200, 202, 204, 299] {
        let server = server();
        server.script(Rule::on("POST").status(status));
        let done = api.upload(&Setup::to(&server), HELLO).unwrap();
        let posted = format!("POST 11 {status}");
        assert_story(&server, &["OPTIONS 204", &posted, "PATCH 0+11 204"], &done.url, HELLO);
    }
}
