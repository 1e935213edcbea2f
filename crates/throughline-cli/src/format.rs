//! How a command writes what it has to say.

use clap::ValueEnum;

/// The forms that every command has which can be read by programs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people
    #[default]
    Human,
    /// One JSON document
    Json,
}
