//! The documentation says what the code says, and every variable is proved.

use std::fmt::Write as _;
use std::path::Path;

use throughline::catalogue;

const BEGIN: &str = "<!-- settings: written by the test `documentation`, with BLESS=1 -->\n";
const END: &str = "<!-- end of settings -->\n";

#[test]
fn the_table_is_what_the_catalogue_says() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/configuration.md");
    let page = std::fs::read_to_string(&path).expect("the page is there");
    let (before, rest) = page.split_once(BEGIN).expect("the table begins");
    let (_, after) = rest.split_once(END).expect("the table ends");
    let expected = format!("{before}{BEGIN}{}{END}{after}", table());
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&path, &expected).expect("the page can be written");
    } else {
        assert!(
            page == expected,
            "docs/configuration.md is stale: BLESS=1 cargo test --package throughline --all-features --test configuration"
        );
    }
}

fn table() -> String {
    let mut table = String::new();
    let mut group = "";
    for setting in catalogue() {
        let of = group_of(setting.name());
        if of != group {
            group = of;
            writeln!(
                table,
                "\n### {group}\n\n| setting | variable | default | what it is |\n|---|---|---|---|"
            )
            .expect("a string takes everything");
        }
        let variables: Vec<_> = setting.variables().iter().map(|name| format!("`{name}`")).collect();
        let default =
            if setting.default().is_empty() { String::new() } else { format!("`{}`", setting.default()) };
        let (name, about) = (setting.name(), setting.about());
        let secret = if setting.is_secret() { "; never shown whole" } else { "" };
        writeln!(table, "| `{name}` | {} | {default} | {about}{secret} |", variables.join(", else "))
            .expect("a string takes everything");
    }
    table.push('\n');
    table
}

fn group_of(name: &str) -> &'static str {
    match name.split('.').next() {
        Some("metrics") => "Metrics",
        Some("prometheus") => "The scrape endpoint",
        Some("console") => "The console exporter",
        Some("traces") => "Traces",
        Some("logs") => "Logs",
        _ => "All signals",
    }
}

/// Where variables are proved by what they do. `THROUGHLINE_LOG_FORMAT` is about standard error of a whole process,
/// propagators are global: the first is proved with the command, the second in `globals.rs`.
const PROOFS: &[&str] = &[
    include_str!("buffer.rs"),
    include_str!("effects.rs"),
    include_str!("endpoint.rs"),
    include_str!("security.rs"),
    include_str!("../console/text.rs"),
    include_str!("../globals.rs"),
    include_str!("../../../throughline-cli/tests/command/main.rs"),
];

#[test]
fn every_variable_is_proved_by_its_effect() {
    let unproved: Vec<_> = catalogue()
        .into_iter()
        .flat_map(|setting| setting.variables().iter().copied())
        .filter(|variable| !PROOFS.iter().any(|proof| proof.contains(&format!("\"{variable}\""))))
        // What files do is proved with the files.
        .filter(|variable| !variable.ends_with("CONFIG_FILE"))
        .collect();
    assert!(unproved.is_empty(), "no test shows what these do: {unproved:?}");
}
