//! What an error of TLS means to whoever has to mend it.

use std::error::Error;
use std::io;

use rustls::{AlertDescription, CertificateError, Error as TlsError};

/// How to mend the cause of an error, when that is TLS.
pub(in crate::transport) fn explain(error: &(dyn Error + 'static)) -> Option<&'static str> {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(error) = error.downcast_ref() {
            return hint(error);
        }
        cause = cause_of(error);
    }
    None
}

/// What is behind an error. An `io::Error` hides one in itself that is not its source.
fn cause_of<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a (dyn Error + 'static)> {
    let inner = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
    inner.map(|inner| inner as &'a (dyn Error + 'static)).or_else(|| error.source())
}

fn hint(error: &TlsError) -> Option<&'static str> {
    match error {
        TlsError::InvalidCertificate(problem) => Some(certificate_hint(problem)),
        TlsError::InvalidMessage(_) => {
            Some("what answers there does not speak TLS: if the receiver takes plain text, write `http://`")
        }
        TlsError::NoApplicationProtocol
        | TlsError::AlertReceived(AlertDescription::NoApplicationProtocol) => {
            Some("the receiver speaks neither what was asked for: try the other of gRPC and HTTP")
        }
        TlsError::AlertReceived(alert) => alert_hint(*alert),
        TlsError::PeerIncompatible(_) => {
            Some("the receiver has no version or cipher in common with this client")
        }
        _ => None,
    }
}

fn certificate_hint(problem: &CertificateError) -> &'static str {
    match problem {
        // A bad signature is that of another authority of the same name, such as one that was made anew.
        CertificateError::UnknownIssuer | CertificateError::BadSignature => {
            "the receiver's certificate is signed by nobody who is trusted here: set \
             `OTEL_EXPORTER_OTLP_CERTIFICATE` to the file with the certificate of its authority"
        }
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            "the receiver's certificate has expired: renew it, or set this machine's clock"
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "the receiver's certificate is not valid yet: set the clock of this machine, or of its authority"
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            "the receiver's certificate is for another name: use that name in the endpoint, or have this one added \
             to the certificate's subject alternative names"
        }
        CertificateError::Revoked => "the receiver's certificate was revoked: it needs a new one",
        _ => "the receiver's certificate cannot be used: it needs another one",
    }
}

fn alert_hint(alert: AlertDescription) -> Option<&'static str> {
    match alert {
        AlertDescription::CertificateRequired => Some(
            "the receiver wants a client certificate: set `OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE` and `_CLIENT_KEY`",
        ),
        AlertDescription::UnknownCA
        | AlertDescription::BadCertificate
        | AlertDescription::CertificateUnknown
        | AlertDescription::CertificateExpired
        | AlertDescription::CertificateRevoked
        | AlertDescription::UnsupportedCertificate
        | AlertDescription::DecryptError => Some(
            "the receiver refuses the client certificate: it must be valid and signed by who the receiver trusts",
        ),
        AlertDescription::HandshakeFailure => {
            Some("the receiver ended the handshake: perhaps it wants a client certificate, or older ciphers")
        }
        AlertDescription::UnrecognisedName => {
            Some("the receiver does not know itself by the name in the endpoint")
        }
        _ => None,
    }
}
