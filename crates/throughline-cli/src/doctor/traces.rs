//! Hop 7 for traces: the trace is asked back by its id, from Jaeger's API or one that answers like it.

use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use super::check::{Check, Hop, Verdict};
use super::fix::Fix;
use crate::http::{Client, shown};

/// Between two looks.
const PAUSE: Duration = Duration::from_millis(250);

/// Whether the store answers at all, before anything is sent.
pub(crate) async fn reach(client: &Client, url: &str) -> Result<(), Check> {
    let services = format!("{}/api/services", url.trim_end_matches('/'));
    match client.get(&services).await {
        Ok(_) => Ok(()),
        Err(error) => Err(unknown(url, &error)),
    }
}

fn unknown(url: &str, error: &str) -> Check {
    let fix = Fix::by_hand(
        "give --traces-api the address of Jaeger's pages, such as http://localhost:16686, and start it",
    );
    Check::new(Hop::Store, Verdict::Unknown, "traces", format!("{}: {error}", shown(url)))
        .because("D605", Fix::to_ask(error, fix))
}

/// Asks for the trace until it is there.
pub(crate) async fn check(client: &Client, url: &str, trace: &str, deadline: Instant) -> Check {
    let started = Instant::now();
    let page = format!("{}/api/traces/{trace}", url.trim_end_matches('/'));
    loop {
        match client.get(&page).await {
            Err(error) => return unknown(url, &error),
            Ok(answer) if answer.is_success() && answer.body.contains(trace) => {
                let evidence = format!("trace {trace} is there");
                return Check::ok(Hop::Store, "traces", evidence).took(started.elapsed());
            }
            Ok(_) if Instant::now() + PAUSE > deadline => break,
            Ok(_) => sleep_until(Instant::now() + PAUSE).await,
        }
    }
    let fix = Fix::by_hand(
        "follow the traces from the hop before: has the Collector's traces pipeline an exporter that leads to this store, \
         or does a sampling processor drop them?",
    );
    let evidence = format!("the receiver took trace {trace}, and the store does not have it");
    Check::broken(Hop::Store, "traces", evidence).because("D604", fix).took(started.elapsed())
}
