//! The status that a call ended with.
//!
//! Specification: [status codes](https://grpc.github.io/grpc/core/md_doc_statuscodes.html).

use http::HeaderMap;
use throughline_core::attribute::AttributeValue as _;
use throughline_macros::AttributeValue;

/// A status of gRPC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, AttributeValue)]
#[attribute(crate = throughline_core)]
#[expect(missing_docs, clippy::exhaustive_enums, reason = "the specification's names and closed list")]
pub enum GrpcStatus {
    #[attribute(name = "OK")]
    Ok,
    #[attribute(name = "CANCELLED")]
    Cancelled,
    #[attribute(name = "UNKNOWN")]
    Unknown,
    #[attribute(name = "INVALID_ARGUMENT")]
    InvalidArgument,
    #[attribute(name = "DEADLINE_EXCEEDED")]
    DeadlineExceeded,
    #[attribute(name = "NOT_FOUND")]
    NotFound,
    #[attribute(name = "ALREADY_EXISTS")]
    AlreadyExists,
    #[attribute(name = "PERMISSION_DENIED")]
    PermissionDenied,
    #[attribute(name = "RESOURCE_EXHAUSTED")]
    ResourceExhausted,
    #[attribute(name = "FAILED_PRECONDITION")]
    FailedPrecondition,
    #[attribute(name = "ABORTED")]
    Aborted,
    #[attribute(name = "OUT_OF_RANGE")]
    OutOfRange,
    #[attribute(name = "UNIMPLEMENTED")]
    Unimplemented,
    #[attribute(name = "INTERNAL")]
    Internal,
    #[attribute(name = "UNAVAILABLE")]
    Unavailable,
    #[attribute(name = "DATA_LOSS")]
    DataLoss,
    #[attribute(name = "UNAUTHENTICATED")]
    Unauthenticated,
}

use GrpcStatus::{
    Aborted, AlreadyExists, Cancelled, DataLoss, DeadlineExceeded, FailedPrecondition, Internal,
    InvalidArgument, NotFound, Ok, OutOfRange, PermissionDenied, ResourceExhausted, Unauthenticated,
    Unavailable, Unimplemented, Unknown,
};

/// By number.
const ALL: [GrpcStatus; 17] = [
    Ok,
    Cancelled,
    Unknown,
    InvalidArgument,
    DeadlineExceeded,
    NotFound,
    AlreadyExists,
    PermissionDenied,
    ResourceExhausted,
    FailedPrecondition,
    Aborted,
    OutOfRange,
    Unimplemented,
    Internal,
    Unavailable,
    DataLoss,
    Unauthenticated,
];

impl GrpcStatus {
    /// The status in these headers or trailers. A number that there is not is `UNKNOWN`, as the specification has it.
    pub(super) fn in_headers(headers: &HeaderMap) -> Option<Self> {
        let text = headers.get("grpc-status")?.to_str().ok();
        let number = text.and_then(|text| text.parse::<usize>().ok());
        Some(number.and_then(|number| ALL.get(number).copied()).unwrap_or(Unknown))
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        Self::NAMES.get(self.index()).copied().unwrap_or_default()
    }

    /// Whether a server that answers so has failed: the others say that the client has.
    pub const fn is_failure_of_server(self) -> bool {
        matches!(self, Unknown | DeadlineExceeded | Unimplemented | Internal | Unavailable | DataLoss)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses_are_found_by_number() {
        for (text, expected) in [
            ("0", Ok),
            ("1", Cancelled),
            ("16", Unauthenticated),
            ("17", Unknown),
            ("-1", Unknown),
            ("", Unknown),
        ] {
            let headers = HeaderMap::from_iter([(
                http::HeaderName::from_static("grpc-status"),
                http::HeaderValue::from_static(text),
            )]);
            assert_eq!(GrpcStatus::in_headers(&headers), Some(expected), "{text}");
        }
        assert_eq!(GrpcStatus::in_headers(&HeaderMap::new()), None);
        assert!(ALL.iter().enumerate().all(|(number, status)| status.index() == number));
    }
}
