//! TLS for connections, when the cargo feature `tls` is on.
//!
//! `dial.rs` wraps what it opened; `connection.rs` asks what an error of TLS means. Endpoints with `https` are refused
//! by `endpoint/` when the feature is off, so nothing here ever falls back to plain text.

#[cfg(feature = "tls")]
mod enabled;
#[cfg(feature = "tls")]
mod explain;
#[cfg(feature = "tls")]
pub(crate) use enabled::{BUILT_IN, Tls};
#[cfg(feature = "tls")]
pub(super) use explain::explain;

#[cfg(not(feature = "tls"))]
mod disabled;
#[cfg(not(feature = "tls"))]
pub(super) use disabled::explain;
#[cfg(not(feature = "tls"))]
pub(crate) use disabled::{BUILT_IN, Tls};

use std::path::PathBuf;

/// The certificates of TLS connections, as files in PEM.
///
/// They are looked at again when a connection is opened and now and then before a request; a change that cannot be used
/// is told once, and what the files said before stays in use.
///
/// ```
/// use throughline_otlp::TlsFiles;
///
/// let files = TlsFiles::default()
///     .with_roots("/etc/otel/ca.pem")
///     .with_client_certificate("/etc/otel/client.pem", "/etc/otel/client.key");
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TlsFiles {
    pub(crate) roots: Option<PathBuf>,
    /// Certificate and key.
    pub(crate) client: Option<(PathBuf, PathBuf)>,
}

impl TlsFiles {
    /// Trusts receivers whose certificate is signed by one in this file (`OTEL_EXPORTER_OTLP_CERTIFICATE`), and no
    /// others. Unless set, those of the system are trusted.
    pub fn with_roots(mut self, path: impl Into<PathBuf>) -> Self {
        self.roots = Some(path.into());
        self
    }

    /// Shows the receiver this certificate, with its chain (`OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE`), whose key is in the
    /// second file (`OTEL_EXPORTER_OTLP_CLIENT_KEY`).
    pub fn with_client_certificate(
        mut self,
        certificate: impl Into<PathBuf>,
        key: impl Into<PathBuf>,
    ) -> Self {
        self.client = Some((certificate.into(), key.into()));
        self
    }
}
