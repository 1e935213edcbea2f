//! What the receiver said to it.

use std::time::Duration;

use super::plural;
use crate::doctor::check::{Check, Hop, Verdict};
use crate::doctor::fix::Fix;
use crate::doctor::refusal;
use crate::doctor::run::account::Account;
use crate::doctor::run::decode::Signal;
use crate::doctor::run::environment::Environment;
use crate::doctor::run::recording::Traffic;
use crate::http::Client;

/// Who answers is asked what it is.
const ANSWER_WITHIN: Duration = Duration::from_secs(3);

/// What the receiver said.
pub(super) async fn answers(
    signal: Signal,
    traffic: &Traffic,
    account: &Account,
    environment: &Environment,
) -> Check {
    let Traffic { items, taken, refusals, rejected, rejected_because, requests, .. } = traffic;
    let name = signal.name();
    let refusal = refusals.iter().max_by_key(|(_, count)| **count);
    let refused = refusals.values().sum::<u64>();
    let error = match refusal {
        Some((refusal, _)) => format!("{refused} of {requests} requests: {refusal}"),
        None if *rejected > 0 => {
            format!(
                "{} {rejected} of {items} {}: {rejected_because}",
                refusal::REJECTED,
                plural(*items, signal.item())
            )
        }
        None => return taken_by(signal, *taken, account, environment),
    };
    let client = Client::trusting(&environment.roots, ANSWER_WITHIN);
    let check = match environment.routes.iter().find(|route| route.signal == name) {
        Some(route) => refusal::judge(&client, route, &environment.routes, &error).await,
        None => Check::broken(Hop::Accepted, name, format!("{name}: {error}"))
            .because("D313", Fix::by_hand("read what the receiver says, and its log")),
    };
    // Exporters send it again.
    let is_passing =
        *taken > 0 && refusals.keys().all(|refusal| PASSING.iter().any(|word| refusal.contains(word)));
    if is_passing && *rejected == 0 { Check { verdict: Verdict::Warning, ..check } } else { check }
}

/// Refusals that pass, as the protocol has it.
const PASSING: [&str; 6] =
    ["answered 429", "answered 502", "answered 503", "answered 504", "UNAVAILABLE", "RESOURCE_EXHAUSTED"];

fn taken_by(signal: Signal, taken: u64, account: &Account, environment: &Environment) -> Check {
    let (name, items) = (signal.name(), plural(taken, signal.item()));
    let route = environment.routes.iter().find(|route| route.signal == name);
    let server = route.and_then(|route| Some(route.address.as_ref()?.origin()));
    let server = server.or_else(|| account.forwarded_to.first().cloned());
    match server {
        Some(server) if account.forwarded_to.contains(&server) => {
            Check::ok(Hop::Accepted, name, format!("{name}: {server} took {taken} {items}"))
        }
        Some(server) => {
            let evidence = format!("{name}: {server} was not asked, doctor answered itself");
            Check::new(Hop::Accepted, Verdict::Skipped, name, evidence)
        }
        None => {
            let evidence =
                format!("{name}: doctor answered itself; --forward http://HOST:4318 has requests passed on");
            Check::new(Hop::Accepted, Verdict::Skipped, name, evidence)
        }
    }
}
