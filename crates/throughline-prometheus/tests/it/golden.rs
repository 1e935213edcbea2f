//! One of everything in every format, against files. `UPDATE_GOLDEN=1 cargo test` writes them anew.

use std::path::Path;

use throughline_core::name::TranslationStrategy;
use throughline_prometheus::{Escaping, Exposition, Format, PrometheusConfig, Renderer};

use crate::protobuf::decode;
use crate::sample::{OPENMETRICS, PROTOBUF, TEXT, bytes, render, render_with, shop};

fn check(name: &str, actual: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, actual).expect("the folder is there");
    }
    let expected = std::fs::read_to_string(&path).expect("a golden file; UPDATE_GOLDEN=1 writes it");
    assert_eq!(actual, expected, "{name}");
}

#[test]
fn text() {
    check("shop.prom", &render(&shop(), TEXT));
}

#[test]
fn openmetrics() {
    check("shop.openmetrics", &render(&shop(), OPENMETRICS));
}

#[test]
fn protobuf() {
    let families = decode(&bytes(&mut Renderer::default(), &shop(), PROTOBUF));
    let shown: String = format!("{families:#?}\n");
    check("shop.protobuf.txt", &shown);
}

#[test]
fn names_as_they_are() {
    let config = || PrometheusConfig::default().with_strategy(TranslationStrategy::NoTranslation);
    for (name, exposition, escaping) in [
        ("utf8.prom", Exposition::Text1_0_0, Escaping::AllowUtf8),
        ("utf8.openmetrics", Exposition::OpenMetrics1_0_0, Escaping::AllowUtf8),
        ("utf8-underscores.openmetrics", Exposition::OpenMetrics1_0_0, Escaping::Underscores),
        ("utf8-dots.openmetrics", Exposition::OpenMetrics1_0_0, Escaping::Dots),
        ("utf8-values.prom", Exposition::Text0_0_4, Escaping::Values),
    ] {
        check(name, &render_with(&shop(), Format { exposition, escaping }, config()));
    }
}

#[test]
fn without_suffixes_scopes_and_target() {
    let config = PrometheusConfig::default()
        .with_strategy(TranslationStrategy::UnderscoreEscapingWithoutSuffixes)
        .with_scope_labels(false)
        .with_target_info(false);
    check("plain.prom", &render_with(&shop(), TEXT, config.clone()));
    check("plain.openmetrics", &render_with(&shop(), OPENMETRICS, config));
}
