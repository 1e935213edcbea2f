//! `JUnit`'s XML, as CI systems read it: a suite for each hop, a test case for each check.

use std::io::{self, Write};
use std::time::Duration;

use crate::doctor::check::{Check, Report, Verdict};
use crate::doctor::troubles;

pub(super) fn write(report: &Report, out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>")?;
    writeln!(out, "<testsuites name=\"throughline doctor\" time=\"{}\">", seconds(Some(report.elapsed)))?;
    for hop in report.hops() {
        let checks: Vec<&Check> = report.of(hop).collect();
        let count = |verdict| checks.iter().filter(|check| check.verdict == verdict).count();
        writeln!(
            out,
            "  <testsuite name=\"{}\" tests=\"{}\" failures=\"{}\" errors=\"{}\" skipped=\"{}\">",
            hop.name(),
            checks.len(),
            count(Verdict::Broken),
            count(Verdict::Unknown),
            count(Verdict::Skipped),
        )?;
        checks.iter().try_for_each(|check| case(check, out))?;
        writeln!(out, "  </testsuite>")?;
    }
    writeln!(out, "</testsuites>")
}

fn case(check: &Check, out: &mut impl Write) -> io::Result<()> {
    let subject = if check.subject.is_empty() { check.hop.name() } else { &check.subject };
    write!(
        out,
        "    <testcase classname=\"{}\" name=\"{}\" time=\"{}\">",
        check.hop.name(),
        escape(subject),
        seconds(check.latency)
    )?;
    let evidence = escape(&check.evidence);
    let (id, text) = check.trouble.as_ref().map_or(("", String::new()), |trouble| {
        let help = troubles::trouble(trouble.id).map_or("", |known| &known.help);
        (trouble.id, escape(&format!("{help}\n{}", trouble.fix)))
    });
    match check.verdict {
        Verdict::Broken => write!(out, "<failure type=\"{id}\" message=\"{evidence}\">{text}</failure>")?,
        Verdict::Unknown => write!(out, "<error type=\"{id}\" message=\"{evidence}\">{text}</error>")?,
        Verdict::Skipped => write!(out, "<skipped message=\"{evidence}\"/>")?,
        Verdict::Ok | Verdict::Warning => write!(out, "<system-out>{evidence} {id}</system-out>")?,
    }
    writeln!(out, "</testcase>")
}

fn seconds(duration: Option<Duration>) -> String {
    format!("{:.3}", duration.unwrap_or_default().as_secs_f64())
}

/// Text as content or attribute. Control characters are not allowed in XML at all.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\n' => out.push_str("&#10;"),
            c if c.is_control() => out.push(' '),
            c => out.push(c),
        }
    }
    out
}
