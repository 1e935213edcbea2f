//! The samplers that the specification's environment variables name.

use std::fmt;

use super::Sampler;

/// Why a sampler's name and argument were not understood.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ParseSamplerError {
    /// No sampler has this name.
    UnknownName(String),
    /// The argument is not a number from 0 to 1.
    InvalidRatio(String),
}

impl fmt::Display for ParseSamplerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownName(name) => write!(
                f,
                "unknown sampler `{name}`: use always_on, always_off, traceidratio, parentbased_always_on, \
                 parentbased_always_off or parentbased_traceidratio"
            ),
            Self::InvalidRatio(ratio) => {
                write!(f, "the sampler's ratio `{ratio}` is not a number from 0 to 1")
            }
        }
    }
}

impl std::error::Error for ParseSamplerError {}

pub(super) fn parse(name: &str, argument: Option<&str>) -> Result<Sampler, ParseSamplerError> {
    let argument = argument.map(str::trim).filter(|argument| !argument.is_empty());
    match name.trim() {
        "always_on" => Ok(Sampler::always_on()),
        "always_off" => Ok(Sampler::always_off()),
        "traceidratio" => ratio(argument),
        "parentbased_always_on" => Ok(Sampler::parent_based(Sampler::always_on())),
        "parentbased_always_off" => Ok(Sampler::parent_based(Sampler::always_off())),
        "parentbased_traceidratio" => ratio(argument).map(Sampler::parent_based),
        unknown => Err(ParseSamplerError::UnknownName(unknown.to_owned())),
    }
}

/// Without an argument, all.
fn ratio(argument: Option<&str>) -> Result<Sampler, ParseSamplerError> {
    let Some(argument) = argument else { return Ok(Sampler::ratio(1.0)) };
    match argument.parse::<f64>() {
        Ok(ratio) if (0.0..=1.0).contains(&ratio) => Ok(Sampler::ratio(ratio)),
        _ => Err(ParseSamplerError::InvalidRatio(argument.to_owned())),
    }
}
