//! What kind of error something is, in one word.
//!
//! Asked by guards when something failed. The answer becomes an attribute, so it comes from the code and there are few.

use std::any::type_name;
use std::error::Error;
use std::io;

/// Something that can be told apart from other errors by a name from the code.
///
/// The default is the name of the type. An enum of errors usually names its variants:
///
/// ```
/// use throughline_instruments::guard::Classify;
///
/// struct NoSuchTool;
/// impl Classify for NoSuchTool {}
/// assert_eq!(NoSuchTool.variant_name(), "NoSuchTool");
///
/// enum Refusal {
///     RateLimit { retry_after: u64 },
///     Credentials,
/// }
/// impl Classify for Refusal {
///     fn variant_name(&self) -> &'static str {
///         match self {
///             Self::RateLimit { .. } => "rate_limit",
///             Self::Credentials => "credentials",
///         }
///     }
/// }
/// assert_eq!(Refusal::Credentials.variant_name(), "credentials");
/// ```
pub trait Classify {
    /// The name: a literal, so that there are as many as the code has, whatever comes from outside.
    fn variant_name(&self) -> &'static str {
        short(type_name::<Self>())
    }
}

/// What the semantic conventions say of an error that nobody named.
pub(crate) const OTHER: &str = "_OTHER";

/// The last part of a path, without the parameters of the type.
fn short(path: &'static str) -> &'static str {
    let path = path.split('<').next().unwrap_or(path);
    path.rsplit("::").next().unwrap_or(path)
}

impl<T: Classify + ?Sized> Classify for &T {
    fn variant_name(&self) -> &'static str {
        T::variant_name(self)
    }
}

impl<T: Classify + ?Sized> Classify for Box<T> {
    fn variant_name(&self) -> &'static str {
        T::variant_name(self)
    }
}

impl Classify for dyn Error + '_ {
    fn variant_name(&self) -> &'static str {
        OTHER
    }
}

impl Classify for dyn Error + Send + Sync + '_ {
    fn variant_name(&self) -> &'static str {
        OTHER
    }
}

/// A message is no name.
impl Classify for str {
    fn variant_name(&self) -> &'static str {
        OTHER
    }
}

/// A message is no name.
impl Classify for String {
    fn variant_name(&self) -> &'static str {
        OTHER
    }
}

impl Classify for std::convert::Infallible {}
impl Classify for std::fmt::Error {}
impl Classify for std::num::ParseFloatError {}
impl Classify for std::num::ParseIntError {}
impl Classify for std::str::Utf8Error {}
impl Classify for std::string::FromUtf8Error {}
impl Classify for std::sync::mpsc::RecvError {}

/// By its kind, for those that people meet.
impl Classify for io::Error {
    fn variant_name(&self) -> &'static str {
        use io::ErrorKind as Kind;
        match self.kind() {
            Kind::NotFound => "not_found",
            Kind::PermissionDenied => "permission_denied",
            Kind::ConnectionRefused => "connection_refused",
            Kind::ConnectionReset => "connection_reset",
            Kind::ConnectionAborted => "connection_aborted",
            Kind::NotConnected => "not_connected",
            Kind::AddrInUse => "address_in_use",
            Kind::BrokenPipe => "broken_pipe",
            Kind::AlreadyExists => "already_exists",
            Kind::InvalidInput => "invalid_input",
            Kind::InvalidData => "invalid_data",
            Kind::TimedOut => "timeout",
            Kind::WriteZero => "write_zero",
            Kind::Interrupted => "interrupted",
            Kind::UnexpectedEof => "unexpected_eof",
            Kind::OutOfMemory => "out_of_memory",
            Kind::Unsupported => "unsupported",
            Kind::StorageFull => "storage_full",
            _ => OTHER,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_without_path_and_parameters() {
        struct Generic<T>(T);
        impl<T> Classify for Generic<T> {}

        assert_eq!(Generic(Some(1)).variant_name(), "Generic");
        assert_eq!(Box::new(Generic("a")).variant_name(), "Generic");
        assert_eq!("x".parse::<u8>().unwrap_err().variant_name(), "ParseIntError");
    }

    #[test]
    fn messages_are_no_names() {
        let error: Box<dyn Error + Send + Sync> = "user 42 is unknown".into();
        assert_eq!(error.variant_name(), OTHER);
        assert_eq!("user 42 is unknown".variant_name(), OTHER);
        assert_eq!(io::Error::from(io::ErrorKind::TimedOut).variant_name(), "timeout");
    }
}
