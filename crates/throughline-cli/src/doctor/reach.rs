//! Hop 2: the name has an address, and something listens at the port. What TLS thinks of it is told by `probe.rs`, which
//! connects as the program does.

use std::io::ErrorKind;
use std::time::Duration;

use tokio::net::{TcpStream, lookup_host};
use tokio::time::{Instant, timeout};

use super::address::Address;
use super::check::{Check, Hop};
use super::fix::Fix;

/// A name that takes longer is not found in time by a program either.
const LOOKUP_WITHIN: Duration = Duration::from_secs(3);
/// As the exporter's own.
const CONNECT_WITHIN: Duration = Duration::from_secs(2);

/// Looks the name up and connects.
pub(crate) async fn check(address: &Address, of_what: &str) -> Check {
    let started = Instant::now();
    let subject = format!("{address}{of_what}");
    let found = timeout(LOOKUP_WITHIN, lookup_host((address.host.as_str(), address.port))).await;
    let found: Vec<_> = match found {
        Ok(Ok(found)) => found.collect(),
        Ok(Err(error)) => return unknown_host(address, subject, &error.to_string()),
        Err(_elapsed) => return unknown_host(address, subject, "the name server does not answer"),
    };
    let mut last = None;
    for candidate in found {
        match timeout(CONNECT_WITHIN, TcpStream::connect(candidate)).await {
            Ok(Ok(_)) => {
                let evidence = format!("{subject} is {} and takes connections", candidate.ip());
                return Check::ok(Hop::Reach, subject, evidence).took(started.elapsed());
            }
            Ok(Err(error)) => last = Some(error),
            Err(_elapsed) => last = Some(ErrorKind::TimedOut.into()),
        }
    }
    let Some(error) = last else { return unknown_host(address, subject, "the name has no address") };
    let check = Check::broken(Hop::Reach, &subject, format!("{subject}: {error}")).took(started.elapsed());
    match error.kind() {
        ErrorKind::ConnectionRefused => check.because("D102", nobody_listens(address)),
        _ => check.because("D103", Fix::by_hand(format!("let connections to {address} through: a firewall, a network policy or a missing route stops them"))),
    }
}

fn unknown_host(address: &Address, subject: String, error: &str) -> Check {
    let evidence = format!("{}: {error}", address.host);
    let fix = format!(
        "correct the host `{}` in the endpoint: names of compose services and of Kubernetes services are known inside their \
         network alone; from this machine it is usually `localhost`",
        address.host
    );
    Check::broken(Hop::Reach, subject, evidence).because("D101", Fix::by_hand(fix))
}

fn nobody_listens(address: &Address) -> Fix {
    let text = if address.is_local() {
        format!(
            "start the receiver on port {}, or correct the endpoint. In a container `{}` is the container itself: name the \
             other service there, such as `http://otel-collector:{}`",
            address.port, address.host, address.port
        )
    } else {
        format!(
            "start the receiver on {address}, or let it listen beyond its own machine: `endpoint: 0.0.0.0:{}` in the \
             Collector's receiver, which is `localhost` unless said",
            address.port
        )
    };
    Fix::by_hand(text)
}
