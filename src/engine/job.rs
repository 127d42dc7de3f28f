//! What one session keeps from its first request to its last, and from one call to the next where the caller drives
//! it chunk by chunk.

use std::sync::Arc;
use std::time::Duration;

use super::clock::Clock;
use super::hashing::HashAhead;
use super::hooks::OnUploadUrl;
use super::info::Stats;
use super::keeper::Keep;
use super::meter::{Gauge, Meter};
use crate::cancel::Cancel;
use crate::protocol::checksum::Algorithm;
use crate::protocol::session::Session;
use crate::transport::Watch;

/// One session under way and everything that belongs to it but client and source.
pub(super) struct Job {
    /// `None` before the first step.
    pub(super) session: Option<Session>,
    pub(super) meter: Arc<Meter>,
    pub(super) watch: Arc<dyn Watch>,
    pub(super) cancel: Cancel,
    pub(super) clock: Clock,
    pub(super) stats: Stats,
    pub(super) hashes: HashAhead,
    pub(super) keeper: Option<Keep>,
    pub(super) on_upload_url: Option<OnUploadUrl>,
    /// How the data is checked, as far as that is settled.
    pub(super) checksum: Option<Algorithm>,
    /// The source turned out not to be what was promised: what is on the server is of no use.
    pub(super) source_spoiled: bool,
    /// The upload was created by this job.
    pub(super) created_here: bool,
    /// How much was on the server before this job is known.
    pub(super) begun: bool,
    /// Goes on after an error with another session.
    pub(super) lives_on: bool,
    /// Where the furthest chunk so far ended.
    furthest: u64,
    /// The length of the last chunk.
    chunk: u64,
    /// Nothing beyond this is sent.
    pub(super) stop_at: Option<u64>,
}

impl Job {
    /// A job of an upload that may take `total` altogether.
    pub(super) fn new(meter: Meter, cancel: Cancel, total: Option<Duration>) -> Job {
        let meter = Arc::new(meter);
        Job {
            session: None,
            watch: meter.clone(),
            meter,
            cancel,
            clock: Clock::start(total),
            stats: Stats::default(),
            hashes: HashAhead::new(),
            keeper: None,
            on_upload_url: None,
            checksum: None,
            source_spoiled: false,
            created_here: false,
            begun: false,
            lives_on: false,
            furthest: 0,
            chunk: 0,
            stop_at: None,
        }
    }

    /// A job without progress or data.
    pub(super) fn bare(total: Option<Duration>) -> Job {
        Job::new(Gauge::new(None, None).meter(None), Cancel::new(), total)
    }

    pub(super) fn with_on_upload_url(mut self, hook: Option<OnUploadUrl>) -> Job {
        self.on_upload_url = hook;
        self
    }

    /// A chunk is about to be sent.
    pub(super) fn count_chunk(&mut self, start: u64, length: u64) {
        self.stats.chunks_retried += u64::from(start < self.furthest);
        self.furthest = self.furthest.max(start + length);
        self.chunk = length;
    }

    /// The chunk that will probably follow one.
    pub(super) fn expected(&self, start: u64, length: u64) -> Option<(u64, u64)> {
        let total = self.meter.total()?;
        let end = total.min(self.stop_at.unwrap_or(u64::MAX));
        let next = start + length;
        (next < end).then(|| (next, length.min(end - next)))
    }

    /// What it took so far.
    pub(super) fn stats(&self) -> Stats {
        let progress = self.meter.gauge().progress();
        let left = progress.total.map_or(0, |total| total.saturating_sub(progress.confirmed));
        let chunks_left = if left > 0 { left.div_ceil(self.chunk.max(1)) } else { 0 };
        Stats {
            chunks_total: if self.chunk > 0 { self.stats.chunks_completed + chunks_left } else { 0 },
            started_ms: self.clock.began_ms(),
            elapsed: self.clock.elapsed(),
            bytes_total: progress.total,
            bytes_confirmed: progress.confirmed,
            speed: progress.speed,
            eta: progress.eta,
            ..self.stats
        }
    }
}
