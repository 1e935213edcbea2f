//! TLS by rustls: which roots are trusted, which certificate is shown, and both anew when their files change.
//!
//! The cryptography is `ring`'s: it builds with a C compiler alone, where the alternative wants cmake as well. The
//! provider is handed over explicitly, so that an application's own choice of a process-wide one is left alone.

use std::io;
use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use throughline_core::file::{FileError, Reload, pem};
use tokio::time::Instant;
use tokio_rustls::TlsConnector;

use super::TlsFiles;
use crate::config::BuildError;
use crate::transport::connect::Io;

pub(crate) const BUILT_IN: bool = true;

/// Makes a connection private, to one host.
#[derive(Debug)]
pub(crate) struct Tls {
    server: ServerName<'static>,
    config: Reload<Arc<ClientConfig>>,
}

impl Tls {
    /// Reads the files. `protocol` is what is offered by ALPN.
    pub(crate) fn new(files: &TlsFiles, host: &str, protocol: &'static [u8]) -> Result<Self, BuildError> {
        let server = ServerName::try_from(host.to_owned()).map_err(|_invalid| BuildError::File {
            from: format!("the host name `{host}`"),
            problem: "cannot be that of a certificate".to_owned(),
        })?;
        let system = if files.roots.is_some() { None } else { Some(system_roots()?) };
        let clients = files.client.iter().flat_map(|(certificate, key)| [certificate, key]);
        let paths = files.roots.iter().chain(clients).cloned().collect();
        let files = files.clone();
        let now = Instant::now().into_std();
        let config = Reload::new(paths, now, move |contents| {
            client_config(&files, system.as_ref(), contents, protocol)
        })?;
        Ok(Self { server, config })
    }

    /// Looks at the files; says whether connections should be opened anew.
    pub(crate) fn look(&mut self) -> bool {
        self.config.look(Instant::now().into_std())
    }

    /// Shakes hands.
    pub(crate) async fn connect(&mut self, stream: Box<dyn Io>) -> io::Result<Box<dyn Io>> {
        self.config.look_now(Instant::now().into_std());
        let connector = TlsConnector::from(Arc::clone(self.config.value()));
        Ok(Box::new(connector.connect(self.server.clone(), stream).await?))
    }
}

fn client_config(
    files: &TlsFiles,
    system: Option<&Arc<RootCertStore>>,
    contents: &[Vec<u8>],
    protocol: &[u8],
) -> Result<Arc<ClientConfig>, FileError> {
    let mut contents = contents.iter();
    let mut next = || contents.next().map(Vec::as_slice).unwrap_or_default();
    let roots = match (&files.roots, system) {
        (Some(path), _) => Arc::new(given_roots(path, next())?),
        (None, Some(system)) => Arc::clone(system),
        (None, None) => Arc::new(RootCertStore::empty()),
    };
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("the provider has cipher suites of the versions built in")
        .with_root_certificates(roots);
    let mut config = match &files.client {
        None => builder.with_no_client_auth(),
        Some((certificate, key)) => {
            let chain = pem::certificates(certificate, next())?;
            let private = pem::private_key(key, next())?;
            builder.with_client_auth_cert(chain, private).map_err(|error| {
                FileError::new(key, format!("does not fit `{}`: {error}", certificate.display()))
            })?
        }
    };
    config.alpn_protocols = vec![protocol.to_vec()];
    Ok(Arc::new(config))
}

/// The roots that the system trusts. Single ones that cannot be read are left out, as every client does.
fn system_roots() -> Result<Arc<RootCertStore>, BuildError> {
    let found = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(found.certs);
    if roots.is_empty() {
        let causes: Vec<_> = found.errors.iter().map(ToString::to_string).collect();
        let problem = format!(
            "has no trusted certificates ({}); install its package `ca-certificates`, or name a file with \
             `OTEL_EXPORTER_OTLP_CERTIFICATE`",
            if causes.is_empty() { "none found".to_owned() } else { causes.join(", ") }
        );
        return Err(BuildError::File { from: "the system".to_owned(), problem });
    }
    Ok(Arc::new(roots))
}

fn given_roots(path: &Path, content: &[u8]) -> Result<RootCertStore, FileError> {
    let mut roots = RootCertStore::empty();
    for certificate in pem::certificates(path, content)? {
        roots
            .add(certificate)
            .map_err(|error| FileError::new(path, format!("has a certificate that is no root: {error}")))?;
    }
    Ok(roots)
}
