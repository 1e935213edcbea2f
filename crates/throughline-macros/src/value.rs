//! `#[derive(AttributeValue)]`: an enum without fields as a closed set of values.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Data, DeriveInput, Error, Fields, Result};

use crate::path::{Options, core};

pub(crate) fn expand(input: &DeriveInput) -> Result<TokenStream> {
    let Data::Enum(data) = &input.data else {
        return Err(Error::new_spanned(
            &input.ident,
            "`AttributeValue` is for enums; a struct derives `Attributes`",
        ));
    };
    if data.variants.is_empty() {
        return Err(Error::new_spanned(&input.ident, "an enum without variants has no value to record"));
    }
    let mut names = Vec::new();
    let mut variants = Vec::new();
    for variant in &data.variants {
        if !matches!(variant.fields, Fields::Unit) {
            return Err(Error::new_spanned(
                variant,
                "a variant with fields is not one of a closed set of values",
            ));
        }
        let given = Options::of(&variant.attrs)?.name.map(|name| name.value());
        names.push(given.unwrap_or_else(|| snake_case(&variant.ident.to_string())));
        variants.push(&variant.ident);
    }
    let core = core(&Options::of(&input.attrs)?);
    let (ident, count) = (&input.ident, names.len());
    let numbers = 0..count;
    let (generics, arguments, bounds) = input.generics.split_for_impl();
    Ok(quote! {
        impl #generics #core::attribute::AttributeValue for #ident #arguments #bounds {
            const CARDINALITY: ::core::option::Option<usize> = ::core::option::Option::Some(#count);
            const NAMES: &'static [&'static str] = &[#(#names),*];

            #[inline]
            fn index(&self) -> usize {
                match self { #(Self::#variants => #numbers,)* }
            }

            #[inline]
            fn value(&self) -> ::core::option::Option<#core::attribute::ValueRef<'_>> {
                ::core::option::Option::Some(#core::attribute::ValueRef::Str(
                    match self { #(Self::#variants => #names,)* }
                ))
            }

            #[inline]
            fn visit<V: #core::attribute::Visitor>(&self, key: &str, visitor: &mut V) {
                visitor.literal(key, match self { #(Self::#variants => #names,)* });
            }
        }
    })
}

/// `TimedOut` as `timed_out`, `HTTPError` as `http_error`.
fn snake_case(name: &str) -> String {
    let letters: Vec<char> = name.chars().collect();
    let mut snake = String::new();
    for (at, letter) in letters.iter().enumerate() {
        let after_lower = at > 0 && !letters[at - 1].is_uppercase();
        let before_lower = letters.get(at + 1).is_some_and(|next| next.is_lowercase());
        if letter.is_uppercase() && at > 0 && (after_lower || before_lower) {
            snake.push('_');
        }
        snake.extend(letter.to_lowercase());
    }
    snake
}

#[cfg(test)]
mod tests {
    use super::snake_case;

    #[test]
    fn variants_become_snake_case() {
        for (name, expected) in [
            ("Ok", "ok"),
            ("TimedOut", "timed_out"),
            ("HTTPError", "http_error"),
            ("V2", "v2"),
            ("GetURL", "get_url"),
        ] {
            assert_eq!(snake_case(name), expected);
        }
    }
}
