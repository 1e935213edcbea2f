//! Reads a sampler: by the names that `OTEL_TRACES_SAMPLER` has, or in the words of a configuration file.
//!
//! In the file's words, samplers can be nested: `parent_based{root:trace_id_ratio_based{0.1},remote_parent_sampled:…}`.
//! `file/read.rs` writes them so, and a variable may.

use throughline_trace::sampler::{ParentBased, Sampler};

/// Samplers in samplers: more is a mistake.
const DEPTH_MAX: usize = 16;

/// Reads a sampler. `argument` belongs to the variable's names.
pub(super) fn parse(text: &str, argument: Option<&str>) -> Result<Sampler, String> {
    if text.contains('{') {
        let mut rest = text;
        let sampler = nested(&mut rest, 0).filter(|_| rest.is_empty());
        return sampler.ok_or_else(|| {
            "is no sampler; write `parent_based{root:trace_id_ratio_based{0.1}}`, with the names of a configuration file"
                .to_owned()
        });
    }
    Sampler::parse(text, argument).map_err(|error| error.to_string())
}

/// Takes a sampler from the beginning of the text.
fn nested(rest: &mut &str, depth: usize) -> Option<Sampler> {
    if depth > DEPTH_MAX {
        return None;
    }
    match word(rest) {
        "always_on" => Some(Sampler::always_on()),
        "always_off" => Some(Sampler::always_off()),
        "trace_id_ratio_based" => {
            let (ratio, after) = rest.strip_prefix('{')?.split_once('}')?;
            *rest = after;
            let ratio = ratio.parse().ok().filter(|ratio| (0.0..=1.0).contains(ratio))?;
            Some(Sampler::ratio(ratio))
        }
        "parent_based" => parent_based(rest, depth),
        _ => None,
    }
}

fn parent_based(rest: &mut &str, depth: usize) -> Option<Sampler> {
    let mut root = Sampler::always_on();
    let mut branches = Vec::new();
    *rest = rest.strip_prefix('{')?;
    while !rest.starts_with('}') {
        let name = word(rest);
        *rest = rest.strip_prefix(':')?;
        let sampler = nested(rest, depth + 1)?;
        if name == "root" {
            root = sampler;
        } else {
            branches.push((name, sampler));
        }
        *rest = rest.strip_prefix(',').unwrap_or(rest);
    }
    *rest = rest.strip_prefix('}')?;
    let all = branches.into_iter().try_fold(ParentBased::new(root), |all, (name, sampler)| {
        Some(match name {
            "remote_parent_sampled" => all.with_remote_sampled(sampler),
            "remote_parent_not_sampled" => all.with_remote_not_sampled(sampler),
            "local_parent_sampled" => all.with_local_sampled(sampler),
            "local_parent_not_sampled" => all.with_local_not_sampled(sampler),
            _ => return None,
        })
    });
    all.map(Into::into)
}

/// Takes a word from the beginning of the text.
fn word<'a>(rest: &mut &'a str) -> &'a str {
    let end = rest.find(|c: char| !c.is_ascii_lowercase() && c != '_').unwrap_or(rest.len());
    let (word, after) = rest.split_at(end);
    *rest = after;
    word
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samplers_are_read_by_either_name() {
        for (text, expected) in [
            ("always_off", "AlwaysOffSampler"),
            ("parentbased_always_on", "ParentBased{AlwaysOnSampler}"),
            ("trace_id_ratio_based{0.5}", "TraceIdRatioBased{0.5}"),
            ("parent_based{}", "ParentBased{AlwaysOnSampler}"),
            ("parent_based{root:trace_id_ratio_based{0.25}}", "ParentBased{TraceIdRatioBased{0.25}}"),
        ] {
            assert_eq!(
                parse(text, None).map(|sampler| sampler.to_string()).as_deref(),
                Ok(expected),
                "{text}"
            );
        }
        let all = "parent_based{root:always_off,remote_parent_sampled:always_off,remote_parent_not_sampled:always_on,\
                   local_parent_sampled:always_off,local_parent_not_sampled:parent_based{root:always_on}}";
        assert!(parse(all, None).is_ok());
    }

    #[test]
    fn what_is_no_sampler_is_refused() {
        let deep = "parent_based{root:".repeat(1000);
        for text in [
            "parent_based{",
            "parent_based{root}",
            "trace_id_ratio_based{2}",
            "always_on{}",
            "parent_based{x:always_on}",
            &deep,
        ] {
            assert!(parse(text, None).is_err(), "{text}");
        }
    }
}
