//! What is wrong with an instrument: `troubles.toml` says what each finding means, and `throughline explain` shows it.

use super::instrument::Instrument;

/// One thing that is wrong.
#[derive(Debug)]
pub(super) struct Finding {
    /// Its stable id.
    pub(super) id: &'static str,
    pub(super) evidence: String,
}

/// Everything that is wrong, with at most so many series allowed.
pub(super) fn findings(instrument: &Instrument, limit: Option<usize>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut add = |id, evidence| findings.push(Finding { id, evidence });
    if let Some((series, limit)) = instrument.series.zip(limit).filter(|(series, limit)| series > limit) {
        add("C101", format!("{series} series, and {limit} are allowed"));
    }
    if instrument.has_overflow {
        add("C102", "measurements are counted without their attributes: the limit was reached".to_owned());
    }
    for attribute in instrument.attributes.iter().filter(|attribute| attribute.has_secret) {
        add("C103", format!("a value of {} looks like a secret", attribute.key));
    }
    findings
}
