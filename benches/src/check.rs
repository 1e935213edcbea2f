//! Whether the benchmarks record what they should: every case's candidates run a known number of operations, and those
//! that can say what they recorded must agree. The exporters' output must be as long, and add up to as much, as what
//! was recorded.

use anyhow::{Result, ensure};
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value;
use prost::Message as _;
use throughline_metrics::TemporalityPreference;
use throughline_otlp::ProtobufEncoder;
use throughline_prometheus::{Format, PrometheusConfig, PrometheusExporter};

use crate::candidates::{headers, throughline};
use crate::harness::{Case, LIMIT, OURS};
use crate::sections::{counter, histogram, http, otlp, scrape, span, threads};
use crate::workload::{INPUTS, value};

/// More than the inputs, and no multiple of them.
const TIMES: u64 = INPUTS as u64 * 10 + 7;
const SERIES: usize = 20_000;

pub fn run() -> Result<()> {
    let spans = span::CASES.iter().chain(otlp::SPANS);
    let cases =
        counter::CASES.iter().chain(histogram::CASES).chain(spans).chain(http::CASES).chain(threads::CASES);
    let mut checked = 0;
    for make in cases {
        checked += check_case(&make())?;
    }
    println!("{checked} candidates recorded what they should");
    check_exposition()?;
    check_otlp()?;
    check_lengths()?;
    check_headers()?;
    println!("the exporters show what was recorded");
    Ok(())
}

fn check_case(case: &Case) -> Result<usize> {
    let mut checked = 0;
    for candidate in &case.candidates {
        (candidate.run)(TIMES);
        let Some(recorded) = &candidate.recorded else {
            ensure!(
                !candidate.name.starts_with(OURS),
                "{} of `{}` is not checked",
                candidate.name,
                case.name
            );
            continue;
        };
        let recorded = recorded();
        ensure!(
            recorded == TIMES,
            "{} of `{}` recorded {recorded} operations instead of {TIMES}",
            candidate.name,
            case.name
        );
        checked += 1;
    }
    Ok(checked)
}

fn expected() -> u64 {
    (0..SERIES).map(value).sum()
}

fn check_exposition() -> Result<()> {
    let reader = throughline::counters(SERIES).reader(TemporalityPreference::Cumulative);
    let text = PrometheusExporter::new(reader, PrometheusConfig::default()).render_text(Format::default());
    let values: Vec<u64> = text
        .lines()
        .filter(|line| line.starts_with("requests_total{"))
        .filter_map(|line| line.rsplit(' ').next()?.parse().ok())
        .collect();
    ensure!(values.len() == SERIES, "the exposition has {} series instead of {SERIES}", values.len());
    ensure!(values.iter().sum::<u64>() == expected(), "the exposition's values do not add up");
    Ok(())
}

fn check_otlp() -> Result<()> {
    let mut reader = throughline::counters(SERIES).reader(TemporalityPreference::Cumulative);
    let mut encoder = ProtobufEncoder::default();
    let request = ExportMetricsServiceRequest::decode(encoder.encode(reader.collect()))?;
    let points = request
        .resource_metrics
        .iter()
        .flat_map(|resource| &resource.scope_metrics)
        .flat_map(|scope| &scope.metrics)
        .filter_map(|metric| match &metric.data {
            Some(Data::Sum(sum)) => Some(&sum.data_points),
            _ => None,
        })
        .flatten();
    let values: Vec<i64> = points
        .filter_map(|point| match point.value {
            Some(Value::AsInt(value)) => Some(value),
            _ => None,
        })
        .collect();
    ensure!(values.len() == SERIES, "the request has {} points instead of {SERIES}", values.len());
    ensure!(values.iter().sum::<i64>() == expected() as i64, "the request's values do not add up");
    Ok(())
}

/// Everybody reads the same span, and writes the same header.
fn check_headers() -> Result<()> {
    let received = headers::request(&[("traceparent", headers::PARENT)]);
    for (name, extract) in headers::EXTRACT {
        ensure!(extract(&received) == 0xb7ad_6b71_6920_3331, "{name} reads another span");
        ensure!(extract(&headers::request(&[])) == 0, "{name} reads a span where there is none");
    }
    for (name, make) in headers::INJECT {
        let mut sent = headers::request(&[]);
        make()(&mut sent);
        ensure!(sent["traceparent"] == headers::PARENT, "{name} writes {:?}", sent["traceparent"]);
    }
    println!("headers are read and written alike");
    Ok(())
}

/// No subject of a scrape may be fast because it leaves series out. Names may be shorter: not everybody adds `_total`.
fn check_lengths() -> Result<()> {
    for subjects in [scrape::COUNTERS, scrape::HISTOGRAMS] {
        let length = |make: fn(usize) -> scrape::Scrape| make(1000)();
        let limit = subjects.iter().find(|(name, _)| *name == LIMIT).map_or(0, |(_, make)| length(*make));
        for (name, make) in subjects {
            let length = length(*make);
            ensure!(length * 100 >= limit * 90, "{name} answers {length} bytes, the limit {limit}");
        }
    }
    Ok(())
}
