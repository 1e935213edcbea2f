//! Checks of what was seen: what was sent, how it is named, what came at the end, what was printed, and what receivers said.

use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use super::account::Account;
use super::child::{Ending, GRACE};
use super::decode::Signal;
use super::environment::Environment;
use super::lines::Kept;
use super::recording::Traffic;
use crate::doctor::check::{Check, Hop, Verdict};
use crate::doctor::fix::Fix;
use crate::doctor::refusal;
use crate::doctor::routes::ALL;
use crate::http::Client;

/// An export so shortly before it ends by itself is taken for a flush: programs and busy machines take their time to end.
const FLUSHED_WITHIN: Duration = Duration::from_secs(5);

/// All checks that follow from the account.
pub(super) async fn checks(account: &Account, environment: &Environment) -> Vec<Check> {
    let mut checks = Vec::new();
    let Account { recording, ending, .. } = account;
    // What it says itself comes first: it may be why nothing came.
    checks.extend(printed(ending));
    if recording.is_empty() {
        checks.push(nothing(environment, ending));
    }
    checks.extend(recording.signals.iter().map(|(signal, traffic)| sent(*signal, traffic)));
    checks.extend(environment.elsewhere.iter().map(|variable| elsewhere(variable)));
    checks.extend(not_sent(account));
    checks.extend(strange(account, environment));
    checks.extend(recording.resources.iter().map(|resource| named(resource, &account.command)));
    checks.extend(flush(account));
    checks.push(ended(ending));
    checks.push(recorded(account));
    for (signal, traffic) in &recording.signals {
        checks.push(answers(*signal, traffic, account, environment).await);
    }
    checks
}

fn app(verdict: Verdict, subject: &str, evidence: impl Into<String>) -> Check {
    Check::new(Hop::Application, verdict, subject, evidence)
}

fn nothing(environment: &Environment, ending: &Ending) -> Check {
    let set: Vec<_> = environment.endpoints.iter().map(|endpoint| endpoint.variable).collect();
    let evidence = format!(
        "in {} nothing came to where {} led{}",
        seconds(ending.ended),
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

fn sent(signal: Signal, traffic: &Traffic) -> Check {
    let Traffic { requests, items, bytes_sent, first, longest_gap, .. } = traffic;
    let first = first.unwrap_or_default();
    let mut evidence = format!(
        "{}: {items} {} of {} in {requests} {}, {bytes_sent} bytes",
        signal.name(),
        signal.items(),
        of(traffic.scopes.len(), "scope"),
        plural(*requests, "request"),
    );
    for encoding in &traffic.encodings {
        write!(evidence, ", {} ({})", encoding.protocol, encoding.compression).expect("a string takes it");
    }
    write!(evidence, "; first after {}", seconds(first)).expect("a string takes it");
    if *requests > 1 {
        write!(evidence, ", longest gap {}", seconds(*longest_gap)).expect("a string takes it");
    }
    app(Verdict::Ok, signal.name(), evidence).took(first)
}

fn elsewhere(variable: &str) -> Check {
    let evidence = format!("{variable} leads to what is no http address, where nobody can stand in between");
    app(Verdict::Unknown, variable, evidence)
}

/// Signals that did not come, and whether a variable of theirs asks for them.
fn not_sent(account: &Account) -> Vec<Check> {
    let Account { recording, .. } = account;
    if recording.is_empty() {
        return Vec::new();
    }
    let signals = [Signal::Metrics, Signal::Traces, Signal::Logs].into_iter();
    let missing = signals.filter(|signal| !recording.signals.contains_key(signal)).map(|signal| {
        let name = signal.name().to_uppercase();
        let variables = [format!("OTEL_EXPORTER_OTLP_{name}_ENDPOINT"), format!("OTEL_{name}_EXPORTER")];
        let mut variables = variables.into_iter();
        let asking = variables.find(|variable| {
            let value = std::env::var(variable).unwrap_or_default();
            value.contains("otlp") || variable.ends_with("ENDPOINT") && !value.is_empty()
        });
        let Some(asking) = asking else {
            return app(Verdict::Skipped, signal.name(), format!("{}: none came, and no variable asks for any", signal.name()));
        };
        let evidence = format!("{asking} asks for {}, and none came", signal.name());
        app(Verdict::Warning, signal.name(), evidence).because("DA02", Fix::by_hand(format!(
            "see that a provider of {} is made and used: an SDK makes one for each signal, and only when it is told to",
            signal.name()
        )))
    });
    missing.collect()
}

/// Paths that are not OTLP's, and bodies that cannot be read.
fn strange(account: &Account, environment: &Environment) -> Vec<Check> {
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

fn named(resource: &[(String, String)], command: &[String]) -> Check {
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
        let program =
            command.first().and_then(|program| Path::new(program).file_stem()?.to_str()).unwrap_or("NAME");
        return app(Verdict::Warning, "resource", evidence)
            .because("DA03", Fix::set("OTEL_SERVICE_NAME", program));
    }
    app(Verdict::Ok, "resource", evidence)
}

fn shortened(value: &str) -> String {
    const SHOWN_CHARS_MAX: usize = 60;
    value.chars().filter(|c| !c.is_control()).take(SHOWN_CHARS_MAX).collect()
}

/// Whether anything came at the end. Metrics are exported whenever a provider is shut down; of spans and log records nobody
/// outside knows whether there were any left.
fn flush(account: &Account) -> Option<Check> {
    let Account { recording, ending, .. } = account;
    let last = recording.last()?;
    let of_metrics = recording.signals.get(&Signal::Metrics).map(|metrics| metrics.last);
    let is_at_end = |last: Duration| match ending.asked {
        Some(asked) => last >= asked,
        None => last + FLUSHED_WITHIN >= ending.ended,
    };
    let before = seconds(ending.ended.saturating_sub(of_metrics.unwrap_or(last)));
    let evidence = format!("flush: the last export came {before} before the end");
    if is_at_end(of_metrics.unwrap_or(last)) {
        return Some(app(Verdict::Ok, "flush", evidence));
    }
    let verdict = match of_metrics {
        Some(_) => Verdict::Broken,
        None if is_ended_by_signal(ending) || ending.is_killed => Verdict::Warning,
        None => {
            return Some(app(
                Verdict::Skipped,
                "flush",
                evidence + "; whether anything was left is not known",
            ));
        }
    };
    let how = if is_ended_by_signal(ending) { ": SIGTERM ended it at once" } else { "" };
    Some(app(verdict, "flush", evidence + how).because("DA04", Fix::by_hand(
        "keep the guard or the providers until the end of `main`, shut them down there, and end `main` on SIGTERM too \
         (throughline: cargo feature `signals`)",
    )))
}

/// The system's default for a signal that a program does not handle.
#[cfg(unix)]
fn is_ended_by_signal(ending: &Ending) -> bool {
    std::os::unix::process::ExitStatusExt::signal(&ending.status).is_some()
}

#[cfg(not(unix))]
fn is_ended_by_signal(ending: &Ending) -> bool {
    ending.asked.is_some()
}

fn printed(ending: &Ending) -> Vec<Check> {
    let kinds: [(&Kept, &str, Verdict, &str, &str, fn(&str) -> Fix); 3] = [
        (&ending.lines.panics, "panics", Verdict::Broken, "DA06", "an exporter's thread panicked", |_| {
            Fix::by_hand(
                "build the exporter for the thread that it runs on: OpenTelemetry's own threads have no tokio, so use a blocking HTTP \
             client, or gRPC from within the runtime",
            )
        }),
        (&ending.lines.failed, "errors", Verdict::Warning, "DA07", "it says", |_| {
            Fix::by_hand(
                "do as the line says; with OTEL_LOG_LEVEL=debug or RUST_LOG=opentelemetry=debug SDKs say more",
            )
        }),
        (&ending.lines.dropped, "dropped", Verdict::Warning, "DA10", "it says", |line| {
            let is_of_logs = line.contains("Log") || line.contains("log");
            Fix::set(if is_of_logs { "OTEL_BLRP_MAX_QUEUE_SIZE" } else { "OTEL_BSP_MAX_QUEUE_SIZE" }, "16384")
        }),
    ];
    let found = kinds.into_iter().filter_map(|(kept, subject, verdict, id, says, fix)| {
        let first = kept.first()?;
        let more = if kept.count > 1 { format!(" (and {} more)", kept.count - 1) } else { String::new() };
        Some(app(verdict, subject, format!("{says}: {first}{more}")).because(id, fix(first)))
    });
    found.collect()
}

fn ended(ending: &Ending) -> Check {
    let Ending { status, asked, ended, is_killed, .. } = ending;
    let ran = format!("ran {}", seconds(*ended));
    match asked {
        Some(_) if *is_killed => {
            let evidence = format!("{ran}, did not end within {} of SIGTERM, and was killed", seconds(GRACE));
            app(Verdict::Warning, "end", evidence).because("DA05", Fix::by_hand(
                "end on SIGTERM, and give the shutdown of telemetry a time-out: Kubernetes kills after 30 s, Docker after 10 s",
            ))
        }
        Some(asked) => {
            let took = seconds(ended.saturating_sub(*asked));
            app(Verdict::Ok, "end", format!("{ran}, ended {took} after SIGTERM ({status})"))
        }
        None if status.success() => app(Verdict::Ok, "end", format!("{ran}, ended by itself ({status})")),
        None => app(Verdict::Warning, "end", format!("{ran}, failed ({status})")).because(
            "DA12",
            Fix::by_hand(
                "read what it printed: its failure is not about telemetry, or it could not start it",
            ),
        ),
    }
}

fn recorded(account: &Account) -> Check {
    const SUBJECT: &str = "instruments";
    let silent = match account.never_recorded() {
        None => {
            return app(
                Verdict::Skipped,
                SUBJECT,
                "whether all instruments are recorded: not asked for, --telemetry http://HOST:9464/telemetry",
            );
        }
        Some(Err(why)) => return app(Verdict::Unknown, SUBJECT, format!("its /telemetry page: {why}")),
        Some(Ok(silent)) => silent,
    };
    if silent.is_empty() {
        return app(Verdict::Ok, SUBJECT, "every instrument that it declares was recorded");
    }
    let names: Vec<_> = silent.iter().take(NAMED_MAX).map(|declared| declared.name.as_str()).collect();
    let evidence =
        format!("{} declared and never recorded: {}", of(silent.len(), "instrument"), names.join(", "));
    app(Verdict::Warning, SUBJECT, evidence).because("DA11", Fix::by_hand(
        "drive the code that records them while this runs; what is never recorded then is dead, or recorded on another provider",
    ))
}

/// Who answers is asked what it is.
const ANSWER_WITHIN: Duration = Duration::from_secs(3);

/// Names in one line.
const NAMED_MAX: usize = 10;

/// What the receiver said.
async fn answers(signal: Signal, traffic: &Traffic, account: &Account, environment: &Environment) -> Check {
    let Traffic { items, taken, refusals, rejected, rejected_because, requests, .. } = traffic;
    let name = signal.name();
    let refusal = refusals.iter().max_by_key(|(_, count)| **count);
    let refused = refusals.values().sum::<u64>();
    let error = match refusal {
        Some((refusal, _)) => format!("{refused} of {requests} requests: {refusal}"),
        None if *rejected > 0 => {
            format!("{} {rejected} of {items} {}: {rejected_because}", refusal::REJECTED, signal.items())
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
    let (name, items) = (signal.name(), signal.items());
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

fn seconds(duration: Duration) -> String {
    format!("{:.1} s", duration.as_secs_f64())
}

fn plural(count: u64, what: &str) -> String {
    if count == 1 { what.to_owned() } else { format!("{what}s") }
}

fn of(count: usize, what: &str) -> String {
    format!("{count} {}", plural(count as u64, what))
}
