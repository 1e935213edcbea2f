//! Programs of `tests/onto/`, and set-up that is left alone.

use std::path::Path;

use super::super::{Files, rewrite as to_version};
use crate::lint::matrix::Matrix;

/// A program with its manifest after the migration, and what is left.
fn migrated(manifest: &str, program: &str) -> (String, String, Vec<String>) {
    let matrix = Matrix::load(None).unwrap();
    let files = [("Cargo.toml", manifest), ("src/main.rs", program)];
    let files: Files = files.into_iter().map(|(path, text)| (path.into(), text.to_owned())).collect();
    let rewritten = to_version::rewrite(files, matrix.family, &matrix);
    let mut rewritten = super::rewrite(rewritten, None);
    let mut text = |path: &str| rewritten.files.remove(Path::new(path)).unwrap();
    (text("Cargo.toml"), text("src/main.rs"), rewritten.left)
}

#[test]
fn set_up_of_each_library_becomes_that_of_this_toolkit() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/onto");
    for (name, gone, left) in
        [("sdk", "opentelemetry_sdk", 0), ("metrics", "metrics-exporter", 0), ("prometheus", "0.13", 1)]
    {
        let read = |file: &str| std::fs::read_to_string(folder.join(name).join(file)).unwrap();
        let (manifest, program, told) = migrated(&read("Cargo.toml"), &read("main.rs"));
        assert_eq!(program, read("after.rs"), "{name}");
        assert!(manifest.contains("\nthroughline = ") && !manifest.contains(gone), "{name}: {manifest}");
        assert_eq!(told.len(), left, "{name}: {told:?}");
    }
}

#[test]
fn programs_of_old_releases_go_all_the_way() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/samples");
    for sample in ["pipelines_give_providers/0.26", "builders/0.27"] {
        let manifest = std::fs::read_to_string(folder.join(format!("{sample}.toml"))).unwrap();
        let program = std::fs::read_to_string(folder.join(sample).with_file_name("main.rs")).unwrap();
        let (manifest, program, left) = migrated(&manifest, &program);
        assert_eq!(left, Vec::<String>::new(), "{sample}");
        assert!(
            program.contains("throughline::init_telemetry(")
                && program.contains("telemetry.shutdown().await"),
            "{program}"
        );
        assert!(
            !program.contains("opentelemetry_sdk") && !manifest.contains("opentelemetry_sdk"),
            "{program}\n{manifest}"
        );
    }
}

const MANIFEST: &str =
    "[package]\nname = \"app\"\n[dependencies]\nopentelemetry = \"0.33\"\nopentelemetry_sdk = \"0.33\"\n";

#[test]
fn what_is_not_understood_is_left_with_its_place() {
    let set_up = |calls: &str, rest: &str| {
        format!(
            "fn main() {{\n    let provider = opentelemetry_sdk::trace::SdkTracerProvider::builder(){calls}.build();\n    \
             opentelemetry::global::set_tracer_provider(provider.clone());\n    {rest}\n}}\n"
        )
    };
    let exporter =
        ".with_batch_exporter(opentelemetry_otlp::SpanExporter::builder().with_http().build().unwrap())";
    for (program, told) in [
        (
            set_up(".with_id_generator(ids())", ""),
            "src/main.rs:2: set-up that is not known here: `with_id_generator`",
        ),
        (set_up(exporter, "keep(provider);"), "src/main.rs:4: set-up is used in a way"),
        (
            format!(
                "fn main() {{}}\nfn init() {{\n{}\n}}",
                "    opentelemetry_sdk::trace::SdkTracerProvider::builder();"
            ),
            "src/main.rs:3: set-up in a function",
        ),
    ] {
        let (_, after, left) = migrated(MANIFEST, &program);
        assert_eq!(after, program);
        assert!(left.iter().any(|left| left.starts_with(told)), "{left:?}");
    }
    let (_, after, left) = migrated(MANIFEST, &set_up(exporter, "let _ = provider.shutdown();"));
    assert!(
        left.is_empty() && after.contains("let _ = telemetry.shutdown_blocking().into_result();"),
        "{left:?}\n{after}"
    );
    assert!(
        after.contains(".expect(\"telemetry starts\")") && after.contains("[throughline::Exporter::Otlp]"),
        "{after}"
    );
}

#[test]
fn a_layer_of_a_tracer_becomes_that_of_telemetry() {
    let program = "fn main() {
    let exporter = opentelemetry_otlp::SpanExporter::builder().with_tonic().build().unwrap();
    let provider = opentelemetry_sdk::trace::SdkTracerProvider::builder().with_batch_exporter(exporter).build();
    let tracer = provider.tracer(\"app\");
    tracing_subscriber::registry().with(tracing_opentelemetry::layer().with_tracer(tracer)).init();
}
";
    let (_, after, left) = migrated(MANIFEST, program);
    assert!(
        left.is_empty() && after.contains("tracing_subscriber::registry().with(telemetry.layer()).init();"),
        "{left:?}\n{after}"
    );
    assert!(after.contains(".without_subscriber()") && !after.contains("let tracer"), "{after}");
}

#[test]
fn telemetry_is_started_once() {
    let program = "fn main() {
    metrics_exporter_prometheus::PrometheusBuilder::new().install().unwrap();
    let registry = prometheus::Registry::new();
}
";
    let (_, after, left) = migrated(MANIFEST, program);
    assert_eq!(after.matches("init_telemetry").count(), 1, "{after}");
    assert!(left.iter().any(|left| left.contains("more set-up than one")), "{left:?}");
}
