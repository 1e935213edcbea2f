//! Joins what code, environment and defaults say about a setting, and remembers which one won.
//!
//! `init.rs` and the exporters' `enabled.rs` ask for one setting after the other; problems are collected, so that all
//! of them are reported at once, and what was decided becomes part of the description.

use std::fmt;

use crate::config::Environment;
use crate::error::{Error, Problem, Source};

/// One setting as it was decided: a line of [`Description`](crate::Description).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Setting {
    /// Its name, such as `metrics.otlp.endpoint`.
    pub name: &'static str,
    /// Its value; secrets are left out.
    pub value: String,
    /// Where the value comes from.
    pub source: Source,
}

/// Collects settings and problems.
#[derive(Debug)]
pub(crate) struct Settings<'a> {
    environment: &'a Environment,
    pub(crate) decided: Vec<Setting>,
    problems: Vec<Problem>,
}

impl<'a> Settings<'a> {
    pub(crate) fn new(environment: &'a Environment) -> Self {
        Self { environment, decided: Vec::new(), problems: Vec::new() }
    }

    /// The first of these variables that is set, with its value.
    pub(crate) fn variable(&self, variables: &[&'static str]) -> Option<(&'static str, String)> {
        variables.iter().find_map(|variable| Some((*variable, self.environment.value(variable)?)))
    }

    /// The value of one variable, if it is set.
    #[cfg(feature = "otlp-http")]
    pub(crate) fn value(&self, variable: &str) -> Option<String> {
        self.environment.value(variable)
    }

    /// Decides a setting: what code says, else the first variable that is set, else the default.
    pub(crate) fn decide<T: fmt::Display>(
        &mut self,
        name: &'static str,
        code: Option<(&'static str, T)>,
        variables: &[&'static str],
        parse: impl FnOnce(&str) -> Result<T, String>,
        default: T,
    ) -> T {
        let (value, source) = match (code, self.variable(variables)) {
            (Some((method, value)), _) => (value, Source::Code(method)),
            (None, Some((variable, text))) => match parse(&text) {
                Ok(value) => (value, Source::Environment(variable)),
                Err(problem) => {
                    self.problem(Source::Environment(variable), text, problem);
                    return default;
                }
            },
            (None, None) => (default, Source::Default),
        };
        self.decided(name, &value, source);
        value
    }

    /// Notes a setting that was decided elsewhere.
    pub(crate) fn decided(&mut self, name: &'static str, value: &impl fmt::Display, source: Source) {
        self.decided.push(Setting { name, value: value.to_string(), source });
    }

    /// Notes a setting that cannot be used.
    pub(crate) fn problem(&mut self, source: Source, value: impl Into<String>, problem: impl Into<String>) {
        let problem = Problem { source, value: value.into(), what: problem.into() };
        // What all signals share is decided for each of them.
        if !self.problems.contains(&problem) {
            self.problems.push(problem);
        }
    }

    /// What was decided, unless there was a problem.
    pub(crate) fn finish(self) -> Result<Vec<Setting>, Error> {
        if self.problems.is_empty() { Ok(self.decided) } else { Err(Error::Configuration(self.problems)) }
    }
}

impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Environment")
    }
}
