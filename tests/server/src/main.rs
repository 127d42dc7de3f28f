//! The server as a program, for the demo and for tests in other languages.
//!
//! Prints the endpoint on one line and serves until it is killed or, if asked to, until its
//! standard input ends. It has no script: it never misbehaves.

use std::io::{self, Read, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::thread;

use tus_test_server::{Options, Server};

const USAGE: &str = "usage: tus-test-server [--dir DIR] [--port N] [--port-file FILE]
       [--throttle BYTES_PER_SEC] [--max-size BYTES] [--sink] [--token TOKEN]
       [--until-stdin-eof] [--quiet]";

/// What the command line asks for.
#[derive(Debug)]
struct Arguments {
    options: Options,
    port_file: Option<PathBuf>,
    until_stdin_eof: bool,
    quiet: bool,
}

fn main() -> ExitCode {
    let arguments = match parse(std::env::args().skip(1)) {
        Ok(arguments) => arguments,
        Err(text) => {
            eprintln!("tus-test-server: {text}\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    match run(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("tus-test-server: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: Arguments) -> io::Result<()> {
    let server = Server::start(arguments.options)?;
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "{}", server.endpoint())?;
    stdout.flush()?;
    drop(stdout);
    if let Some(path) = arguments.port_file {
        // Renamed into place, so that whoever waits for the file never reads half a number.
        let fresh = path.with_extension("new");
        std::fs::write(&fresh, format!("{}\n", server.port()))?;
        std::fs::rename(fresh, path)?;
    }
    if !arguments.quiet {
        eprintln!("uploads go to {}", server.dir().display());
    }
    if !arguments.until_stdin_eof {
        loop {
            thread::park();
        }
    }
    let mut bin = [0; 1024];
    while matches!(io::stdin().read(&mut bin), Ok(n) if n > 0) {}
    Ok(())
}

fn parse(mut words: impl Iterator<Item = String>) -> Result<Arguments, String> {
    let mut arguments = Arguments {
        options: Options {
            // A program that runs for days keeps no long log.
            log_requests: 100,
            log_body: 0,
            ..Options::default()
        },
        port_file: None,
        until_stdin_eof: false,
        quiet: false,
    };
    let options = &mut arguments.options;
    while let Some(word) = words.next() {
        let mut value = || words.next().ok_or(format!("{word} needs a value"));
        match word.as_str() {
            "--dir" => options.dir = Some(value()?.into()),
            "--port" => options.port = parsed(&word, &value()?)?,
            "--port-file" => arguments.port_file = Some(value()?.into()),
            "--throttle" => options.throttle = Some(parsed(&word, &value()?)?),
            "--max-size" => options.max_size = Some(parsed(&word, &value()?)?),
            "--token" => options.token = Some(value()?),
            "--checksums" => options.extensions = Options::checked().extensions,
            "--sink" => options.sink = true,
            "--until-stdin-eof" => arguments.until_stdin_eof = true,
            "--quiet" => arguments.quiet = true,
            _ => return Err(format!("unknown argument {word:?}")),
        }
    }
    Ok(arguments)
}

fn parsed<T: std::str::FromStr>(word: &str, value: &str) -> Result<T, String> {
    value.parse().map_err(|_| format!("{word} wants a number, not {value:?}"))
}

#[cfg(test)]
mod tests {
    use super::parse;

    fn words(text: &str) -> Result<super::Arguments, String> {
        parse(text.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn arguments() {
        let arguments = words("--port 80 --throttle 1000 --sink --quiet --dir d").unwrap();
        assert_eq!(arguments.options.port, 80);
        assert_eq!(arguments.options.throttle, Some(1000));
        assert!(arguments.options.sink && arguments.quiet);
        assert!(words("--port x").is_err());
        assert!(words("--port").is_err());
        assert!(words("--what").is_err());
    }
}
