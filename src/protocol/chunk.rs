//! How many bytes the next PATCH carries.
//!
//! Fixed and whole are what they say, but where a chunk has to lie in memory. Automatic starts moderate, doubles while chunks go through quickly, and halves
//! when the server refuses one for its size (413) or a connection breaks without any of it being kept. Memory never
//! depends on the size: a chunk is only a range.

use std::num::NonZeroU64;
use std::time::Duration;

/// What the caller asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ChunkSize {
    /// Exactly this many bytes (the last chunk may be shorter), at most 2^63-1.
    Fixed(NonZeroU64),
    /// All that is left in one PATCH (T-023), whatever a break may cost then.
    Whole,
    /// Grows while the link allows and shrinks when the server says so.
    #[default]
    Auto,
}

/// What a server wants of the size of chunks, where its documentation says so: chunks of the library's own choice keep
/// to it, but for the last one, which is what is left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ChunkRules {
    /// At least this many bytes.
    pub min: Option<NonZeroU64>,
    /// At most this many.
    pub max: Option<NonZeroU64>,
    /// A multiple of this many.
    pub multiple: Option<NonZeroU64>,
}

impl ChunkRules {
    /// Whether there are sizes that keep to all of them.
    pub fn are_possible(&self) -> bool {
        let (min, max) = (self.min.map_or(1, NonZeroU64::get), self.max.map_or(i64::MAX as u64, NonZeroU64::get));
        let multiple = self.multiple.map_or(1, NonZeroU64::get);
        min <= max && min.div_ceil(multiple).checked_mul(multiple).is_some_and(|least| least <= max)
    }

    /// The nearest size below that keeps to them, or the smallest that does.
    fn apply(&self, wanted: u64) -> u64 {
        let multiple = self.multiple.map_or(1, NonZeroU64::get);
        let min = self.min.map_or(1, NonZeroU64::get).div_ceil(multiple).saturating_mul(multiple);
        let wanted = wanted.min(self.max.map_or(u64::MAX, NonZeroU64::get));
        (wanted / multiple * multiple).max(min)
    }
}

/// The first automatic chunk: large enough that a fast link hardly notices the extra request, small enough that a
/// server that keeps nothing of a broken PATCH costs little.
const AUTO_START: u64 = 8 << 20;
/// Growth stops here: beyond it a chunk's fixed cost is far below one in a thousand on any link.
const AUTO_MAX: u64 = 1 << 30;
/// A chunk that has to lie in memory before it is sent (source of unknown size, or one that cannot be read twice for a
/// checksum in a header) is no larger than this, whatever was asked for: memory never depends on settings. Some servers
/// want 5 MiB at least.
pub const IN_MEMORY_MAX: u64 = 8 << 20;
/// The same for chunks of the library's own choice: two of them are in use at a time.
const IN_MEMORY_AUTO: u64 = 4 << 20;
/// A chunk with a checksum counts only if all of it arrives (T-095): what a break may cost, where memory is no limit.
const CHECKED_AUTO: u64 = 16 << 20;
/// Losses do not make automatic chunks smaller than this: a request per 64 KiB is slow enough.
const LOST_MIN: u64 = 64 << 10;
/// Nor does a want of memory.
const SCARCE_MIN: u64 = LOST_MIN;
/// So many bytes may be sent for nothing before chunks are made smaller for it.
const SPARE: u64 = 16 << 10;
/// So many chunks go through before a larger one is tried where larger ones have broken; twice as many each time that
/// fails.
const BROKE_PATIENCE: u32 = 8;
/// But no more than so many.
const PATIENCE_MAX: u32 = 64;
/// An automatic chunk that took longer than this is not followed by a larger one: it is what a break may cost.
const AUTO_TARGET: Duration = Duration::from_secs(8);

/// The largest chunk that may come to lie in memory.
pub fn largest_in_memory(policy: ChunkSize) -> u64 {
    match policy {
        ChunkSize::Auto => IN_MEMORY_AUTO,
        ChunkSize::Whole => IN_MEMORY_MAX,
        ChunkSize::Fixed(size) => size.get().min(IN_MEMORY_MAX),
    }
}

/// Whether so much of a chunk was kept that sending the rest again is no waste to speak of.
fn in_proportion(length: u64, kept: u64) -> bool {
    kept > 0 && kept >= length / 4
}

/// Whether chunks that lie in memory can be as large as they were asked for, for a source of this size.
pub fn fits_in_memory(policy: ChunkSize, size: Option<u64>) -> bool {
    let asked = match policy {
        ChunkSize::Auto => return true,
        ChunkSize::Whole => u64::MAX,
        ChunkSize::Fixed(chunk) => chunk.get(),
    };
    size.is_none_or(|size| asked.min(size) <= IN_MEMORY_MAX)
}

/// The state of chunk sizing during one upload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChunkSizer {
    policy: ChunkSize,
    rules: ChunkRules,
    /// The most a source can send again after a break; `None` if it can be rewound to any offset.
    replay_limit: Option<u64>,
    auto: u64,
    /// The most a chunk of the library's own choice has, beside the rules of each policy.
    auto_limit: u64,
    /// The most any chunk has.
    limit: u64,
    /// The same where memory is short for now.
    memory: u64,
    /// Set by a 413: nothing larger is sent any more.
    ceiling: Option<u64>,
    /// Nothing larger is sent for now.
    narrow: Option<Narrow>,
    /// The size of a chunk that broke, until one of that size goes through.
    suspect: Option<u64>,
    /// Bytes sent that the server took only a small part of.
    wasted: u64,
}

/// A limit for as long as larger chunks are not worth sending: the server takes less of them, or the link breaks. It
/// doubles with success, so that what is sent stays in proportion to what is acknowledged, whatever is taken of it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Narrow {
    limit: u64,
    stage: Stage,
    /// So many chunks go through before the limit is doubled, and how many still have to.
    patience: u32,
    left: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Nothing has gone through since the limit was lowered.
    Lowered,
    /// Chunks of this size go through.
    Works,
    /// The limit has just been doubled.
    Doubled,
}

impl Narrow {
    fn went_through(&mut self) {
        if self.stage == Stage::Doubled {
            // Larger ones are worth trying.
            self.patience = (self.patience / 2).max(1);
            self.left = self.patience;
        }
        self.stage = Stage::Works;
        self.left -= 1;
        if self.left == 0 {
            *self = Narrow { limit: self.limit.saturating_mul(2), stage: Stage::Doubled, left: 1, ..*self };
        }
    }
}

impl ChunkSizer {
    /// Starts sizing. A source that can only replay its last bytes gets automatic chunks no larger than those; a fixed size,
    /// or all at once, is the caller's own decision.
    pub fn new(policy: ChunkSize, rules: ChunkRules, replay_limit: Option<u64>) -> Self {
        ChunkSizer {
            policy,
            rules,
            replay_limit,
            auto: AUTO_START,
            auto_limit: u64::MAX,
            limit: u64::MAX,
            memory: u64::MAX,
            ceiling: None,
            narrow: None,
            suspect: None,
            wasted: 0,
        }
    }

    /// Chunks lie in memory before they are sent.
    pub fn in_memory(&mut self) {
        self.auto_limit = IN_MEMORY_AUTO;
        self.limit = IN_MEMORY_MAX;
    }

    /// Chunks carry a checksum ahead of their data, which is in memory, or else read twice.
    pub fn digested(&mut self) {
        self.auto_limit = IN_MEMORY_AUTO;
        if self.replay_limit.is_some() {
            self.limit = IN_MEMORY_MAX;
        }
    }

    /// How many bytes of a chunk there is memory for, from the next one on; `None` for all. What a server wants as the least
    /// it gets all the same.
    pub fn set_memory(&mut self, bytes: Option<u64>) {
        self.memory =
            bytes.map_or(u64::MAX, |bytes| bytes.max(SCARCE_MIN).max(self.rules.min.map_or(1, NonZeroU64::get)));
    }

    /// Another wish from the next chunk on.
    pub fn set_policy(&mut self, policy: ChunkSize) {
        self.policy = policy;
    }

    /// Chunks carry a checksum after their data.
    pub fn checked(&mut self) {
        self.auto_limit = self.auto_limit.min(CHECKED_AUTO);
    }

    /// The length of the next chunk when `left` bytes remain.
    pub fn next(&self, left: u64) -> u64 {
        let wanted = match self.policy {
            ChunkSize::Fixed(size) => size.get(),
            ChunkSize::Whole => u64::MAX,
            ChunkSize::Auto => self.auto.min(self.replay_limit.unwrap_or(u64::MAX)).min(self.auto_limit),
        };
        let narrow = self.narrow.as_ref().map_or(u64::MAX, |narrow| narrow.limit);
        let limit = self.limit.min(self.memory);
        let wanted = wanted.min(limit).min(self.ceiling.unwrap_or(u64::MAX)).min(narrow).max(1);
        match self.policy {
            ChunkSize::Fixed(_) => wanted.min(left),
            // What may not be larger for other reasons goes out all the same: the server has the last word.
            ChunkSize::Whole | ChunkSize::Auto => self.rules.apply(wanted).min(limit).min(left),
        }
    }

    /// A chunk of `length` bytes was acknowledged whole, `took` after it was sent.
    pub fn went_through(&mut self, length: u64, took: Duration) {
        if length >= self.auto && took < AUTO_TARGET {
            self.auto = self.auto.saturating_mul(2).min(AUTO_MAX);
        }
        self.suspect = self.suspect.filter(|suspect| length < *suspect);
        if let Some(narrow) = self.narrow.as_mut().filter(|narrow| length >= narrow.limit) {
            narrow.went_through();
            let wanted = match self.policy {
                ChunkSize::Fixed(size) => size.get(),
                ChunkSize::Whole | ChunkSize::Auto => AUTO_MAX,
            };
            if narrow.stage == Stage::Works && narrow.limit >= wanted {
                self.narrow = None;
            }
        }
    }

    /// A chunk of `length` bytes was answered, and the server has taken only so many of them.
    pub fn taken_in_part(&mut self, length: u64, taken: u64) {
        if !in_proportion(length, taken) && self.wastes(length - taken) {
            self.narrow_to(taken, 1);
        }
    }

    /// A chunk of `length` bytes failed, and the server kept nothing of it: it says no reason for that.
    pub fn failed(&mut self, length: u64) {
        self.auto = (length.min(self.auto) / 2).max(LOST_MIN).min(self.auto);
    }

    /// The connection broke with a chunk of `length` bytes, of which the server kept `kept`. Once may be chance; twice it
    /// is the size.
    pub fn broke(&mut self, length: u64, kept: u64) {
        if in_proportion(length, kept) {
            return;
        }
        // What is left to send may be a little less the second time.
        let twice = self.narrow.is_some() || self.suspect.is_some_and(|suspect| length >= suspect / 2);
        self.suspect = Some(self.suspect.map_or(length, |suspect| suspect.min(length)));
        if kept == 0 {
            self.failed(length);
            if twice {
                let hopeless = self.narrow.as_ref().is_some_and(|narrow| narrow.stage == Stage::Lowered);
                self.narrow_to(length / if hopeless { 4 } else { 2 }, BROKE_PATIENCE);
            }
        } else if self.wastes(length - kept) && twice {
            self.narrow_to(kept, BROKE_PATIENCE);
        }
    }

    /// Counts bytes that were sent for nothing; whether they are too many by now.
    fn wastes(&mut self, bytes: u64) -> bool {
        self.wasted = self.wasted.saturating_add(bytes);
        self.wasted > SPARE
    }

    fn narrow_to(&mut self, limit: u64, patience: u32) {
        let before = self.narrow.as_ref().map_or(0, |narrow| narrow.patience);
        let patience = before.saturating_mul(2).clamp(patience, PATIENCE_MAX);
        self.narrow = Some(Narrow { limit: limit.max(1), stage: Stage::Lowered, patience, left: patience });
    }

    /// The server refused a chunk of `length` bytes for its size (413); `false` if there is no smaller one.
    pub fn refused(&mut self, length: u64) -> bool {
        let half = length / 2;
        let smallest = match self.policy {
            ChunkSize::Fixed(_) => 1,
            ChunkSize::Whole | ChunkSize::Auto => self.rules.apply(1),
        };
        if half == 0 || length <= smallest {
            return false;
        }
        self.ceiling = Some(half);
        self.auto = self.auto.min(half);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fixed(size: u64) -> ChunkSize {
        ChunkSize::Fixed(NonZeroU64::new(size).unwrap())
    }

    #[test]
    fn fixed_is_exact() {
        let mut sizer = ChunkSizer::new(fixed(4), ChunkRules::default(), None);
        assert_eq!([11, 7, 3].map(|left| sizer.next(left)), [4, 4, 3]);
        sizer.went_through(4, Duration::ZERO);
        assert_eq!(sizer.next(100), 4);
        assert_eq!(
            ChunkSizer::new(fixed(i64::MAX as u64), ChunkRules::default(), None).next(u64::MAX),
            i64::MAX as u64
        );
    }

    #[test]
    fn where_memory_is_short_chunks_are_small_for_a_while() {
        for policy in [ChunkSize::Auto, ChunkSize::Whole, fixed(1 << 20)] {
            let mut sizer = ChunkSizer::new(policy, ChunkRules::default(), None);
            sizer.in_memory();
            let usual = sizer.next(u64::MAX);
            for (room, next) in [(Some(0), SCARCE_MIN), (Some(100_000), 100_000), (Some(1 << 40), usual), (None, usual)]
            {
                sizer.set_memory(room);
                assert_eq!((sizer.next(u64::MAX), sizer.next(5)), (next, 5), "{policy:?} {room:?}");
            }
        }
        let rules = ChunkRules { min: NonZeroU64::new(5 << 20), ..ChunkRules::default() };
        let mut sizer = ChunkSizer::new(ChunkSize::Auto, rules, None);
        sizer.in_memory();
        sizer.set_memory(Some(0));
        assert_eq!(sizer.next(u64::MAX), 5 << 20);
    }

    #[test]
    fn whole_is_everything_unless_it_must_lie_in_memory() {
        for replay in [None, Some(10)] {
            let sizer = || ChunkSizer::new(ChunkSize::Whole, ChunkRules::default(), replay);
            assert_eq!(sizer().next(u64::MAX), u64::MAX);
            let mut trailed = sizer();
            trailed.checked();
            assert_eq!(trailed.next(u64::MAX), u64::MAX);
            let mut digested = sizer();
            digested.digested();
            assert_eq!(digested.next(u64::MAX), if replay.is_some() { IN_MEMORY_MAX } else { u64::MAX });
            let mut held = sizer();
            held.in_memory();
            assert_eq!(held.next(u64::MAX), IN_MEMORY_MAX);
        }
        assert_eq!(ChunkSizer::new(ChunkSize::Auto, ChunkRules::default(), Some(10)).next(100), 10);
    }

    #[test]
    fn a_size_of_the_callers_own_is_kept_with_a_checksum_that_can_be_read_for() {
        for (policy, whole, cut) in
            [(fixed(1 << 30), 1 << 30, IN_MEMORY_MAX), (ChunkSize::Auto, IN_MEMORY_AUTO, IN_MEMORY_AUTO)]
        {
            let mut sizer = ChunkSizer::new(policy, ChunkRules::default(), None);
            sizer.digested();
            assert_eq!(sizer.next(u64::MAX), whole);
            let mut sizer = ChunkSizer::new(policy, ChunkRules::default(), Some(u64::MAX));
            sizer.digested();
            assert_eq!(sizer.next(u64::MAX), cut);
        }
    }

    #[test]
    fn automatic_grows_and_shrinks() {
        let mut sizer = ChunkSizer::new(ChunkSize::Auto, ChunkRules::default(), None);
        for _ in 0..20 {
            let size = sizer.next(u64::MAX);
            sizer.went_through(size, Duration::from_secs(1));
        }
        assert_eq!(sizer.next(u64::MAX), AUTO_MAX);
        sizer.went_through(AUTO_MAX, Duration::from_secs(60));
        sizer.broke(AUTO_MAX, 0);
        assert_eq!(sizer.next(u64::MAX), AUTO_MAX / 2);
        for _ in 0..40 {
            sizer.broke(sizer.next(u64::MAX), 0);
        }
        assert!(sizer.next(u64::MAX) <= LOST_MIN);
        for _ in 0..10_000 {
            sizer.went_through(sizer.next(u64::MAX), Duration::from_secs(1));
        }
        assert_eq!(sizer.next(u64::MAX), AUTO_MAX);
    }

    /// What a server does with a chunk: how much of it it takes, and whether it says so.
    type Takes = fn(u64) -> (u64, bool);

    /// How many bytes are sent for each one of a source of `size` bytes, and how many requests break.
    fn cost(policy: ChunkSize, size: u64, takes: Takes) -> (f64, u64, u64) {
        let mut sizer = ChunkSizer::new(policy, ChunkRules::default(), None);
        let (mut at, mut sent, mut requests, mut broken) = (0, 0, 0, 0);
        while at < size {
            let length = sizer.next(size - at);
            let (taken, answered) = takes(length);
            match (taken == length, answered) {
                (true, _) => sizer.went_through(length, Duration::from_secs(1)),
                (false, true) if taken > 0 => sizer.taken_in_part(length, taken),
                (false, _) => {
                    sizer.broke(length, taken);
                    broken += 1;
                }
            }
            (at, sent, requests) = (at + taken, sent + length, requests + 1);
            assert!(requests < 500_000, "{policy:?} {size} {at} {sizer:?}");
        }
        (sent as f64 / size as f64, requests, broken)
    }

    /// However little a server takes of a chunk, what is sent stays in proportion to what there is.
    #[test]
    fn what_is_sent_stays_in_proportion() {
        let takes: [(Takes, u64); 8] = [
            (|_| (1, true), 20_000),
            (|length| (length.min(100), true), 1 << 20),
            (|length| (length.min(4096), true), 10 << 20),
            (|length| (length.div_ceil(2), true), 10 << 20),
            (|_| (1, false), 20_000),
            (|length| (length.min(1000), false), 1 << 20),
            // All or nothing.
            (|length| (if length > 50_000 { 0 } else { length }, false), 1 << 20),
            (|length| (if length > 1 << 20 { 0 } else { length }, false), 100 << 20),
        ];
        for (number, (takes, size)) in takes.into_iter().enumerate() {
            for policy in [ChunkSize::Auto, ChunkSize::Whole, fixed(8 << 20), fixed(100_000), fixed(1)] {
                if policy == fixed(1) && size > 20_000 {
                    continue;
                }
                let (cost, requests, _) = cost(policy, size, takes);
                assert!(cost < 8.0, "{number} {policy:?}: {cost} times in {requests} requests");
            }
        }
    }

    #[test]
    fn a_size_that_breaks_is_not_tried_again_and_again() {
        for policy in [ChunkSize::Auto, ChunkSize::Whole, fixed(8 << 20)] {
            let takes: Takes = |length| (if length > 5 << 20 { 0 } else { length }, false);
            let (_, requests, broken) = cost(policy, 512 << 20, takes);
            assert!(broken <= 10 && requests < 400, "{policy:?}: {broken} of {requests}");
        }
    }

    #[test]
    fn one_hiccup_costs_a_few_requests() {
        for policy in [ChunkSize::Auto, ChunkSize::Whole, fixed(8 << 20)] {
            let mut sizer = ChunkSizer::new(policy, ChunkRules::default(), None);
            sizer.taken_in_part(1 << 20, 10);
            let mut requests = 0;
            while sizer.next(u64::MAX) < 8 << 20 {
                sizer.went_through(sizer.next(u64::MAX), Duration::from_secs(1));
                requests += 1;
            }
            assert!(requests <= 24, "{policy:?}: {requests}");
        }
        // A break alone changes nothing of what the caller chose.
        let mut sizer = ChunkSizer::new(ChunkSize::Whole, ChunkRules::default(), None);
        sizer.broke(1 << 30, 1000);
        assert_eq!(sizer.next(u64::MAX), u64::MAX);
        let mut sizer = ChunkSizer::new(fixed(1000), ChunkRules::default(), None);
        sizer.broke(1000, 0);
        assert_eq!(sizer.next(u64::MAX), 1000);
        sizer.broke(1000, 0);
        assert_eq!(sizer.next(u64::MAX), 500);
    }

    #[test]
    fn rules_bind_what_the_library_chooses() {
        let size = NonZeroU64::new;
        let rules = ChunkRules { min: size(5 << 20), max: size(200 << 20), multiple: size(256 << 10) };
        assert!(rules.are_possible());
        let mut sizer = ChunkSizer::new(ChunkSize::Whole, rules, None);
        assert_eq!(sizer.next(1 << 40), 200 << 20);
        assert_eq!(sizer.next(7), 7, "the last one is what is left");
        assert_eq!(sizer.next((200 << 20) - 1), (200 << 20) - 1, "whatever that is");
        sizer.in_memory();
        assert_eq!(sizer.next(1 << 40), 8 << 20, "as much as memory allows");
        let mut sizer = ChunkSizer::new(ChunkSize::Auto, rules, None);
        while sizer.refused(sizer.next(1 << 40)) {}
        assert_eq!(sizer.next(1 << 40), 5 << 20);
        assert_eq!(ChunkSizer::new(fixed(3), rules, None).next(100), 3, "the caller's own choice is his");
        for (min, max, multiple) in [(2, 1, 1), (5, 7, 4)] {
            let rules = ChunkRules { min: size(min), max: size(max), multiple: size(multiple) };
            assert!(!rules.are_possible(), "{rules:?}");
        }
    }

    #[test]
    fn what_is_asked_for_fits_into_memory_or_not() {
        const MB: u64 = 1 << 20;
        for (policy, size, fits) in [
            (ChunkSize::Auto, Some(1 << 40), true),
            (ChunkSize::Whole, Some(8 * MB), true),
            (ChunkSize::Whole, Some(8 * MB + 1), false),
            (ChunkSize::Whole, None, true),
            (fixed(8 * MB), Some(1 << 40), true),
            (fixed(8 * MB + 1), Some(1 << 40), false),
            (fixed(50 * MB), Some(8 * MB), true),
            (fixed(50 * MB), None, true),
        ] {
            assert_eq!(fits_in_memory(policy, size), fits, "{policy:?} {size:?}");
        }
    }

    #[test]
    fn refusals_halve_down_to_one_byte() {
        let mut sizer = ChunkSizer::new(ChunkSize::Whole, ChunkRules::default(), None);
        let mut tries = 0;
        while sizer.refused(sizer.next(1 << 30)) {
            tries += 1;
        }
        assert_eq!(sizer.next(1 << 30), 1);
        assert_eq!(tries, 30);
        assert!(!ChunkSizer::new(fixed(1), ChunkRules::default(), None).refused(1));
    }
}
