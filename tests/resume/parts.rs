//! Uploads in parts (T-120 to T-128, scenario 18).

use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tus::engine::client::Client;
use tus::engine::hooks::Progress;
use tus::engine::info::ConcatKind;
use tus::engine::options::UploadOptions;
use tus::error::{ErrorKind, TimeLimit};
use tus::protocol::chunk::ChunkSize;
use tus::protocol::retry::RetryPolicy;
use tus::source::Source;
use tus::transport::Timeouts;
use tus::warning::WarningKind;
use tus_test_server::{Concat, LocationForm, Rule};

use crate::fixture::*;

#[test]
fn scenario_18_three_parts_are_put_together() {
    let (server, folder, bytes) = (server(), Folder::new(), noise(10_001, 80));
    let path = folder.file("a.bin", &bytes);
    let mut config = config_to(&server.endpoint());
    config.set_partial_metadata("role", b"part").unwrap();
    let mut options = in_parts(3);
    options.set_metadata_text("k", "v").unwrap();
    let done = Client::new(config).unwrap().upload_file(&path, &options).unwrap();
    assert_stored(&server, &done, &bytes);
    assert_eq!(done.concat, ConcatKind::Final);

    let requests = server.requests();
    let posts: Vec<_> = requests.iter().filter(|request| request.method == "POST").collect();
    let (partial, whole) = posts.split_at(3);
    let mut lengths: Vec<_> = partial.iter().map(|post| post.header("Upload-Length").unwrap()).collect();
    lengths.sort_unstable();
    assert_eq!(lengths, ["3333", "3334", "3334"]);
    for post in partial {
        assert_eq!(post.header("Upload-Concat"), Some("partial"));
        assert_eq!(post.header("Upload-Metadata"), Some("role cGFydA=="));
    }
    let [whole] = whole else { panic!("one final upload: {posts:?}") };
    let concat = whole.header("Upload-Concat").unwrap();
    let names = concat.strip_prefix("final;").unwrap();
    assert_eq!(names.split(' ').filter(|name| name.starts_with("/files/")).count(), 3, "{concat}");
    assert_eq!(concat.len(), "final;".len() + names.split(' ').map(str::len).sum::<usize>() + 2);
    assert_eq!((whole.header("Upload-Length"), whole.header("Content-Length")), (None, Some("0")));
    let mut metadata: Vec<_> = whole.header("Upload-Metadata").unwrap().split(',').collect();
    metadata.sort_unstable();
    assert_eq!(metadata, ["filename YS5iaW4=", "k dg=="]);
    assert_eq!((partial_uploads(&server), server.uploads().len()), (0, 1), "the parts are removed");
    assert_eq!(done.stats.bytes_sent, 10_001);
    assert_eq!(done.stats.chunks_completed, 12);
    assert_clean(&server);
}

#[test]
fn sizes_around_chunks_and_parts_arrive() {
    let server = server();
    for size in [0, 1, 2, 3, 999, 1000, 1001, 2999, 3000, 3001] {
        for parts in [2, 3, 64] {
            let (folder, bytes) = (Folder::new(), noise(size, size as u64));
            let path = folder.file("a", &bytes);
            let config = stored(&server, &folder);
            let done = run(&config, &path, &in_parts(parts)).unwrap_or_else(|error| panic!("{size} {parts} {error:?}"));
            assert_stored(&server, &done, &bytes);
            let wanted = if size < 2 { ConcatKind::None } else { ConcatKind::Final };
            assert_eq!(done.concat, wanted, "{size} {parts}");
            assert_eq!(store_files(&folder), [""; 0]);
        }
    }
    assert_eq!(partial_uploads(&server), 0);
    for request in server.requests() {
        assert!(request.header("Upload-Concat").is_none_or(|concat| concat.len() < 8192));
    }
    assert_clean(&server);
}

#[test]
fn memory_and_readers_are_sent_in_parts_too() {
    let (server, bytes) = (server(), noise(9000, 81));
    let client = Client::new(config_to(&server.endpoint())).unwrap();
    let done = client.upload(&mut Source::memory(bytes.clone()), &in_parts(3)).unwrap();
    assert_stored(&server, &done, &bytes);
    // A pipe can only be read once.
    let (reader, _writer) = std::io::pipe().unwrap();
    let reader = File::from(std::os::fd::OwnedFd::from(reader));
    server.clear_log();
    let error = client.upload(&mut Source::descriptor(&reader).unwrap(), &in_parts(3)).unwrap_err();
    assert_eq!((error.kind(), server.requests().len()), (ErrorKind::Unsupported, 0));
}

#[test]
fn progress_is_one_stream_that_only_grows() {
    let server = server_with(|options| options.throttle = Some(100_000));
    let (folder, bytes) = (Folder::new(), noise(90_000, 82));
    let path = folder.file("a", &bytes);
    let mut config = config_to(&server.endpoint());
    config.set_chunk_size(chunk(3000)).unwrap();
    let busy = Arc::new(AtomicBool::new(false));
    let seen: Arc<Mutex<Vec<Progress>>> = Arc::default();
    let (guard, into) = (Arc::clone(&busy), Arc::clone(&seen));
    let alone = move |what: &str| {
        assert!(!guard.swap(true, Ordering::SeqCst), "{what} while another function runs");
        std::thread::sleep(Duration::from_micros(300));
        guard.store(false, Ordering::SeqCst);
    };
    let mut options = in_parts(4);
    let call = alone.clone();
    options.set_progress(Some(Arc::new(move |progress| {
        call("progress");
        into.lock().unwrap().push(*progress);
        Ok(())
    })));
    let call = alone.clone();
    options.set_on_resume_token(Some(Arc::new(move |_| {
        call("token");
        Ok(())
    })));
    let call = alone.clone();
    config.hooks_mut().before_request = Some(Arc::new(move |_| {
        call("before_request");
        Ok(())
    }));
    config.hooks_mut().after_response = Some(Arc::new(move |_, _| {
        alone("after_response");
        Ok(())
    }));
    let done = run(&config, &path, &options).unwrap();
    assert_stored(&server, &done, &bytes);
    let seen = seen.lock().unwrap();
    assert_eq!((seen[0].sent, seen[0].confirmed), (0, 0));
    for two in seen.windows(2) {
        assert!(two[0].sent <= two[1].sent && two[0].confirmed <= two[1].confirmed, "{two:?}");
        // A part tells of each chunk before it sends the next; one call may tell of a chunk of each part.
        assert!(two[1].confirmed - two[0].confirmed <= 4 * 3000, "at each chunk: {two:?}");
    }
    for progress in seen.iter() {
        assert!(progress.confirmed <= progress.sent && progress.sent <= 90_000, "{progress:?}");
        assert_eq!((progress.total, progress.resumed), (Some(90_000), 0));
    }
    let last = seen.last().unwrap();
    assert_eq!((last.sent, last.confirmed), (90_000, 90_000));
    assert_eq!(seen.iter().filter(|progress| progress.confirmed == 90_000).count(), 1, "told once");
    let speed = 90_000.0 / done.stats.elapsed.as_secs_f64();
    assert!((speed * 0.7..speed * 2.0).contains(&done.stats.speed), "that of all parts together: {:?}", done.stats);
}

#[test]
fn the_parts_are_sent_at_the_same_time() {
    let server = server();
    let (folder, bytes) = (Folder::new(), noise(60_000, 83));
    let path = folder.file("a", &bytes);
    let mut config = config_to(&server.endpoint());
    config.set_chunk_size(chunk(20_000)).unwrap();
    // None is answered before all three are there.
    server.script(Rule::on("PATCH").times(3).answer_once("PATCH", 3));
    run(&config, &path, &in_parts(3)).unwrap();
}

/// Scenario 18b.
#[test]
fn a_part_that_fails_for_good_stops_the_others_and_nothing_is_left() {
    for lasting in [false, true] {
        let server = server_with(|options| options.throttle = Some(20_000));
        let (folder, bytes) = (Folder::new(), noise(90_000, 84));
        let path = settled(&folder, "a", &bytes);
        let mut config = config_to(&server.endpoint());
        if lasting {
            config.set_store_dir(store_in(&folder));
        }
        config.set_chunk_size(chunk(10_000)).unwrap();
        // The others are in the middle of their first chunk, half a second each.
        server.script(Rule::on("PATCH").nth(3).early(0).delay_answer(Duration::from_millis(100)).reply(403));
        let error = run(&config, &path, &in_parts(3)).unwrap_err();
        let ended = Instant::now();
        assert_eq!(error.kind(), ErrorKind::HttpStatus);
        assert_eq!(error.answer().unwrap().status, 403, "the first failure is told, not its consequence");
        let requests = server.requests();
        let refused = requests.iter().find(|request| request.status == Some(403)).unwrap().arrived;
        let next = requests.iter().find(|request| request.method == "DELETE").map_or(ended, |delete| delete.arrived);
        // A tenth of a second until the refusal; the others would need a second and a half.
        assert!(next - refused < Duration::from_millis(900), "{:?}", next - refused);
        let finals =
            server.requests().iter().filter(|r| r.header("Upload-Concat").is_some_and(|c| c != "partial")).count();
        assert_eq!(finals, 0);
        if lasting {
            assert_eq!((partial_uploads(&server), records(&folder).len()), (3, 1));
            assert!(error.resume_token().is_some());
            let done = run(&config, &path, &in_parts(3)).unwrap();
            assert_stored(&server, &done, &bytes);
        } else {
            assert!(error.resume_token().is_none() && error.upload_url().is_none());
        }
        assert_eq!(partial_uploads(&server), 0);
        assert_eq!(server.uploads().len(), usize::from(lasting));
    }
}

/// T-128: the final upload of some servers only refers to its parts.
#[test]
fn parts_stay_after_a_success_unless_they_are_to_be_removed() {
    let server = server();
    let (folder, bytes) = (Folder::new(), noise(9000, 86));
    let path = folder.file("a", &bytes);
    let mut options = in_parts(3);
    options.set_remove_parts(false);
    let done = run(&stored(&server, &folder), &path, &options).unwrap();
    assert_stored(&server, &done, &bytes);
    assert_eq!((partial_uploads(&server), count(&server, "DELETE")), (3, 0));
    assert!(records(&folder).is_empty(), "nothing is left to go on with");
    assert_eq!(done.warnings, []);
}

/// D18: for each part, for what puts them together, and for what is done without parts.
#[test]
fn an_upload_in_parts_has_limits_and_retries_of_its_own() {
    let (folder, bytes) = (Folder::new(), noise(9000, 88));
    let path = folder.file("a", &bytes);
    let own = |mut options: UploadOptions| {
        options.set_timeouts(Some(impatient())).unwrap();
        options.set_retry(Some(RetryPolicy { max_retries: 0, ..RetryPolicy::default() }));
        options
    };
    let silent = |rule: Rule| {
        let server = server();
        server.script(rule.forever().hang_after_head());
        (Client::new(config_to(&server.endpoint())).unwrap(), server)
    };
    let response = ErrorKind::Timeout(TimeLimit::Response);
    let (client, server) = silent(Rule::on("PATCH"));
    let error = client.upload(&mut Source::file(&path).unwrap(), &own(in_parts(3))).unwrap_err();
    assert_eq!(error.kind(), response, "{error:?}");
    assert!(count(&server, "PATCH") <= 3);
    let (client, server) = silent(Rule::on("POST").skip(3));
    let error = client.upload(&mut Source::file(&path).unwrap(), &own(in_parts(3))).unwrap_err();
    assert_eq!((error.kind(), count(&server, "POST")), (ErrorKind::Unconfirmed, 4), "{error:?}");

    let (client, server) = silent(Rule::on("PATCH"));
    let error = client.create_partial_upload(&mut Source::file(&path).unwrap(), &own(options())).unwrap_err();
    assert_eq!((error.kind(), count(&server, "PATCH")), (response, 1), "{error:?}");
    let (client, server) = silent(Rule::on("POST"));
    let error = client.create_deferred_upload(&own(options())).unwrap_err();
    assert_eq!((error.kind(), count(&server, "POST")), (response, 1), "{error:?}");
    let (client, server) = silent(Rule::on("HEAD"));
    let error = client.create_final_upload(&["1", "2"], &own(options())).unwrap_err();
    assert_eq!((error.kind(), count(&server, "HEAD")), (response, 1), "{error:?}");
}

/// The removal has little time of its own, and what stays is told.
#[test]
fn parts_that_cannot_be_removed_do_not_hold_it_up() {
    let server = server();
    let (folder, bytes) = (Folder::new(), noise(9000, 85));
    let path = folder.file("a", &bytes);
    let mut config = config_to(&server.endpoint());
    let timeouts = Timeouts { response: Duration::from_secs(3600), ..config.timeouts() };
    config.set_timeouts(timeouts, None).unwrap();
    server.script(Rule::on("DELETE").forever().hang_after_head());
    let done = run(&config, &path, &in_parts(8)).unwrap();
    assert!(done.complete);
    let left: Vec<_> = done.warnings.iter().filter(|warning| warning.kind == WarningKind::LeftOnServer).collect();
    assert_eq!(left.len(), 8, "{:?}", done.warnings);
    assert!(left.iter().all(|warning| warning.url.is_some()));
}

/// An earlier run had the parts put together and ended before it removed them.
#[test]
fn parts_that_an_earlier_run_had_put_together_are_removed() {
    let (server, folder, bytes) = (server(), Folder::new(), noise(9000, 103));
    let path = settled(&folder, "a", &bytes);
    let config = stored(&server, &folder);
    let mut ending = in_parts(3);
    ending.set_on_upload_url(Some(Arc::new(|_| Err(5))));
    assert_eq!(run(&config, &path, &ending).unwrap_err().kind(), ErrorKind::Callback(5));
    assert_eq!(partial_uploads(&server), 3);
    server.clear_log();
    let done = run(&config, &path, &in_parts(3)).unwrap();
    assert_stored(&server, &done, &bytes);
    assert_eq!((partial_uploads(&server), done.warnings.len()), (0, 0), "{:#?}", lines(&server));
    assert_eq!((count(&server, "PATCH"), count(&server, "POST")), (0, 0));
}

/// T-128: a creation that is under way when another part fails is waited for, since only its answer names the part.
#[test]
fn a_part_that_fails_leaves_none_behind_whose_creation_was_slow() {
    let server = server();
    let (folder, bytes) = (Folder::new(), noise(9000, 87));
    let path = folder.file("a", &bytes);
    server.script(Rule::on("POST").skip(1).times(3).delay_answer(Duration::from_millis(500)));
    server.script(Rule::on("PATCH").forever().answer_once("POST", 4).reply(403));
    let error = run(&config_to(&server.endpoint()), &path, &in_parts(4)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::HttpStatus);
    assert_eq!(
        (count(&server, "POST"), server.uploads().len()),
        (4, 0),
        "{:#?} {:#?}",
        lines(&server),
        error.warnings()
    );
}

/// The server may have put them together all the same, and the whole may refer to them.
#[test]
fn parts_stay_when_it_is_not_known_whether_they_were_put_together() {
    let server = server();
    let (folder, bytes) = (Folder::new(), noise(9000, 90));
    let path = settled(&folder, "a", &bytes);
    server.script(Rule::on("POST").skip(3).forever().reply(500));
    let error = run(&config_to(&server.endpoint()), &path, &in_parts(3)).unwrap_err();
    assert_eq!((partial_uploads(&server), count(&server, "DELETE")), (3, 0));
    let left: Vec<_> = error.warnings().iter().filter(|warning| warning.kind == WarningKind::LeftOnServer).collect();
    assert_eq!(left.iter().filter(|warning| warning.url.is_some()).count(), 3, "{error:?}");
    let token = error.resume_token().unwrap();
    server.clear_script();
    let mut options = options();
    options.set_resume_token(Some(token));
    let done = run(&config_to(&server.endpoint()), &path, &options).unwrap();
    assert_stored(&server, &done, &bytes);
    assert_eq!(done.stats.bytes_sent, 0);
}

/// What is cut short cannot be named, but it is told.
#[test]
fn creations_that_the_progress_function_ends_are_told_of() {
    let server = Arc::new(server());
    let (folder, bytes) = (Folder::new(), noise(9000, 88));
    let path = folder.file("a", &bytes);
    server.script(Rule::on("POST").forever().hang_after_body());
    for parts in [1, 3] {
        server.clear_log();
        let asked = Arc::clone(&server);
        let mut options = in_parts(parts);
        options.set_progress(Some(Arc::new(move |_| {
            let begun = asked.requests().iter().filter(|request| request.method == "POST").count();
            if begun == parts as usize { Err(5) } else { Ok(()) }
        })));
        let error = run(&config_to(&server.endpoint()), &path, &options).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Callback(5));
        assert!(error.warnings().iter().any(|warning| warning.kind == WarningKind::LeftOnServer), "{error:?}");
    }
}

/// T-128: that the URLs do not fit into Upload-Concat is known before any data is sent.
#[test]
fn parts_whose_urls_are_long_become_fewer() {
    for (padding, parts) in [(1000, 7), (3000, 2), (5000, 0)] {
        let server = server();
        let (folder, bytes) = (Folder::new(), noise(9000, 89));
        let path = folder.file("a", &bytes);
        let long = LocationForm::Other(format!("{{path}}?{}", "x".repeat(padding)));
        server.script(Rule::on("POST").having("Upload-Concat").lacking("Content-Type").forever().location(long));
        let mut options = in_parts(8);
        let result = run(&config_to(&server.endpoint()), &path, &options);
        if parts == 0 {
            let error = result.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Unsupported, "{error:?}");
            assert_eq!((count(&server, "PATCH"), server.uploads().len()), (0, 0));
            options.set_parallel_fallback(true);
            let done = run(&config_to(&server.endpoint()), &path, &options).unwrap();
            assert_eq!(done.concat, ConcatKind::None);
            continue;
        }
        let done = result.unwrap();
        assert_stored(&server, &done, &bytes);
        let requests = server.requests();
        let whole = requests.iter().rev().find(|request| request.method == "POST").unwrap();
        let concat = whole.header("Upload-Concat").unwrap();
        assert_eq!(concat.split(' ').count(), parts, "{padding}");
        assert_eq!(done.stats.bytes_sent, 9000, "no data went out before");
    }
}

#[test]
fn parts_of_an_earlier_run_are_gone_on_with() {
    let (server, folder, bytes) = (server(), Folder::new(), noise(90_000, 86));
    let path = settled(&folder, "a", &bytes);
    let mut config = stored(&server, &folder);
    config.set_chunk_size(chunk(5000)).unwrap();
    let mut options = in_parts(3);
    options.set_progress(Some(stops_after(65_000)));
    let error = run(&config, &path, &options).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Callback(9));
    server.clear_log();
    // Whatever the caller asks for now: they are parts.
    let done = run(&config, &path, &crate::fixture::options()).unwrap();
    assert_stored(&server, &done, &bytes);
    assert_eq!(count(&server, "POST"), 1, "the final upload: {:#?}", lines(&server));
    assert!(done.stats.bytes_resumed >= 65_000);
    assert_eq!(done.stats.bytes_sent + done.stats.bytes_resumed, 90_000);
    assert_eq!((server.uploads().len(), store_files(&folder).len()), (1, 0));
    assert_clean(&server);
}

#[test]
fn a_part_that_is_gone_is_sent_again_and_no_other() {
    for which in 0..3 {
        let (server, folder, bytes) = (server(), Folder::new(), noise(90_000, 87));
        let path = settled(&folder, "a", &bytes);
        let mut config = stored(&server, &folder);
        config.set_chunk_size(chunk(5000)).unwrap();
        let mut options = in_parts(3);
        options.set_progress(Some(stops_after(65_000)));
        run(&config, &path, &options).unwrap_err();
        let lost = server.uploads()[which].clone();
        let kept: u64 = server.uploads().iter().map(|upload| upload.offset).sum::<u64>() - lost.offset;
        server.remove_upload(&lost.id);
        server.clear_log();
        // It is killed again under way, so that the new part has to be found too.
        let mut options = in_parts(3);
        options.set_progress(Some(stops_after(80_000)));
        run(&config, &path, &options).unwrap_err();
        assert_eq!(count(&server, "POST"), 1, "the lost part: {:#?}", lines(&server));
        let done = run(&config, &path, &in_parts(3)).unwrap();
        assert_stored(&server, &done, &bytes);
        assert_eq!(count(&server, "POST"), 2, "and the final upload: {:#?}", lines(&server));
        let sent: u64 = server.requests().iter().filter(|r| r.method == "PATCH").map(|request| request.body_len).sum();
        assert!(sent >= 90_000 - kept && sent <= 90_000 - kept + 15_000, "{sent} {kept}");
        assert_eq!((server.uploads().len(), store_files(&folder).len()), (1, 0));
    }
}

/// T-127: the server has lost a part, or its end, by the time they are put together.
#[test]
fn a_part_that_is_lost_at_the_end_is_sent_again() {
    for cut in [false, true] {
        let (server, folder, bytes) = (Arc::new(server()), Folder::new(), noise(9000, 88));
        let path = settled(&folder, "a", &bytes);
        let mut config = stored(&server, &folder);
        let (spoiler, spoiled) = (Arc::clone(&server), AtomicBool::new(false));
        config.hooks_mut().before_request = Some(Arc::new(move |request| {
            let is_final = request.header("Upload-Concat").is_some_and(|concat| concat.starts_with("final"));
            if is_final && !spoiled.swap(true, Ordering::SeqCst) {
                let victim = spoiler.uploads()[1].id.clone();
                if cut { spoiler.truncate_upload(&victim, 500).unwrap() } else { spoiler.remove_upload(&victim) }
            }
            Ok(())
        }));
        let done = run(&config, &path, &in_parts(3)).unwrap();
        assert_stored(&server, &done, &bytes);
        assert_eq!((server.uploads().len(), store_files(&folder).len()), (1, 0));
        assert_eq!(done.stats.bytes_resumed, 0, "nothing was there before this operation");
    }
}

#[test]
fn a_server_that_cannot_put_together_is_told_before_anything_is_made() {
    let server = lacking(|extensions| extensions.concatenation = false);
    let (folder, bytes) = (Folder::new(), noise(9000, 89));
    let path = folder.file("a", &bytes);
    let config = stored(&server, &folder);
    let error = run(&config, &path, &in_parts(3)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(error.to_string().contains("concatenation"), "{error}");
    assert_eq!(methods(&server), ["OPTIONS"]);
    let mut options = in_parts(3);
    options.set_parallel_fallback(true);
    let done = run(&config, &path, &options).unwrap();
    assert_stored(&server, &done, &bytes);
    assert_eq!((done.concat, count(&server, "POST")), (ConcatKind::None, 1));
}

/// What a file is, to a store: nothing of it may be read before the options are known to make sense.
#[test]
fn an_offset_to_stop_at_and_parts_exclude_each_other() {
    let (server, folder) = (server(), Folder::new());
    let path = folder.file("a", &noise(9000, 90));
    let mut options = in_parts(3);
    options.set_stop_at(Some(100));
    for config in [config_to(&server.endpoint()), stored(&server, &folder)] {
        let error = run(&config, &path, &options).unwrap_err();
        assert_eq!((error.kind(), server.requests().len()), (ErrorKind::InvalidArgument, 0));
        assert!(records(&folder).is_empty());
    }
}

/// That nobody answers says nothing about parts: the error is that of any upload.
#[test]
fn a_server_that_cannot_be_reached_fails_parts_like_any_upload() {
    let server = server();
    let (folder, bytes) = (Folder::new(), noise(9000, 97));
    let path = folder.file("a", &bytes);
    server.stop_listening();
    for (parts, fallback, ask) in [(1, true, true), (3, false, true), (3, true, true), (3, false, false)] {
        let mut config = config_to(&server.endpoint());
        config.set_query_server(ask);
        let mut options = in_parts(parts);
        options.set_parallel_fallback(fallback);
        let error = run(&config, &path, &options).unwrap_err();
        assert_eq!((error.kind(), error.is_retryable()), (ErrorKind::Connect, true), "{parts} {fallback}: {error:?}");
        assert!(error.os_code().is_some(), "{error:?}");
    }
}

/// The question what the server can do is one of the upload's requests: told of, and ended by the progress function.
#[test]
fn progress_ends_parts_while_the_server_is_asked_what_it_can_do() {
    let server = Arc::new(server());
    let (folder, bytes) = (Folder::new(), noise(9000, 98));
    let path = folder.file("a", &bytes);
    server.script(Rule::on("OPTIONS").forever().hang_after_head());
    let asked = Arc::clone(&server);
    let mut options = in_parts(3);
    options.set_progress(Some(Arc::new(move |_| if asked.requests().is_empty() { Ok(()) } else { Err(6) })));
    let error = run(&config_to(&server.endpoint()), &path, &options).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Callback(6));
    assert_eq!(methods(&server), ["OPTIONS"]);
}

/// All requests of the operation: OPTIONS, what puts the parts together and what removes them too.
#[test]
fn every_request_of_an_upload_in_parts_is_counted() {
    let server = server();
    let (folder, bytes) = (Folder::new(), noise(9000, 99));
    let path = folder.file("a", &bytes);
    server.script(Rule::on("PATCH").nth(2).reply(503));
    let mut options = in_parts(3);
    options.set_remove_parts(true);
    let done = run(&config_to(&server.endpoint()), &path, &options).unwrap();
    assert_stored(&server, &done, &bytes);
    assert_eq!(count(&server, "DELETE"), 3);
    assert_eq!((done.stats.requests, done.stats.retries), (server.requests().len() as u64, 1));
}

/// T-128: a server may know of concatenation and still refuse each partial upload.
#[test]
fn a_server_that_refuses_partial_uploads_gets_the_upload_as_one() {
    for status in [400, 412, 501] {
        for lasting in [false, true] {
            let server = server();
            let (folder, bytes) = (Folder::new(), noise(9000, 100));
            let path = folder.file("a", &bytes);
            let config = if lasting { stored(&server, &folder) } else { config_to(&server.endpoint()) };
            server.script(Rule::on("POST").having("Upload-Concat").forever().reply(status));
            let error = run(&config, &path, &in_parts(3)).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Unsupported, "{status}: {error:?}");
            assert_eq!(error.answer().map(|answer| answer.status), Some(status as u16));
            assert!(records(&folder).is_empty() && server.uploads().is_empty());

            let mut options = in_parts(3);
            options.set_parallel_fallback(true);
            let done = run(&config, &path, &options).unwrap();
            assert_stored(&server, &done, &bytes);
            assert_eq!((done.concat, server.uploads().len()), (ConcatKind::None, 1));
            assert!(done.warnings.iter().any(|warning| warning.kind == WarningKind::NotInParts), "{:?}", done.warnings);
        }
    }
}

/// One part is there: that another is refused is a failure of this upload.
#[test]
fn a_refusal_after_a_part_was_made_is_no_reason_to_begin_anew() {
    let server = server();
    let (folder, bytes) = (Folder::new(), noise(9000, 101));
    let path = folder.file("a", &bytes);
    server.script(Rule::on("POST").nth(2).reply(400));
    let mut options = in_parts(3);
    options.set_parallel_fallback(true);
    server.script(Rule::on("PATCH").forever().answer_once("POST", 3));
    let error = run(&config_to(&server.endpoint()), &path, &options).unwrap_err();
    assert_eq!((error.kind(), server.uploads().len()), (ErrorKind::HttpStatus, 0), "{error:?} {:#?}", lines(&server));
}

/// T-128: what is small is not worth the requests.
#[test]
fn a_part_has_at_least_a_mebibyte() {
    for (size, wanted, made) in
        [(10, 4, 0), ((2 << 20) - 1, 4, 0), (2 << 20, 4, 2), ((3 << 20) + 7, 4, 3), (3 << 20, 2, 2)]
    {
        let (server, folder, bytes) = (server(), Folder::new(), noise(size, 104));
        let path = folder.file("a", &bytes);
        let mut options = UploadOptions::new();
        options.set_parallel_uploads(wanted);
        options.set_chunk_size(ChunkSize::Whole).unwrap();
        let done = run(&config_to(&server.endpoint()), &path, &options).unwrap();
        assert_stored(&server, &done, &bytes);
        assert_eq!(partial_uploads(&server), made, "{size} bytes in {wanted} parts");
        if made == 0 {
            assert_eq!(lines(&server).len(), 3, "{:#?}", lines(&server));
        }
    }
}

/// What a server says to the creation of a part is what is told.
#[test]
fn a_full_disk_at_the_creation_of_a_part_is_told_as_that() {
    for (parts, nth) in [(1, 1), (3, 1), (3, 2), (3, 3)] {
        let server = server();
        let (folder, bytes) = (Folder::new(), noise(9000, 102));
        let path = folder.file("a", &bytes);
        server.script(Rule::on("POST").skip(nth - 1).forever().reply(507).body("no space left on device"));
        server.script(Rule::on("PATCH").forever().answer_once("POST", parts as usize));
        let mut once = in_parts(parts);
        once.set_retry(Some(RetryPolicy { max_retries: 0, ..RetryPolicy::default() }));
        let error = run(&config_to(&server.endpoint()), &path, &once).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::HttpStatus, "{error:?}");
        assert_eq!(error.answer().map(|answer| answer.status), Some(507), "{error:?}");
        assert!(error.to_string().contains("creat"), "{error}");
        assert_eq!(error.request().map(|request| request.method), Some("POST"));
        assert_eq!(server.uploads().len(), 0, "{:#?}", lines(&server));
    }
}

#[test]
fn an_upload_is_gone_on_with_as_it_was_begun() {
    let (server, folder, bytes) = (server(), Folder::new(), noise(9000, 91));
    let path = settled(&folder, "a", &bytes);
    let config = stored(&server, &folder);
    // One after the other, then at once.
    let half = run(&config, &path, &stop_at(4000)).unwrap();
    let done = run(&config, &path, &in_parts(3)).unwrap();
    assert_eq!((&done.url, done.stats.bytes_resumed), (&half.url, 4000));
    assert_stored(&server, &done, &bytes);
    assert_eq!(partial_uploads(&server), 0);

    // The other way round; the caller who never asked for parts must not be refused for them.
    let mut stopping = in_parts(3);
    stopping.set_progress(Some(stops_after(4000)));
    run(&config, &path, &stopping).unwrap_err();
    let half = run(&config, &path, &stop_at(2000)).unwrap();
    assert_eq!((half.offset, half.complete), (2000, false));
    let done = run(&config, &path, &options()).unwrap();
    assert_stored(&server, &done, &bytes);
}

#[test]
fn parts_of_another_server_are_no_reason_to_fail() {
    let (server, folder, bytes) = (server(), Folder::new(), noise(9000, 92));
    let path = settled(&folder, "a", &bytes);
    let config = stored(&server, &folder);
    let mut stopping = in_parts(3);
    stopping.set_progress(Some(stops_after(4000)));
    run(&config, &path, &stopping).unwrap_err();
    // The same endpoint, without the extension by now.
    server.script(Rule::on("OPTIONS").header("Tus-Extension", "creation,termination"));
    let done = run(&config, &path, &options()).unwrap();
    assert_stored(&server, &done, &bytes);
}

#[test]
fn a_cancel_by_the_progress_function_ends_all_parts_at_once() {
    let server = server_with(|options| options.throttle = Some(2000));
    let (folder, bytes) = (Folder::new(), noise(90_000, 93));
    let path = settled(&folder, "a", &bytes);
    let config = config_to(&server.endpoint());
    let began = Instant::now();
    let mut options = in_parts(3);
    let calls = AtomicUsize::new(0);
    options
        .set_progress(Some(Arc::new(move |_| if calls.fetch_add(1, Ordering::SeqCst) == 3 { Err(4) } else { Ok(()) })));
    let error = run(&config, &path, &options).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Callback(4), "not the cancel that followed");
    assert!(began.elapsed() < Duration::from_secs(8), "what is left takes 15 s: {:?}", began.elapsed());
    assert!(error.resume_token().is_some(), "who stopped it may go on");
    assert_eq!(partial_uploads(&server), 3);
}

/// The deadline is that of the whole operation, not of each of its steps.
#[test]
fn all_parts_and_their_end_share_one_deadline() {
    let (server, folder, bytes) = (server(), Folder::new(), noise(9000, 94));
    let path = folder.file("a", &bytes);
    let mut config = config_to(&server.endpoint());
    let timeouts = config.timeouts();
    config.set_timeouts(timeouts, Some(Duration::from_millis(2000))).unwrap();
    server.script(Rule::on("PATCH").times(3).delay_answer(Duration::from_millis(1200)));
    server.script(Rule::on("POST").skip(3).hang_after_head());
    let began = Instant::now();
    let error = run(&config, &path, &in_parts(3)).unwrap_err();
    // The answer to what puts them together is the one that did not come in time.
    assert_eq!(error.kind(), ErrorKind::Unconfirmed, "{error:?}");
    assert!(began.elapsed() < Duration::from_millis(3100), "{:?}", began.elapsed());
}

#[test]
fn progress_goes_on_while_the_parts_are_put_together() {
    let (server, folder, bytes) = (server(), Folder::new(), noise(9000, 95));
    let path = folder.file("a", &bytes);
    let config = config_to(&server.endpoint());
    server.script(Rule::on("POST").skip(3).delay_answer(Duration::from_secs(60)));
    let ended = Arc::new(AtomicUsize::new(0));
    let mut options = in_parts(3);
    options.set_progress(Some(Arc::new(move |progress| {
        if progress.confirmed == 9000 && ended.fetch_add(1, Ordering::SeqCst) == 3 { Err(8) } else { Ok(()) }
    })));
    let began = Instant::now();
    let error = run(&config, &path, &options).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Callback(8));
    assert!(began.elapsed() < Duration::from_secs(30));
}

/// Scenario 79 with parts; the server only counts.
#[test]
fn a_file_of_more_than_four_gigabytes_in_parts() {
    let size = (1u64 << 32) + 11;
    let server = server_with(|options| {
        options.sink = true;
        options.log_body = 16;
    });
    let folder = Folder::new();
    let path = folder.path().join("sparse");
    let file = File::create(&path).unwrap();
    file.set_len(size).unwrap();
    file.write_all_at(b"hello, end", size - 10).unwrap();
    let mut config = config_to(&server.endpoint());
    config.set_chunk_size(ChunkSize::Whole).unwrap();
    let done = run(&config, &path, &in_parts(2)).unwrap();
    assert_eq!((done.offset, done.size), (size, Some(size)));
    let patched: u64 = server.requests().iter().filter(|r| r.method == "PATCH").map(|request| request.body_len).sum();
    assert_eq!(patched, size);
}

#[test]
fn partial_and_final_uploads_by_hand() {
    let (server, bytes) = (server(), noise(5000, 96));
    let client = Client::new(config_to(&server.endpoint())).unwrap();
    let one = client.create_partial_upload(&mut Source::memory(bytes[..3000].to_vec()), &options()).unwrap();
    let two = client.create_partial_upload(&mut Source::memory(bytes[3000..].to_vec()), &options()).unwrap();
    assert_eq!((one.concat, one.complete), (ConcatKind::Partial, true));
    let mut named = options();
    named.set_metadata_text("filename", "x").unwrap();
    let parts = [one.url.as_str(), two.url.path_and_query()];
    let whole = client.create_final_upload(&parts, &named).unwrap();
    assert_stored(&server, &whole, &bytes);
    assert_eq!(whole.concat, ConcatKind::Final);
    let info = client.upload_info(whole.url.as_str()).unwrap();
    assert_eq!((info.concat, info.complete, info.size), (ConcatKind::Final, true, Some(5000)));
    assert_eq!(client.upload_info(one.url.as_str()).unwrap().concat, ConcatKind::Partial);
    // Nothing can be added to it.
    let error = client.resume_upload(&mut Source::memory(bytes), whole.url.as_str(), &options()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);

    let half = client.create_partial_upload(&mut Source::memory(noise(3000, 97)), &stop_at(1000)).unwrap();
    assert!(!half.complete);
    server.clear_log();
    let error = client.create_final_upload(&[one.url.as_str(), half.url.as_str()], &options()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidState, "{error:?}");
    assert!(error.to_string().contains("part 2"), "{error}");
    assert_eq!(count(&server, "POST"), 0, "an incomplete part is seen beforehand");
    assert_eq!(client.create_final_upload(&[], &options()).unwrap_err().kind(), ErrorKind::InvalidArgument);
    let many = vec![one.url.as_str(); 2000];
    assert_eq!(client.create_final_upload(&many, &options()).unwrap_err().kind(), ErrorKind::InvalidArgument);
    assert_clean(&server);
}

/// Scenario 18d.
#[test]
fn a_final_upload_of_unfinished_parts() {
    let server = lacking(|extensions| extensions.concatenation_unfinished = true);
    let client = Client::new(config_to(&server.endpoint())).unwrap();
    let bytes = noise(4000, 98);
    let one = client.create_partial_upload(&mut Source::memory(bytes[..2000].to_vec()), &stop_at(1000)).unwrap();
    let two = client.create_partial_upload(&mut Source::memory(bytes[2000..].to_vec()), &options()).unwrap();
    let mut early = options();
    early.set_unfinished_parts(true);
    let whole = client.create_final_upload(&[one.url.as_str(), two.url.as_str()], &early).unwrap();
    assert!(!whole.complete);
    client.resume_upload(&mut Source::memory(bytes[..2000].to_vec()), one.url.as_str(), &options()).unwrap();
    let info = client.upload_info(whole.url.as_str()).unwrap();
    assert!(info.complete, "{info:?}");
    assert!(server.upload_bytes(id_of(whole.url.as_str())).unwrap() == bytes);
    assert!(server.uploads().iter().any(|upload| matches!(upload.concat, Concat::Final(_))));
}
