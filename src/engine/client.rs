//! The client: settings, connections and what is known of the server, shared by all its operations.

use crate::error::{Error, ErrorKind, Result};
use crate::source::Source;

use super::config::Config;
use super::info::{ServerInfo, UploadInfo};
use super::options::UploadOptions;

/// A client. Threads: any number at once.
#[derive(Debug)]
pub struct Client {
    config: Config,
}

impl Client {
    /// A client with these settings. Reads certificates and proxy variables; makes no connection.
    pub fn new(config: Config) -> Result<Client> {
        Ok(Client { config })
    }

    /// Changes a header for all requests from now on, those of running operations included.
    pub fn set_header(&self, name: &str, value: Option<&str>) -> Result<()> {
        let _ = (&self.config, name, value);
        Err(Error::new(ErrorKind::Internal, "not yet"))
    }

    /// Creates an upload and sends the whole source.
    pub fn upload(&self, source: &mut Source, options: &UploadOptions) -> Result<UploadInfo> {
        let _ = (source, options);
        Err(Error::new(ErrorKind::Internal, "not yet"))
    }

    /// Sends what the server lacks of an upload that exists. `url` may be relative to the endpoint.
    pub fn resume_upload(&self, source: &mut Source, url: &str, options: &UploadOptions) -> Result<UploadInfo> {
        let _ = (source, url, options);
        Err(Error::new(ErrorKind::Internal, "not yet"))
    }

    /// What the server says of an upload (offset, size, metadata, …).
    pub fn upload_info(&self, url: &str) -> Result<UploadInfo> {
        let _ = url;
        Err(Error::new(ErrorKind::Internal, "not yet"))
    }

    /// What the server can do; asked once and kept.
    pub fn server_info(&self) -> Result<ServerInfo> {
        Err(Error::new(ErrorKind::Internal, "not yet"))
    }

    /// Removes an upload from the server; one that is already gone counts as removed (T-110).
    pub fn delete_upload(&self, url: &str) -> Result<()> {
        let _ = url;
        Err(Error::new(ErrorKind::Internal, "not yet"))
    }
}
