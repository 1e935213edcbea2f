//! TLS by rustls: which certificate is shown, and another one when its files change.
//!
//! The cryptography is `ring`'s, as in `throughline-otlp/src/transport/tls/`.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use rustls::ServerConfig;
use throughline_core::file::{FileError, Reload, pem};
use tokio::time::Instant;
use tokio_rustls::TlsAcceptor;

use super::Io;

/// The certificate that the endpoint shows, from files in PEM. They are looked at again when a connection is opened; a
/// change that cannot be used is told once, and what the files said before stays in use.
///
/// ```no_run
/// use throughline_prometheus::server::ServerTls;
///
/// let tls = ServerTls::new("/etc/shop/tls.crt", "/etc/shop/tls.key")?;
/// # Ok::<(), throughline_core::file::FileError>(())
/// ```
#[derive(Clone)]
pub struct ServerTls(Arc<Mutex<Reload<Arc<ServerConfig>>>>);

impl ServerTls {
    /// Reads the certificate, with its chain, and its key.
    ///
    /// # Errors
    /// Files that cannot be read or used, or do not fit each other.
    pub fn new(certificate: impl Into<PathBuf>, key: impl Into<PathBuf>) -> Result<Self, FileError> {
        let paths = [certificate.into(), key.into()];
        let names = paths.clone();
        let now = Instant::now().into_std();
        let config = Reload::new(paths.into(), now, move |contents| config(&names, contents))?;
        Ok(Self(Arc::new(Mutex::new(config))))
    }

    /// Shakes hands.
    pub(in crate::server) async fn accept(&self, stream: Box<dyn Io>) -> io::Result<Box<dyn Io>> {
        let acceptor = TlsAcceptor::from(self.current());
        Ok(Box::new(acceptor.accept(stream).await?))
    }

    fn current(&self) -> Arc<ServerConfig> {
        let mut config = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        config.look(Instant::now().into_std());
        Arc::clone(config.value())
    }
}

impl fmt::Debug for ServerTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerTls").finish_non_exhaustive()
    }
}

fn config([certificate, key]: &[PathBuf; 2], contents: &[Vec<u8>]) -> Result<Arc<ServerConfig>, FileError> {
    let content = |place: usize| contents.get(place).map(Vec::as_slice).unwrap_or_default();
    let chain = pem::certificates(certificate, content(0))?;
    let private = pem::private_key(key, content(1))?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("the provider has cipher suites of the versions built in")
        .with_no_client_auth()
        .with_single_cert(chain, private)
        .map_err(|error| does_not_fit(key, certificate, &error))?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

#[cold]
fn does_not_fit(key: &Path, certificate: &Path, error: &rustls::Error) -> FileError {
    FileError::new(key, format!("does not fit `{}`: {error}", certificate.display()))
}
