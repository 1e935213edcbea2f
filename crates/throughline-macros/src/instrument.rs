//! `#[instrument]`: a function that records its calls.

use proc_macro2::TokenStream;
use quote::quote;
use syn::parse::{Parse, ParseStream};
use syn::{Error, Ident, ItemFn, LitBool, LitStr, Result, ReturnType, Token, Type};

/// What `#[instrument(…)]` says.
#[derive(Default)]
pub(crate) struct Options {
    name: Option<LitStr>,
    span: Option<LitBool>,
    kits: Option<syn::Path>,
}

impl Parse for Options {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let mut options = Self::default();
        while !input.is_empty() {
            if input.peek(Token![crate]) {
                input.parse::<Token![crate]>()?;
                input.parse::<Token![=]>()?;
                options.kits = Some(input.parse()?);
            } else {
                let option: Ident = input.parse()?;
                input.parse::<Token![=]>()?;
                match option.to_string().as_str() {
                    "name" => options.name = Some(input.parse()?),
                    "span" => options.span = Some(input.parse()?),
                    _ => {
                        return Err(Error::new(
                            option.span(),
                            "unknown option; there are `name`, `span` and `crate`",
                        ));
                    }
                }
            }
            if !input.is_empty() {
                input.parse::<Token![,]>()?;
            }
        }
        Ok(options)
    }
}

pub(crate) fn expand(options: &Options, function: &ItemFn) -> Result<TokenStream> {
    let ItemFn { attrs, vis, sig, block, .. } = function;
    if let Some(constness) = &sig.constness {
        return Err(Error::new_spanned(
            constness,
            "a function that runs when the program is compiled has nothing to record",
        ));
    }
    let kits = options.kits.as_ref().map_or_else(|| quote!(::throughline_instruments), |path| quote!(#path));
    let ident = sig.ident.to_string();
    let ident = ident.trim_start_matches("r#");
    let name = match &options.name {
        Some(name) => quote!(#name),
        None => quote!(::core::concat!(::core::module_path!(), "::", #ident)),
    };
    let begin = quote!(let __call = #kits::function::call(#name););
    let is_result = is_result(&sig.output);
    let has_span = options.span.as_ref().is_none_or(LitBool::value);
    let span = quote!(#kits::function::tracing::info_span!(#ident, code.function.name = #name));
    let body = if sig.asyncness.is_some() {
        let end = if is_result {
            quote!(__call.watch(async move #block).await)
        } else {
            quote!({ let __result = async move #block.await; __call.ok(); __result })
        };
        if has_span {
            quote!(#kits::function::tracing::Instrument::instrument(async move { #begin #end }, #span).await)
        } else {
            quote!(#begin #end)
        }
    } else {
        let enter = has_span.then(|| quote!(let __span = #span.entered();));
        let output = match &sig.output {
            ReturnType::Default => quote!(),
            // A closure cannot be told that it returns `impl Trait`; then what it returns says so.
            ReturnType::Type(_, r#type) if matches!(**r#type, Type::ImplTrait(_)) => quote!(),
            ReturnType::Type(arrow, r#type) => quote!(#arrow #r#type),
        };
        let end = if is_result { quote!(__call.finish(&__result);) } else { quote!(__call.ok();) };
        quote! {
            #enter
            #begin
            #[allow(clippy::redundant_closure_call, reason = "`return` and `?` leave it, and not what records")]
            let __result = (move || #output #block)();
            #end
            __result
        }
    };
    Ok(quote!(#(#attrs)* #vis #sig { #body }))
}

/// Whether the return type is spelled `Result`, whatever is before or behind that.
fn is_result(output: &ReturnType) -> bool {
    let ReturnType::Type(_, r#type) = output else { return false };
    let Type::Path(path) = &**r#type else { return false };
    path.path.segments.last().is_some_and(|last| last.ident == "Result")
}
