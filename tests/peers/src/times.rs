//! How often a test repeats what it does.

use std::env;

/// So many repetitions, times the number in `TUS_TEST_TIMES` if that is set (`cargo xtask test --long` sets 10).
///
/// # Panics
/// When the variable is not a number, so that nobody believes in a longer run that was none.
pub fn times<N: TryFrom<u64>>(repetitions: u64) -> N
where
    N::Error: std::fmt::Debug,
{
    let factor = env::var("TUS_TEST_TIMES").map_or(1, |text| text.parse().expect("TUS_TEST_TIMES is a number"));
    N::try_from(repetitions * factor).unwrap()
}
