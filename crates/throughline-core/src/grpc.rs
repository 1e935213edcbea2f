//! The names of gRPC's status codes, for who tells people what a server answered: the exporter over gRPC and the doctor.

/// From code 0 on.
const CODES: [&str; 17] = [
    "OK",
    "CANCELLED",
    "UNKNOWN",
    "INVALID_ARGUMENT",
    "DEADLINE_EXCEEDED",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED",
    "FAILED_PRECONDITION",
    "ABORTED",
    "OUT_OF_RANGE",
    "UNIMPLEMENTED",
    "INTERNAL",
    "UNAVAILABLE",
    "DATA_LOSS",
    "UNAUTHENTICATED",
];

/// What [gRPC's documents](https://grpc.io/docs/guides/status-codes/) call a status code, as a server sends it in
/// `grpc-status`; `None` when they have none of this number.
///
/// ```
/// use throughline_core::grpc::code_name;
///
/// assert_eq!(code_name(16), Some("UNAUTHENTICATED"));
/// assert_eq!(code_name(17), None);
/// ```
pub fn code_name(code: u16) -> Option<&'static str> {
    CODES.get(usize::from(code)).copied()
}
