//! An OTLP request whose points were encoded once: their times and values are written over in place.

use std::sync::Mutex;

use prost::Message as _;

use crate::candidates::otel;
use crate::sections::scrape::Scrape;
use crate::workload::BOUNDS;

/// Where the SDK's encoder put the time of a point: what follows stands at known distances, since every field before
/// the attributes has a fixed width.
fn places_of_time(bytes: &[u8], time: u64) -> Vec<usize> {
    let time = time.to_le_bytes();
    let mut places = Vec::new();
    let mut at = 0;
    while at + 8 <= bytes.len() {
        if bytes[at] == time[0] && bytes[at..at + 8] == time {
            places.push(at);
            at += 8;
        } else {
            at += 1;
        }
    }
    places
}

fn patching(bytes: Vec<u8>, time: u64, patch: impl Fn(&mut [u8], u64) + Send + Sync + 'static) -> Scrape {
    let places = places_of_time(&bytes, time);
    let state = Mutex::new((bytes, time));
    Box::new(move || {
        let mut state = state.lock().expect("nobody panicked");
        let (bytes, time) = &mut *state;
        *time += 1;
        for place in &places {
            patch(&mut bytes[*place..], *time);
        }
        bytes.len()
    })
}

fn write(bytes: &mut [u8], at: usize, number: u64) {
    bytes[at..at + 8].copy_from_slice(&number.to_le_bytes());
}

/// Time and value of each point.
pub fn export_counters(count: usize) -> Scrape {
    let (request, time) = otel::request(&otel::Collected::counters(count));
    patching(request.encode_to_vec(), time, |point, time| {
        write(point, 0, time);
        write(point, 9, time);
    })
}

/// Time, count, sum and buckets of each point.
pub fn export_histograms(count: usize) -> Scrape {
    const BUCKETS: usize = 28;
    let (request, time) = otel::request(&otel::Collected::histograms(count));
    patching(request.encode_to_vec(), time, |point, time| {
        write(point, 0, time);
        write(point, 9, time);
        write(point, 18, time);
        (0..=BOUNDS.len()).for_each(|bucket| write(point, BUCKETS + bucket * 8, time));
    })
}
