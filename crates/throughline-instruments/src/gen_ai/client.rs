//! The calls of one provider's API ([`GenAi`]), and of one of its models ([`Model`]): what is known before a call is made, found
//! once. `call.rs` is the call.

use std::fmt;
use std::sync::Arc;

use throughline_metrics::{Meter, MetricSet as _};
use throughline_trace::Tracer;

use super::call::LlmCall;
use super::conventions::{ClientMetrics, CostMetrics, Operation};
use super::llm::LlmMetrics;
use super::price::{Price, PriceTable};

/// Metrics and spans of the calls of one provider's API.
///
/// Records the client metrics of the conventions for generative AI, and a span of kind client for each call. The metrics
/// `llm.*`, cost and content come when they are asked for.
///
/// ```
/// use throughline_instruments::gen_ai::{GenAi, Operation};
/// use throughline_metrics::MeterProvider;
/// use throughline_trace::TracerProvider;
/// # use throughline_metrics::testing::Snapshot;
///
/// let (meters, tracers) = (MeterProvider::default(), TracerProvider::default());
/// let gemini = GenAi::new(&meters.meter("bot"), tracers.tracer("bot"), "gcp.gemini").with_llm_metrics();
/// let flash = gemini.model(Operation::GenerateContent, "gemini-3.6-flash");
///
/// fn ask() -> Result<(&'static str, u64, u64), std::io::Error> {
///     Ok(("Hello!", 12, 3))
/// }
///
/// let mut call = flash.call();
/// match ask() {
///     Ok((_answer, input, output)) => {
///         call.tokens(input, output);
///         call.finish();
///     }
///     Err(error) => call.fail(&error),
/// }
/// # let snapshot = Snapshot::of(&meters);
/// # assert!(snapshot.names().contains(&"llm.requests"));
/// ```
#[derive(Clone, Debug)]
pub struct GenAi {
    settings: Settings,
    meter: Meter,
}

/// What the calls of one provider have in common.
#[derive(Clone, Debug)]
pub(super) struct Settings {
    pub(super) tracer: Tracer,
    pub(super) provider: Arc<str>,
    pub(super) server: Option<(Arc<str>, u16)>,
    pub(super) content: bool,
    pub(super) client: ClientMetrics,
    pub(super) llm: Option<LlmMetrics>,
    cost: Option<(CostMetrics, Arc<PriceTable>)>,
}

impl GenAi {
    /// The calls of this provider's API, by its name in the conventions: `gcp.gemini`, `openai`, `anthropic`.
    ///
    /// Takes locks and allocates; keep it.
    pub fn new(meter: &Meter, tracer: Tracer, provider: impl Into<Arc<str>>) -> Self {
        let settings = Settings {
            tracer,
            provider: provider.into(),
            server: None,
            content: false,
            client: ClientMetrics::new(meter),
            llm: None,
            cost: None,
        };
        Self { settings, meter: meter.clone() }
    }

    /// Says where the API is.
    pub fn with_server(mut self, address: impl Into<Arc<str>>, port: u16) -> Self {
        self.settings.server = Some((address.into(), port));
        self
    }

    /// Records the metrics `llm.*` too: requests, errors, durations, tokens, and tokens a second of streamed answers.
    pub fn with_llm_metrics(mut self) -> Self {
        self.settings.llm = Some(LlmMetrics::new(&self.meter));
        self
    }

    /// Counts what calls cost, as `llm.cost`.
    pub fn with_prices(mut self, prices: PriceTable) -> Self {
        self.settings.cost = Some((CostMetrics::new(&self.meter), Arc::new(prices)));
        self
    }

    /// Whether spans say what was said. Off unless set: it is private, and there is much of it.
    pub fn with_content(mut self, is_on: bool) -> Self {
        self.settings.content = is_on;
        self
    }

    /// What is asked of one model. Its name becomes an attribute, so it is one that the program has chosen; beyond the
    /// instruments' limit of series, calls are counted in the overflow series.
    ///
    /// Allocates; keep it.
    pub fn model(&self, operation: Operation, name: &str) -> Model {
        let settings = self.settings.clone();
        let cost = settings.cost.as_ref().and_then(|(metrics, prices)| {
            let price = prices.price(name)?;
            Some(PricedIn { metrics: metrics.clone(), price, prices: Arc::clone(prices) })
        });
        let span_name = format!("{} {name}", operation.name());
        Model(Arc::new(Asked { settings, operation, name: name.to_owned(), span_name, cost }))
    }
}

/// One model, asked to do one thing. Cloning is cheap.
#[derive(Clone)]
pub struct Model(pub(super) Arc<Asked>);

/// What is known of a call before it is made.
pub(super) struct Asked {
    pub(super) settings: Settings,
    pub(super) operation: Operation,
    pub(super) name: String,
    pub(super) span_name: String,
    pub(super) cost: Option<PricedIn>,
}

/// A model's price, and where what was paid is counted.
pub(super) struct PricedIn {
    pub(super) metrics: CostMetrics,
    pub(super) price: Price,
    prices: Arc<PriceTable>,
}

impl PricedIn {
    pub(super) fn currency(&self) -> &str {
        self.prices.currency()
    }
}

impl Model {
    /// Its name.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// Begins a call whose answer comes at once.
    pub fn call(&self) -> LlmCall {
        LlmCall::start(self.clone(), false)
    }

    /// Begins a call whose answer comes in pieces: tell of each with [`LlmCall::chunk`].
    pub fn stream(&self) -> LlmCall {
        LlmCall::start(self.clone(), true)
    }
}

impl fmt::Debug for Model {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Model").field(&self.0.span_name).finish()
    }
}
