//! Who goes next.

use std::cmp::Reverse;
use std::collections::BTreeSet;

/// Numbers of tasks: larger priority first, then the order of their numbers.
#[derive(Default)]
pub(super) struct Queue(BTreeSet<(Reverse<i32>, u64)>);

impl Queue {
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn insert(&mut self, priority: i32, id: u64) {
        self.0.insert((Reverse(priority), id));
    }

    pub(super) fn remove(&mut self, priority: i32, id: u64) {
        self.0.remove(&(Reverse(priority), id));
    }

    pub(super) fn pop(&mut self) -> Option<u64> {
        self.0.pop_first().map(|(_, id)| id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn larger_first_then_older_first() {
        let mut queue = Queue::default();
        for (priority, id) in [(0, 1), (5, 2), (-5, 3), (0, 4), (i32::MIN, 5), (i32::MAX, 6), (0, 0)] {
            queue.insert(priority, id);
        }
        queue.remove(5, 2);
        let order: Vec<u64> = std::iter::from_fn(|| queue.pop()).collect();
        assert_eq!(order, [6, 0, 1, 4, 3, 5]);
    }
}
