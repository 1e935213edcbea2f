//! Joins what code, environment, file and defaults say about a setting, and remembers which one won and what it
//! overrode.
//!
//! `init.rs` and the exporters' `enabled.rs` ask for one setting after the other; problems are collected, so that all
//! of them are reported at once, and what was decided becomes part of the description. What a setting is called and
//! where it can come from stands in `catalogue.rs`.

mod alias;
pub(crate) mod catalogue;
mod definition;
mod layers;
pub(crate) mod parse;
mod unknown;

pub use alias::Alias;
pub use definition::Definition;
#[cfg(feature = "otlp-http")]
pub(crate) use definition::without_credentials;
#[cfg(feature = "config-file")]
pub(crate) use layers::FileValue;
pub(crate) use layers::{FileLayer, Given};
#[cfg(feature = "config-file")]
pub(crate) use unknown::nearest;

use std::fmt;

use crate::config::TelemetryConfig;
use crate::error::{Error, Problem, Source};
use catalogue::catalogue;
use layers::Layers;

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
    /// What else was said, and did not count; strongest first. Defaults are not in it.
    pub overrode: Vec<Overridden>,
}

/// What was said of a setting, and did not count.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Overridden {
    /// The value; secrets are left out.
    pub value: String,
    /// Where it comes from.
    pub source: Source,
}

/// Collects settings and problems.
#[derive(Debug)]
pub(crate) struct Settings<'a> {
    layers: Layers<'a>,
    environment_wins: bool,
    decided: Vec<Setting>,
    problems: Vec<Problem>,
    warnings: Vec<String>,
    missing: Option<Missing>,
}

/// An exporter that was asked for, and is not in this build.
#[derive(Debug)]
struct Missing {
    exporter: &'static str,
    feature: &'static str,
    source: Source,
}

/// What was decided.
#[derive(Clone, Debug, Default)]
pub(crate) struct Decisions {
    pub(crate) settings: Vec<Setting>,
    pub(crate) warnings: Vec<String>,
}

/// What was said cannot be used, and the problem is noted.
pub(crate) struct Refused;

/// What a layer says, read.
struct Candidate<T> {
    source: Source,
    shown: String,
    value: Result<T, String>,
}

impl<'a> Settings<'a> {
    pub(crate) fn new(config: &'a TelemetryConfig) -> Self {
        let TelemetryConfig { environment, aliases, environment_wins, .. } = config;
        let layers = Layers { environment, aliases, file: FileLayer::default() };
        let mut settings = Self {
            layers,
            environment_wins: *environment_wins,
            decided: Vec::new(),
            problems: Vec::new(),
            warnings: Vec::new(),
            missing: None,
        };
        unknown::check(environment, aliases, &mut settings);
        settings
    }

    /// Adds what a file says, below the environment.
    #[cfg_attr(not(feature = "config-file"), expect(dead_code, reason = "no file is read"))]
    pub(crate) fn add_file(&mut self, file: FileLayer) {
        self.layers.file = file;
    }

    /// Decides a setting: what code says, else the environment, else the file, else the default, which the same
    /// function reads.
    pub(crate) fn decide<T: fmt::Display>(
        &mut self,
        definition: &'static Definition,
        code: Option<(&'static str, T)>,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> T {
        let chosen = self.chosen(definition, code, &parse);
        if let Ok(Some(value)) = chosen {
            return value;
        }
        let value = parse(definition.default()).expect("a test reads every default");
        if chosen.is_ok() {
            self.note(definition, value.to_string(), Source::Default, Vec::new());
        }
        value
    }

    /// As [`decide`](Self::decide), for a setting without a default: nothing is noted when nobody says anything.
    pub(crate) fn choose<T: fmt::Display>(
        &mut self,
        definition: &'static Definition,
        code: Option<(&'static str, T)>,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> Option<T> {
        self.chosen(definition, code, &parse).unwrap_or_default()
    }

    fn chosen<T: fmt::Display>(
        &mut self,
        definition: &'static Definition,
        code: Option<(&'static str, T)>,
        parse: &impl Fn(&str) -> Result<T, String>,
    ) -> Result<Option<T>, Refused> {
        let mut candidates = self.candidates(definition, code, parse).into_iter();
        let Some(Candidate { source, shown, value }) = candidates.next() else { return Ok(None) };
        let overrode = candidates.map(|Candidate { source, shown: value, .. }| Overridden { value, source });
        match value {
            Ok(value) => {
                self.note(definition, definition.shown(&value.to_string()), source, overrode.collect());
                Ok(Some(value))
            }
            Err(what) => {
                self.problem_of(definition, source, shown, what);
                Err(Refused)
            }
        }
    }

    /// Everything that is said, strongest first.
    fn candidates<T: fmt::Display>(
        &mut self,
        definition: &'static Definition,
        code: Option<(&'static str, T)>,
        parse: &impl Fn(&str) -> Result<T, String>,
    ) -> Vec<Candidate<T>> {
        let code = code.map(|(method, value)| Candidate {
            source: Source::Code(method),
            shown: definition.shown(&value.to_string()),
            value: Ok(value),
        });
        let given = self.given(definition).into_iter().map(|Given { text, source, .. }| Candidate {
            shown: definition.shown(&text),
            value: parse(&text),
            source,
        });
        let mut candidates: Vec<_> = code.into_iter().chain(given).collect();
        self.sort(&mut candidates, |candidate| &candidate.source);
        candidates
    }

    /// Whether the environment wins over code.
    pub(crate) fn environment_wins(&self) -> bool {
        self.environment_wins
    }

    /// Puts the environment before code where it wins. Variables keep their order, and so do code and file.
    pub(crate) fn sort<T>(&self, said: &mut [T], source: impl Fn(&T) -> &Source) {
        if self.environment_wins {
            said.sort_by_key(|said| !matches!(source(said), Source::Environment(_)));
        }
    }

    /// Decides a switch, and notes it when somebody says something. As the specification has it, only `true` is true; what is neither gets a warning.
    pub(crate) fn switch(
        &mut self,
        definition: &'static Definition,
        code: Option<(&'static str, bool)>,
    ) -> bool {
        let is_true = |text: &str| text.eq_ignore_ascii_case("true");
        let decided = self.choose(definition, code, |text| Ok(is_true(text)));
        for Given { text, source, .. } in self.given(definition) {
            if !["true", "false"].iter().any(|known| text.eq_ignore_ascii_case(known)) {
                self.warn(format!("{source} = `{text}` counts as false: write true or false"));
            }
        }
        decided.unwrap_or_else(|| is_true(definition.default()))
    }

    /// Everything that is said of a setting outside of code, strongest first.
    pub(crate) fn given(&mut self, definition: &'static Definition) -> Vec<Given> {
        let (given, problems) = self.layers.given(definition);
        for problem in problems {
            let Problem { source, value, what, .. } = problem;
            self.problem_of(definition, source, value, what);
        }
        given
    }

    /// The value of a variable that is no setting, if it is set.
    #[cfg_attr(
        not(any(feature = "otlp-http", feature = "tracing")),
        expect(dead_code, reason = "only they have such variables")
    )]
    pub(crate) fn variable(&self, variable: &str) -> Option<String> {
        self.layers.environment.value(variable)
    }

    /// Where the setting comes from that was decided last.
    pub(crate) fn last_source(&self) -> Source {
        self.decided.last().map_or(Source::Default, |setting| setting.source.clone())
    }

    /// Notes a setting that was decided elsewhere.
    pub(crate) fn note(
        &mut self,
        definition: &'static Definition,
        value: String,
        source: Source,
        overrode: Vec<Overridden>,
    ) {
        // What several exporters need is decided for each of them.
        let name = definition.name();
        self.decided.retain(|setting| setting.name != name);
        self.decided.push(Setting { name, value, source, overrode });
    }

    /// Notes something that was decided and is no setting.
    #[cfg_attr(
        not(any(feature = "otlp-http", feature = "tracing")),
        expect(dead_code, reason = "only a proxy and traces have such things")
    )]
    pub(crate) fn note_fact(&mut self, name: &'static str, value: String, source: Source) {
        self.decided.push(Setting { name, value, source, overrode: Vec::new() });
    }

    /// Notes a setting that cannot be used.
    pub(crate) fn problem_of(
        &mut self,
        definition: &'static Definition,
        source: Source,
        value: impl Into<String>,
        what: impl Into<String>,
    ) {
        self.push(Problem { setting: definition.name(), source, value: value.into(), what: what.into() });
    }

    /// Notes something that cannot be used and is no setting.
    pub(crate) fn problem(&mut self, source: Source, value: impl Into<String>, what: impl Into<String>) {
        self.push(Problem { setting: "", source, value: value.into(), what: what.into() });
    }

    fn push(&mut self, problem: Problem) {
        // What all signals share is decided for each of them.
        let is_known = self.problems.iter().any(|known| known.says_the_same(&problem));
        if !is_known {
            self.problems.push(problem);
        }
    }

    /// Notes something that works, and is hardly what was meant.
    pub(crate) fn warn(&mut self, warning: impl Into<String>) {
        let warning = warning.into();
        if !self.warnings.contains(&warning) {
            self.warnings.push(warning);
        }
    }

    /// Notes that an exporter is asked for that is not in this build.
    #[cfg_attr(
        all(feature = "config-file", feature = "console", feature = "otlp-http", feature = "prometheus"),
        expect(dead_code, reason = "everything is in this build")
    )]
    pub(crate) fn not_compiled_in(&mut self, exporter: &'static str, feature: &'static str, source: Source) {
        self.missing.get_or_insert(Missing { exporter, feature, source });
    }

    /// What was decided, unless there was a problem.
    pub(crate) fn finish(self) -> Result<Decisions, Error> {
        let (decisions, problems) = self.explain();
        match problems {
            Some(error) => Err(error),
            None => Ok(decisions),
        }
    }

    /// What was decided, and what is wrong with it.
    pub(crate) fn explain(self) -> (Decisions, Option<Error>) {
        let Self { decided: mut settings, mut problems, warnings, missing, .. } = self;
        // As the documentation lists them; what is no setting comes last.
        let order = catalogue();
        let place = |setting: &Setting| order.iter().position(|definition| definition.name() == setting.name);
        settings.sort_by_key(|setting| place(setting).unwrap_or(usize::MAX));
        let error = match missing {
            None if problems.is_empty() => None,
            None => Some(Error::Configuration(problems)),
            Some(Missing { exporter, feature, source }) => {
                let missing = Error::NotCompiledIn { exporter, feature, source: source.clone() };
                if problems.is_empty() {
                    Some(missing)
                } else {
                    let (value, what) = (exporter.to_owned(), missing.to_string());
                    problems.push(Problem { setting: "", source, value, what });
                    Some(Error::Configuration(problems))
                }
            }
        };
        (Decisions { settings, warnings }, error)
    }
}
