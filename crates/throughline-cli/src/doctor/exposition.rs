//! Reads pages in the text formats of Prometheus, as far as it is needed here: names, labels, values, exemplars, and every
//! line that is none of these.
//!
//! `collector.rs` reads the Collector's own metrics with it, `scrape.rs` judges a page line by line, and
//! `cardinality/page.rs` counts its series.

use std::collections::BTreeMap;

/// One sample.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Sample {
    pub(crate) name: String,
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) value: f64,
    pub(crate) has_exemplar: bool,
}

impl Sample {
    pub(crate) fn label(&self, name: &str) -> &str {
        self.labels.get(name).map_or("", String::as_str)
    }
}

/// One line of a page.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Line {
    Nothing,
    /// `# TYPE`, `# HELP`, `# UNIT`: which, of what, and the rest.
    About {
        what: String,
        name: String,
        rest: String,
    },
    Eof,
    Sample(Sample),
}

/// Reads a line, or says what is wrong with it.
pub(crate) fn line(text: &str) -> Result<Line, &'static str> {
    let text = text.trim_end_matches('\r');
    if text.trim().is_empty() {
        return Ok(Line::Nothing);
    }
    if text == "# EOF" {
        return Ok(Line::Eof);
    }
    if let Some(comment) = text.strip_prefix('#') {
        let mut words = comment.trim_start().splitn(3, ' ');
        let what = words.next().unwrap_or_default();
        if !["TYPE", "HELP", "UNIT"].contains(&what) {
            return Ok(Line::Nothing);
        }
        let name = words.next().filter(|name| !name.is_empty()).ok_or("a comment without a name")?;
        let about = (what.to_owned(), name.to_owned(), words.next().unwrap_or_default().to_owned());
        return Ok(Line::About { what: about.0, name: about.1, rest: about.2 });
    }
    sample(text).map(Line::Sample)
}

fn sample(text: &str) -> Result<Sample, &'static str> {
    let mut rest = Rest(text);
    let mut name = rest.name();
    let mut labels = BTreeMap::new();
    if rest.eat('{') {
        name = rest.labels(name, &mut labels)?;
    }
    if name.is_empty() {
        return Err("a sample without a name");
    }
    let (number, exemplar) = match rest.0.split_once(" # ") {
        Some((number, _)) => (number, true),
        None => (rest.0, false),
    };
    let mut words = number.split_whitespace();
    let value = words.next().ok_or("a sample without a value")?;
    let value = parse(value).ok_or("a value that is not a number")?;
    if words.next().is_some_and(|time| parse(time).is_none()) {
        return Err("a time that is not a number");
    }
    if words.next().is_some() {
        return Err("something behind value and time");
    }
    Ok(Sample { name, labels, value, has_exemplar: exemplar })
}

fn parse(number: &str) -> Option<f64> {
    match number {
        "+Inf" | "Inf" => Some(f64::INFINITY),
        "-Inf" => Some(f64::NEG_INFINITY),
        "NaN" => Some(f64::NAN),
        _ => number
            .parse()
            .ok()
            .filter(|_| number.starts_with(|c: char| c.is_ascii_digit() || "+-.".contains(c))),
    }
}

/// What of a line is not read yet.
struct Rest<'a>(&'a str);

impl Rest<'_> {
    fn eat(&mut self, expected: char) -> bool {
        self.0 = self.0.trim_start_matches(' ');
        self.0.strip_prefix(expected).map(|rest| self.0 = rest).is_some()
    }

    /// A bare name, of a metric or a label.
    fn name(&mut self) -> String {
        self.0 = self.0.trim_start_matches(' ');
        let end = self
            .0
            .find(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == ':'))
            .unwrap_or(self.0.len());
        let (name, rest) = self.0.split_at(end);
        self.0 = rest;
        if name.starts_with(|c: char| c.is_ascii_digit()) { String::new() } else { name.to_owned() }
    }

    /// Labels up to the bracket. The first in quotes, without a value, is the name of the metric.
    fn labels(
        &mut self,
        mut name: String,
        labels: &mut BTreeMap<String, String>,
    ) -> Result<String, &'static str> {
        while !self.eat('}') {
            let is_quoted = self.0.trim_start_matches(' ').starts_with('"');
            let key = if is_quoted { self.quoted()? } else { self.name() };
            if key.is_empty() {
                return Err("a label without a name");
            }
            if self.eat('=') {
                let value = self.quoted()?;
                if labels.insert(key, value).is_some() {
                    return Err("a label that is there twice");
                }
            } else if is_quoted && name.is_empty() {
                name = key;
            } else {
                return Err("a label without a value");
            }
            if !self.eat(',') && !self.0.trim_start_matches(' ').starts_with('}') {
                return Err("labels without an end");
            }
        }
        Ok(name)
    }

    fn quoted(&mut self) -> Result<String, &'static str> {
        if !self.eat('"') {
            return Err("a value without quotes");
        }
        let (mut text, mut chars) = (String::new(), self.0.char_indices());
        while let Some((at, c)) = chars.next() {
            match c {
                '"' => {
                    self.0 = self.0.get(at + 1..).unwrap_or_default();
                    return Ok(text);
                }
                '\\' => match chars.next() {
                    Some((_, 'n')) => text.push('\n'),
                    Some((_, c @ ('\\' | '"'))) => text.push(c),
                    _ => return Err("an escape that does not exist"),
                },
                _ => text.push(c),
            }
        }
        Err("a text without an end")
    }
}

/// All samples of a page; lines that cannot be read are left out.
pub(crate) fn samples(page: &str) -> Vec<Sample> {
    let read = page.lines().filter_map(|text| match line(text) {
        Ok(Line::Sample(sample)) => Some(sample),
        _ => None,
    });
    read.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Sample {
        let Ok(Line::Sample(sample)) = line(text) else { panic!("{text}: {:?}", line(text)) };
        sample
    }

    #[test]
    fn samples_are_read() {
        assert_eq!(read("up 1").name, "up");
        let sample = read(r#"a_bucket{le="+Inf", b="x\"y\\\n"} 3 1234 # {trace_id="1"} 0.5 12"#);
        assert_eq!((sample.label("le"), sample.label("b")), ("+Inf", "x\"y\\\n"));
        assert!(sample.has_exemplar && sample.value > 2.9 && sample.value < 3.1);
        assert_eq!(read(r#"{"http.requests", "a.b"="c"} +Inf"#).name, "http.requests");
        assert_eq!(line("# EOF"), Ok(Line::Eof));
        assert!(matches!(line("# TYPE a counter"), Ok(Line::About { rest, .. }) if rest == "counter"));
    }

    #[test]
    fn what_is_no_sample_is_told() {
        for text in [
            "1a 3",
            "a",
            "a x",
            "a{b=c} 1",
            "a{b=\"c\" 1",
            "a 1 x",
            "a 1 2 3",
            "<html>",
            "a{b=\"1\",b=\"2\"} 1",
        ] {
            assert!(line(text).is_err(), "{text}: {:?}", line(text));
        }
    }
}
