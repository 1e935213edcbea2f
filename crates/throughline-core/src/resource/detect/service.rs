//! What is always known: which toolkit this is, and an id for this instance.

use super::Findings;
use crate::resource::instance::random_uuid;

pub(super) fn detect(found: &mut Findings<'_>) {
    found.add("telemetry.sdk.name", "throughline");
    found.add("telemetry.sdk.language", "rust");
    found.add("telemetry.sdk.version", env!("CARGO_PKG_VERSION"));
    found.add("service.instance.id", random_uuid());
    let executable = std::env::current_exe().ok();
    let name = executable.as_deref().and_then(|path| Some(path.file_stem()?.to_string_lossy().into_owned()));
    found.add("service.name", format!("unknown_service:{}", name.as_deref().unwrap_or("rust")));
}
