//! The command line.

use crate::Result;

const USAGE: &str = "\
cargo xtask bench [OPTIONS]

  --rounds N           turns of every contender in every case (default 7)
  --only NAMES         cases, by comma: whole, 8m, 1m, files, memory, queue (default all)
  --size MIB           the large file (default 1024)
  --sparse MIB         the sparse file of the memory case (default 8192)
  --files N            how many small files (default 20000)
  --queued N           how many uploads the queue case has waiting, at most as many as files (default 10000)
  --congestion NAME    TCP congestion control, set in a network namespace of the benchmark's own where that is
                       permitted (default reno); as-is: the machine's, in the machine's network
  --sink discard|copy  whether the server lets the kernel drop what arrives, or reads it (default discard)
  --quick              first of all: 2 rounds with an eighth of the bytes and the files: to see that everything works
  --check              fail if libtus is slower than libcurl with default buffers, uses more processor time, or takes
                       4 MiB of memory or more
";

/// The names that `--only` knows.
pub(crate) const CASES: [&str; 6] = ["whole", "8m", "1m", "files", "memory", "queue"];

/// What to run and how.
pub(crate) struct Options {
    pub(crate) rounds: usize,
    pub(crate) only: Vec<String>,
    pub(crate) size: u64,
    pub(crate) sparse_size: u64,
    pub(crate) files: u32,
    pub(crate) queued: u32,
    pub(crate) congestion: Congestion,
    pub(crate) sink: SinkMode,
    pub(crate) check: bool,
}

/// Which congestion control to measure with.
pub(crate) enum Congestion {
    /// The machine's, whatever it is.
    AsIs,
    /// This one, in a network namespace.
    Named(String),
}

/// What the sink does with the bytes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum SinkMode {
    /// The kernel drops them: nearly all of the machine is the client's.
    Discard,
    /// They are copied to memory, as every real server has to.
    Copy,
}

impl SinkMode {
    /// The word for it on the command line.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Discard => "discard",
            Self::Copy => "copy",
        }
    }

    /// The mode of a word.
    pub(crate) fn parse(word: &str) -> Result<Self> {
        [Self::Discard, Self::Copy]
            .into_iter()
            .find(|mode| mode.word() == word)
            .ok_or_else(|| format!("the sink cannot `{word}`: discard or copy"))
    }
}

const MIB: u64 = 1 << 20;

impl Default for Options {
    fn default() -> Self {
        Self {
            rounds: 7,
            only: Vec::new(),
            size: 1024 * MIB,
            sparse_size: 8192 * MIB,
            files: 20_000,
            queued: 10_000,
            congestion: Congestion::Named("reno".into()),
            sink: SinkMode::Discard,
            check: false,
        }
    }
}

impl Options {
    /// Reads the command line; `None` if it asked for help, which is printed.
    pub(crate) fn parse(arguments: &[String]) -> Result<Option<Self>> {
        let mut options = Self::default();
        let mut words = arguments.iter();
        while let Some(word) = words.next() {
            let mut value = || words.next().ok_or_else(|| format!("{word} needs a value"));
            match word.as_str() {
                "--rounds" => options.rounds = number(value()?)?,
                "--only" => options.only = names(value()?)?,
                "--size" => options.size = number::<u64>(value()?)? * MIB,
                "--sparse" => options.sparse_size = number::<u64>(value()?)? * MIB,
                "--files" => options.files = number(value()?)?,
                "--queued" => options.queued = number(value()?)?,
                "--congestion" => options.congestion = Congestion::parse(value()?),
                "--sink" => options.sink = SinkMode::parse(value()?)?,
                "--quick" => options.shrink(),
                "--check" => options.check = true,
                "--help" | "-h" => {
                    print!("{USAGE}");
                    return Ok(None);
                }
                other => return Err(format!("no such option: {other}\n\n{USAGE}")),
            }
        }
        options.queued = options.queued.min(options.files);
        Ok(Some(options))
    }

    /// Whether this case is to be run.
    pub(crate) fn wants(&self, case: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|word| word == case)
    }

    fn shrink(&mut self) {
        self.rounds = 2;
        self.size /= 8;
        self.sparse_size /= 8;
        self.files /= 8;
        self.queued /= 8;
    }
}

impl Congestion {
    fn parse(word: &str) -> Self {
        match word {
            "as-is" => Self::AsIs,
            name => Self::Named(name.to_owned()),
        }
    }
}

/// Names of cases.
fn names(words: &str) -> Result<Vec<String>> {
    let known = |word: &&str| CASES.contains(word);
    match words.split(',').find(|word| !known(word)) {
        Some(word) => Err(format!("no such case: {word}; there are {}", CASES.join(", "))),
        None => Ok(words.split(',').map(str::to_owned).collect()),
    }
}

/// A number that is at least 1.
fn number<T: std::str::FromStr + PartialOrd + From<u8>>(word: &str) -> Result<T> {
    let wrong = || format!("`{word}` is no number from 1 up");
    word.parse().ok().filter(|number| *number >= T::from(1)).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Option<Options>> {
        Options::parse(&line.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn options_change_the_defaults() {
        let options = parse("--quick --files 7 --only 8m,memory --congestion as-is --sink copy").unwrap().unwrap();
        assert_eq!((options.rounds, options.size, options.files, options.queued), (2, 128 * MIB, 7, 7));
        assert!(options.wants("8m") && options.wants("memory") && !options.wants("files"));
        assert!(matches!(options.congestion, Congestion::AsIs) && options.sink == SinkMode::Copy && !options.check);
    }

    #[test]
    fn what_is_not_known_is_refused() {
        for line in ["--fast", "--rounds", "--rounds 0", "--files many", "--only all", "--sink keep"] {
            assert!(parse(line).is_err(), "{line}");
        }
    }
}
