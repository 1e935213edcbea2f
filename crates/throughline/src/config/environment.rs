//! Where environment variables are looked up.

use std::fmt;
use std::sync::Arc;

/// The variables of the process, or those that a test or an application hands over.
#[derive(Clone)]
pub(crate) struct Environment {
    lookup: Arc<Lookup>,
    /// What there is, where that is known.
    names: fn() -> Vec<String>,
}

type Lookup = dyn Fn(&str) -> Option<String> + Send + Sync;

impl Environment {
    pub(crate) fn of_process() -> Self {
        // What is not UTF-8 is shown, and refused, rather than overlooked.
        let lookup = |variable: &str| Some(std::env::var_os(variable)?.to_string_lossy().into_owned());
        let names = || std::env::vars_os().filter_map(|(name, _)| name.into_string().ok()).collect();
        Self { lookup: Arc::new(lookup), names }
    }

    pub(crate) fn looked_up(lookup: impl Fn(&str) -> Option<String> + Send + Sync + 'static) -> Self {
        Self { lookup: Arc::new(lookup), names: Vec::new }
    }

    /// The variable's value; empty is as good as unset, as the specification has it.
    pub(crate) fn value(&self, variable: &str) -> Option<String> {
        (self.lookup)(variable).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty())
    }

    /// The names of all variables that are set; none when they can only be looked up.
    pub(crate) fn names(&self) -> Vec<String> {
        (self.names)()
    }
}

/// Values may be secret.
impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Environment")
    }
}
