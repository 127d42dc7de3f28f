//! Waits that are looked at and not waited for.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tus_test_server::Server;

use super::setup::Setup;

/// What `should_retry` was told: the number of the retry and the delay.
pub(crate) type Waits = Arc<Mutex<Vec<(u32, Duration)>>>;

/// Writes the waits down and waits for none of them.
pub(crate) fn impatient(setup: Setup) -> (Setup, Waits) {
    let waits = Waits::default();
    let seen = Arc::clone(&waits);
    let hook = move |_: &_, attempt, delay| {
        seen.lock().unwrap().push((attempt, delay));
        Ok(Duration::ZERO)
    };
    (Setup { should_retry: Some(Arc::new(hook)), ..setup }, waits)
}

/// With the library's own pace: 1, 2, 4, … s, each between its half and its whole.
pub(crate) fn unhurried(server: &Server) -> Setup {
    Setup { base_delay: Duration::from_secs(1), max_delay: Duration::from_secs(60), ..Setup::to(server) }
}

#[track_caller]
pub(crate) fn assert_doubling(waits: &Waits, count: u32) {
    let waits = waits.lock().unwrap();
    assert_eq!(waits.len(), count as usize, "{waits:?}");
    for (at, (attempt, delay)) in waits.iter().enumerate() {
        let full = Duration::from_secs(1 << at);
        assert_eq!(*attempt, at as u32 + 1);
        assert!((full / 2..=full).contains(delay), "{waits:?}");
    }
}
