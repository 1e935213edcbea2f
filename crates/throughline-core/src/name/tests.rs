use super::*;

/// What the OTLP receiver of Prometheus 3.15 (its module `otlptranslator` 1.0.0) answered, one question a line:
/// strategy, kind, name, unit, answer; or `L`, strategy, key, answer. `!` is a refusal.
const RECEIVER: &str = include_str!("receiver.tsv");

fn strategy(text: &str) -> TranslationStrategy {
    text.parse().expect("a strategy")
}

fn kind(text: &str) -> FamilyKind {
    match text {
        "counter" => FamilyKind::Counter,
        "updown" => FamilyKind::UpDown,
        "gauge" => FamilyKind::Gauge,
        _ => FamilyKind::Histogram,
    }
}

#[test]
fn metric_names_are_those_of_the_otlp_receiver() {
    let mut asked = 0;
    for line in RECEIVER.lines() {
        if let [strat, k, name, unit, answer] = line.split('\t').collect::<Vec<_>>()[..] {
            let ours = strategy(strat).metric_name(name, unit, kind(k));
            if answer.contains("_per_second_per_second") {
                let once = answer.replacen("_per_second", "", 1);
                assert_eq!(ours.as_deref(), Ok(&*once), "{line}");
                continue;
            }
            let refused = answer == "!" || name.is_empty() && strategy(strat).keeps_utf8();
            let expected = (!refused && !answer.is_empty()).then(|| answer.to_owned());
            assert_eq!(ours.ok(), expected, "{line}");
            asked += 1;
        }
    }
    assert!(asked > 300, "{asked} questions");
}

#[test]
fn label_names_are_those_of_the_otlp_receiver() {
    let mut asked = 0;
    for line in RECEIVER.lines() {
        if let ["L", strat, key, answer] = line.split('\t').collect::<Vec<_>>()[..] {
            let ours = strategy(strat).label_name(key);
            if answer != "!" {
                assert_eq!(ours, answer, "{line}");
            }
            assert!(!ours.is_empty(), "{line}");
            asked += 1;
        }
    }
    assert!(asked > 40, "{asked} questions");
}

/// The instruments of the studied systems with the names that their authors meant.
#[test]
fn no_suffix_stands_twice_in_the_instruments_of_the_studied_systems() {
    use FamilyKind::{Counter, Gauge, Histogram};
    for (name, unit, kind, expected) in [
        ("requests_total", "", Counter, "requests_total"),
        ("request_duration_seconds", "s", Histogram, "request_duration_seconds"),
        ("llm.requests", "", Counter, "llm_requests_total"),
        ("llm.duration", "seconds", Histogram, "llm_duration_seconds"),
        ("bot.time_since_success", "seconds", Gauge, "bot_time_since_success_seconds"),
        ("processor.events.processed", "", Counter, "processor_events_processed_total"),
        ("http_requests_total", "", Counter, "http_requests_total"),
        ("mailbox.posts", "", Counter, "mailbox_posts_total"),
        ("mcp.connections.total", "", Counter, "mcp_connections_total"),
        ("mcp_server_request_duration_seconds", "s", Histogram, "mcp_server_request_duration_seconds"),
    ] {
        let translated = TranslationStrategy::default().metric_name(name, unit, kind);
        assert_eq!(translated.as_deref(), Ok(expected));
    }
}

#[test]
fn a_key_of_which_nothing_is_left_still_has_a_label() {
    let strategy = TranslationStrategy::default();
    for (key, label) in [("", "key_"), ("__", "key___"), ("ようこそ", "key_____"), ("@@", "key___")] {
        assert_eq!(strategy.label_name(key), label, "{key:?}");
    }
}

#[test]
fn a_very_long_name_is_translated_whole() {
    let name = "a.".repeat(50_000);
    let translated =
        TranslationStrategy::default().metric_name(&name, "s", FamilyKind::Counter).expect("a name");
    assert_eq!(translated.len(), 2 * 50_000 + "seconds_total".len());
}

#[test]
fn a_suffix_behind_a_character_of_several_bytes_is_cut_at_its_start() {
    let translated =
        TranslationStrategy::NoUtf8EscapingWithSuffixes.metric_name("aétotal", "", FamilyKind::Counter);
    assert_eq!(translated.as_deref(), Ok("a_total"));
}

#[test]
fn strategies_are_read_as_the_specification_and_as_configuration_files_write_them() {
    for strategy in TranslationStrategy::ALL {
        assert_eq!(strategy.to_string().parse(), Ok(strategy));
    }
    assert_eq!("no_utf8_escaping_with_suffixes".parse(), Ok(TranslationStrategy::NoUtf8EscapingWithSuffixes));
    let error = "dots".parse::<TranslationStrategy>().expect_err("no strategy").to_string();
    assert!(
        error.starts_with("`dots` is no translation strategy; there are UnderscoreEscapingWithSuffixes, ")
    );
}

proptest::proptest! {
    /// Whatever the name, the escaping strategies give what the oldest Prometheus takes.
    #[test]
    fn escaped_names_are_always_valid(name in ".*", unit in ".{0,6}", key in ".*") {
        for strategy in [TranslationStrategy::default(), TranslationStrategy::UnderscoreEscapingWithoutSuffixes] {
            for kind in [FamilyKind::Counter, FamilyKind::UpDown, FamilyKind::Gauge, FamilyKind::Histogram] {
                if let Ok(name) = strategy.metric_name(&name, &unit, kind) {
                    assert!(name.chars().all(|c| is_name_char(c) || c == '_'), "{name}");
                    assert!(!name.starts_with(|c: char| c.is_ascii_digit()), "{name}");
                }
            }
            let label = strategy.label_name(&key);
            assert!(label.chars().all(|c| c.is_ascii_alphanumeric() || c == '_'), "{label}");
            assert!(!label.starts_with(|c: char| c.is_ascii_digit()), "{label}");
        }
    }
}
