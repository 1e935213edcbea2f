//! Certificates and keys in PEM, with the feature `pem`.

use std::path::Path;

use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

use super::FileError;

/// The certificates in a file: one at least.
///
/// # Errors
/// When there is none, or when it is not PEM.
pub fn certificates(path: &Path, pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, FileError> {
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    match certificates {
        Ok(certificates) if certificates.is_empty() => Err(FileError::new(
            path,
            "has no certificate: it should have one in PEM, `-----BEGIN CERTIFICATE-----`",
        )),
        Ok(certificates) => Ok(certificates),
        Err(error) => Err(FileError::new(path, format!("is not PEM: {error}"))),
    }
}

/// The private key in a file.
///
/// # Errors
/// When there is none that can be read without a passphrase.
pub fn private_key(path: &Path, pem: &[u8]) -> Result<PrivateKeyDer<'static>, FileError> {
    let wanted = "has no private key: it should have one in PEM without a passphrase";
    PrivateKeyDer::from_pem_slice(pem).map_err(|error| FileError::new(path, format!("{wanted}: {error}")))
}
