//! Reads the expressions that make set-up: what each call of a builder sets.

use std::collections::HashSet;

use syn::punctuated::Punctuated;
use syn::spanned::Spanned;
use syn::visit::Visit;
use syn::{Expr, ExprCall, ExprMethodCall, Token};

use super::{SetUp, pattern_name};
use crate::migrate::throughline::Left;
use crate::migrate::throughline::program::name;
use crate::migrate::throughline::settings::Signal;

impl SetUp<'_> {
    /// Reads an expression that makes set-up.
    pub(super) fn value(&mut self, expr: &Expr) -> Result<(), Left> {
        match expr {
            Expr::Try(inner) => self.value(&inner.expr),
            Expr::Await(inner) => self.value(&inner.base),
            Expr::Paren(inner) => self.value(&inner.expr),
            Expr::Reference(inner) => self.value(&inner.expr),
            Expr::Block(inner) => self.block(&inner.block),
            Expr::Path(_) if name(expr).is_some_and(|name| self.values.contains(&name)) => Ok(()),
            Expr::Call(call) => self.call(call),
            Expr::MethodCall(call) => {
                self.value(&call.receiver)?;
                self.method(call)
            }
            _ => Err(self.unknown(expr)),
        }
    }

    fn call(&mut self, call: &ExprCall) -> Result<(), Left> {
        let Some(path) = self.program.called(call) else {
            let of_set_up = self.kinds.of(&Expr::Call(call.clone()), self.program.names).is_some();
            return match call.args.first() {
                _ if of_set_up => Ok(()),
                Some(inner) if name(&call.func).is_some_and(|name| name == "Ok") => self.value(inner),
                _ => Err(self.unknown(call)),
            };
        };
        let of_sdk = |end: &str| path.starts_with("opentelemetry_sdk::") && path.ends_with(end);
        match &*path {
            "opentelemetry_otlp::SpanExporter::builder" => self.signal = Some(Signal::Traces),
            "opentelemetry_otlp::MetricExporter::builder" => self.signal = Some(Signal::Metrics),
            "opentelemetry_otlp::LogExporter::builder" => self.signal = Some(Signal::Logs),
            "opentelemetry::global::tracer_provider" | "opentelemetry::global::meter_provider" => {}
            _ if ["Provider::builder", "Resource::builder", "Resource::builder_empty"]
                .into_iter()
                .any(of_sdk) => {}
            _ if of_sdk("PeriodicReader::builder") => return self.first(&call.args, call),
            _ => return Err(self.unknown(call)),
        }
        if let Some(signal) = self.signal {
            let _there_from_now_on = self.settings.export(signal);
        }
        Ok(())
    }

    fn first(&mut self, arguments: &Punctuated<Expr, Token![,]>, of: &impl Spanned) -> Result<(), Left> {
        match arguments.first() {
            Some(argument) => self.value(argument),
            None => Err(self.unknown(of)),
        }
    }

    /// Reads what one call of a builder sets.
    fn method(&mut self, call: &ExprMethodCall) -> Result<(), Left> {
        let method = call.method.to_string();
        match (&*method, call.args.first()) {
            ("build" | "unwrap" | "expect" | "clone", _) => Ok(()),
            (
                "with_batch_exporter"
                | "with_simple_exporter"
                | "with_periodic_exporter"
                | "with_reader"
                | "with_resource",
                Some(value),
            ) => self.value(value),
            ("map", Some(Expr::Closure(closure))) => {
                self.values.extend(closure.inputs.iter().filter_map(pattern_name));
                self.value(&closure.body)
            }
            ("with_sampler", Some(sampler)) => {
                self.settings.sampling = Some(self.sampling(sampler)?);
                Ok(())
            }
            ("with_interval", Some(interval)) => {
                self.settings.interval = Some(self.code(interval)?);
                Ok(())
            }
            ("with_service_name", Some(service)) => {
                self.settings.service = Some(self.code(service)?);
                Ok(())
            }
            ("with_attribute", Some(attribute)) => self.attribute(attribute),
            ("with_attributes", Some(attributes)) => self.attributes(attributes),
            _ => self.exporter_method(&method, call),
        }
    }

    fn exporter_method(&mut self, method: &str, call: &ExprMethodCall) -> Result<(), Left> {
        let Some(signal) = self.signal else { return Err(self.unknown(&call.method)) };
        let value = call.args.first().map(|value| self.code(value)).transpose()?;
        let last = value.as_deref().and_then(|value| value.rsplit("::").next());
        let export = self.settings.export(signal);
        match (method, last) {
            ("with_tonic", None) | ("with_protocol", Some("Grpc")) => export.protocol = Some("Grpc"),
            ("with_http", None) | ("with_protocol", Some("HttpBinary")) => {
                export.protocol = Some("HttpProtobuf");
            }
            ("with_protocol", Some("HttpJson")) => export.protocol = Some("HttpJson"),
            ("with_temporality", Some("Cumulative")) => {}
            ("with_temporality", Some("Delta")) => self.settings.temporality = Some("Delta"),
            ("with_temporality", Some("LowMemory")) => self.settings.temporality = Some("LowMemory"),
            ("with_endpoint", Some(_)) => export.endpoint = value,
            ("with_timeout", Some(_)) => export.timeout = value,
            _ => return Err(self.unknown(&call.method)),
        }
        Ok(())
    }

    fn attributes(&mut self, attributes: &Expr) -> Result<(), Left> {
        match attributes {
            Expr::Reference(inner) => self.attributes(&inner.expr),
            Expr::Array(array) => array.elems.iter().try_for_each(|attribute| self.attribute(attribute)),
            Expr::Macro(made) if made.mac.path.is_ident("vec") => {
                let parser = Punctuated::<Expr, Token![,]>::parse_terminated;
                let Ok(items) = made.mac.parse_body_with(parser) else { return Err(self.unknown(made)) };
                items.iter().try_for_each(|attribute| self.attribute(attribute))
            }
            _ => Err(self.unknown(attributes)),
        }
    }

    fn attribute(&mut self, attribute: &Expr) -> Result<(), Left> {
        let made = if let Expr::Call(call) = attribute { Some(call) } else { None };
        let made =
            made.filter(|call| self.program.called(call).is_some_and(|path| path.ends_with("KeyValue::new")));
        let (Some(key), Some(value)) =
            (made.and_then(|call| call.args.first()), made.and_then(|call| call.args.get(1)))
        else {
            return Err(self.unknown(attribute));
        };
        if self.program.text(key).trim_matches('"') == "service.name" {
            self.settings.service = Some(self.code(value)?);
        } else {
            let attribute = self.code(attribute)?;
            self.settings.attributes.push(attribute);
        }
        Ok(())
    }

    fn sampling(&self, sampler: &Expr) -> Result<String, Left> {
        let text = self.program.text(sampler);
        let kind = text.split('(').next().unwrap_or_default().rsplit("::").next().unwrap_or_default();
        let strategy = |inside: &str| format!("throughline::SamplingStrategy::{inside}");
        let argument = match sampler {
            Expr::Call(call) => call.args.first(),
            _ => None,
        };
        match (kind, argument) {
            ("AlwaysOn" | "AlwaysOff", None) => Ok(strategy(kind)),
            ("TraceIdRatioBased", Some(ratio)) => {
                Ok(strategy(&format!("TraceIdRatio {{ ratio: {} }}", self.code(ratio)?)))
            }
            ("ParentBased", Some(Expr::Call(boxed))) if boxed.args.len() == 1 => {
                let root = self.sampling(&boxed.args[0])?;
                Ok(strategy(&format!("ParentBased {{ root: Box::new({root}) }}")))
            }
            _ => Err(self.unknown(sampler)),
        }
    }

    /// An expression as code for `main`.
    fn code(&self, expr: &Expr) -> Result<String, Left> {
        let mut names = Names::default();
        names.visit_expr(expr);
        match names.0.iter().find(|name| self.hidden.contains(*name)) {
            Some(name) => {
                let what = format!("telemetry is set up in `main`, and `{name}` is another function's");
                Err(Left::at(expr, what))
            }
            None => Ok(self.program.text(expr).to_owned()),
        }
    }

    pub(super) fn unknown(&self, place: &impl Spanned) -> Left {
        let text = self.program.text(place);
        let text = text.lines().next().unwrap_or_default();
        Left::at(place, format!("set-up that is not known here: `{text}`; {BY_HAND}"))
    }
}

const BY_HAND: &str = "what is left of the SDK can be said to `throughline::TelemetryConfig`";

/// All names that stand alone in an expression.
#[derive(Default)]
struct Names(HashSet<String>);

#[expect(clippy::renamed_function_params, reason = "the trait calls all of them `i`")]
impl<'ast> Visit<'ast> for Names {
    fn visit_expr_path(&mut self, path: &'ast syn::ExprPath) {
        self.0.extend(path.path.get_ident().map(ToString::to_string));
    }

    fn visit_macro(&mut self, call: &'ast syn::Macro) {
        let parser = Punctuated::<Expr, Token![,]>::parse_terminated;
        if let Ok(arguments) = call.parse_body_with(parser) {
            arguments.iter().for_each(|argument| self.visit_expr(argument));
        }
    }
}
