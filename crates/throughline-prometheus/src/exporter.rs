//! Stop 7 put together: [`Renderer`] from a collection to bytes, [`PrometheusExporter`] from a request to an answer.
//!
//! Called by [`server`](crate::server), [`service`](crate::service) and applications. Behind it comes the wire (stop 8),
//! which it knows nothing of. One scrape at a time renders, behind a lock that no recording thread ever takes; the
//! engine's callbacks run under it, so a callback must not scrape.

use std::fmt;
use std::io::Write as _;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderValue, VARY};
use throughline_core::name::TranslationStrategy;
use throughline_core::protobuf::Writer;
use throughline_metrics::Reader;
use throughline_metrics::data::Collection;

use crate::family::{Names, Scoped, Shape, View};
use crate::negotiate::wants_gzip;
use crate::problem::{Problem, Problems};
use crate::{Exposition, Format, protobuf, text};

/// How many kinds of scraper are remembered, the one longest unseen forgotten first. Prometheus is one, a person with
/// a browser another; each costs the rendered labels of all series.
const VIEWS_MAX: usize = 3;

/// Answers shorter than this are not compressed: they fit in a packet either way.
const GZIP_LENGTH_MIN: usize = 1024;

/// How metrics are shown to Prometheus.
///
/// ```
/// use throughline_prometheus::PrometheusConfig;
///
/// let config = PrometheusConfig::default().with_scope_labels(false);
/// assert!(config.target_info);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PrometheusConfig {
    /// How names are translated.
    pub strategy: TranslationStrategy,
    /// Whether each series says which scope created it: `otel_scope_name`, `otel_scope_version`,
    /// `otel_scope_schema_url`, and `otel_scope_` with each attribute of the scope.
    pub scope_labels: bool,
    /// Whether there is a metric `target_info` with the attributes of the resource.
    pub target_info: bool,
}

/// As the OpenTelemetry specification has it: suffixes, scope labels, `target_info`.
impl Default for PrometheusConfig {
    fn default() -> Self {
        Self { strategy: TranslationStrategy::default(), scope_labels: true, target_info: true }
    }
}

impl PrometheusConfig {
    /// Sets how names are translated.
    pub fn with_strategy(mut self, strategy: TranslationStrategy) -> Self {
        self.strategy = strategy;
        self
    }

    /// Sets whether series have scope labels.
    pub fn with_scope_labels(mut self, scope_labels: bool) -> Self {
        self.scope_labels = scope_labels;
        self
    }

    /// Sets whether there is a `target_info`.
    pub fn with_target_info(mut self, target_info: bool) -> Self {
        self.target_info = target_info;
        self
    }
}

/// Turns collections into exposition formats, remembering names and labels from one to the next.
///
/// The collections must come from one reader: series are recognised by their ids. A series seen before costs its labels'
/// bytes copied and its numbers formatted, no allocation.
#[derive(Debug, Default)]
pub struct Renderer {
    config: PrometheusConfig,
    /// The one used last in front.
    views: Vec<View>,
    problems: Problems,
}

impl Renderer {
    /// A renderer that remembers nothing yet.
    pub fn new(config: PrometheusConfig) -> Self {
        Self { config, ..Self::default() }
    }

    /// Appends the exposition of a collection to `out`.
    pub fn render(&mut self, collection: &Collection, format: Format, out: &mut Vec<u8>) {
        let metrics: Vec<Scoped<'_>> = collection.metrics().collect();
        let (view, problems) = self.view(format);
        view.refresh(collection, &metrics, problems);
        out.extend_from_slice(&view.target);
        let mut writer = Writer::default();
        for family in &view.families {
            match &family.names {
                Names::Text(names) => text::write_family(out, family, names, view.namer, &metrics),
                Names::Protobuf(metadata) => {
                    protobuf::write_family(&mut writer, family, metadata, view.namer, &metrics);
                    out.extend_from_slice(writer.as_bytes());
                    writer.clear();
                }
            }
        }
        if view.shape == Shape::OpenMetrics {
            out.extend_from_slice(b"# EOF\n");
        }
    }

    /// What could not be shown as it was recorded, since this renderer was made.
    pub fn problems(&self) -> &[Problem] {
        self.problems.as_slice()
    }

    fn view(&mut self, format: Format) -> (&mut View, &mut Problems) {
        let known = self.views.iter().position(|view| view.is_for(format));
        let view = known.map_or_else(|| View::new(format, &self.config), |place| self.views.remove(place));
        self.views.insert(0, view);
        self.views.truncate(VIEWS_MAX);
        (&mut self.views[0], &mut self.problems)
    }
}

/// Answers scrapes with what a reader collects. Cloning gives another handle to the same exporter.
#[derive(Clone)]
pub struct PrometheusExporter {
    shared: Arc<Shared>,
}

struct Shared {
    config: PrometheusConfig,
    scrape: Mutex<Scrape>,
    /// A copy of the renderer's, so that whoever asks need not wait for a scrape.
    problems: Mutex<Vec<Problem>>,
}

struct Scrape {
    reader: Reader,
    renderer: Renderer,
    /// How long the last exposition was, to make room for the next at once.
    last_length: usize,
}

impl PrometheusExporter {
    /// An exporter of what `reader` collects. Prometheus needs cumulative temporality: points with delta temporality
    /// are left out and reported as a [`Problem`].
    pub fn new(reader: Reader, config: PrometheusConfig) -> Self {
        let renderer = Renderer::new(config.clone());
        let scrape = Mutex::new(Scrape { reader, renderer, last_length: 0 });
        Self { shared: Arc::new(Shared { config, scrape, problems: Mutex::default() }) }
    }

    /// How the exporter was configured.
    pub fn config(&self) -> &PrometheusConfig {
        &self.shared.config
    }

    /// Collects and renders. Runs the callbacks of observable instruments and waits for a scrape that is under way.
    pub fn render(&self, format: Format) -> Vec<u8> {
        let mut scrape = lock(&self.shared.scrape);
        let Scrape { reader, renderer, last_length } = &mut *scrape;
        let mut out = Vec::with_capacity(*last_length + *last_length / 8);
        renderer.render(reader.collect(), format, &mut out);
        *last_length = out.len();
        let mut problems = lock(&self.shared.problems);
        if problems.len() < renderer.problems().len() {
            renderer.problems().clone_into(&mut problems);
        }
        out
    }

    /// Collects and renders as text. Like [`render`](Self::render), for people and tests: a `protobuf` format is
    /// answered with text.
    #[expect(clippy::missing_panics_doc, reason = "the text formats are written from strings")]
    pub fn render_text(&self, mut format: Format) -> String {
        if format.exposition == Exposition::Protobuf {
            format.exposition = Exposition::default();
        }
        String::from_utf8(self.render(format)).expect("names, labels and help are strings")
    }

    /// Answers a scrape: the format that `Accept` asks for, compressed when `Accept-Encoding` asks for gzip.
    ///
    /// Takes as long as [`render`](Self::render); a server should call it where blocking is allowed.
    #[expect(clippy::missing_panics_doc, reason = "content types are constants in ASCII")]
    pub fn respond(&self, headers: &HeaderMap) -> http::Response<Bytes> {
        let format = Format::negotiate(headers);
        let body = self.render(format);
        let zipped = if body.len() >= GZIP_LENGTH_MIN && wants_gzip(headers) { gzip(&body) } else { None };
        let is_zipped = zipped.is_some();
        let mut response = http::Response::new(Bytes::from(zipped.unwrap_or(body)));
        let content_type = HeaderValue::try_from(format.to_string()).expect("content types are ASCII");
        response.headers_mut().insert(CONTENT_TYPE, content_type);
        response.headers_mut().insert(VARY, HeaderValue::from_static("accept, accept-encoding"));
        if is_zipped {
            response.headers_mut().insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        }
        response
    }

    /// What could not be shown as it was recorded, since the exporter was made: colliding names, for the most part.
    ///
    /// Known after the first scrape. Does not wait for one that is under way.
    pub fn problems(&self) -> Vec<Problem> {
        lock(&self.shared.problems).clone()
    }
}

impl fmt::Debug for PrometheusExporter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PrometheusExporter").field("config", &self.shared.config).finish_non_exhaustive()
    }
}

/// Whatever panicked under a lock, the next scrape is worth a try: nothing behind it depends on a call that was cut off.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The fastest level: a scrape is text that repeats itself, and the processor is the application's.
fn gzip(body: &[u8]) -> Option<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(body.len() / 8), Compression::fast());
    encoder.write_all(body).and_then(|()| encoder.finish()).ok()
}
