//! Why a peer refused a request for good, and how to mend it, as far as its answer tells.
//!
//! `response.rs` and `grpc.rs` ask. Prometheus answers differently from version to version: a sample that is too old is
//! a `500` up to 3.5 and a `400` later; delta without the feature is dropped in silence up to 3.5 and a `500` for the
//! whole request later. None of it is worth another attempt with the same request, whatever its status looks like, and
//! in all of it one bad metric takes the good ones of its request along: those are [`Refusal::Splittable`].

use http::StatusCode;

use super::grpc::Code;
use crate::error::Refusal;

/// What of an answer is looked at.
type Verdict = (Refusal, Option<&'static str>);

pub(super) const PATH_HINT: &str = "check the path: a Collector listens at `/v1/traces`, `/v1/metrics` and `/v1/logs`, \
                                    Prometheus at `/api/v1/otlp/v1/metrics`, for metrics alone";

const CREDENTIALS_HINT: &str =
    "check the configured headers or bearer token: the receiver wants other credentials";

const TLS_HINT: &str = "the receiver speaks TLS: write `https://`";

const SIZE_HINT: &str = "the receiver takes only smaller requests; lower the request size or raise its limit";

/// What Prometheus says about single samples and metrics, in any version, and how to mend it.
const COMPLAINTS: [(&str, &str); 6] = [
    (
        "invalid temporality",
        "this Prometheus takes only cumulative temporality, and refuses the whole request: set \
         `OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE=cumulative`, or start it with \
         `--enable-feature=otlp-deltatocumulative`",
    ),
    ("too old sample", OUT_OF_ORDER_HINT),
    ("out of order", OUT_OF_ORDER_HINT),
    ("out of bounds", "the sample's time is too far from Prometheus': are both clocks right?"),
    (
        "duplicate sample for timestamp",
        "two sources send the same series: give each its own `service.instance.id`",
    ),
    (
        "exponential to native histogram",
        "Prometheus takes scales from -4 to 8: set the least scale of this histogram, or use explicit bounds",
    ),
];

const OUT_OF_ORDER_HINT: &str = "Prometheus takes older samples only within `out_of_order_time_window`";

/// The verdict on a status of HTTP that is not tried again.
pub(super) fn of_http(status: StatusCode, text: &str) -> Verdict {
    match status.as_u16() {
        300..=399 => whole("redirects are not followed; set the endpoint to where the receiver is"),
        400 if wants_tls(text) => whole(TLS_HINT),
        401 | 403 => (Refusal::Credentials, Some(CREDENTIALS_HINT)),
        404 if text.contains("otlp") => whole("start Prometheus with `--web.enable-otlp-receiver`"),
        404 | 405 => whole(PATH_HINT),
        407 => {
            whole("put user name and password of the proxy into its URL, as `http://user:password@host:port`")
        }
        413 => (Refusal::Splittable, Some(SIZE_HINT)),
        415 => {
            whole("the receiver does not take this encoding or compression; try the other protocol, or none")
        }
        400 | 422 => (Refusal::Splittable, complaint(text)),
        500 => complaint(text).map_or((Refusal::Whole, None), |hint| (Refusal::Splittable, Some(hint))),
        _ => (Refusal::Whole, None),
    }
}

/// The verdict on a code of gRPC that is not tried again.
pub(super) fn of_grpc(code: Code, text: &str) -> Verdict {
    match code {
        Code::UNAUTHENTICATED | Code::PERMISSION_DENIED => (Refusal::Credentials, Some(CREDENTIALS_HINT)),
        Code::UNIMPLEMENTED => whole(
            "does a receiver of OTLP over gRPC listen there, with a pipeline for this signal? Port 4318 is that of HTTP",
        ),
        Code::RESOURCE_EXHAUSTED if text.contains("larger than max") => {
            (Refusal::Splittable, Some(SIZE_HINT))
        }
        Code::INVALID_ARGUMENT => (Refusal::Splittable, complaint(text)),
        _ => complaint(text).map_or((Refusal::Whole, None), |hint| (Refusal::Splittable, Some(hint))),
    }
}

fn whole(hint: &'static str) -> Verdict {
    (Refusal::Whole, Some(hint))
}

fn complaint(text: &str) -> Option<&'static str> {
    COMPLAINTS.iter().find(|(said, _)| text.contains(said)).map(|(_, hint)| *hint)
}

/// What Go's and nginx' servers answer to plain text where they expect TLS.
fn wants_tls(text: &str) -> bool {
    text.contains("HTTP request to an HTTPS server")
        || text.contains("plain HTTP request was sent to HTTPS port")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_generations_of_prometheus_are_understood() {
        for (status, text, refusal, expected) in [
            (400, "too old sample", Refusal::Splittable, "out_of_order_time_window"),
            (500, "too old sample", Refusal::Splittable, "out_of_order_time_window"),
            (400, "out of order sample", Refusal::Splittable, "out_of_order_time_window"),
            (500, "out of order sample", Refusal::Splittable, "out_of_order_time_window"),
            (
                500,
                "invalid temporality and type combination for metric \"a\"",
                Refusal::Splittable,
                "cumulative",
            ),
            (
                500,
                "cannot convert exponential to native histogram. Scale must be …",
                Refusal::Splittable,
                "-4 to 8",
            ),
            (400, "duplicate sample for timestamp", Refusal::Splittable, "service.instance.id"),
            (400, "out of bounds", Refusal::Splittable, "clocks"),
            (400, "label name too long", Refusal::Splittable, ""),
            (500, "disk full", Refusal::Whole, ""),
            (400, "Client sent an HTTP request to an HTTPS server.", Refusal::Whole, "`https://`"),
            (404, "otlp write receiver needs to be enabled", Refusal::Whole, "--web.enable-otlp-receiver"),
            (401, "", Refusal::Credentials, "credentials"),
            (413, "", Refusal::Splittable, "smaller"),
        ] {
            let (verdict, hint) = of_http(StatusCode::from_u16(status).expect("a status"), text);
            assert_eq!(verdict, refusal, "{status} {text}");
            assert!(hint.unwrap_or_default().contains(expected), "{status} {text}: {hint:?}");
        }
    }

    #[test]
    fn codes_of_grpc_are_judged_alike() {
        for (code, text, refusal) in [
            (Code::INVALID_ARGUMENT, "", Refusal::Splittable),
            (Code::INTERNAL, "too old sample", Refusal::Splittable),
            (Code::INTERNAL, "", Refusal::Whole),
            (Code::UNAUTHENTICATED, "", Refusal::Credentials),
            (Code::UNIMPLEMENTED, "", Refusal::Whole),
            (
                Code::RESOURCE_EXHAUSTED,
                "grpc: received message larger than max (5 vs. 4)",
                Refusal::Splittable,
            ),
            (Code::RESOURCE_EXHAUSTED, "quota", Refusal::Whole),
        ] {
            assert_eq!(of_grpc(code, text).0, refusal, "{code} {text}");
        }
    }
}
