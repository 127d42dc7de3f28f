//! Where chance comes from: the session's seed, and request ids.

use std::hash::{BuildHasher as _, Hasher as _, RandomState};

/// 64 bits that nobody can guess and that do not come again soon.
///
/// The standard library's hash keys, drawn from the operating system once per thread. A generator with a state of its
/// own would leave a thread-local with a destructor on the caller's thread.
pub(super) fn seed() -> u64 {
    RandomState::new().build_hasher().finish()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    #[test]
    fn seeds_differ() {
        let seeds: HashSet<u64> = (0..1000).map(|_| super::seed()).collect();
        assert_eq!(seeds.len(), 1000);
    }
}
