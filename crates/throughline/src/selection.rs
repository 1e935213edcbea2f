//! Which exporters each signal has: [`Selection`].
//!
//! Code, `OTEL_{METRICS,TRACES,LOGS}_EXPORTER` and endpoints decide together. `init.rs` asks once, before the exporters
//! decide about themselves; nothing is opened here.

use crate::config::{Destination, ExportConfig, TelemetryConfig};
use crate::error::Source;
use crate::prometheus;
use crate::settings::catalogue::{
    LOGS_EXPORTER, LOGS_OTLP, METRICS_EXPORTER, METRICS_OTLP, OtlpSettings, TRACES_EXPORTER, TRACES_OTLP,
};
use crate::settings::{Definition, Given, Overridden, Settings};

/// The exporters of all signals.
#[derive(Debug)]
pub(crate) struct Selection {
    pub(crate) metrics: Exporters,
    #[cfg_attr(not(feature = "tracing"), expect(dead_code, reason = "nothing is recorded"))]
    pub(crate) traces: Exporters,
    #[cfg_attr(not(feature = "tracing"), expect(dead_code, reason = "nothing is recorded"))]
    pub(crate) logs: Exporters,
}

/// The exporters of one signal.
#[derive(Debug, Default)]
pub(crate) struct Exporters {
    pub(crate) otlp: Option<Wanted>,
    pub(crate) prometheus: Option<Source>,
    pub(crate) console: Option<Source>,
}

/// Where OTLP is to go, and who says so.
#[derive(Clone, Debug)]
pub(crate) struct Wanted {
    pub(crate) destination: Destination,
    pub(crate) source: Source,
    pub(crate) overrode: Vec<Overridden>,
}

/// What a signal can be exported with.
struct Signal {
    exporter: &'static Definition,
    otlp: &'static OtlpSettings,
    known: &'static [&'static str],
}

const METRICS: Signal = Signal {
    exporter: &METRICS_EXPORTER,
    otlp: &METRICS_OTLP,
    known: &["otlp", "prometheus", "console", "none"],
};
const TRACES: Signal =
    Signal { exporter: &TRACES_EXPORTER, otlp: &TRACES_OTLP, known: &["otlp", "console", "none"] };
const LOGS: Signal =
    Signal { exporter: &LOGS_EXPORTER, otlp: &LOGS_OTLP, known: &["otlp", "console", "none"] };

impl Selection {
    pub(crate) fn new(config: &TelemetryConfig, settings: &mut Settings<'_>) -> Self {
        let TelemetryConfig { export, metrics, records, prometheus, .. } = config;
        Self {
            metrics: METRICS.decide((&metrics.export, export), *prometheus, settings),
            traces: TRACES.decide((records.traces_export(), export), None, settings),
            logs: LOGS.decide((records.logs_export(), export), None, settings),
        }
    }

    /// Who says that a signal is to be pushed.
    #[cfg_attr(feature = "otlp-http", expect(dead_code, reason = "there is nothing to refuse"))]
    pub(crate) fn pushed(&self) -> Option<&Source> {
        let signals = [&self.metrics, &self.traces, &self.logs];
        signals.into_iter().find_map(|signal| signal.otlp.as_ref().map(|wanted| &wanted.source))
    }
}

impl Signal {
    /// Code, that is a destination or whether there is to be a scrape endpoint, wins over a list of exporters, and a
    /// list over what an endpoint alone would mean.
    fn decide(
        &self,
        (own, all): (&ExportConfig, &ExportConfig),
        prometheus: Option<bool>,
        settings: &mut Settings<'_>,
    ) -> Exporters {
        let code = own.destination.as_ref().or(all.destination.as_ref());
        let list = self.list(settings);
        let list_wins = list.is_some() && settings.environment_wins();
        let prometheus = prometheus.filter(|_| !list_wins);
        let code_wants = code.is_some() && !list_wins;
        let endpoints = self.endpoints(code, settings);
        let named =
            |name: &str| list.as_ref().filter(|list| list.names(name)).map(|list| list.source.clone());
        let wants = match &list {
            None => !endpoints.is_empty(),
            Some(list) => code_wants || list.names("otlp"),
        };
        let exporters = Exporters {
            otlp: wants.then(|| self.wanted(endpoints, named("otlp"))),
            prometheus: match (prometheus, &list) {
                (Some(wanted), _) => wanted.then_some(Source::Code(WITH_ENDPOINT)),
                (None, Some(_)) => named("prometheus"),
                (None, None) => self.is_scraped().then_some(Source::Default),
            },
            console: named("console"),
        };
        let code = match prometheus {
            _ if code_wants => code.map(|code| Source::Code(code.method())),
            Some(true) => Some(Source::Code(WITH_ENDPOINT)),
            Some(false) => Some(Source::Code("without_prometheus_endpoint")),
            None => None,
        };
        self.describe(&exporters, code, list, settings);
        exporters
    }

    /// Everywhere that somebody wants to push to, strongest first.
    fn endpoints(
        &self,
        code: Option<&Destination>,
        settings: &mut Settings<'_>,
    ) -> Vec<(Destination, Source)> {
        let given = settings.given(&self.otlp.endpoint).into_iter();
        let below = given.map(|given| (of_variable(&given), given.source));
        let code = code.map(|code| (code.clone(), Source::Code(code.method())));
        let mut all: Vec<_> = code.into_iter().chain(below).collect();
        settings.sort(&mut all, |(_, source)| source);
        all
    }

    fn wanted(&self, endpoints: Vec<(Destination, Source)>, list: Option<Source>) -> Wanted {
        let mut endpoints = endpoints.into_iter();
        let local = || (Destination::Local, list.unwrap_or(Source::Default));
        let (destination, source) = endpoints.next().unwrap_or_else(local);
        let overrode = endpoints.map(|(destination, source)| {
            let value = self.otlp.endpoint.shown(destination.url());
            Overridden { value, source }
        });
        Wanted { destination, source, overrode: overrode.collect() }
    }

    /// The list of exporters that the environment or a file asks for; none when they do not, or when it cannot be used.
    fn list(&self, settings: &mut Settings<'_>) -> Option<List> {
        let Given { text, source, .. } = settings.given(self.exporter).into_iter().next()?;
        let names: Vec<_> = text.split(',').map(|name| name.trim().to_owned()).collect();
        let unknown = names.iter().find(|name| !self.known.contains(&name.as_str()));
        let what = match unknown {
            Some(unknown) => format!("there is no exporter `{unknown}`; write {}", self.known.join(", ")),
            None if names.len() > 1 && names.iter().any(|name| name == "none") => {
                "says `none` and something else; write `none` alone, or leave it out".to_owned()
            }
            None => return Some(List { names, source }),
        };
        settings.problem_of(self.exporter, source, text, what);
        None
    }

    /// Whether there is a scrape endpoint when nobody says anything.
    fn is_scraped(&self) -> bool {
        self.known.contains(&"prometheus") && prometheus::IS_BUILT_IN
    }

    fn describe(
        &self,
        Exporters { otlp, prometheus, console }: &Exporters,
        code: Option<Source>,
        list: Option<List>,
        settings: &mut Settings<'_>,
    ) {
        let all =
            [("prometheus", prometheus.is_some()), ("otlp", otlp.is_some()), ("console", console.is_some())];
        let names: Vec<_> = all.into_iter().filter(|(_, wanted)| *wanted).map(|(name, _)| name).collect();
        let value = if names.is_empty() { "none".to_owned() } else { names.join(",") };
        let of_endpoint = || otlp.as_ref().map_or(Source::Default, |wanted| wanted.source.clone());
        let (source, overrode) = match (code, list) {
            (Some(code), Some(List { names, source })) => {
                (code, vec![Overridden { value: names.join(","), source }])
            }
            (Some(code), None) => (code, Vec::new()),
            (None, Some(list)) => (list.source, Vec::new()),
            (None, None) => (of_endpoint(), Vec::new()),
        };
        settings.note(self.exporter, value, source, overrode);
    }
}

/// How code asks for the scrape endpoint.
const WITH_ENDPOINT: &str = "with_prometheus_address";

/// A list of exporters, and where it stands.
struct List {
    names: Vec<String>,
    source: Source,
}

impl List {
    fn names(&self, name: &str) -> bool {
        self.names.iter().any(|named| named == name)
    }
}

/// A signal's own variable is the URL itself, and so is what a file says; that of all signals is a base.
fn of_variable(given: &Given) -> Destination {
    match given.variable {
        Some(0) | None => Destination::Url(given.text.clone()),
        Some(_) => Destination::Base(given.text.clone()),
    }
}
