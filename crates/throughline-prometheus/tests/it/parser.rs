//! A reader of the text formats, made from their description and from nothing in the crate.

use std::collections::BTreeMap;

#[derive(Debug, PartialEq)]
pub(crate) struct Sample {
    pub(crate) name: String,
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) value: f64,
}

/// The samples of an exposition, comments skipped.
pub(crate) fn samples(text: &str) -> Vec<Sample> {
    assert!(text.is_empty() || text.ends_with('\n'));
    text.split('\n').filter(|line| !line.is_empty() && !line.starts_with('#')).map(sample).collect()
}

fn sample(line: &str) -> Sample {
    let mut rest = Reader(line);
    let mut labels = BTreeMap::new();
    let mut name = rest.until(&['{', ' ']).to_owned();
    if rest.take('{') {
        while !rest.take('}') {
            let key = rest.name();
            if rest.take('=') {
                let value = rest.quoted();
                assert_eq!(labels.insert(key, value), None, "a label stands twice: {line}");
            } else {
                name = key;
            }
            rest.take(',');
        }
    }
    assert!(rest.take(' '), "{line}");
    let value = rest.0.split(" # ").next().expect("a value");
    Sample { name, labels, value: value.parse().expect(line) }
}

struct Reader<'a>(&'a str);

impl<'a> Reader<'a> {
    fn take(&mut self, c: char) -> bool {
        let rest = self.0.strip_prefix(c);
        self.0 = rest.unwrap_or(self.0);
        rest.is_some()
    }

    fn until(&mut self, ends: &[char]) -> &'a str {
        let (taken, rest) = self.0.split_at(self.0.find(ends).expect("an end"));
        self.0 = rest;
        taken
    }

    fn name(&mut self) -> String {
        if self.0.starts_with('"') { self.quoted() } else { self.until(&['=', '}', ',']).to_owned() }
    }

    fn quoted(&mut self) -> String {
        assert!(self.take('"'));
        let mut text = String::new();
        let mut chars = self.0.chars();
        loop {
            match chars.next().expect("a closing quote") {
                '"' => break,
                '\\' => {
                    let escaped = chars.next().expect("something escaped");
                    assert!(['n', '\\', '"'].contains(&escaped), "no format knows the escape {escaped:?}");
                    text.push(if escaped == 'n' { '\n' } else { escaped });
                }
                c => text.push(c),
            }
        }
        self.0 = chars.as_str();
        text
    }
}
