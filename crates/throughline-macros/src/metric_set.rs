//! `#[derive(MetricSet)]`: a struct whose fields are instruments, made together from one meter.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{
    Attribute, Data, DeriveInput, Error, Expr, ExprLit, Field, Fields, Ident, Lit, LitStr, Meta, Result, Type,
};

/// What `#[metric(…)]` says on a field, or on the struct.
#[derive(Default)]
struct Options {
    name: Option<LitStr>,
    unit: Option<LitStr>,
    description: Option<LitStr>,
    bounds: Option<Expr>,
    metrics: Option<syn::Path>,
}

struct Metric<'a> {
    ident: &'a Ident,
    r#type: &'a Type,
    name: String,
    unit: String,
    description: String,
    bounds: Option<Expr>,
}

pub(crate) fn expand(input: &DeriveInput) -> Result<TokenStream> {
    let options = Options::of(&input.attrs)?;
    let metrics = options.metrics.map_or_else(|| quote!(::throughline::metrics), |path| quote!(#path));
    let fields = fields(input)?;
    let definitions = fields.iter().map(|metric| metric.definition(&metrics, &input.ident));
    let instruments = fields.iter().enumerate().map(|(at, Metric { ident, .. })| {
        quote!(#ident: #metrics::Meter::instrument(meter, &<Self as #metrics::MetricSet>::DEFINITIONS[#at]))
    });
    let ident = &input.ident;
    let (generics, arguments, bounds) = input.generics.split_for_impl();
    Ok(quote! {
        impl #generics #metrics::MetricSet for #ident #arguments #bounds {
            const DEFINITIONS: &'static [#metrics::core::MetricDef] = &[#(#definitions),*];

            fn new(meter: &#metrics::Meter) -> Self {
                Self { #(#instruments),* }
            }
        }
    })
}

fn fields(input: &DeriveInput) -> Result<Vec<Metric<'_>>> {
    let Data::Struct(data) = &input.data else {
        return Err(Error::new_spanned(
            &input.ident,
            "`MetricSet` is for structs whose fields are instruments",
        ));
    };
    let Fields::Named(named) = &data.fields else {
        return Err(Error::new_spanned(&input.ident, "fields need names: they are what one records on"));
    };
    let mut metrics = Vec::new();
    for field in &named.named {
        let Some(metric) = Metric::of(field)? else { continue };
        if metrics.iter().any(|other: &Metric<'_>| other.name == metric.name) {
            let message = format!("the name `{}` is taken by another field", metric.name);
            return Err(Error::new_spanned(field, message));
        }
        metrics.push(metric);
    }
    Ok(metrics)
}

impl<'a> Metric<'a> {
    fn of(field: &'a Field) -> Result<Option<Self>> {
        let Some(ident) = &field.ident else { return Ok(None) };
        let options = Options::of(&field.attrs)?;
        let text = |given: Option<LitStr>| given.map(|text| text.value());
        let Some(name) = text(options.name) else {
            return Err(Error::new_spanned(
                field,
                "an instrument needs a name: `#[metric(name = \"http.requests\")]`",
            ));
        };
        Ok(Some(Self {
            ident,
            r#type: &field.ty,
            name,
            unit: text(options.unit).unwrap_or_default(),
            description: text(options.description).unwrap_or_else(|| documentation(&field.attrs)),
            bounds: options.bounds,
        }))
    }

    fn definition(&self, metrics: &TokenStream, set: &Ident) -> TokenStream {
        let Self { ident, r#type, name, unit, description, bounds } = self;
        let field = format!("::{set}::{ident}");
        let instrument = quote!(<#r#type as #metrics::Instrument>);
        let bounds = bounds.as_ref().map(|bounds| quote!(.with_bounds(#bounds)));
        quote! {
            #metrics::core::MetricDef::new(
                #name,
                #instrument::KIND,
                <#instrument::Number as #metrics::Number>::KIND,
            )
            .with_unit(#unit)
            .with_description(#description)
            .with_field(::core::concat!(::core::module_path!(), #field))
            .with_attributes(<#instrument::Attributes as #metrics::core::Attributes>::DEFINITIONS)
            #bounds
        }
    }
}

impl Options {
    fn of(attributes: &[Attribute]) -> Result<Self> {
        let mut options = Self::default();
        for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("metric")) {
            attribute.parse_nested_meta(|meta| {
                if meta.path.is_ident("name") {
                    options.name = Some(meta.value()?.parse()?);
                } else if meta.path.is_ident("unit") {
                    options.unit = Some(meta.value()?.parse()?);
                } else if meta.path.is_ident("description") {
                    options.description = Some(meta.value()?.parse()?);
                } else if meta.path.is_ident("bounds") {
                    options.bounds = Some(meta.value()?.parse()?);
                } else if meta.path.is_ident("crate") {
                    options.metrics = Some(meta.value()?.parse()?);
                } else {
                    let options =
                        "there are `name`, `unit`, `description` and `bounds`, and `crate` for the struct";
                    return Err(meta.error(format!("unknown option; {options}")));
                }
                Ok(())
            })?;
        }
        Ok(options)
    }
}

/// The first paragraph of a documentation comment, as one line.
fn documentation(attributes: &[Attribute]) -> String {
    let lines = attributes.iter().filter_map(|attribute| match &attribute.meta {
        Meta::NameValue(pair) if pair.path.is_ident("doc") => match &pair.value {
            Expr::Lit(ExprLit { lit: Lit::Str(line), .. }) => Some(line.value().trim().to_owned()),
            _ => None,
        },
        _ => None,
    });
    let paragraph: Vec<_> = lines.take_while(|line| !line.is_empty()).collect();
    paragraph.join(" ")
}
