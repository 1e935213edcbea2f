//! A baseline: findings that were there when somebody began to look, so that only new ones are reported.
//!
//! One line each: id, file, and the text of the line, so that lines may move.

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use anyhow::Context as _;

use crate::finding::Finding;

#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Baseline(HashMap<String, usize>);

impl Baseline {
    pub(super) fn of(findings: &[Finding]) -> Self {
        let mut known = HashMap::new();
        for finding in findings {
            *known.entry(entry(finding)).or_default() += 1;
        }
        Self(known)
    }

    pub(super) fn read(path: &Path) -> anyhow::Result<Self> {
        let text = fs::read_to_string(path)
            .with_context(|| format!("cannot read the baseline {}", path.display()))?;
        let mut known = HashMap::new();
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            *known.entry(line.to_owned()).or_default() += 1;
        }
        Ok(Self(known))
    }

    pub(super) fn write(&self, path: &Path) -> anyhow::Result<()> {
        let mut lines: Vec<&str> =
            self.0.iter().flat_map(|(line, count)| std::iter::repeat_n(&**line, *count)).collect();
        lines.sort_unstable();
        let text =
            format!("# Findings that `throughline lint --baseline` leaves out.\n{}\n", lines.join("\n"));
        fs::write(path, text).with_context(|| format!("cannot write the baseline {}", path.display()))
    }

    /// Leaves out as many of each as are known.
    pub(super) fn remove_known(mut self, findings: &mut Vec<Finding>) {
        findings.retain(|finding| match self.0.get_mut(&entry(finding)) {
            Some(count) if *count > 0 => {
                *count -= 1;
                false
            }
            _ => true,
        });
    }
}

fn entry(finding: &Finding) -> String {
    let line = finding.file.text.get(finding.file.lines(&finding.range)).unwrap_or_default();
    let line = line.lines().next().unwrap_or_default().trim();
    format!("{} {} {line}", finding.id, finding.file.path.display())
}
