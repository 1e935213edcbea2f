//! A sampler for each kind of span: the first rule that fits decides.

use std::fmt;

use opentelemetry::trace::SpanKind;

use super::{Sampler, Sampling, SamplingInput};

/// Rules, and what holds when none fits.
///
/// ```
/// use throughline_trace::SpanKind;
/// use throughline_trace::sampler::{Rule, Rules, Sampler};
///
/// let sampler: Sampler = Rules::otherwise(Sampler::ratio(0.1))
///     .with(Rule::new(Sampler::always_off()).kind(SpanKind::Server).name("GET /health*"))
///     .with(Rule::new(Sampler::always_on()).attribute("tenant", "test-*"))
///     .into();
/// ```
#[derive(Clone, Debug)]
pub struct Rules {
    rules: Vec<Rule>,
    otherwise: Sampler,
}

impl Rules {
    /// No rule yet.
    pub const fn otherwise(sampler: Sampler) -> Self {
        Self { rules: Vec::new(), otherwise: sampler }
    }

    /// Adds a rule behind the others.
    pub fn with(mut self, rule: Rule) -> Self {
        self.rules.push(rule);
        self
    }

    pub(super) fn sample(&self, span: &SamplingInput<'_>) -> Sampling {
        let rule = self.rules.iter().find(|rule| rule.fits(span));
        rule.map_or(&self.otherwise, |rule| &rule.sampler).sample(span)
    }
}

impl fmt::Display for Rules {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Rules{{{}, otherwise {}}}", self.rules.len(), self.otherwise)
    }
}

/// What a span must be like, and the sampler for such spans. Patterns may end with `*`, which stands for anything.
#[derive(Clone, Debug)]
pub struct Rule {
    sampler: Sampler,
    kind: Option<SpanKind>,
    name: Option<String>,
    attributes: Vec<(String, String)>,
}

impl Rule {
    /// A rule for all spans.
    pub const fn new(sampler: Sampler) -> Self {
        Self { sampler, kind: None, name: None, attributes: Vec::new() }
    }

    /// Only for spans of this kind.
    pub fn kind(self, kind: SpanKind) -> Self {
        Self { kind: Some(kind), ..self }
    }

    /// Only for spans whose name is like this pattern.
    pub fn name(self, pattern: impl Into<String>) -> Self {
        Self { name: Some(pattern.into()), ..self }
    }

    /// Only for spans that start with this attribute, its text like this pattern.
    pub fn attribute(mut self, key: impl Into<String>, pattern: impl Into<String>) -> Self {
        self.attributes.push((key.into(), pattern.into()));
        self
    }

    fn fits(&self, span: &SamplingInput<'_>) -> bool {
        self.kind.as_ref().is_none_or(|kind| kind == span.kind)
            && self.name.as_ref().is_none_or(|pattern| is_like(span.name, pattern))
            && self.attributes.iter().all(|(key, pattern)| has_attribute(span, key, pattern))
    }
}

fn has_attribute(span: &SamplingInput<'_>, wanted: &str, pattern: &str) -> bool {
    let mut found = false;
    span.attributes.each(&mut |key, value| found |= key == wanted && is_like(&value.to_string(), pattern));
    found
}

fn is_like(text: &str, pattern: &str) -> bool {
    pattern.strip_suffix('*').map_or(text == pattern, |start| text.starts_with(start))
}
