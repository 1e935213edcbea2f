//! Several formats together: what `OTEL_PROPAGATORS` says.

use std::error::Error;
use std::fmt;
use std::str::FromStr;

use opentelemetry::Context;
use opentelemetry::propagation::text_map_propagator::FieldIter;
use opentelemetry::propagation::{Extractor, Injector, TextMapPropagator};
use opentelemetry::trace::SpanContext;

use super::extracted::Extracted;
use super::{Format, ReadCarrier, WriteCarrier};

/// Formats in order, each once. W3C Trace Context and W3C Baggage by default.
///
/// All of them are written. When several bring a trace, the last one counts, as in OpenTelemetry's own composite.
///
/// # Examples
///
/// ```
/// use throughline_core::propagation::{Format, Propagators};
///
/// let propagators: Propagators = "tracecontext, b3".parse()?;
/// assert_eq!(propagators.formats(), [Format::TraceContext, Format::B3]);
///
/// let error = "tracecontext,zipkin".parse::<Propagators>().unwrap_err();
/// assert_eq!(
///     error.to_string(),
///     "unknown propagator `zipkin`: known are tracecontext, baggage, b3, b3multi, jaeger, xray and none",
/// );
/// # Ok::<(), throughline_core::propagation::PropagatorsError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Propagators {
    formats: Vec<Format>,
    /// OpenTelemetry wants the names of headers as strings.
    fields: Vec<String>,
}

impl Propagators {
    /// These formats; those that are named again are left out.
    pub fn new(formats: impl IntoIterator<Item = Format>) -> Self {
        let mut propagators = Self { formats: Vec::new(), fields: Vec::new() };
        for format in formats {
            if !propagators.formats.contains(&format) {
                propagators.formats.push(format);
                propagators.fields.extend(format.fields_owned());
            }
        }
        propagators
    }

    /// No format: nothing is read, and nothing is written.
    pub fn none() -> Self {
        Self::new([])
    }

    /// The formats, in order.
    pub fn formats(&self) -> &[Format] {
        &self.formats
    }

    /// Writes a context in every format, as [`Format::inject`] does.
    pub fn inject<C: WriteCarrier + ?Sized>(&self, context: &Context, carrier: &mut C) {
        inject(&self.formats, context, carrier);
    }

    /// Writes a span context alone in every format, as [`Format::inject_span_context`] does.
    #[inline]
    pub fn inject_span_context<C: WriteCarrier + ?Sized>(&self, span: &SpanContext, carrier: &mut C) {
        self.formats.iter().for_each(|format| format.inject_span_context(span, carrier));
    }

    /// The context with what the carrier holds in any format; the context as it is, when that is nothing valid.
    ///
    /// Allocates once for a span, whatever the number of formats.
    pub fn extract<C: ReadCarrier + ?Sized>(&self, context: &Context, carrier: &C) -> Context {
        extract(&self.formats, context, carrier)
    }

    /// The caller's span, for code that needs no [`Context`].
    #[inline]
    pub fn extract_span_context<C: ReadCarrier + ?Sized>(&self, carrier: &C) -> Option<SpanContext> {
        self.formats.iter().rev().find_map(|format| format.extract_span_context(carrier))
    }
}

pub(super) fn inject<C: WriteCarrier + ?Sized>(formats: &[Format], context: &Context, carrier: &mut C) {
    for format in formats {
        format.inject(context, carrier);
    }
}

pub(super) fn extract<C: ReadCarrier + ?Sized>(
    formats: &[Format],
    context: &Context,
    carrier: &C,
) -> Context {
    let mut found = Extracted::default();
    for format in formats {
        format.read(carrier, &mut found);
    }
    found.into_context(context)
}

/// What the specification propagates unless told otherwise.
pub(super) const DEFAULT: [Format; 2] = [Format::TraceContext, Format::Baggage];

impl Default for Propagators {
    fn default() -> Self {
        Self::new(DEFAULT)
    }
}

impl FromIterator<Format> for Propagators {
    fn from_iter<T: IntoIterator<Item = Format>>(iter: T) -> Self {
        Self::new(iter)
    }
}

/// The formats' names, separated by commas; `none` stands alone; the default when the text is blank.
impl FromStr for Propagators {
    type Err = PropagatorsError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let names: Vec<&str> = text.split(',').map(str::trim).filter(|name| !name.is_empty()).collect();
        match names[..] {
            [] => Ok(Self::default()),
            _ if names.iter().all(|&name| name == NONE) => Ok(Self::none()),
            _ => names.into_iter().map(format_named).collect(),
        }
    }
}

fn format_named(name: &str) -> Result<Format, PropagatorsError> {
    Format::ALL.into_iter().find(|format| format.name() == name).ok_or_else(|| match name {
        NONE => PropagatorsError::NoneAmongOthers,
        _ => PropagatorsError::Unknown { name: shown(name) },
    })
}

const NONE: &str = "none";

/// How much of an unknown name an error repeats.
const NAME_CHARS_MAX: usize = 40;

fn shown(name: &str) -> String {
    name.chars().take(NAME_CHARS_MAX).collect()
}

/// Shown as the text that [`FromStr`] reads.
impl fmt::Display for Propagators {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some((first, rest)) = self.formats.split_first() else { return f.write_str(NONE) };
        first.fmt(f)?;
        rest.iter().try_for_each(|format| write!(f, ",{format}"))
    }
}

impl TextMapPropagator for Propagators {
    fn inject_context(&self, cx: &Context, injector: &mut dyn Injector) {
        self.inject(cx, injector);
    }

    fn extract_with_context(&self, cx: &Context, extractor: &dyn Extractor) -> Context {
        Self::extract(self, cx, extractor)
    }

    fn fields(&self) -> FieldIter<'_> {
        FieldIter::new(&self.fields)
    }
}

/// Why a list of propagators cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PropagatorsError {
    /// There is no propagator of this name.
    #[non_exhaustive]
    Unknown {
        /// The name, or the beginning of a long one.
        name: String,
    },
    /// `none` was named together with others.
    NoneAmongOthers,
}

impl fmt::Display for PropagatorsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown { name } => {
                write!(f, "unknown propagator `{name}`: known are ")?;
                let names = Format::ALL.map(Format::name).join(", ");
                write!(f, "{names} and {NONE}")
            }
            Self::NoneAmongOthers => write!(f, "propagator `{NONE}` stands alone, not among others"),
        }
    }
}

impl Error for PropagatorsError {}
