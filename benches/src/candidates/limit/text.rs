//! A scrape whose labels were rendered once: bytes are copied and numbers formatted.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use crate::sections::scrape::Scrape;
use crate::workload::{BOUNDS, KEYS, durations, series, value};

/// Texts one after the other in one piece of memory.
#[derive(Default)]
struct Texts {
    bytes: Vec<u8>,
    ends: Vec<u32>,
}

impl Texts {
    fn push(&mut self, text: &str) {
        self.bytes.extend_from_slice(text.as_bytes());
        self.ends.push(self.bytes.len() as u32);
    }

    fn iter(&self) -> impl Iterator<Item = &[u8]> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts.zip(&self.ends).map(|(start, end)| &self.bytes[start as usize..*end as usize])
    }
}

fn labels(at: usize) -> String {
    let values = series(at);
    let pairs: Vec<String> =
        KEYS.iter().zip(&values).map(|(key, value)| format!("{key}=\"{value}\"")).collect();
    pairs.join(",")
}

fn integer(out: &mut Vec<u8>, number: u64) {
    out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
}

fn kept(render: impl Fn(&mut Vec<u8>) + Send + Sync + 'static) -> Scrape {
    let body = Mutex::new(Vec::new());
    Box::new(move || {
        let mut body = body.lock().expect("nobody panicked");
        body.clear();
        render(&mut body);
        body.len()
    })
}

/// Labels rendered once, values formatted.
pub fn scrape_counters(count: usize) -> Scrape {
    kept(counters(count))
}

/// The bytes of the exposition, copied: what handing it on costs.
pub fn copy_counters(count: usize) -> Scrape {
    copying(counters(count))
}

fn counters(count: usize) -> impl Fn(&mut Vec<u8>) + Send + Sync + 'static {
    let mut texts = Texts::default();
    (0..count).for_each(|at| texts.push(&format!("requests_total{{{}}} ", labels(at))));
    texts.bytes.shrink_to_fit();
    texts.ends.shrink_to_fit();
    let values: Vec<AtomicU64> = (0..count).map(|at| AtomicU64::new(value(at))).collect();
    move |out| {
        out.extend_from_slice(b"# TYPE requests_total counter\n");
        for (text, value) in texts.iter().zip(&values) {
            out.extend_from_slice(text);
            integer(out, value.load(Relaxed));
            out.push(b'\n');
        }
    }
}

pub fn scrape_histograms(count: usize) -> Scrape {
    kept(histograms(count))
}

pub fn copy_histograms(count: usize) -> Scrape {
    copying(histograms(count))
}

fn copying(render: impl Fn(&mut Vec<u8>)) -> Scrape {
    let mut rendered = Vec::new();
    render(&mut rendered);
    kept(move |out| out.extend_from_slice(&rendered))
}

struct Histogram {
    buckets: [AtomicU64; BOUNDS.len() + 1],
    sum: AtomicU64,
}

/// Seventeen lines a series: `le` is rendered once a histogram, labels once a series.
fn histograms(count: usize) -> impl Fn(&mut Vec<u8>) + Send + Sync + 'static {
    let mut texts = Texts::default();
    (0..count).for_each(|at| texts.push(&labels(at)));
    let bounds = BOUNDS.map(|bound| format!(",le=\"{bound}\"}} ")).into_iter();
    let bounds: Vec<String> = bounds.chain([",le=\"+Inf\"} ".to_owned()]).collect();
    let values: Vec<Histogram> = (0..count).map(recorded).collect();
    move |out| {
        out.extend_from_slice(b"# TYPE latency_seconds histogram\n");
        for (labels, value) in texts.iter().zip(&values) {
            histogram(out, labels, &bounds, value);
        }
    }
}

fn recorded(at: usize) -> Histogram {
    let histogram = Histogram { buckets: std::array::from_fn(|_| AtomicU64::new(0)), sum: AtomicU64::new(0) };
    let mut sum = 0.0;
    for duration in durations().iter().skip(at % 1000).take(20) {
        let bucket = BOUNDS.iter().filter(|bound| **bound < *duration).count();
        histogram.buckets[bucket].fetch_add(1, Relaxed);
        sum += duration;
    }
    histogram.sum.store(f64::to_bits(sum), Relaxed);
    histogram
}

fn histogram(out: &mut Vec<u8>, labels: &[u8], bounds: &[String], value: &Histogram) {
    let mut count = 0;
    for (bound, bucket) in bounds.iter().zip(&value.buckets) {
        count += bucket.load(Relaxed);
        out.extend_from_slice(b"latency_seconds_bucket{");
        out.extend_from_slice(labels);
        out.extend_from_slice(bound.as_bytes());
        integer(out, count);
        out.push(b'\n');
    }
    out.extend_from_slice(b"latency_seconds_sum{");
    out.extend_from_slice(labels);
    out.extend_from_slice(b"} ");
    out.extend_from_slice(zmij::Buffer::new().format(f64::from_bits(value.sum.load(Relaxed))).as_bytes());
    out.extend_from_slice(b"\nlatency_seconds_count{");
    out.extend_from_slice(labels);
    out.extend_from_slice(b"} ");
    integer(out, count);
    out.push(b'\n');
}
