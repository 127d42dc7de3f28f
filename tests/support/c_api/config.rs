//! `tus_config` and `tus_upload_options` out of plain settings.
//!
//! Setters go unchecked, as they may: the first refusal comes back from the call that uses the settings.

use std::time::Duration;

use tus::ffi::{self, tus_config, tus_upload_options};
use tus::protocol::checksum::{Algorithm, Policy, Wish};

use super::callbacks::{self, data, destroy};
use super::text::{c_path, c_string};
use crate::support::failure::Failure;
use crate::support::hooks::{AfterResponse, BeforeRequest, OnLog, OnProgress, OnUrl, ShouldRetry};
use crate::support::setup::{Chunk, Job, Setup, Value};

/// As in `tus.h`.
const TUS_LOG_DEBUG: i32 = 4;

/// Checksum algorithms, as in `tus.h`.
pub(super) const ALGORITHMS: [(Algorithm, i32); 4] =
    [(Algorithm::Sha1, 1), (Algorithm::Sha256, 2), (Algorithm::Sha512, 3), (Algorithm::Md5, 4)];

/// A configuration, freed when dropped.
pub(super) struct Config(pub(super) *mut tus_config);

impl Drop for Config {
    fn drop(&mut self) {
        // SAFETY: ours, freed once.
        unsafe { ffi::tus_config_free(self.0) };
    }
}

/// Options, freed when dropped.
pub(super) struct Options(pub(super) *mut tus_upload_options);

impl Drop for Options {
    fn drop(&mut self) {
        // SAFETY: ours, freed once.
        unsafe { ffi::tus_upload_options_free(self.0) };
    }
}

pub(super) fn config(setup: &Setup) -> Result<Config, Failure> {
    let config = Config(ffi::tus_config_new());
    assert!(!config.0.is_null());
    set_values(&config, setup)?;
    set_hooks(&config, setup);
    Ok(config)
}

fn set_values(config: &Config, setup: &Setup) -> Result<(), Failure> {
    let c = config.0;
    // SAFETY: the configuration is alive and used by this thread alone; each string lives until its call returns.
    unsafe {
        if let Some(url) = &setup.url {
            ffi::tus_config_set_url(c, c_string(url)?.as_ptr());
        }
        for (name, value) in &setup.headers {
            ffi::tus_config_set_header(c, c_string(name)?.as_ptr(), c_string(value)?.as_ptr());
        }
        for origin in &setup.allowed_origins {
            ffi::tus_config_allow_origin(c, c_string(origin)?.as_ptr());
        }
        ffi::tus_config_set_chunk_size(c, chunk_size(setup.chunk));
        ffi::tus_config_set_retry(c, setup.retries, ms(setup.base_delay), ms(setup.max_delay));
        ffi::tus_config_set_lock_budget_ms(c, ms(setup.lock_budget));
        ffi::tus_config_set_max_retry_after_ms(c, ms(setup.max_retry_after));
        let total = setup.total.map_or(0, ms);
        ffi::tus_config_set_timeouts_ms(c, ms(setup.connect), ms(setup.response), ms(setup.stall), total);
        ffi::tus_config_set_tls_verify(c, setup.tls_verify.into());
        ffi::tus_config_set_https_only(c, setup.https_only.into());
        if let Some(path) = &setup.ca_file {
            ffi::tus_config_set_tls_ca_file(c, c_path(path)?.as_ptr());
        }
        if let Some((chain, key)) = &setup.client_certificate {
            ffi::tus_config_set_tls_client_certificate(c, c_path(chain)?.as_ptr(), c_path(key)?.as_ptr());
        }
        // Whatever the environment of the tests says, loopback is reached directly, unless a proxy is set.
        let proxy = setup.proxy.as_deref().map(c_string).transpose()?;
        ffi::tus_config_set_proxy(c, proxy.as_ref().map_or(std::ptr::null(), |url| url.as_ptr()));
        if let Some(agent) = &setup.user_agent {
            ffi::tus_config_set_user_agent(c, c_string(agent)?.as_ptr());
        }
        if let Some(encoding) = &setup.metadata_encoding {
            ffi::tus_config_set_metadata_encoding(c, c_string(encoding)?.as_ptr());
        }
        ffi::tus_config_set_upload_with_creation(c, setup.upload_with_creation as i32);
        ffi::tus_config_set_query_server(c, setup.query_server.into());
        if let Some(wish) = setup.checksum {
            ffi::tus_config_set_checksum(c, algorithm(wish), policy(wish));
        }
        ffi::tus_config_set_checksum_trailers(c, setup.checksum_trailers.into());
        ffi::tus_config_set_override_patch_method(c, setup.override_method.into());
        ffi::tus_config_set_add_request_id(c, setup.request_ids.into());
    }
    Ok(())
}

fn set_hooks(config: &Config, setup: &Setup) {
    let c = config.0;
    // SAFETY: the configuration is alive and used by this thread alone; each function is given the kind of data it
    // takes, and the data's own release.
    unsafe {
        if let Some(hook) = &setup.before_request {
            let release = Some(destroy::<BeforeRequest> as _);
            ffi::tus_config_set_before_request(c, Some(callbacks::before_request), data(hook), release);
        }
        if let Some(hook) = &setup.after_response {
            let release = Some(destroy::<AfterResponse> as _);
            ffi::tus_config_set_after_response(c, Some(callbacks::after_response), data(hook), release);
        }
        if let Some(hook) = &setup.should_retry {
            let release = Some(destroy::<ShouldRetry> as _);
            ffi::tus_config_set_should_retry(c, Some(callbacks::should_retry), data(hook), release);
        }
        if let Some(hook) = &setup.on_url {
            let release = Some(destroy::<OnUrl> as _);
            ffi::tus_config_set_on_upload_url_available(c, Some(callbacks::upload_url), data(hook), release);
        }
        if let Some(hook) = &setup.log {
            ffi::tus_config_set_log(c, TUS_LOG_DEBUG, Some(callbacks::log), data(hook), Some(destroy::<OnLog> as _));
        }
    }
}

pub(super) fn options(job: &Job) -> Result<Options, Failure> {
    let options = Options(ffi::tus_upload_options_new());
    assert!(!options.0.is_null());
    let o = options.0;
    // SAFETY: the options are alive and used by this thread alone; each string lives until its call returns, and each
    // function is given the kind of data it takes.
    unsafe {
        for (key, value) in &job.metadata {
            let key = c_string(key)?;
            match value {
                Value::Text(text) => {
                    ffi::tus_upload_options_set_metadata_text(o, key.as_ptr(), c_string(text)?.as_ptr())
                }
                Value::Bytes(bytes) => {
                    ffi::tus_upload_options_set_metadata(o, key.as_ptr(), bytes.as_ptr().cast(), bytes.len())
                }
            };
        }
        ffi::tus_upload_options_set_large_metadata(o, job.large_metadata.into());
        ffi::tus_upload_options_set_stop_at(o, job.stop_at.unwrap_or(ffi::TUS_SIZE_UNKNOWN));
        if let Some(chunk) = job.chunk {
            ffi::tus_upload_options_set_chunk_size(o, chunk_size(chunk));
        }
        if let Some(own) = job.timeouts {
            ffi::tus_upload_options_set_request_timeouts_ms(o, ms(own.connect), ms(own.response), ms(own.stall));
        }
        if let Some(hook) = &job.progress {
            let release = Some(destroy::<OnProgress> as _);
            ffi::tus_upload_options_set_progress(o, Some(callbacks::progress), data(hook), release);
        }
        if let Some(hook) = &job.on_url {
            let release = Some(destroy::<OnUrl> as _);
            ffi::tus_upload_options_set_on_upload_url_available(o, Some(callbacks::upload_url), data(hook), release);
        }
    }
    Ok(options)
}

/// As in `tus.h`.
const TUS_CHECKSUM_AUTO: i32 = 5;

fn algorithm(wish: Wish) -> i32 {
    let named = |wanted| ALGORITHMS.iter().find(|(algorithm, _)| *algorithm == wanted).map(|(_, number)| *number);
    wish.algorithm.map_or(TUS_CHECKSUM_AUTO, |wanted| named(wanted).expect("a number for each"))
}

fn policy(wish: Wish) -> i32 {
    match wish.policy {
        Policy::Off => 0,
        Policy::IfAvailable => 1,
        Policy::Required => 2,
    }
}

fn chunk_size(chunk: Chunk) -> u64 {
    match chunk {
        Chunk::Auto => ffi::TUS_CHUNK_AUTO,
        Chunk::Whole => ffi::TUS_CHUNK_WHOLE,
        Chunk::Fixed(bytes) => bytes,
    }
}

fn ms(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).expect("a duration in milliseconds")
}
