//! Stop 7 put together: [`Renderer`] from a collection to bytes, [`PrometheusExporter`] from a request to an answer.
//!
//! Called by [`server`](crate::server), [`service`](crate::service) and applications. Behind it comes the wire (stop 8),
//! which it knows nothing of. One scrape at a time collects, behind a lock that no recording thread ever takes; the
//! engine's callbacks run under it, so a callback must not scrape. Bytes are made without it (`chunks.rs`).

use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Instant;

use http::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderValue, VARY};
use throughline_core::name::TranslationStrategy;
use throughline_core::{InstrumentKind, KeyValue, MetricDef, NumberKind};
use throughline_metrics::data::Collection;
use throughline_metrics::{Histogram, Meter, Reader};

use crate::chunks::{Chunks, Cursor};
use crate::negotiate::wants_gzip;
use crate::problem::{Problem, Problems};
use crate::view::View;
use crate::{Exposition, Format};

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
        let view = self.refreshed(collection, format);
        view.page.write(collection, &mut Cursor::default(), out, usize::MAX);
    }

    /// The exposition of a collection, to be made in pieces. Costs what is new in the collection; each piece its bytes.
    pub fn chunks(&mut self, collection: &Arc<Collection>, format: Format) -> Chunks {
        let page = self.refreshed(collection, format).page.clone();
        Chunks::new(Arc::clone(collection), page)
    }

    /// What could not be shown as it was recorded, since this renderer was made.
    pub fn problems(&self) -> &[Problem] {
        self.problems.as_slice()
    }

    /// What this kind of scraper is shown, up to date with the collection.
    fn refreshed(&mut self, collection: &Collection, format: Format) -> &View {
        let known = self.views.iter().position(|view| view.is_for(format));
        let view = known.map_or_else(|| View::new(format, &self.config), |place| self.views.remove(place));
        self.views.insert(0, view);
        self.views.truncate(VIEWS_MAX);
        let view = &mut self.views[0];
        view.refresh(collection, &mut self.problems);
        view
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
    /// How long the last exposition made at once was, to make room for the next.
    last_length: AtomicUsize,
    /// Takes how long collections took, when somebody asked.
    durations: OnceLock<Histogram<f64>>,
}

/// How long collections take, as the
/// [semantic conventions](https://opentelemetry.io/docs/specs/semconv/otel/sdk-metrics/) have it.
pub const COLLECTION_DURATION: MetricDef =
    MetricDef::new("otel.sdk.metric_reader.collection.duration", InstrumentKind::Histogram, NumberKind::F64)
        .with_unit("s")
        .with_description("How long it took to collect all metrics, callbacks included.")
        .with_bounds(&[]);

struct Scrape {
    reader: Reader,
    renderer: Renderer,
}

impl PrometheusExporter {
    /// An exporter of what `reader` collects. Prometheus needs cumulative temporality: points with delta temporality
    /// are left out and reported as a [`Problem`].
    pub fn new(reader: Reader, config: PrometheusConfig) -> Self {
        let renderer = Renderer::new(config.clone());
        let scrape = Mutex::new(Scrape { reader, renderer });
        let (problems, last_length) = (Mutex::default(), AtomicUsize::new(0));
        let durations = OnceLock::new();
        Self { shared: Arc::new(Shared { config, scrape, problems, last_length, durations }) }
    }

    /// Records how long collections take, as [`COLLECTION_DURATION`]. The first meter counts.
    pub fn observe(&self, meter: &Meter) {
        self.shared.durations.get_or_init(|| meter.instrument(&COLLECTION_DURATION));
    }

    /// How the exporter was configured.
    pub fn config(&self) -> &PrometheusConfig {
        &self.shared.config
    }

    /// Collects, and gives what was collected as an exposition to be made in pieces.
    ///
    /// Runs the callbacks of observable instruments, and waits for another call that is at this. Making the pieces needs
    /// no lock, and what is recorded or scraped in between does not show in them.
    pub fn chunks(&self, format: Format) -> Chunks {
        let mut scrape = lock(&self.shared.scrape);
        let Scrape { reader, renderer } = &mut *scrape;
        #[expect(clippy::disallowed_methods, reason = "only told, and nothing depends on it")]
        let began = Instant::now();
        let collection = reader.collect();
        if let Some(durations) = self.shared.durations.get() {
            let kind = KeyValue::new("otel.component.type", "prometheus_http_text_metric_exporter");
            durations.record(began.elapsed().as_secs_f64(), &[kind][..]);
        }
        let chunks = renderer.chunks(collection, format);
        let mut problems = lock(&self.shared.problems);
        if problems.len() < renderer.problems().len() {
            renderer.problems().clone_into(&mut problems);
        }
        chunks
    }

    /// Collects and renders, all in one piece. Costs what [`chunks`](Self::chunks) does, and the memory.
    pub fn render(&self, format: Format) -> Vec<u8> {
        let last_length = self.shared.last_length.load(Ordering::Relaxed);
        let mut out = Vec::with_capacity(last_length + last_length / 8);
        self.chunks(format).write(&mut out, usize::MAX);
        self.shared.last_length.store(out.len(), Ordering::Relaxed);
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
    /// The first piece is made already, so that nothing but the callbacks' values can be missing once there is an answer.
    /// Takes as long as [`chunks`](Self::chunks); a server should call it, and ask for more pieces, where blocking is
    /// allowed.
    ///
    /// ```
    /// # fn answer(exporter: &throughline_prometheus::PrometheusExporter, request: http::Request<()>) {
    /// let response = exporter.respond(request.headers());
    /// // For a server that wants a body whole:
    /// let response = response.map(|chunks| chunks.collect::<Vec<_>>().concat());
    /// # }
    /// ```
    #[expect(clippy::missing_panics_doc, reason = "content types are constants in ASCII")]
    pub fn respond(&self, headers: &HeaderMap) -> http::Response<Chunks> {
        let format = Format::negotiate(headers);
        let mut chunks = self.chunks(format);
        let is_zipped = chunks.begin(wants_gzip(headers), GZIP_LENGTH_MIN);
        let mut response = http::Response::new(chunks);
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
