//! What kits there are, as data: for dashboards, alerts and documentation.

use throughline_core::MetricDef;

/// A kit: the metrics of one kind of service.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Kit {
    /// Its name, as that of its cargo feature: `http`.
    pub name: &'static str,
    /// What it is about, for people.
    pub title: &'static str,
    /// Its metrics, a list for each set of instruments.
    pub sets: &'static [&'static [MetricDef]],
}

impl Kit {
    /// A kit, perhaps one of an application's own.
    pub const fn new(name: &'static str, title: &'static str, sets: &'static [&'static [MetricDef]]) -> Self {
        Self { name, title, sets }
    }

    /// All of its metrics.
    pub fn definitions(&self) -> impl Iterator<Item = &'static MetricDef> {
        self.sets.iter().copied().flatten()
    }
}

/// The kits that are compiled in.
pub fn kits() -> &'static [Kit] {
    &[
        #[cfg(feature = "actor")]
        crate::actor::KIT,
        #[cfg(feature = "function")]
        crate::function::KIT,
        #[cfg(feature = "gen-ai")]
        crate::gen_ai::KIT,
        #[cfg(feature = "grpc")]
        crate::grpc::KIT,
        #[cfg(feature = "guard")]
        crate::guard::KIT,
        #[cfg(feature = "http")]
        crate::http::KIT,
        #[cfg(feature = "inference")]
        crate::inference::KIT,
        #[cfg(feature = "mcp")]
        crate::mcp::KIT,
        #[cfg(feature = "process")]
        crate::process::KIT,
        #[cfg(feature = "runtime")]
        crate::runtime::KIT,
        #[cfg(feature = "stream")]
        crate::stream::KIT,
    ]
}
