//! What tokens cost: a table that the user gives, because prices change and contracts differ.

use std::borrow::Cow;

/// The prices of models, per million tokens, in one currency.
///
/// ```
/// use throughline_instruments::gen_ai::{Price, PriceTable};
///
/// let prices = PriceTable::new("USD").with("gemini-3.6-flash", Price::new(0.30, 2.50));
/// assert_eq!(prices.price("gemini-3.6-flash").map(|price| price.of(2_000_000, 100_000)), Some(0.85));
/// assert_eq!(prices.price("somebody-elses"), None);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct PriceTable {
    currency: Cow<'static, str>,
    prices: Vec<(Cow<'static, str>, Price)>,
}

impl PriceTable {
    /// No prices yet, in this currency: its code in ISO 4217, such as `USD`.
    pub fn new(currency: impl Into<Cow<'static, str>>) -> Self {
        Self { currency: currency.into(), prices: Vec::new() }
    }

    /// With the price of this model, by the name it is asked for with. It replaces an earlier one.
    pub fn with(mut self, model: impl Into<Cow<'static, str>>, price: Price) -> Self {
        let model = model.into();
        self.prices.retain(|(other, _)| *other != model);
        self.prices.push((model, price));
        self
    }

    /// The price of this model; none for a model that is not in the table, whose calls then cost nothing that is counted.
    pub fn price(&self, model: &str) -> Option<Price> {
        self.prices.iter().find(|(other, _)| *other == model).map(|(_, price)| *price)
    }

    /// The currency.
    pub fn currency(&self) -> &str {
        &self.currency
    }
}

/// What a model costs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Price {
    input: f64,
    output: f64,
}

impl Price {
    /// So much for a million tokens of prompts, and so much for a million tokens of answers.
    pub const fn new(input: f64, output: f64) -> Self {
        Self { input, output }
    }

    /// What so many tokens cost.
    pub fn of(self, input: u64, output: u64) -> f64 {
        (input as f64 * self.input + output as f64 * self.output) / 1e6
    }
}
