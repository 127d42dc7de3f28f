//! Other credentials after a refusal (scenario 36), and headers that change at run time.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use tus::engine::client::Client;
use tus::engine::config::Config;
use tus::error::ErrorKind;
use tus::source::Source;
use tus_test_server::{Rule, Server};

use crate::fixture::*;

/// A server that wants the new token, and settings with an old one; counts how often there was a question.
fn guarded(hook_says_yes: bool) -> (Server, Config, Arc<AtomicUsize>) {
    let server = server_with(|options| options.token = Some("new".to_owned()));
    let mut config = config_to(&server.endpoint());
    config.set_header("Authorization", Some("Bearer old")).unwrap();
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    config.hooks_mut().credentials = Some(Arc::new(move |answer, headers| {
        assert_eq!(answer.status, 401);
        count.fetch_add(1, Ordering::SeqCst);
        std::thread::sleep(Duration::from_millis(20));
        if !hook_says_yes {
            return Err(12);
        }
        headers.set("Authorization", Some("Bearer new")).unwrap();
        assert!(headers.set("Upload-Offset", Some("0")).is_err());
        Ok(())
    }));
    (server, config, asked)
}

fn tokens(server: &Server) -> Vec<String> {
    server.requests().iter().map(|request| request.header("Authorization").unwrap_or("-").to_owned()).collect()
}

#[test]
fn the_first_request_is_refused_and_all_later_ones_carry_the_new_token() {
    let (server, config, asked) = guarded(true);
    let bytes = noise(3000, 130);
    let client = Client::new(config).unwrap();
    let done = client.upload(&mut Source::memory(bytes.clone()), &options()).unwrap();
    assert_stored(&server, &done, &bytes);
    client.upload(&mut Source::memory(bytes), &options()).unwrap();
    assert_eq!(asked.load(Ordering::SeqCst), 1);
    let tokens = tokens(&server);
    assert_eq!(tokens.iter().filter(|token| *token == "Bearer old").count(), 1, "{tokens:?}");
    assert_eq!(tokens[0], "Bearer old");
}

#[test]
fn any_request_may_be_the_one_that_is_refused() {
    for method in ["OPTIONS", "POST", "HEAD", "PATCH", "DELETE"] {
        let (server, mut config, asked) = guarded(true);
        config.set_header("Authorization", Some("Bearer new")).unwrap();
        let bytes = noise(3000, 131);
        let client = Client::new(config).unwrap();
        server.script(Rule::on(method).reply(401));
        let half = client.upload(&mut Source::memory(bytes.clone()), &stop_at(1000)).unwrap();
        let done = client.resume_upload(&mut Source::memory(bytes.clone()), half.url.as_str(), &options()).unwrap();
        assert_stored(&server, &done, &bytes);
        client.delete_upload(half.url.as_str()).unwrap();
        assert_eq!(server.uploads().len(), 0, "{method}");
        assert_eq!((asked.load(Ordering::SeqCst), server.pending_rules()), (1, 0), "{method}");
        assert_clean(&server);
    }
}

/// A refused PATCH may have left bytes behind; HEAD tells, and no chunk counts as a try.
#[test]
fn a_refused_chunk_is_looked_into_and_sent_again() {
    let (server, mut config, _) = guarded(true);
    config.set_header("Authorization", Some("Bearer new")).unwrap();
    let bytes = noise(3000, 132);
    server.script(Rule::on("PATCH").nth(2).reply(401));
    let done = Client::new(config).unwrap().upload(&mut Source::memory(bytes.clone()), &options()).unwrap();
    assert_stored(&server, &done, &bytes);
    let story = ["PATCH 0+1000 204", "PATCH 1000+1000 401", "HEAD 200", "PATCH 1000+1000 204", "PATCH 2000+1000 204"];
    assert_eq!(lines(&server)[2..], story);
    assert_eq!(done.stats.retries, 0);
}

#[test]
fn one_question_for_all_parts() {
    let (server, mut config, asked) = guarded(true);
    let folder = Folder::new();
    let bytes = noise(30_000, 133);
    let path = folder.file("a", &bytes);
    // The token runs out when all parts are under way.
    let (expired, token) = (Arc::new(AtomicBool::new(false)), "Bearer new");
    config.set_header("Authorization", Some(token)).unwrap();
    let count = Arc::clone(&asked);
    config.hooks_mut().credentials = Some(Arc::new(move |_, headers| {
        count.fetch_add(1, Ordering::SeqCst);
        std::thread::sleep(Duration::from_millis(50));
        headers.set("Authorization", Some(token)).unwrap();
        headers.set("X-Fresh", Some("1")).unwrap();
        Ok(())
    }));
    server.script(Rule::on("PATCH").lacking("X-Fresh").skip(5).forever().reply(401));
    let busy = Arc::new(AtomicBool::new(false));
    let mut options = in_parts(5);
    let in_progress = Arc::clone(&busy);
    options.set_progress(Some(Arc::new(move |_| {
        assert!(!in_progress.swap(true, Ordering::SeqCst));
        in_progress.store(false, Ordering::SeqCst);
        Ok(())
    })));
    let done = run(&config, &path, &options).unwrap();
    assert_stored(&server, &done, &bytes);
    assert_eq!(asked.load(Ordering::SeqCst), 1, "once for all of them");
    let refused: Vec<_> = server.requests().into_iter().filter(|request| request.status == Some(401)).collect();
    assert!((1..=5).contains(&refused.len()), "{}", refused.len());
    assert!(refused.iter().all(|request| request.header("X-Fresh").is_none()));
    drop(expired);
}

/// The credentials function is one of the functions that never overlap.
#[test]
fn no_other_function_runs_while_credentials_are_got() {
    let (server, mut config, _) = guarded(true);
    let bytes = noise(30_000, 134);
    let busy = Arc::new(AtomicBool::new(false));
    config.set_header("Authorization", Some("Bearer new")).unwrap();
    let asking = Arc::clone(&busy);
    config.hooks_mut().credentials = Some(Arc::new(move |_, headers| {
        assert!(!asking.swap(true, Ordering::SeqCst));
        std::thread::sleep(Duration::from_millis(100));
        asking.store(false, Ordering::SeqCst);
        headers.set("X-Fresh", Some("1")).unwrap();
        Ok(())
    }));
    let others = Arc::clone(&busy);
    let overlapped = Arc::new(AtomicBool::new(false));
    let note = Arc::clone(&overlapped);
    config.hooks_mut().before_request = Some(Arc::new(move |_| {
        note.fetch_or(others.load(Ordering::SeqCst), Ordering::SeqCst);
        Ok(())
    }));
    server.script(Rule::on("PATCH").lacking("X-Fresh").skip(3).reply(401));
    let client = Client::new(config).unwrap();
    let done = client.upload(&mut Source::memory(bytes.clone()), &in_parts(3)).unwrap();
    assert_stored(&server, &done, &bytes);
    assert!(!overlapped.load(Ordering::SeqCst));
}

#[test]
fn a_function_that_has_no_others_ends_it_and_the_upload_stays() {
    for parts in [1, 3] {
        let (server, mut config, asked) = guarded(false);
        let folder = Folder::new();
        let bytes = noise(9000, 135);
        let path = settled(&folder, "a", &bytes);
        config.set_store_dir(store_in(&folder));
        config.set_header("Authorization", Some("Bearer new")).unwrap();
        server.script(Rule::on("PATCH").skip(3).times(parts).reply(401));
        let error = run(&config, &path, &in_parts(parts)).unwrap_err();
        assert_eq!((error.kind(), error.callback_code()), (ErrorKind::HttpStatus, Some(12)), "{error:?}");
        assert_eq!(error.answer().unwrap().status, 401);
        assert_eq!((asked.load(Ordering::SeqCst) > 0, records(&folder).len()), (true, 1));
        assert_eq!(count(&server, "DELETE"), 0);
        server.clear_script();
        server.clear_log();
        let done = run(&config, &path, &options()).unwrap();
        assert_stored(&server, &done, &bytes);
        assert!(done.stats.bytes_resumed >= 3000);
    }
}

/// Also at the very question whether it is still there.
#[test]
fn a_refusal_at_the_resume_keeps_what_is_stored() {
    let (server, folder, bytes) = (server(), Folder::new(), noise(5000, 136));
    let path = settled(&folder, "a", &bytes);
    let config = stored(&server, &folder);
    let half = run(&config, &path, &stop_at(2000)).unwrap();
    server.script(Rule::on("HEAD").reply(401));
    server.clear_log();
    let error = run(&config, &path, &options()).unwrap_err();
    assert_eq!(error.answer().unwrap().status, 401);
    assert_eq!((methods(&server), records(&folder).len()), (vec!["HEAD".to_owned()], 1));
    assert_eq!(run(&config, &path, &options()).unwrap().url, half.url);
}

#[test]
fn without_a_function_a_refusal_is_the_end() {
    let server = server_with(|options| options.token = Some("new".to_owned()));
    let client = Client::new(config_to(&server.endpoint())).unwrap();
    let error = client.upload(&mut Source::memory("data"), &options()).unwrap_err();
    assert_eq!((error.kind(), error.answer().unwrap().status), (ErrorKind::HttpStatus, 401));
    assert!(!error.is_retryable());
}

#[test]
fn a_second_refusal_without_any_success_ends_it() {
    let (server, mut config, asked) = guarded(true);
    config.hooks_mut().credentials = {
        let count = Arc::clone(&asked);
        Some(Arc::new(move |_, headers| {
            count.fetch_add(1, Ordering::SeqCst);
            headers.set("Authorization", Some("Bearer wrong")).unwrap();
            Ok(())
        }))
    };
    let error = Client::new(config).unwrap().upload(&mut Source::memory("data"), &options()).unwrap_err();
    assert_eq!(error.answer().unwrap().status, 401);
    assert!(asked.load(Ordering::SeqCst) <= 2 && server.requests().len() <= 4, "{:?}", lines(&server));
}

#[test]
fn a_header_set_at_run_time_is_in_the_next_request() {
    let (server, mut config, _) = guarded(true);
    config.hooks_mut().credentials = None;
    config.set_header("Authorization", Some("Bearer new")).unwrap();
    let bytes = noise(5000, 137);
    let client = Arc::new(Client::new(config).unwrap());
    let (caller, mut options) = (Arc::downgrade(&client), options());
    options.set_progress(Some(Arc::new(move |progress| {
        if progress.confirmed == 2000 {
            caller.upgrade().unwrap().set_header("X-Late", Some("yes")).unwrap();
        }
        Ok(())
    })));
    let done = client.upload(&mut Source::memory(bytes.clone()), &options).unwrap();
    assert_stored(&server, &done, &bytes);
    let late: Vec<_> = server.requests().iter().map(|request| request.header("X-Late").is_some()).collect();
    assert_eq!(late, [false, false, false, false, true, true, true]);
    assert!(client.set_header("Tus-Resumable", Some("2")).is_err());
    client.set_header("X-Late", None).unwrap();
    assert!(!client.headers().iter().any(|(name, _)| name == "X-Late"));
}

/// Where a `Location` leads elsewhere, a 401 is no question to the caller: his credentials would not go there.
#[test]
fn another_origin_cannot_ask_for_credentials() {
    let (here, mut config, asked) = guarded(true);
    config.set_header("Authorization", Some("Bearer new")).unwrap();
    let there = server();
    let url = there.seed(Some(3000), b"").unwrap();
    here.script(Rule::on("POST").header("Location", &url));
    there.script(Rule::any().forever().reply(401));
    let error = Client::new(config).unwrap().upload(&mut Source::memory(noise(3000, 138)), &options()).unwrap_err();
    assert_eq!((error.answer().unwrap().status, asked.load(Ordering::SeqCst)), (401, 0));
}
