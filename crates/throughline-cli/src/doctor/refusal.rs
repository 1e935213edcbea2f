//! What an exporter's failure means: which hop it belongs to, and what mends it.
//!
//! `probe.rs` asks. The words are those of `throughline-otlp`, of the receivers, and of rustls.

use super::address::Address;
use super::check::{Check, Hop};
use super::fix::Fix;
use super::routes::{Route, with_base, with_protocol};
use super::settings::{cumulative, metrics_alone, origin, without_others};
use crate::http::Client;

/// How a partial success begins.
pub(crate) const REJECTED: &str = "the receiver took the request and rejected what is in it:";
/// When there is no failure either.
pub(crate) const NOTHING_SENT: &str = "nothing was sent, and nothing failed";

/// Words of a failure, the hop that is broken then, and the id.
type Words = (&'static [&'static str], Hop, &'static str);

/// The first that fits counts.
const KNOWN: [Words; 21] = [
    (&["web.enable-otlp-receiver"], Hop::Accepted, "D303"),
    (&["invalid temporality"], Hop::Accepted, "D307"),
    (
        &["too old sample", "out of order", "out of bounds", "duplicate sample for timestamp"],
        Hop::Accepted,
        "D315",
    ),
    (&["certificate is signed by nobody", "UnknownIssuer", "BadSignature"], Hop::Reach, "D104"),
    (&["certificate is for another name", "NotValidForName"], Hop::Reach, "D105"),
    (&["client certificate"], Hop::Reach, "D106"),
    (&["certificate has expired", "not valid yet"], Hop::Reach, "D107"),
    (&["does not speak TLS", "InvalidContentType", "corrupt message"], Hop::Protocol, "D204"),
    (&["the receiver speaks TLS", "HTTP request to an HTTPS server"], Hop::Protocol, "D203"),
    (&["speaks HTTP/1.1, not gRPC"], Hop::Protocol, "D202"),
    (&["not speak HTTP/1.1 but HTTP/2"], Hop::Protocol, "D201"),
    (&["proxy"], Hop::Reach, "D109"),
    (
        &["answered 401", "answered 403", "UNAUTHENTICATED", "PERMISSION_DENIED", "wants other credentials"],
        Hop::Accepted,
        "D301",
    ),
    (&["page of HTML"], Hop::Accepted, "D310"),
    (&["answered 404", "answered 405", "UNIMPLEMENTED", "a pipeline for this signal"], Hop::Accepted, "D302"),
    (&["answered 3"], Hop::Accepted, "D311"),
    (&["answered 413", "larger than max", "smaller requests"], Hop::Accepted, "D308"),
    (&["answered 415"], Hop::Accepted, "D309"),
    (
        &[
            "high memory usage",
            "memory usage",
            "answered 429",
            "answered 503",
            "RESOURCE_EXHAUSTED",
            "UNAVAILABLE",
        ],
        Hop::Accepted,
        "D312",
    ),
    (&[REJECTED], Hop::Accepted, "D306"),
    (&["answered 4", "answered 5"], Hop::Accepted, "D313"),
];

/// Judges a failure.
pub(crate) async fn judge(client: &Client, route: &Route, all: &[Route], error: &str) -> Check {
    let known = KNOWN.iter().find(|(words, ..)| words.iter().any(|word| error.contains(word)));
    let (hop, id) = known.map_or((Hop::Accepted, "D314"), |(_, hop, id)| (*hop, *id));
    let id = if id == "D302" { not_found(client, route).await } else { id };
    let evidence = format!("{}: {error}", route.signal);
    Check::broken(hop, route.signal, evidence).because(id, fix(id, route, all))
}

/// Who answers that there is no such thing: a Prometheus, or a Collector without a pipeline for the signal.
async fn not_found(client: &Client, route: &Route) -> &'static str {
    let Some(address) = &route.address else { return "D302" };
    if !is_prometheus(client, address).await {
        return "D302";
    }
    if route.signal == "metrics" { "D304" } else { "D305" }
}

/// Whether a Prometheus answers there.
pub(crate) async fn is_prometheus(client: &Client, address: &Address) -> bool {
    let url = format!("{}/api/v1/status/buildinfo", address.origin());
    client.get(&url).await.is_ok_and(|answer| answer.data().is_ok())
}

fn fix(id: &str, route: &Route, all: &[Route]) -> Fix {
    let mine = [route];
    match id {
        "D104" => Fix::set("OTEL_EXPORTER_OTLP_CERTIFICATE", "/path/to/ca.pem"),
        "D105" => Fix::by_hand(
            "use the name in the certificate as the host of the endpoint, or have this one added to its subject \
             alternative names",
        ),
        "D106" => Fix::Environment(vec![
            ("OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE".to_owned(), Some("/path/to/client.pem".to_owned())),
            ("OTEL_EXPORTER_OTLP_CLIENT_KEY".to_owned(), Some("/path/to/client.key".to_owned())),
        ]),
        "D107" => Fix::by_hand("renew the receiver's certificate, or set the clock that is wrong"),
        "D109" => Fix::set("NO_PROXY", route.address.as_ref().map_or("localhost", |address| &address.host)),
        "D201" => Fix::Environment(with_protocol(all, &mine, "grpc")),
        "D202" => Fix::Environment(with_protocol(all, &mine, "http/protobuf")),
        "D203" => {
            Fix::Environment(with_base(all, &mine, |route| route.base_url().replacen("http:", "https:", 1)))
        }
        "D204" => {
            Fix::Environment(with_base(all, &mine, |route| route.base_url().replacen("https:", "http:", 1)))
        }
        "D301" => Fix::set("OTEL_EXPORTER_OTLP_HEADERS", "\"authorization=Bearer%20TOKEN\""),
        "D302" => pipeline(route),
        "D303" => Fix::PrometheusFlags(vec!["--web.enable-otlp-receiver".to_owned()]),
        "D304" => {
            let mut variables = with_base(all, &mine, |route| format!("{}/api/v1/otlp", origin(route)));
            variables.extend(without_others(all));
            Fix::Environment(variables)
        }
        "D305" => metrics_alone(all),
        "D307" => cumulative(),
        "D308" => Fix::by_hand(
            "raise the receiver's limit: `max_request_body_size` of the Collector's HTTP receiver, `max_recv_msg_size_mib` of its gRPC one",
        ),
        "D309" => other_encoding(route, all),
        "D310" | "D311" => Fix::by_hand(
            "point the endpoint at the receiver itself: what answers there is a web page, a login or a redirect",
        ),
        "D312" => Fix::by_hand(
            "give the receiver more memory or less to do: `limit_mib` of its memory_limiter, its sending queues, its exporters' targets",
        ),
        "D314" => Fix::by_hand(
            "see that the receiver answers at all: its log, and the firewall between here and there",
        ),
        "D315" => Fix::PrometheusFile("storage:\n  tsdb:\n    out_of_order_time_window: 30m\n".to_owned()),
        _ => Fix::by_hand("read what the receiver says, and its log"),
    }
}

/// A pipeline that takes the signal, so that it can be seen to arrive.
fn pipeline(Route { signal, .. }: &Route) -> Fix {
    let variable = format!("OTEL_{}_EXPORTER", signal.to_uppercase());
    Fix::CollectorFile(format!(
        "# or, when this receiver is not for {signal}: export {variable}=none\nexporters:\n  debug: {{}}\nservice:\n  \
         pipelines:\n    {signal}:\n      receivers: [otlp]\n      exporters: [debug]\n"
    ))
}

fn other_encoding(route: &Route, all: &[Route]) -> Fix {
    let protocol = if route.protocol == "http/json" { "http/protobuf" } else { "http/json" };
    let mut variables = with_protocol(all, &[route], protocol);
    variables.push(("OTEL_EXPORTER_OTLP_COMPRESSION".to_owned(), Some("none".to_owned())));
    Fix::Environment(variables)
}
