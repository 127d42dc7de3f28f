//! What is uploaded, and how it is cut.

use std::path::PathBuf;

use crate::data::{Data, MEDIUM, SMALL};
use crate::options::Options;

const MIB: u64 = 1 << 20;

/// One thing that all contenders do in turn.
pub(crate) struct Case {
    pub(crate) title: String,
    pub(crate) work: Work,
    pub(crate) measure: Measure,
}

/// What is uploaded.
pub(crate) enum Work {
    /// One file, this many bytes a request; 0: all of them.
    File { path: PathBuf, size: u64, chunk: u64 },
    /// Many small files, one upload each.
    Files { folder: PathBuf, count: u32 },
}

/// What the case is there to show.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Measure {
    /// Speed and processor time; memory is noted on the way.
    Speed,
    /// Memory alone.
    Memory,
}

impl Case {
    /// The bytes and the uploads that the server must have at the end.
    pub(crate) fn expected(&self) -> (u64, u64) {
        match self.work {
            Work::File { size, .. } => (size, 1),
            Work::Files { count, .. } => (u64::from(count) * SMALL, u64::from(count)),
        }
    }

    /// How many times a contender does it, beside a first time that is not counted.
    pub(crate) fn rounds(&self, options: &Options) -> usize {
        match self.measure {
            Measure::Speed => options.rounds,
            Measure::Memory => options.rounds.min(3),
        }
    }
}

/// The cases that the command line asks for.
pub(crate) fn chosen(options: &Options, data: &Data) -> Vec<Case> {
    let large = |chunk: u64| Work::File { path: data.large.clone(), size: options.size, chunk };
    let speed = |title: String, work| Case { title, work, measure: Measure::Speed };
    let size = megabytes(options.size);

    let mut cases = Vec::new();
    if options.wants("whole") {
        cases.push(speed(format!("{size}, one PATCH"), large(0)));
    }
    if options.wants("8m") {
        cases.push(speed(format!("{size}, chunks of 8 MiB"), large(8 * MIB)));
    }
    if options.wants("1m") {
        cases.push(speed(format!("{size}, chunks of 1 MiB"), large(MIB)));
    }
    if options.wants("files") {
        let work = Work::Files { folder: data.small.clone(), count: options.files };
        cases.push(speed(format!("{} files of 4 KiB, one upload each", options.files), work));
    }
    if options.wants("memory") {
        cases.extend(memory(options, data));
    }
    cases
}

fn memory(options: &Options, data: &Data) -> Vec<Case> {
    let files = [(&data.medium, MEDIUM), (&data.large, options.size), (&data.sparse, options.sparse_size)];
    let mut cases = Vec::new();
    for (path, size) in files {
        for (chunk, how) in [(0, "one PATCH"), (8 * MIB, "chunks of 8 MiB")] {
            let title = format!("{}, {how}", megabytes(size));
            let work = Work::File { path: path.clone(), size, chunk };
            cases.push(Case { title, work, measure: Measure::Memory });
        }
    }
    cases
}

fn megabytes(bytes: u64) -> String {
    match bytes / MIB {
        whole if whole >= 1024 && whole % 1024 == 0 => format!("{} GiB", whole / 1024),
        whole => format!("{whole} MiB"),
    }
}
