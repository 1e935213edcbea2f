//! Workflow commands: <https://docs.github.com/actions/reference/workflow-commands-for-github-actions>.

use std::io::{self, Write};

use crate::finding::{Finding, Severity};

pub(super) fn write(findings: &[Finding], out: &mut impl Write) -> io::Result<()> {
    for finding in findings {
        let kind = match finding.severity {
            Severity::Note => "notice",
            Severity::Warning => "warning",
            Severity::Error => "error",
        };
        let (line, column) = finding.file.position(finding.range.start);
        let (end_line, end_column) = finding.file.position(finding.range.end);
        let file = property(&finding.file.path.to_string_lossy());
        let text = data(&format!("{}\n{}", finding.message, finding.help));
        writeln!(
            out,
            "::{kind} file={file},line={line},col={column},endLine={end_line},endColumn={end_column},title={id}::{text}",
            id = finding.id,
        )?;
    }
    Ok(())
}

fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}
