//! A line for each hop, then what to do first.

use std::io::{self, Write};
use std::time::Duration;

use crate::doctor::check::{Check, Hop, Report, Verdict};
use crate::doctor::troubles;

pub(super) fn write(report: &Report, colour: bool, out: &mut impl Write) -> io::Result<()> {
    let mut shown = report.hops();
    // Whoever asks for a page alone is not told of hops that it does not pass.
    if report.application.is_none() && shown.iter().any(|hop| *hop < Hop::Scrape) {
        shown.extend(Hop::PUSHED);
        shown.sort_unstable();
        shown.dedup();
    }
    for hop in shown {
        self::hop(report, hop, colour, out)?;
    }
    if let Some(application) = &report.application {
        application.write(out)?;
    }
    match report.first() {
        Some(check) => advice(check, colour, out),
        None => {
            writeln!(out, "\nEverything that was looked at works ({:.1} s).", report.elapsed.as_secs_f64())
        }
    }
}

/// One line when all of a hop is alike, else one for each check.
fn hop(report: &Report, hop: Hop, colour: bool, out: &mut impl Write) -> io::Result<()> {
    let mut checks: Vec<&Check> = report.of(hop).collect();
    checks.sort_by_key(|check| std::cmp::Reverse(check.verdict));
    if checks.is_empty() {
        let why = if report.is_broken() && hop < Hop::Collector {
            "a hop before it is broken"
        } else {
            hop.how_to_look()
        };
        return line(hop.name(), Verdict::Skipped, None, why, colour, out);
    }
    for (at, check) in checks.iter().enumerate() {
        let name = if at == 0 { hop.name() } else { "" };
        let first = check.evidence.replace('\n', "\n                                 ");
        line(name, check.verdict, check.latency, &first, colour, out)?;
    }
    Ok(())
}

fn line(
    name: &str,
    verdict: Verdict,
    latency: Option<Duration>,
    evidence: &str,
    colour: bool,
    out: &mut impl Write,
) -> io::Result<()> {
    let (on, off) = if colour { (style(verdict), "\x1b[0m") } else { ("", "") };
    let latency = latency.map(|latency| format!("{} ms", latency.as_millis())).unwrap_or_default();
    writeln!(out, "{name:10} {on}{:8}{off} {latency:>8}  {evidence}", verdict.name())
}

fn style(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Ok => "\x1b[32m",
        Verdict::Warning => "\x1b[33m",
        Verdict::Broken => "\x1b[31m",
        Verdict::Unknown => "\x1b[35m",
        Verdict::Skipped => "\x1b[2m",
    }
}

/// What to do first.
fn advice(check: &Check, colour: bool, out: &mut impl Write) -> io::Result<()> {
    let (bold, off) = if colour { ("\x1b[1m", "\x1b[0m") } else { ("", "") };
    let what = match check.verdict {
        Verdict::Broken => "First broken hop",
        Verdict::Unknown => "Could not be judged",
        _ => "Works, with a warning",
    };
    writeln!(out, "\n{bold}{what}: {}{off}", check.hop.name())?;
    let Some(trouble) = &check.trouble else { return writeln!(out, "  {}", check.evidence) };
    if let Some(known) = troubles::trouble(trouble.id) {
        writeln!(out, "  {} {}\n  {}", trouble.id, known.title, known.help)?;
    }
    writeln!(out, "\nDo this:")?;
    for line in trouble.fix.to_string().lines() {
        writeln!(out, "  {line}")?;
    }
    writeln!(out, "\nThen run `throughline doctor` again. More: throughline explain {}", trouble.id)
}
