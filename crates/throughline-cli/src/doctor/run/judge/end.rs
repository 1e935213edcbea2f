//! What came at the end, what was printed, how it ended, and what was never recorded until then.

use std::time::Duration;

use super::{app, of, shown};
use crate::doctor::check::{Check, Verdict};
use crate::doctor::fix::Fix;
use crate::doctor::run::account::Account;
use crate::doctor::run::child::{Ending, GRACE};
use crate::doctor::run::decode::Signal;
use crate::doctor::run::lines::{Kept, Lines};

/// An export so shortly before it ends by itself is taken for a flush: programs and busy machines take their time to end.
const FLUSHED_WITHIN: Duration = Duration::from_secs(5);

/// Whether anything came at the end. Metrics are exported whenever a provider is shut down; of spans and log records nobody
/// outside knows whether there were any left.
pub(super) fn flush(account: &Account) -> Option<Check> {
    let Account { recording, ending, .. } = account;
    let last = recording.last()?;
    let of_metrics = recording.signals.get(&Signal::Metrics).map(|metrics| metrics.last);
    let is_at_end = |last: Duration| match ending.asked {
        Some(asked) => last >= asked,
        None => last + FLUSHED_WITHIN >= ending.ended,
    };
    let before = shown(ending.ended.saturating_sub(of_metrics.unwrap_or(last)));
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
pub(super) fn is_ended_by_signal(ending: &Ending) -> bool {
    ending.asked.is_some() && std::os::unix::process::ExitStatusExt::signal(&ending.status).is_some()
}

#[cfg(not(unix))]
pub(super) fn is_ended_by_signal(ending: &Ending) -> bool {
    ending.asked.is_some()
}

/// What it said about its own telemetry.
pub(super) fn printed(ending: &Ending) -> Vec<Check> {
    let Lines { panics, failed, dropped, .. } = &ending.lines;
    let panics = said("an exporter's thread panicked", panics, Verdict::Broken).map(|check| {
        check.because("DA06", Fix::by_hand(
            "build the exporter for the thread that it runs on: OpenTelemetry's own threads have no tokio, so use a \
             blocking HTTP client, or gRPC from within the runtime",
        ))
    });
    let failed = said("it says", failed, Verdict::Warning).map(|check| {
        check.because("DA07", Fix::by_hand(
            "do as the line says; with OTEL_LOG_LEVEL=debug or RUST_LOG=opentelemetry=debug SDKs say more",
        ))
    });
    let dropped = said("it says", dropped, Verdict::Warning).map(|check| {
        let is_of_logs = check.evidence.to_ascii_lowercase().contains("log");
        let queue = if is_of_logs { "OTEL_BLRP_MAX_QUEUE_SIZE" } else { "OTEL_BSP_MAX_QUEUE_SIZE" };
        check.because("DA10", Fix::set(queue, "16384"))
    });
    panics.into_iter().chain(failed).chain(dropped).collect()
}

fn said(what: &str, kept: &Kept, verdict: Verdict) -> Option<Check> {
    let first = kept.first()?;
    let more = if kept.count > 1 { format!(" (and {} more)", kept.count - 1) } else { String::new() };
    Some(app(verdict, "output", format!("{what}: {first}{more}")))
}

/// How it ended, and with what status.
pub(super) fn ended(ending: &Ending) -> Check {
    let Ending { status, asked, ended, is_killed, .. } = ending;
    let ran = format!("ran {}", shown(*ended));
    match asked {
        Some(_) if *is_killed => {
            let evidence = format!("{ran}, did not end within {} of SIGTERM, and was killed", shown(GRACE));
            app(Verdict::Warning, "end", evidence).because("DA05", Fix::by_hand(
                "end on SIGTERM, and give the shutdown of telemetry a time-out: Kubernetes kills after 30 s, Docker after 10 s",
            ))
        }
        Some(asked) => {
            let took = shown(ended.saturating_sub(*asked));
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

/// What it declares, by its own account.
pub(super) fn recorded(account: &Account) -> Check {
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

/// Names in one line.
const NAMED_MAX: usize = 10;
