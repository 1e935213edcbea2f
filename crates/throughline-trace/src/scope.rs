//! Instrumentation scopes, registered once and named by number in every record.

use std::sync::{Arc, PoisonError, RwLock};

use opentelemetry::InstrumentationScope;

use crate::data::Scope;

/// Scopes of one provider. A program has one for each library that makes spans; whoever makes scopes without end gets
/// the last one from then on.
const SCOPES_MAX: usize = 4096;

/// The scopes of one provider.
#[derive(Debug, Default)]
pub(crate) struct Scopes(RwLock<Vec<Arc<Scope>>>);

impl Scopes {
    /// The number of this scope.
    pub(crate) fn register(&self, scope: InstrumentationScope) -> u32 {
        let mut scopes = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let known = scopes.iter().position(|known| known.scope == scope);
        let number = known.unwrap_or_else(|| {
            if scopes.len() < SCOPES_MAX {
                let number = scopes.len() as u32;
                scopes.push(Arc::new(Scope { number, scope }));
            }
            scopes.len() - 1
        });
        number as u32
    }

    /// Brings a reader's list up to date.
    pub(crate) fn read(&self, into: &mut Vec<Arc<Scope>>) {
        let scopes = self.0.read().unwrap_or_else(PoisonError::into_inner);
        into.extend(scopes.iter().skip(into.len()).cloned());
    }
}
