//! The files to upload: made once, kept below the build folder, and read before use, so that no disk is measured.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::Result;
use crate::folders::Folders;
use crate::options::Options;

/// How large the small files are.
pub(crate) const SMALL: u64 = 4 << 10;
/// How large the small file of the memory case is.
pub(crate) const MEDIUM: u64 = 10 << 20;

const BLOCK: usize = 1 << 20;

/// Where the files are.
pub(crate) struct Data {
    pub(crate) large: PathBuf,
    pub(crate) medium: PathBuf,
    pub(crate) sparse: PathBuf,
    pub(crate) small: PathBuf,
}

/// Makes what is not there yet and brings everything but the holes of the sparse file into the page cache.
pub(crate) fn prepare(folders: &Folders, options: &Options) -> Result<Data> {
    let data = Data {
        large: folders.work.join("large"),
        medium: folders.work.join("medium"),
        sparse: folders.work.join("sparse"),
        small: folders.work.join("small"),
    };
    let told = |path: &Path, result: io::Result<()>| result.map_err(|error| format!("{}: {error}", path.display()));
    told(&data.large, fill(&data.large, options.size))?;
    told(&data.medium, fill(&data.medium, MEDIUM))?;
    told(&data.sparse, File::create(&data.sparse).and_then(|file| file.set_len(options.sparse_size)))?;
    told(&data.small, fill_folder(&data.small, options.files))?;
    Ok(data)
}

/// Makes a file of this size unless it is there, and reads it. It is on the disk before the first run: no writing back
/// goes on beside one.
fn fill(path: &Path, size: u64) -> io::Result<()> {
    if fs::metadata(path).is_ok_and(|facts| facts.len() == size) {
        return io::copy(&mut File::open(path)?, &mut io::sink()).map(drop);
    }
    let block = noise();
    let mut file = File::create(path)?;
    let mut left = size;
    while left > 0 {
        let part = block.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        file.write_all(&block[..part])?;
        left -= part as u64;
    }
    file.sync_all()
}

fn fill_folder(folder: &Path, count: u32) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    let block = noise();
    for index in 0..count {
        let path = folder.join(format!("{index:05}"));
        if fs::metadata(&path).is_ok_and(|facts| facts.len() == SMALL) {
            fs::read(&path)?;
        } else {
            fs::write(&path, &block[..SMALL as usize])?;
        }
    }
    File::open(folder)?.sync_all()
}

/// Bytes without a pattern (xorshift).
fn noise() -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let word = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    };
    std::iter::repeat_with(word).take(BLOCK / 8).flatten().collect()
}
