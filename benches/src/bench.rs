//! libtus side by side with libcurl and with bare system calls: the same bytes to the same sink, in turn.
//!
//! One program in three roles. As itself it prepares the files and the contenders, lets them take turns and prints the
//! tables; as `sink` it is the server; as `curl-loop` it is the libcurl that is built with it. `cargo xtask bench`
//! builds and starts it; `README.md` beside this crate tells how to read the tables.

#[cfg(not(target_os = "linux"))]
compile_error!("the benchmark measures with means of Linux: /proc, sendfile, TCP_CONGESTION");

mod cases;
mod contenders;
mod curl_loop;
mod data;
mod folders;
mod machine;
mod namespace;
mod options;
mod queue;
mod runs;
mod server;
mod sink;
mod statistics;
mod tables;
mod verdict;

use std::env;
use std::process::ExitCode;

use cases::Measure;
use options::Options;

/// What went wrong, as a sentence.
type Result<T> = std::result::Result<T, String>;

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let result = match arguments.first().map(String::as_str) {
        Some("sink") => sink::serve(&arguments[1..]),
        Some("curl-loop") => return curl_loop::run(&arguments[1..]),
        _ => Options::parse(&arguments).and_then(|options| options.map_or(Ok(()), compare)),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(text) => {
            eprintln!("tus-bench: {text}");
            ExitCode::FAILURE
        }
    }
}

/// Everything from the facts of the machine to the verdict.
fn compare(options: Options) -> Result<()> {
    let folders = folders::Folders::find()?;
    let contenders = contenders::assemble(&folders)?;
    let data = data::prepare(&folders, &options)?;
    let cases = cases::chosen(&options, &data);
    let network = namespace::enter(&options.congestion);
    let sink = server::Server::start(&options)?;
    machine::print(&options, &network, &contenders);

    let mut comparisons = Vec::new();
    for case in &cases {
        let comparison = runs::take_turns(&options, &sink, &contenders, case)?;
        if case.measure == Measure::Speed {
            tables::print_speed(&comparison);
        }
        comparisons.push(comparison);
    }
    tables::print_memory(&comparisons);
    if options.wants("queue") {
        match &contenders.queue {
            Some(program) => queue::measure(&options, &sink, program, &data)?,
            None => println!("\nno case `queue` without libtus"),
        }
    }
    // Alone it compares nothing.
    if cases.is_empty() { Ok(()) } else { verdict::give(&comparisons, options.check) }
}
