//! No TLS in this build.
#![expect(clippy::unused_async, reason = "the shape of `enabled.rs`")]

use std::io;
use std::path::PathBuf;

use throughline_core::file::FileError;

use super::Io;

/// There is never one: this build has no TLS.
#[derive(Clone, Debug)]
#[expect(clippy::exhaustive_enums, reason = "it has no values")]
pub enum ServerTls {}

impl ServerTls {
    /// # Errors
    /// Always: this build has no TLS.
    pub fn new(certificate: impl Into<PathBuf>, _key: impl Into<PathBuf>) -> Result<Self, FileError> {
        let problem = "is for TLS, which is not in this build: add the cargo feature `tls`";
        Err(FileError::new(&certificate.into(), problem))
    }

    pub(in crate::server) async fn accept(&self, _: Box<dyn Io>) -> io::Result<Box<dyn Io>> {
        match *self {}
    }
}
