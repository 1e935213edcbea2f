//! No files in this build.

use super::FileExtras;
use crate::config::TelemetryConfig;
use crate::error::Source;
use crate::settings::{Settings, catalogue};

/// Refuses a file that was asked for.
pub(crate) fn read(config: &TelemetryConfig, settings: &mut Settings<'_>) -> FileExtras {
    if config.file_contents.is_some() {
        let source = Source::Code("with_file_contents");
        settings.not_compiled_in("a configuration file", "config-file", source);
    }
    let code = config.file.as_ref().map(|path| ("with_file", path.display().to_string()));
    if settings.choose(&catalogue::CONFIG_FILE, code, |path| Ok(path.to_owned())).is_some() {
        let source = settings.last_source();
        settings.not_compiled_in("a configuration file", "config-file", source);
    }
    FileExtras::default()
}
