//! The file of the demonstration: bytes that no chance and no compression makes equal, and their comparison.

use std::fmt;
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::path::Path;

use sha2::{Digest, Sha256};

const BLOCK: usize = 1 << 16;

/// Two files held against each other.
#[derive(Debug, PartialEq)]
pub(super) struct Comparison {
    sent: Sum,
    stored: Sum,
    same_bytes: bool,
}

#[derive(Debug, PartialEq)]
struct Sum {
    size: u64,
    sha256: String,
}

impl Comparison {
    /// Whether every byte of both is the same.
    pub(super) fn is_equal(&self) -> bool {
        self.same_bytes
    }
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, sum) in [("file  ", &self.sent), ("server", &self.stored)] {
            writeln!(f, "{name}  {} bytes  SHA-256 {}", sum.size, sum.sha256)?;
        }
        f.write_str(if self.same_bytes { "equal" } else { "NOT EQUAL" })
    }
}

/// Writes `size` pseudo-random bytes, the same every time.
pub(super) fn make(path: &Path, size: u64) -> io::Result<()> {
    let mut file = BufWriter::new(File::create(path)?);
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut left = size;
    while left > 0 {
        // Marsaglia's xorshift64, shifts 13, 7, 17.
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        let count = usize::try_from(left).map_or(8, |left| left.min(8));
        file.write_all(&state.to_le_bytes()[..count])?;
        left -= count as u64;
    }
    file.flush()
}

/// Reads both files to their ends.
pub(super) fn compare(sent: &Path, stored: &Path) -> io::Result<Comparison> {
    let mut files =
        [BufReader::with_capacity(BLOCK, File::open(sent)?), BufReader::with_capacity(BLOCK, File::open(stored)?)];
    let mut sums = [(0, Sha256::new()), (0, Sha256::new())];
    let mut blocks = [[0; BLOCK], [0; BLOCK]];
    let mut same_bytes = true;
    loop {
        let mut counts = [0; 2];
        for side in 0..2 {
            counts[side] = fill(&mut files[side], &mut blocks[side])?;
            sums[side].0 += counts[side] as u64;
            sums[side].1.update(&blocks[side][..counts[side]]);
        }
        same_bytes &= blocks[0][..counts[0]] == blocks[1][..counts[1]];
        if counts == [0, 0] {
            let [sent, stored] = sums.map(|(size, sum)| Sum { size, sha256: hex(&sum.finalize()) });
            return Ok(Comparison { sent, stored, same_bytes });
        }
    }
}

/// Reads until the block is full or the file ends.
fn fill(file: &mut impl Read, block: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < block.len() {
        match file.read(&mut block[filled..])? {
            0 => break,
            count => filled += count,
        }
    }
    Ok(filled)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::workspace::target_dir;

    #[test]
    fn files_are_equal_byte_for_byte_or_not() {
        let folder = target_dir().join(format!("demo-test-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let [one, other] = ["one", "other"].map(|name| folder.join(name));
        make(&one, 200_003).unwrap();
        make(&other, 200_003).unwrap();
        assert_eq!(one.metadata().unwrap().len(), 200_003);
        assert!(compare(&one, &other).unwrap().is_equal());

        let mut bytes = fs::read(&other).unwrap();
        bytes[150_000] ^= 1;
        fs::write(&other, &bytes).unwrap();
        let different = compare(&one, &other).unwrap();
        assert!(!different.is_equal() && different.sent.sha256 != different.stored.sha256);

        bytes[150_000] ^= 1;
        bytes.pop();
        fs::write(&other, &bytes).unwrap();
        assert!(!compare(&one, &other).unwrap().is_equal());
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn the_sum_is_sha_256() {
        assert!(hex(&Sha256::digest(b"abc")).starts_with("ba7816bf8f01cfea"));
    }
}
