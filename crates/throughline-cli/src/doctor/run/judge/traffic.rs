//! What came, and what did not; from whom.

use std::fmt::Write as _;
use std::path::Path;

use super::end::is_ended_by_signal;
use super::{app, of, plural, shown};
use crate::doctor::check::{Check, Verdict};
use crate::doctor::fix::Fix;
use crate::doctor::routes::ALL;
use crate::doctor::run::account::Account;
use crate::doctor::run::child::Ending;
use crate::doctor::run::decode::Signal;
use crate::doctor::run::environment::Environment;
use crate::doctor::run::recording::Traffic;

/// When no request came at all.
pub(super) fn nothing(environment: &Environment, ending: &Ending) -> Check {
    let set: Vec<_> = environment.endpoints.iter().map(|endpoint| endpoint.variable).collect();
    let evidence = format!(
        "in {} nothing came to where {} led{}",
        shown(ending.ended),
        set.join(", "),
        if is_ended_by_signal(ending) {
            "; it does not handle SIGTERM, so nothing was flushed either"
        } else {
            ""
        }
    );
    app(Verdict::Broken, "", evidence).because("DA01", Fix::by_hand(
        "have the exporters built without an endpoint in code, flush before the end (`shutdown` of the providers, on SIGTERM \
         too), and run it longer than an interval (OTEL_METRIC_EXPORT_INTERVAL, 60 s unless set)",
    ))
}

/// How much of a signal came, and when.
pub(super) fn sent(signal: Signal, traffic: &Traffic) -> Check {
    let Traffic { requests, items, bytes_sent, first, longest_gap, .. } = traffic;
    let first = first.unwrap_or_default();
    let mut evidence = format!(
        "{}: {items} {} of {} in {requests} {}, {bytes_sent} bytes",
        signal.name(),
        plural(*items, signal.item()),
        of(traffic.scopes.len(), "scope"),
        plural(*requests, "request"),
    );
    for encoding in &traffic.encodings {
        write!(evidence, ", {} ({})", encoding.protocol, encoding.compression).expect("a string takes it");
    }
    write!(evidence, "; first after {}", shown(first)).expect("a string takes it");
    if *requests > 1 {
        write!(evidence, ", longest gap {}", shown(*longest_gap)).expect("a string takes it");
    }
    app(Verdict::Ok, signal.name(), evidence).took(first)
}

pub(super) fn elsewhere(variable: &str) -> Check {
    let evidence = format!("{variable} leads to what is no http address, where nobody can stand in between");
    app(Verdict::Unknown, variable, evidence)
}

/// Signals that did not come, and whether a variable of theirs asks for them.
pub(super) fn not_sent(account: &Account) -> Vec<Check> {
    let Account { recording, .. } = account;
    if recording.is_empty() {
        return Vec::new();
    }
    let signals = [Signal::Metrics, Signal::Traces, Signal::Logs].into_iter();
    signals.filter(|signal| !recording.signals.contains_key(signal)).map(missing).collect()
}

fn missing(signal: Signal) -> Check {
    let name = signal.name();
    let [endpoint, exporter] = ["EXPORTER_OTLP_{}_ENDPOINT", "{}_EXPORTER"]
        .map(|variable| format!("OTEL_{}", variable.replace("{}", &name.to_uppercase())));
    let value = |variable: &str| std::env::var(variable).unwrap_or_default();
    let asking = match (value(&endpoint).as_str(), value(&exporter).contains("otlp")) {
        (_, true) => exporter,
        ("", false) => {
            return app(Verdict::Skipped, name, format!("{name}: none came, and no variable asks for any"));
        }
        _ => endpoint,
    };
    let fix =
        format!("see that a provider of {name} is made and used: SDKs make one only when they are told to");
    app(Verdict::Warning, name, format!("{asking} asks for {name}, and none came"))
        .because("DA02", Fix::by_hand(fix))
}

/// Paths that are not OTLP's, and bodies that cannot be read.
pub(super) fn strange(account: &Account, environment: &Environment) -> Vec<Check> {
    let recording = &account.recording;
    let paths = recording.strange.iter().map(|(path, count)| {
        let evidence = format!("{count} {} to {path}, which is no path of OTLP", plural(*count, "request"));
        app(Verdict::Broken, path, evidence).because("DA08", right_path(environment))
    });
    let bodies = recording.unreadable.iter().map(|(why, count)| {
        app(Verdict::Broken, "", format!("{why} ({count} {})", plural(*count, "request"))).because(
            "DA09",
            Fix::by_hand("send what OTEL_EXPORTER_OTLP_PROTOCOL and OTEL_EXPORTER_OTLP_COMPRESSION say, with the content type of it"),
        )
    });
    paths.chain(bodies).collect()
}

/// A base without a signal's path, a signal's endpoint with it.
fn right_path(environment: &Environment) -> Fix {
    let signals = [Signal::Metrics, Signal::Traces, Signal::Logs];
    let right = environment.endpoints.iter().filter_map(|endpoint| {
        let server = endpoint.server.as_ref()?;
        let path = server.path.trim_end_matches('/');
        let own =
            |signal: &&Signal| endpoint.variable.contains(&format!("_{}_", signal.name().to_uppercase()));
        let path = match signals.iter().find(own) {
            Some(signal) if !path.ends_with(&format!("/v1/{}", signal.name())) => {
                format!("{path}/v1/{}", signal.name())
            }
            None => signals
                .iter()
                .find_map(|signal| path.strip_suffix(&format!("/v1/{}", signal.name())))?
                .to_owned(),
            Some(_) => return None,
        };
        Some((endpoint.variable.to_owned(), Some(server.origin() + &path)))
    });
    let right: Vec<_> = right.collect();
    if right.is_empty() {
        return Fix::by_hand(format!(
            "leave the path out of {ALL}: exporters add /v1/metrics, /v1/traces and /v1/logs; an endpoint in code is taken as it is"
        ));
    }
    Fix::Environment(right)
}

/// Whose telemetry it is.
pub(super) fn named(resource: &[(String, String)], command: &[String]) -> Check {
    let value = |name: &str| resource.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
    let service = value("service.name").unwrap_or_default();
    let mut evidence = format!("resource: service.name={service}");
    for name in [
        "service.namespace",
        "service.version",
        "service.instance.id",
        "telemetry.sdk.name",
        "telemetry.sdk.version",
    ] {
        if let Some(value) = value(name) {
            write!(evidence, ", {name}={}", shortened(value)).expect("a string takes it");
        }
    }
    if service.is_empty() || service.starts_with("unknown_service") {
        let program = command.first().and_then(|program| Path::new(program).file_stem()?.to_str());
        let name = program.filter(|program| !RUNNERS.contains(program)).unwrap_or("my-service");
        return app(Verdict::Warning, "resource", evidence)
            .because("DA03", Fix::set("OTEL_SERVICE_NAME", name));
    }
    app(Verdict::Ok, "resource", evidence)
}

/// Programs that run others: nobody calls a service after them.
const RUNNERS: [&str; 9] = ["bash", "cargo", "env", "java", "node", "npm", "python", "python3", "sh"];

fn shortened(value: &str) -> String {
    const SHOWN_CHARS_MAX: usize = 60;
    value.chars().filter(|c| !c.is_control()).take(SHOWN_CHARS_MAX).collect()
}
