//! TLS by rustls: which roots are trusted, which certificate is shown, and both anew when their files change.
//!
//! The cryptography is `ring`'s: it builds with a C compiler alone, where the alternative wants cmake as well. The
//! provider is handed over explicitly, so that an application's own choice of a process-wide one is left alone.

use std::io;
use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio_rustls::TlsConnector;

use super::TlsFiles;
use crate::config::BuildError;
use crate::transport::connect::Io;
use crate::transport::reload::{Reload, unusable};

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
        let config =
            Reload::new(paths, move |contents| client_config(&files, system.as_ref(), contents, protocol))?;
        Ok(Self { server, config })
    }

    /// Looks at the files; says whether connections should be opened anew.
    pub(crate) fn look(&mut self) -> bool {
        self.config.look()
    }

    /// Shakes hands.
    pub(crate) async fn connect(&mut self, stream: Box<dyn Io>) -> io::Result<Box<dyn Io>> {
        self.config.look_now();
        let connector = TlsConnector::from(Arc::clone(self.config.value()));
        Ok(Box::new(connector.connect(self.server.clone(), stream).await?))
    }
}

fn client_config(
    files: &TlsFiles,
    system: Option<&Arc<RootCertStore>>,
    contents: &[Vec<u8>],
    protocol: &[u8],
) -> Result<Arc<ClientConfig>, BuildError> {
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
            let chain = certificates(certificate, next())?;
            let private = private_key(key, next())?;
            builder.with_client_auth_cert(chain, private).map_err(|error| {
                unusable(key, format!("does not fit `{}`: {error}", certificate.display()))
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

fn given_roots(path: &Path, pem: &[u8]) -> Result<RootCertStore, BuildError> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(path, pem)? {
        roots
            .add(certificate)
            .map_err(|error| unusable(path, format!("has a certificate that is no root: {error}")))?;
    }
    Ok(roots)
}

fn certificates(path: &Path, pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, BuildError> {
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    match certificates {
        Ok(certificates) if certificates.is_empty() => Err(unusable(
            path,
            "has no certificate: it should have one in PEM, `-----BEGIN CERTIFICATE-----`",
        )),
        Ok(certificates) => Ok(certificates),
        Err(error) => Err(unusable(path, format!("is not PEM: {error}"))),
    }
}

fn private_key(path: &Path, pem: &[u8]) -> Result<PrivateKeyDer<'static>, BuildError> {
    let wanted = "has no private key: it should have one in PEM without a passphrase";
    PrivateKeyDer::from_pem_slice(pem).map_err(|error| unusable(path, format!("{wanted}: {error}")))
}
