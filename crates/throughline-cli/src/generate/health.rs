//! What is charted of the telemetry itself: whether it arrives, what was given up, what waits.

use throughline::MetricDef;

use super::MAY_BE_EMPTY;
use super::chart::{CHOSEN, Chart, Kind, Query, Row};
use super::metric::{Metric, Scope};
use super::naming::{Naming, Path};
use super::promql::{aggregate, label, selector};

/// The metrics that an exporter has of itself.
pub(crate) struct Exporter {
    pub(crate) alive: Metric,
    pub(crate) dropped: Metric,
    pub(crate) exported: Vec<Metric>,
    pub(crate) last_success: Metric,
    pub(crate) queue: Metric,
    pub(crate) queue_max: Metric,
    pub(crate) spool_working: Metric,
}

impl Exporter {
    /// All of them; none of their names is lost in translation.
    pub(crate) fn new(naming: Naming) -> Option<Self> {
        let find = |name: &str| throughline_otlp::METRICS.into_iter().find(|def| def.name == name);
        let metric = |name| find(name).and_then(|def: MetricDef| Metric::new(def, naming.strategy));
        let exported = throughline_otlp::METRICS.into_iter().filter(|def| def.name.ends_with(".exported"));
        Some(Self {
            alive: metric("throughline.exporter.alive")?,
            dropped: metric("throughline.exporter.dropped")?,
            exported: exported.filter_map(|def| Metric::new(def, naming.strategy)).collect(),
            last_success: metric("throughline.exporter.last_success.time")?,
            queue: metric("throughline.exporter.queue.size")?,
            queue_max: metric("throughline.exporter.queue.capacity")?,
            spool_working: metric("throughline.exporter.spool.working")?,
        })
    }
}

/// The series that took what was beyond an instrument's limit.
pub(crate) fn overflowed(naming: Naming, scope: &Scope<'_>) -> String {
    let overflow = format!(r#"{}="true""#, label(&naming.strategy.label_name("otel.metric.overflow")));
    let chosen = scope.matchers.iter().map(|text| (*text).to_owned());
    selector("", &[overflow].into_iter().chain(chosen).collect::<Vec<_>>())
}

/// The row that every dashboard ends with.
pub(crate) fn charts(naming: Naming) -> Vec<Chart> {
    let of_target = (naming.path == Path::Scrape).then(targets).into_iter().flatten();
    let of_exporter = Exporter::new(naming).filter(|_| naming.path.pushes());
    let of_exporter = of_exporter.iter().flat_map(exporter);
    of_exporter.chain(of_target).chain([overflow(naming)]).collect()
}

fn exporter(exporter: &Exporter) -> Vec<Chart> {
    let component = exporter.alive.label("otel.component.name");
    let by = std::slice::from_ref(&component);
    let reason = exporter.dropped.label("throughline.reason");
    let error = exporter.dropped.label("error.type");
    let exported = exporter.exported.iter().map(|metric| {
        let item = metric.def.unit.trim_matches(['{', '}']);
        let legend = format!("{item}s {{{{{}}}}}", error.trim_matches('"'));
        Query { expression: metric.rate(&CHOSEN, std::slice::from_ref(&error), None), legend }
    });
    let series = |metric: &Metric| metric.series("", &CHOSEN, None);
    let legend = format!("{{{{{}}}}}", component.trim_matches('"'));
    let one = |title, description, unit, expression, legend: &str| {
        chart(title, description, unit, vec![Query { expression, legend: legend.to_owned() }])
    };
    let queue = format!(
        "{} / {}",
        aggregate("sum", by, &series(&exporter.queue)),
        aggregate("sum", by, &series(&exporter.queue_max))
    );
    let dropped = exporter.dropped.rate(&CHOSEN, std::slice::from_ref(&reason), None);
    let since = format!("time() - {}", aggregate("max", by, &series(&exporter.last_success)));
    let alive = aggregate("min", by, &series(&exporter.alive));
    let reason = format!("{{{{{}}}}}", reason.trim_matches('"'));
    let exported: Vec<_> = exported.collect();
    vec![
        chart(
            "Exported",
            "Points, spans and log records whose export has ended, by what went wrong.\n\nMay be empty: a service \
             may export one signal and not another.",
            "cps",
            exported,
        ),
        one(
            "Given up",
            "Points, spans and log records that were dropped, by reason.",
            "cps",
            dropped,
            &reason,
        ),
        one("Queue, of its limit", "Bytes that wait to be delivered.", "percentunit", queue, &legend),
        one("Since the last delivery", "How long ago the receiver took a request.", "s", since, &legend),
        one("Exporters alive", "1 while an exporter runs.", "short", alive, &legend),
    ]
}

fn targets() -> Vec<Chart> {
    let of = |title, description, unit, name: &str, operator: &str| {
        let series =
            selector(name, &CHOSEN.matchers.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>());
        let expression = aggregate(operator, &["job".to_owned(), "instance".to_owned()], &series);
        chart(title, description, unit, vec![Query { expression, legend: "{{job}} {{instance}}".to_owned() }])
    };
    vec![
        of("Target up", "1 while Prometheus can scrape the service.", "short", "up", "min"),
        of("Scrape duration", "How long a scrape takes.", "s", "scrape_duration_seconds", "max"),
        of("Samples a scrape", "How much a scrape brings.", "short", "scrape_samples_scraped", "max"),
    ]
}

fn overflow(naming: Naming) -> Chart {
    let expression = format!("count by (__name__) ({})", overflowed(naming, &CHOSEN));
    let description = format!(
        "Metrics of which an instrument has more series than its limit: what is beyond is counted together.\n\n\
         {MAY_BE_EMPTY}no instrument has reached its limit."
    );
    chart(
        "Series beyond the limit",
        &description,
        "short",
        vec![Query { expression, legend: "{{__name__}}".to_owned() }],
    )
}

fn chart(title: &str, description: &str, unit: &'static str, queries: Vec<Query>) -> Chart {
    let (title, description) = (title.to_owned(), description.to_owned());
    Chart { row: Row::Health, title, description, kind: Kind::Lines, unit, queries }
}
