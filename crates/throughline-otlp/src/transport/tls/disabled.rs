//! No TLS in this build.
#![expect(clippy::unused_async, clippy::needless_pass_by_ref_mut, reason = "the shape of `enabled.rs`")]

use std::error::Error;

use super::TlsFiles;
use crate::config::BuildError;
use crate::transport::connect::Io;

pub(crate) const BUILT_IN: bool = false;

/// There is never one.
#[derive(Debug)]
pub(crate) enum Tls {}

impl Tls {
    pub(crate) fn new(_: &TlsFiles, _: &str, _: &'static [u8]) -> Result<Self, BuildError> {
        unreachable!("an endpoint with TLS was refused when it was parsed")
    }

    pub(crate) fn look(&mut self) -> bool {
        match *self {}
    }

    pub(crate) async fn connect(&mut self, _: Box<dyn Io>) -> std::io::Result<Box<dyn Io>> {
        match *self {}
    }
}

pub(in crate::transport) fn explain(_: &(dyn Error + 'static)) -> Option<&'static str> {
    None
}
