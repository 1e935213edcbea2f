//! What was seen of the application, in numbers: for people after the hops, for programs as `application` of the JSON report.

use std::ffi::OsString;
use std::io::{self, Write};
use std::time::Duration;

use serde_json::{Value, json};

use super::child::Ending;
use super::declared::{Declared, Page};
use super::decode::{Encoding, Signal};
use super::recording::{Instrument, Recording, Traffic};

/// Instruments that people are shown; the JSON report has all.
const SHOWN_MAX: usize = 40;

/// All that was seen.
#[derive(Debug)]
pub(crate) struct Account {
    pub(super) command: Vec<String>,
    /// Where requests were passed on to.
    pub(super) forwarded_to: Vec<String>,
    pub(super) recording: Recording,
    pub(super) ending: Ending,
    /// None when nobody asked for it.
    pub(super) declared: Option<Page>,
}

impl Account {
    pub(super) fn new(
        command: &[OsString],
        forwarded_to: Vec<String>,
        recording: Recording,
        ending: Ending,
        declared: Option<Page>,
    ) -> Self {
        let command = command.iter().map(|word| word.to_string_lossy().into_owned()).collect();
        Self { command, forwarded_to, recording, ending, declared }
    }

    /// Instruments that were declared and never recorded.
    pub(super) fn never_recorded(&self) -> Option<Result<Vec<&Declared>, &str>> {
        let is_silent = |declared: &&Declared| {
            let key = (declared.scope.clone(), declared.name.clone());
            declared.series == 0 && !self.recording.instruments.contains_key(&key)
        };
        let page = self.declared.as_ref()?.as_ref();
        Some(page.map(|all| all.iter().filter(is_silent).collect()).map_err(String::as_str))
    }

    pub(crate) fn to_json(&self) -> Value {
        let Self { command, forwarded_to, recording, ending, declared: _ } = self;
        let silent = self.never_recorded().and_then(Result::ok).map(|silent| {
            silent.iter().map(|it| json!({ "scope": it.scope, "name": it.name })).collect::<Vec<_>>()
        });
        json!({
            "command": command,
            "forwarded_to": forwarded_to,
            "ran_ms": milliseconds(ending.ended),
            "asked_to_end_ms": ending.asked.map(milliseconds),
            "status": ending.status.to_string(),
            "signals": recording.signals.iter().map(|(signal, traffic)| signal_json(*signal, traffic)).collect::<Vec<_>>(),
            "resources": recording.resources.iter().map(|resource| resource_json(resource)).collect::<Vec<_>>(),
            "instruments": recording.instruments.iter().map(instrument_json).collect::<Vec<_>>(),
            "never_recorded": silent,
            "beyond_limits": recording.forgotten,
        })
    }

    /// The instruments, in a table.
    pub(crate) fn write(&self, out: &mut impl Write) -> io::Result<()> {
        let instruments = &self.recording.instruments;
        if instruments.is_empty() {
            return Ok(());
        }
        let width = instruments.keys().map(|(_, name)| name.chars().count()).max().unwrap_or(0).min(60);
        let mut last = None;
        for ((scope, name), instrument) in instruments.iter().take(SHOWN_MAX) {
            if last != Some(scope) {
                writeln!(out, "\nInstruments of {}:", if scope.is_empty() { "no scope" } else { scope })?;
                last = Some(scope);
            }
            let Instrument { unit, kind, temporality, points, exports } = instrument;
            writeln!(
                out,
                "  {name:width$}  {points:>8} points in {exports:>3} exports  {kind:21}  {temporality:10}  {unit}"
            )?;
        }
        match instruments.len().saturating_sub(SHOWN_MAX) {
            0 => Ok(()),
            more => writeln!(out, "  and {more} more: --format json has all"),
        }
    }
}

fn signal_json(signal: Signal, traffic: &Traffic) -> Value {
    let encoding = |Encoding { protocol, compression }: &Encoding| json!({ "protocol": protocol, "compression": compression });
    json!({
        "signal": signal.name(),
        "requests": traffic.requests,
        "items": traffic.items,
        "taken": traffic.taken,
        "rejected": traffic.rejected,
        "bytes_sent": traffic.bytes_sent,
        "bytes_uncompressed": traffic.bytes,
        "encodings": traffic.encodings.iter().map(encoding).collect::<Vec<_>>(),
        "agents": traffic.agents,
        "scopes": traffic.scopes,
        "refusals": traffic.refusals,
        "first_ms": traffic.first.map(milliseconds),
        "last_ms": milliseconds(traffic.last),
        "longest_gap_ms": milliseconds(traffic.longest_gap),
    })
}

fn resource_json(attributes: &[(String, String)]) -> Value {
    attributes
        .iter()
        .map(|(key, value)| (key.clone(), value.clone().into()))
        .collect::<serde_json::Map<_, _>>()
        .into()
}

fn instrument_json(((scope, name), instrument): (&(String, String), &Instrument)) -> Value {
    let Instrument { unit, kind, temporality, points, exports } = instrument;
    let temporality = (!temporality.is_empty()).then_some(temporality);
    json!({
        "scope": scope,
        "name": name,
        "unit": unit,
        "kind": kind,
        "temporality": temporality,
        "points": points,
        "exports": exports,
    })
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
