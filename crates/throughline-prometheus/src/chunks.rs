//! An exposition in pieces: stop 7 hands it to the wire (stop 8) as it is made.
//!
//! Made by `exporter.rs` for each scrape. It holds the numbers of one collection and the families as they were then, so
//! it shows one moment, however long its reader takes, and nobody waits for it: it holds no lock, and a scrape that
//! comes meanwhile copies what it must change. What an exposition under way costs is so one piece, and, only while
//! there is a later scrape, the numbers of a collection that is no longer the last: eight bytes a counter.

use std::io::Write as _;
use std::sync::Arc;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use throughline_metrics::data::Collection;

use crate::family::{Family, Names, Shape};
use crate::labels::LabelNamer;
use crate::lines::Place;
use crate::{protobuf, text};

/// A piece ends with the series that makes it this long: few enough that a piece stays in a processor's cache, and large
/// enough that handing it on costs little.
pub const CHUNK_LENGTH: usize = 64 * 1024;

/// Room for the series that a piece ends with, as long as it is of usual size.
const CHUNK_SLACK: usize = 4 * 1024;

/// Compressed pieces are gathered up to this size.
const ZIPPED_LENGTH: usize = 16 * 1024;

/// What one kind of scraper is shown: families, rendered but for their numbers.
#[derive(Clone, Debug)]
pub(crate) struct Page {
    pub(crate) shape: Shape,
    pub(crate) namer: LabelNamer,
    /// The family `target_info`, or nothing.
    pub(crate) target: Arc<[u8]>,
    /// Sorted by name.
    pub(crate) families: Vec<Arc<Family>>,
}

/// How far a page is written.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Cursor {
    family: usize,
    place: Place,
    /// Whether the target is written.
    begun: bool,
}

/// A family, with what its series are written from.
#[derive(Clone, Copy)]
pub(crate) struct Context<'a> {
    pub(crate) family: &'a Family,
    pub(crate) namer: LabelNamer,
    pub(crate) collection: &'a Collection,
}

impl Page {
    /// Appends what comes after the cursor, until there are `length_max` bytes and some in `out`. Whether that was all.
    pub(crate) fn write(
        &self,
        collection: &Collection,
        cursor: &mut Cursor,
        out: &mut Vec<u8>,
        length_max: usize,
    ) -> bool {
        if !std::mem::replace(&mut cursor.begun, true) {
            out.extend_from_slice(&self.target);
        }
        while let Some(family) = self.families.get(cursor.family) {
            if out.len() >= length_max {
                return false;
            }
            let place = cursor.place;
            let context = Context { family, namer: self.namer, collection };
            cursor.place = match &family.names {
                Names::Text(names) => text::write_family(out, context, names, place, length_max),
                Names::Protobuf(metadata) => {
                    protobuf::write_family(out, context, metadata, place, length_max)
                }
            };
            if cursor.place.line < family.lines.len() {
                return false;
            }
            (cursor.family, cursor.place) = (cursor.family + 1, Place::default());
        }
        if self.shape == Shape::OpenMetrics {
            out.extend_from_slice(b"# EOF\n");
        }
        true
    }
}

/// The bytes of one exposition, made a piece at a time as the iterator is asked for them.
///
/// Pieces are some [`CHUNK_LENGTH`] bytes long, less when compressed; only a single series that is longer makes one
/// longer. Making one takes some ten microseconds, compressed some milliseconds. All show the same moment.
#[derive(Debug)]
pub struct Chunks {
    /// Nothing when all is written.
    source: Option<Source>,
    zip: Option<GzEncoder<Vec<u8>>>,
    /// Made before it was asked for.
    ready: Option<Bytes>,
}

#[derive(Debug)]
struct Source {
    collection: Arc<Collection>,
    page: Page,
    cursor: Cursor,
}

impl Chunks {
    pub(crate) fn new(collection: Arc<Collection>, page: Page) -> Self {
        let source = Source { collection, page, cursor: Cursor::default() };
        Self { source: Some(source), zip: None, ready: None }
    }

    /// Makes the first piece, and says whether it, and what follows, is compressed: when that is wanted and everything
    /// together has at least `length_min` bytes.
    pub(crate) fn begin(&mut self, gzip: bool, length_min: usize) -> bool {
        let first = self.written(CHUNK_LENGTH);
        let is_short = self.source.is_none() && first.len() < length_min;
        if !gzip || is_short {
            self.ready = Some(first.into());
            return false;
        }
        // The fastest level: a scrape is text that repeats itself, and the processor is the application's.
        let zip = self.zip.insert(GzEncoder::new(Vec::new(), Compression::fast()));
        zip.write_all(&first).expect("a Vec takes every write");
        self.ready = self.zipped();
        true
    }

    /// How many bytes are to come, when they are made already.
    pub fn length(&self) -> Option<usize> {
        let is_made = self.source.is_none() && self.zip.is_none();
        is_made.then(|| self.ready.as_ref().map_or(0, Bytes::len))
    }

    /// Whether the next piece is still to be made; otherwise it is there at once.
    pub fn is_work(&self) -> bool {
        self.ready.is_none() && (self.source.is_some() || self.zip.is_some())
    }

    /// The next piece as it is written.
    fn written(&mut self, length_max: usize) -> Vec<u8> {
        let mut out = Vec::with_capacity(CHUNK_LENGTH + CHUNK_SLACK);
        self.write(&mut out, length_max);
        out
    }

    /// Appends what is to come, up to a length and some.
    pub(crate) fn write(&mut self, out: &mut Vec<u8>, length_max: usize) {
        if let Some(Source { collection, page, cursor }) = &mut self.source {
            if page.write(collection, cursor, out, length_max) {
                self.source = None;
            }
        }
    }

    fn zipped(&mut self) -> Option<Bytes> {
        loop {
            let piece = self.source.is_some().then(|| self.written(CHUNK_LENGTH));
            let zip = self.zip.as_mut()?;
            let Some(piece) = piece else {
                let rest = self.zip.take()?.finish().expect("a Vec takes every write");
                return Some(rest.into());
            };
            zip.write_all(&piece).expect("a Vec takes every write");
            if zip.get_ref().len() >= ZIPPED_LENGTH {
                return Some(std::mem::take(zip.get_mut()).into());
            }
        }
    }
}

impl Iterator for Chunks {
    type Item = Bytes;

    fn next(&mut self) -> Option<Bytes> {
        if let Some(ready) = self.ready.take() {
            return Some(ready);
        }
        if self.zip.is_some() {
            return self.zipped();
        }
        self.source.is_some().then(|| self.written(CHUNK_LENGTH).into())
    }
}
