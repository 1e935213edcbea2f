//! Where the expanded code finds `throughline_core`, and what `#[attribute(…)]` says.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Attribute, LitInt, LitStr, Result};

/// The path of the core crate, as seen from the crate that derives: what `#[attribute(crate = …)]` on the item says,
/// for crates that do not depend on the façade.
pub(crate) fn core(options: &Options) -> TokenStream {
    options.core.as_ref().map_or_else(|| quote!(::throughline::core), |path| quote!(#path))
}

/// What `#[attribute(…)]` says on an item, a field or a variant.
#[derive(Default)]
pub(crate) struct Options {
    pub(crate) key: Option<LitStr>,
    pub(crate) name: Option<LitStr>,
    pub(crate) max: Option<LitInt>,
    pub(crate) core: Option<syn::Path>,
}

impl Options {
    pub(crate) fn of(attributes: &[Attribute]) -> Result<Self> {
        let mut options = Self::default();
        for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("attribute")) {
            attribute.parse_nested_meta(|meta| {
                if meta.path.is_ident("key") {
                    options.key = Some(meta.value()?.parse()?);
                } else if meta.path.is_ident("name") {
                    options.name = Some(meta.value()?.parse()?);
                } else if meta.path.is_ident("max") {
                    options.max = Some(meta.value()?.parse()?);
                } else if meta.path.is_ident("crate") {
                    options.core = Some(meta.value()?.parse()?);
                } else {
                    return Err(meta.error("unknown option; there are `key`, `name`, `max` and `crate`"));
                }
                Ok(())
            })?;
        }
        Ok(options)
    }
}
