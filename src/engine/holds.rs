//! Servers that have asked for fewer requests: what one upload was told holds for all uploads of the client (T-140).

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::ptr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Instant;

use crate::protocol::url::Origin;

/// Until when each server wants no requests.
#[derive(Debug, Default)]
pub(super) struct Holds(Mutex<HashMap<Origin, Hold>>);

#[derive(Debug, Clone)]
struct Hold {
    until: Instant,
    /// Who was told: he waits as his caller decides, and not for himself.
    told: Weak<()>,
}

impl Holds {
    /// `job` was told that `origin` wants no requests until then.
    pub(super) fn add(&self, origin: Origin, until: Instant, job: &Arc<()>) {
        let mut holds = self.lock();
        let now = Instant::now();
        holds.retain(|_, hold| hold.until > now);
        let told = Hold { until, told: Arc::downgrade(job) };
        match holds.entry(origin) {
            Entry::Occupied(mut longer) if longer.get().until < until => {
                longer.insert(told);
            }
            Entry::Occupied(_) => {}
            Entry::Vacant(none) => {
                none.insert(told);
            }
        }
    }

    /// Until when `job` may not make a request to `origin`, if it may not now.
    pub(super) fn until(&self, origin: &Origin, job: &Arc<()>) -> Option<Instant> {
        let holds = self.lock();
        // The way of every request: nearly always there is nothing to look up.
        if holds.is_empty() {
            return None;
        }
        let hold = holds.get(origin).filter(|hold| !ptr::eq(hold.told.as_ptr(), Arc::as_ptr(job)))?;
        (hold.until > Instant::now()).then_some(hold.until)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Origin, Hold>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn origin(host: &str) -> Origin {
        Origin { secure: false, host: host.to_owned(), port: 80 }
    }

    #[test]
    fn the_longest_counts_and_whoever_was_told_is_free() {
        let holds = Holds::default();
        let now = Instant::now();
        let (soon, late) = (now + Duration::from_secs(10), now + Duration::from_secs(20));
        let (one, two) = (Arc::default(), Arc::default());
        holds.add(origin("one"), late, &one);
        holds.add(origin("one"), soon, &two);
        assert_eq!(holds.until(&origin("one"), &one), None);
        assert_eq!(holds.until(&origin("one"), &two), Some(late));
        assert_eq!(holds.until(&origin("two"), &two), None);
        // Whoever comes after one that is over is another, wherever it lies.
        drop(one);
        assert_eq!(holds.until(&origin("one"), &Arc::default()), Some(late));
    }

    #[test]
    fn what_is_over_is_forgotten() {
        let holds = Holds::default();
        let (one, two) = (Arc::default(), Arc::default());
        holds.add(origin("one"), Instant::now(), &one);
        assert_eq!(holds.until(&origin("one"), &two), None);
        holds.add(origin("two"), Instant::now() + Duration::from_secs(10), &one);
        assert_eq!(holds.lock().len(), 1);
    }
}
