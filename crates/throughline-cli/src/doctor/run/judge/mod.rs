//! Checks of what was seen: what was sent, how it is named, what came at the end, what was printed, and what receivers said.

mod answers;
mod end;
mod traffic;

use std::time::Duration;

use self::answers::answers;
use self::end::{ended, flush, printed, recorded};
use self::traffic::{elsewhere, named, not_sent, nothing, sent, strange};
use super::account::Account;
use super::environment::Environment;
use crate::doctor::check::{Check, Hop, Verdict};

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

fn shown(duration: Duration) -> String {
    match duration.as_secs() {
        0 => format!("{} ms", duration.as_millis()),
        _ => format!("{:.1} s", duration.as_secs_f64()),
    }
}

fn plural(count: u64, what: &str) -> String {
    if count == 1 { what.to_owned() } else { format!("{what}s") }
}

fn of(count: usize, what: &str) -> String {
    format!("{count} {}", plural(count as u64, what))
}
