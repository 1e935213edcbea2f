//! `#[derive(Attributes)]`: a struct whose fields are the attributes of a measurement.
//!
//! Fields are sorted by key here, so that what the engine sees is in canonical order already.

use proc_macro2::TokenStream;
use quote::{ToTokens as _, quote};
use syn::{
    Data, DeriveInput, Error, Fields, GenericParam, Generics, Ident, LitInt, Result, Type, parse_quote,
};

use crate::path::{Options, core};

struct Field<'a> {
    key: String,
    ident: &'a Ident,
    r#type: &'a Type,
    max: Option<LitInt>,
}

pub(crate) fn expand(input: &DeriveInput) -> Result<TokenStream> {
    let core = core(&Options::of(&input.attrs)?);
    let fields = fields(input)?;
    let cardinalities: Vec<_> = fields.iter().map(|field| field.cardinality(&core)).collect();
    let indexes = fields.iter().map(|field| field.index(&core));
    let definitions =
        fields.iter().zip(&cardinalities).map(|(field, cardinality)| field.definition(&core, cardinality));
    let types = fields.iter().map(|field| field.r#type);
    let visits = fields.iter().map(|field| field.visit(&core));
    let (ident, shape) = (&input.ident, shape(input));
    let with_static = static_parameters(&input.generics);
    let (generics, arguments, bounds) = with_static.split_for_impl();
    Ok(quote! {
        impl #generics #core::Attributes for #ident #arguments #bounds {
            type Shape = #shape;

            const FIXED_KEYS: bool = true;
            const OPTIONAL_KEYS: bool = false #(|| <#types as #core::attribute::AttributeValue>::OPTIONAL)*;
            const DEFINITIONS: &'static [#core::AttributeDef] = &[#(#definitions),*];
            const NUMBERED: usize = match #core::attribute::product(&[#(#cardinalities),*]) {
                ::core::option::Option::Some(sets) => sets,
                ::core::option::Option::None => 0,
            };

            #[inline]
            fn number(&self) -> usize {
                let mut number = 0;
                #(number = number * #cardinalities.unwrap_or(1) + #indexes;)*
                number
            }

            #[inline]
            fn visit<V: #core::attribute::Visitor>(&self, visitor: &mut V) {
                #(#visits)*
            }
        }
    })
}

/// The type with its lifetimes replaced by `'static`.
fn shape(input: &DeriveInput) -> TokenStream {
    let ident = &input.ident;
    let arguments = input.generics.params.iter().map(|parameter| match parameter {
        GenericParam::Lifetime(_) => quote!('static),
        GenericParam::Type(parameter) => parameter.ident.to_token_stream(),
        GenericParam::Const(parameter) => parameter.ident.to_token_stream(),
    });
    quote!(#ident<#(#arguments),*>)
}

/// The generics, with type parameters that live as long as the program: the shape has them.
fn static_parameters(generics: &Generics) -> Generics {
    let mut generics = generics.clone();
    for parameter in generics.type_params_mut() {
        parameter.bounds.push(parse_quote!('static));
    }
    generics
}

fn fields(input: &DeriveInput) -> Result<Vec<Field<'_>>> {
    let Data::Struct(data) = &input.data else {
        return Err(Error::new_spanned(
            &input.ident,
            "`Attributes` is for structs; an enum that is the value of a field derives `AttributeValue`",
        ));
    };
    let Fields::Named(named) = &data.fields else {
        return Err(Error::new_spanned(
            &input.ident,
            "fields need names: they are the keys of the attributes",
        ));
    };
    let mut fields = Vec::new();
    for field in &named.named {
        let Some(ident) = &field.ident else { continue };
        let Options { key, max, .. } = Options::of(&field.attrs)?;
        let key =
            key.map_or_else(|| ident.to_string().trim_start_matches("r#").to_owned(), |key| key.value());
        if fields.iter().any(|other: &Field<'_>| other.key == key) {
            return Err(Error::new_spanned(field, format!("the key `{key}` is taken by another field")));
        }
        fields.push(Field { key, ident, r#type: &field.ty, max });
    }
    fields.sort_by(|a, b| a.key.cmp(&b.key));
    Ok(fields)
}

impl Field<'_> {
    /// How many values there are, as an expression of type `Option<usize>`.
    fn cardinality(&self, core: &TokenStream) -> TokenStream {
        let r#type = self.r#type;
        match &self.max {
            Some(max) => quote!(::core::option::Option::Some(#max as usize + 1)),
            None => quote!(<#r#type as #core::attribute::AttributeValue>::CARDINALITY),
        }
    }

    fn index(&self, core: &TokenStream) -> TokenStream {
        let ident = self.ident;
        match &self.max {
            Some(max) => quote!((::core::cmp::Ord::clamp(self.#ident, 0, #max) as usize)),
            None => quote!(#core::attribute::AttributeValue::index(&self.#ident)),
        }
    }

    fn definition(&self, core: &TokenStream, cardinality: &TokenStream) -> TokenStream {
        let (key, r#type) = (&self.key, self.r#type);
        quote! {
            #core::AttributeDef {
                key: #key,
                values: <#r#type as #core::attribute::AttributeValue>::NAMES,
                cardinality: #cardinality,
            }
        }
    }

    fn visit(&self, core: &TokenStream) -> TokenStream {
        let (key, ident) = (&self.key, self.ident);
        let value = match &self.max {
            Some(max) => quote!(&::core::cmp::Ord::clamp(self.#ident, 0, #max)),
            None => quote!(&self.#ident),
        };
        if self.max.is_none() && is_literal(self.r#type) {
            return quote!(#core::attribute::Visitor::literal(visitor, #key, self.#ident););
        }
        quote!(#core::attribute::AttributeValue::visit(#value, #key, visitor);)
    }
}

/// Whether it is spelled `&'static str`: text that can be told by where it stands.
fn is_literal(r#type: &Type) -> bool {
    let Type::Reference(reference) = r#type else { return false };
    let lives_on = reference.lifetime.as_ref().is_some_and(|lifetime| lifetime.ident == "static");
    let is_text = matches!(&*reference.elem, Type::Path(path) if path.path.is_ident("str"));
    lives_on && is_text
}
