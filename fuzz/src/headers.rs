//! The headers of every propagation format, and the text of `OTEL_PROPAGATORS`.
//!
//! What must hold for any bytes: nothing panics; what was read is written so that it is read as the same; a list of pairs
//! and a header map are read alike; the carrier is asked a bounded number of times; what is written can stand in a header.

use std::cell::Cell;
use std::hash::{DefaultHasher, Hash, Hasher as _};

use http::{HeaderMap, HeaderName, HeaderValue};
use throughline_core::propagation::{
    BAGGAGE_MEMBERS_MAX, Context, Format, Propagators, ReadCarrier, Rejected, Sampling, SpanContext,
    TraceContextExt as _, baggage_items,
};

use crate::Target;

/// Stands between the values of two headers; it is in no UTF-8 text.
const BETWEEN: u8 = 0xfe;

/// How often a carrier may be asked for a header: that of Jaeger's baggage asks once for each item.
const READS_MAX: usize = 16 + BAGGAGE_MEMBERS_MAX;

/// All of them.
pub(crate) const TARGETS: &[Target] = &[
    Target {
        name: "trace_context",
        run: trace_context,
        seeds: &[
            b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            b"cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-03-more",
            b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\xferojo=00f067aa0ba902b7,congo=t61rcWkgMzE",
            b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00\xfea@b=1 ,\t,c*/d_-=x y\xfee=2",
        ],
        words: &[b"00-", b"ff-", b"-", b"-01", b",", b"=", b"@", b"\xfe", b" \t", b"k=v,", b"0000000000000000"],
    },
    Target {
        name: "baggage",
        run: baggage,
        seeds: &[
            b"userId=alice,serverNode=DF%2028,isProduction=false",
            b"key1=value1;property1;property2, key2 = value2\xfekey3=value3; propertyKey=propertyValue",
            b"k=%C3%87atal%FF%",
        ],
        words: &[b",", b";", b"=", b"%", b"%20", b"%FF", b"\xfe", b" ", b"k=v,", b"k=v;p=q,", "é".as_bytes()],
    },
    Target {
        name: "b3",
        run: b3,
        seeds: &[
            b"80f198ee56343ba864fe8b2a57d3eff7-e457b5a2e4d86bd1-1-05e3ac9a4f6e3b90",
            b"64fe8b2a57d3eff7-e457b5a2e4d86bd1-d",
            b"0",
        ],
        words: &[b"-", b"0", b"1", b"d", b"\xfe", b"0000000000000000"],
    },
    Target {
        name: "b3multi",
        run: b3_multi,
        seeds: &[
            b"80f198ee56343ba864fe8b2a57d3eff7\xfee457b5a2e4d86bd1\xfe1\xfe0\xfe05e3ac9a4f6e3b90",
            b"64fe8b2a57d3eff7\xfee457b5a2e4d86bd1\xfetrue",
        ],
        words: &[b"\xfe", b"0", b"1", b"true", b"false", b"\xfe\xfe"],
    },
    Target {
        name: "jaeger",
        run: jaeger,
        seeds: &[
            b"80f198ee56343ba864fe8b2a57d3eff7:e457b5a2e4d86bd1:0:1\xfegold\xfe%C3%87atal",
            b"1%3A2%3a3%3A3",
        ],
        words: &[b":", b"%3A", b"%", b"0", b"3", b"\xfe", b"%0A"],
    },
    Target {
        name: "xray",
        run: xray,
        seeds: &[
            b"Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1",
            b"Self=1-5759e988-1be46a994272793bd862e3fe;Sampled=?;Parent=53995c3f42cd8ad8;Root=1-5759e988-bd862e3fe1be46a994272793",
        ],
        words: &[b";", b"=", b"Root=1-", b"Parent=", b"Sampled=", b"?", b"\xfe", b" "],
    },
    Target {
        name: "propagators",
        run: propagators,
        seeds: &[b"tracecontext,baggage,b3,b3multi,jaeger,xray", b" none ", b"b3, b3"],
        words: &[b",", b" ", b"none", b"b3", b"xray", "é".as_bytes()],
    },
];

/// `traceparent` and any number of `tracestate`.
pub fn trace_context(data: &[u8]) -> u64 {
    check(Format::TraceContext, data, &["traceparent", "tracestate", "tracestate"])
}

/// Any number of `baggage`.
pub fn baggage(data: &[u8]) -> u64 {
    check(Format::Baggage, data, &["baggage"])
}

/// `b3`.
pub fn b3(data: &[u8]) -> u64 {
    check(Format::B3, data, &["b3"])
}

/// The headers of B3's other form.
pub fn b3_multi(data: &[u8]) -> u64 {
    let names = ["x-b3-traceid", "x-b3-spanid", "x-b3-sampled", "x-b3-flags", "x-b3-parentspanid"];
    check(Format::B3Multi, data, &names)
}

/// `uber-trace-id` and two items of baggage.
pub fn jaeger(data: &[u8]) -> u64 {
    check(Format::Jaeger, data, &["uber-trace-id", "uberctx-plan", "uberctx-tenant"])
}

/// `x-amzn-trace-id`.
pub fn xray(data: &[u8]) -> u64 {
    check(Format::XRay, data, &["x-amzn-trace-id"])
}

/// The text of `OTEL_PROPAGATORS`.
pub fn propagators(data: &[u8]) -> u64 {
    let text = String::from_utf8_lossy(data);
    match text.parse::<Propagators>() {
        Ok(propagators) => {
            assert_eq!(propagators.to_string().parse().as_ref(), Ok(&propagators));
            signature(propagators.formats())
        }
        Err(error) => {
            assert!(error.to_string().chars().count() < 200, "an error of bounded length");
            0
        }
    }
}

type Headers<'a> = Vec<(&'static str, &'a [u8])>;
type Found = (SpanContext, Option<Sampling>, Vec<(String, String, String)>);

fn check(format: Format, data: &[u8], names: &[&'static str]) -> u64 {
    let headers: Headers<'_> =
        names.iter().copied().cycle().zip(data.split(|&byte| byte == BETWEEN)).collect();
    let before = rejected();
    let context = extract(format, &headers);
    let kind = kind(&context, &rejected_since(&before));
    round_trip(format, &context);
    same_in_a_header_map(format, &headers);
    kind
}

fn extract(format: Format, headers: &Headers<'_>) -> Context {
    let counted = Counted { headers, reads: Cell::new(0) };
    let context = format.extract(&Context::new(), &counted);
    assert!(counted.reads.get() <= READS_MAX, "the carrier was asked {} times", counted.reads.get());
    assert_eq!(
        format.extract_span_context(headers).is_some(),
        context.span().span_context().is_valid(),
        "with and without a context"
    );
    context
}

fn round_trip(format: Format, context: &Context) {
    let mut sent: Vec<(String, String)> = Vec::new();
    let before = Rejected::BaggageLimit.count();
    format.inject(context, &mut sent);
    let too_long = Rejected::BaggageLimit.count() > before;
    for (name, value) in &sent {
        assert!(value.bytes().all(|byte| matches!(byte, b' '..=b'~')), "{name} cannot be {value:?}");
    }
    let again = format.extract(&Context::new(), &sent);
    let (again, read) = (found(&again), found(context));
    if too_long {
        // Encoding takes room: what is not sent was counted, and the rest is as it was.
        assert!(again.2.iter().all(|item| read.2.contains(item)), "read again from {sent:?}");
    } else {
        assert_eq!(again, read, "read again from {sent:?}");
    }
}

fn same_in_a_header_map(format: Format, headers: &Headers<'_>) {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        let Ok(value) = HeaderValue::from_bytes(value) else { return };
        map.append(HeaderName::from_static(name), value);
    }
    let (in_map, in_list) = (format.extract(&Context::new(), &map), format.extract(&Context::new(), headers));
    assert_eq!(found(&in_map).0, found(&in_list).0, "whatever the carrier");
}

fn found(context: &Context) -> Found {
    let text = |text: &str| text.to_owned();
    let items =
        baggage_items(context).map(|item| (text(item.key()), text(item.value()), text(item.metadata())));
    let mut items: Vec<_> = items.collect();
    items.sort();
    (context.span().span_context().clone(), Sampling::of(context), items)
}

/// What kind of thing happened: what was found, how much of it, and what was refused.
fn kind(context: &Context, refused: &[bool]) -> u64 {
    let (span, sampling, items) = found(context);
    let members = span.trace_state().into_iter().count();
    let with_metadata = items.iter().filter(|(_, _, metadata)| !metadata.is_empty()).count();
    signature(&(
        span.is_valid(),
        span.trace_flags().to_u8(),
        sampling,
        members,
        items.len(),
        with_metadata,
        refused,
    ))
}

fn signature<T: Hash + ?Sized>(of: &T) -> u64 {
    let mut hasher = DefaultHasher::new();
    of.hash(&mut hasher);
    hasher.finish()
}

fn rejected() -> Vec<u64> {
    Rejected::ALL.into_iter().map(Rejected::count).collect()
}

fn rejected_since(before: &[u64]) -> Vec<bool> {
    rejected().iter().zip(before).map(|(now, before)| now > before).collect()
}

/// Counts how often it is asked: work that grows faster than the headers do would ask more often.
struct Counted<'a> {
    headers: &'a Headers<'a>,
    reads: Cell<usize>,
}

impl ReadCarrier for Counted<'_> {
    fn read<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a [u8]> {
        self.reads.set(self.reads.get() + 1);
        self.headers.read(name)
    }

    fn names(&self) -> impl Iterator<Item = &str> {
        self.headers.names()
    }
}
