//! Hop 1: what environment and files say, read by the toolkit itself, so that doctor believes what a program would.

use throughline::{Description, Error, Source};

use super::address::Address;
use super::check::{Check, Hop, Verdict};
use super::fix::Fix;
use super::routes::{ALL, Route, setting, signals, with_base};

/// Judges what was decided.
pub(crate) fn check(description: &Description, routes: &[Route]) -> Vec<Check> {
    if let Some(error) = description.error() {
        return vec![unusable(error)];
    }
    if let Some(disabled) = setting(description, "disabled").filter(|setting| setting.value == "true") {
        let evidence = format!("all telemetry is switched off by {}", disabled.source);
        return vec![
            Check::broken(Hop::Settings, "", evidence).because("D002", Fix::unset("OTEL_SDK_DISABLED")),
        ];
    }
    let mut checks: Vec<Check> =
        description.warnings().iter().map(|warning| suspicion(warning, description, routes)).collect();
    if routes.is_empty() {
        checks.push(pushed_nowhere(description, &checks));
        promote(&mut checks, &["D004"]);
    } else {
        checks.extend(pushed(routes));
    }
    checks
}

/// What was a warning is what broke it.
pub(crate) fn promote(checks: &mut [Check], ids: &[&str]) {
    for check in checks.iter_mut().filter(|check| ids.iter().any(|id| check.is(id))) {
        check.verdict = Verdict::Broken;
    }
}

/// What makes a receiver answer that it is not one.
pub(crate) const WRONG_PATHS: [&str; 2] = ["D005", "D006"];

fn unusable(error: &Error) -> Check {
    let variables: Vec<_> = match error {
        Error::Configuration(problems) => problems
            .iter()
            .filter_map(|problem| match problem.source() {
                Source::Environment(name) => Some((name.to_string(), meant(&problem.to_string()))),
                _ => None,
            })
            .collect(),
        _ => Vec::new(),
    };
    let fix = if variables.is_empty() {
        Fix::by_hand("correct what is named above; `throughline config explain` shows every setting")
    } else {
        Fix::Environment(variables)
    };
    Check::broken(Hop::Settings, "", error.to_string()).because("D001", fix)
}

/// The value that a message says was meant, if it does.
fn meant(problem: &str) -> Option<String> {
    let (_, after) = problem.split_once("has no scheme; write `")?;
    Some(after.split_once('`')?.0.to_owned())
}

fn pushed(routes: &[Route]) -> Vec<Check> {
    let mut ways: Vec<(&str, &str, &str)> = Vec::new();
    for Route { url: _, protocol, source, .. } in routes {
        let base = routes.iter().find(|route| route.source == *source).map_or("", Route::base_url);
        let way = (base, protocol.as_str(), source.as_str());
        if !ways.contains(&way) {
            ways.push(way);
        }
    }
    let shown = |(base, protocol, source): &(&str, &str, &str)| {
        let of_way = routes.iter().filter(|route| route.source == *source && route.protocol == *protocol);
        let evidence = format!("{} to {base} as {protocol} ({source})", signals(of_way));
        Check::ok(Hop::Settings, *base, evidence)
    };
    ways.iter().map(shown).collect()
}

fn pushed_nowhere(description: &Description, earlier: &[Check]) -> Check {
    let none: Vec<_> = ["metrics", "traces", "logs"]
        .into_iter()
        .filter(|signal| {
            let exporter = setting(description, &format!("{signal}.exporter"));
            exporter.is_some_and(|setting| setting.value == "none" && setting.source != Source::Default)
        })
        .map(|signal| (format!("OTEL_{}_EXPORTER", signal.to_uppercase()), None))
        .collect();
    let is_misspelt = earlier.iter().any(|check| check.is("D004"));
    let (evidence, fix) = if none.is_empty() || is_misspelt {
        let evidence = format!("nothing is pushed: {ALL} is not set");
        (evidence, Fix::set(ALL, "http://localhost:4318"))
    } else {
        let names: Vec<_> = none.iter().map(|(name, _): &(String, Option<String>)| name.as_str()).collect();
        let evidence = format!("nothing is pushed: {} = none", names.join(", "));
        let mut variables = none;
        // It is no setting while nothing goes there, so it is not among those of the toolkit.
        if std::env::var_os(ALL).is_none_or(|value| value.is_empty()) {
            variables.push((ALL.to_owned(), Some("http://localhost:4318".to_owned())));
        }
        (evidence, Fix::Environment(variables))
    };
    Check::broken(Hop::Settings, "", evidence).because("D003", fix)
}

/// A warning of the toolkit, as a check: what it is about is told by its words.
fn suspicion(warning: &str, description: &Description, routes: &[Route]) -> Check {
    if warning.starts_with("gRPC has no paths") {
        // It is as if it were not there.
        return Check::ok(Hop::Settings, "", warning);
    }
    let (id, fix) = if warning.contains("is set and has no effect") {
        ("D004", without_effect(warning))
    } else if warning.contains("Prometheus, which takes metrics alone") {
        ("D009", metrics_alone(routes))
    } else if warning.contains("is that of Prometheus, whose OTLP receiver") {
        ("D006", below_prometheus(routes))
    } else if warning.contains("is taken as a base URL") {
        ("D005", without_path(warning, description))
    } else if warning.contains("has no path; receivers listen") || warning.contains(", where receivers take ")
    {
        ("D005", with_path(warning, routes))
    } else if warning.starts_with("Prometheus takes ") {
        ("D307", cumulative())
    } else {
        ("D010", Fix::by_hand("as the warning says; `throughline config explain` shows every setting"))
    };
    Check::new(Hop::Settings, Verdict::Warning, "", warning).because(id, fix)
}

/// The variable under its right name. Its value may be a secret, so it is not repeated.
fn without_effect(warning: &str) -> Fix {
    let Some((wrong, right)) = misspelt(warning) else {
        return Fix::unset(warning.split(' ').next().unwrap_or_default());
    };
    Fix::Environment(vec![(right.to_owned(), Some(format!("\"${wrong}\""))), (wrong.to_owned(), None)])
}

/// Metrics to where Prometheus takes them, and nothing else.
fn below_prometheus(routes: &[Route]) -> Fix {
    let metrics: Vec<_> = routes.iter().filter(|route| route.signal == "metrics").collect();
    let mut variables = with_base(routes, &metrics, |route| format!("{}/api/v1/otlp", origin(route)));
    variables.extend(without_others(routes));
    Fix::Environment(variables)
}

/// The endpoint of a signal with that signal's path.
fn with_path(warning: &str, routes: &[Route]) -> Fix {
    let names = |url: &str| warning.contains(&format!("`{url}`"));
    let is_meant = |route: &&Route| names(&route.url) || names(route.url.trim_end_matches('/'));
    let wrong: Vec<_> = routes.iter().filter(is_meant).collect();
    Fix::Environment(with_base(routes, &wrong, origin))
}

/// Scheme, host and port of where a route leads.
pub(crate) fn origin(route: &Route) -> String {
    route.address.as_ref().map(Address::origin).unwrap_or_default()
}

/// The name that was written, and the one that was meant.
fn misspelt(warning: &str) -> Option<(&str, &str)> {
    let (wrong, right) = warning.split_once(" is set and has no effect: did you mean ")?;
    Some((wrong, right.trim_end_matches('?')))
}

/// The base URL without a signal's path.
fn without_path(warning: &str, description: &Description) -> Fix {
    let written = warning.split('`').nth(1).unwrap_or_default();
    let base = ["/v1/metrics", "/v1/traces", "/v1/logs"]
        .into_iter()
        .find_map(|path| written.trim_end_matches('/').strip_suffix(path))
        .unwrap_or(written);
    let endpoints = ["metrics", "traces", "logs"].map(|signal| format!("{signal}.otlp.endpoint"));
    let source = endpoints.iter().find_map(|name| super::routes::variable(setting(description, name)?));
    Fix::set(source.unwrap_or_else(|| ALL.to_owned()), base)
}

/// Switches the pushing of everything but metrics off.
pub(crate) fn metrics_alone(routes: &[Route]) -> Fix {
    Fix::Environment(without_others(routes))
}

pub(crate) fn without_others(routes: &[Route]) -> Vec<(String, Option<String>)> {
    let others = routes.iter().filter(|route| route.signal != "metrics");
    others
        .map(|route| (format!("OTEL_{}_EXPORTER", route.signal.to_uppercase()), Some("none".to_owned())))
        .collect()
}

pub(crate) fn cumulative() -> Fix {
    Fix::set("OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE", "cumulative")
}
