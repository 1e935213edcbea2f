//! Set-up in functions that return something else: the toolkit is set up in `main`.

use syn::visit::{self, Visit};
use syn::{ExprCall, ItemFn};

use crate::migrate::throughline::Left;
use crate::migrate::throughline::program::Program;

/// Looks for set-up in functions that return something else.
pub(super) struct Elsewhere<'a> {
    pub(super) program: &'a Program<'a>,
    pub(super) found: Option<Left>,
}

impl Elsewhere<'_> {
    pub(super) fn look(mut self, function: &ItemFn) -> Result<(), Left> {
        self.visit_item_fn(function);
        self.found.map_or(Ok(()), Err)
    }
}

#[expect(clippy::renamed_function_params, reason = "the trait calls all of them `i`")]
impl<'ast> Visit<'ast> for Elsewhere<'_> {
    fn visit_expr_call(&mut self, call: &'ast ExprCall) {
        let path = self.program.called(call).unwrap_or_default();
        let sets = path.starts_with("opentelemetry::global::set_")
            || path.starts_with("opentelemetry_sdk::") && path.ends_with("Provider::builder");
        if sets {
            let what = "set-up in a function that does not return one provider; have `main` call \
                 `throughline::init_telemetry`, keep what it returns, and drop this";
            self.found.get_or_insert_with(|| Left::at(call, what));
        }
        visit::visit_expr_call(self, call);
    }
}
