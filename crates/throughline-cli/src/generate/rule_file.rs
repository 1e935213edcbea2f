//! Reads files of rules: of anything in YAML, the maps that have an expression.

use saphyr_parser::{Event, Parser};

/// A rule as it stands in a file.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct WrittenRule {
    /// What it is called as an alert, or what it records.
    pub(crate) name: String,
    pub(crate) is_alert: bool,
    pub(crate) expression: String,
    pub(crate) description: String,
}

/// A map or a list that has begun; a list has no keys.
#[derive(Default)]
struct Open {
    is_map: bool,
    key: Option<String>,
    rule: WrittenRule,
}

/// The rules of a file, in order.
///
/// # Errors
/// When it is no YAML, with the place.
pub(crate) fn read(text: &str) -> Result<Vec<WrittenRule>, String> {
    let (mut open, mut rules) = (Vec::<Open>::new(), Vec::new());
    for event in Parser::new_from_str(text) {
        let (event, _place) = event.map_err(|error| error.to_string())?;
        match event {
            Event::MappingStart(..) => open.push(Open { is_map: true, ..Open::default() }),
            Event::SequenceStart(..) => open.push(Open::default()),
            Event::Scalar(text, ..) => scalar(&mut open, &text),
            Event::MappingEnd | Event::SequenceEnd => rules.extend(close(&mut open)),
            _ => {}
        }
    }
    Ok(rules)
}

fn scalar(open: &mut [Open], text: &str) {
    let Some(inner) = open.last_mut().filter(|open| open.is_map) else { return };
    let Some(key) = inner.key.take() else {
        inner.key = Some(text.to_owned());
        return;
    };
    match &*key {
        "alert" | "record" => {
            inner.rule.is_alert = key == "alert";
            text.clone_into(&mut inner.rule.name);
        }
        "expr" => text.clone_into(&mut inner.rule.expression),
        "description" => text.clone_into(&mut inner.rule.description),
        _ => {}
    }
}

/// Ends what began last: the value of a key, which is a rule, or annotations that belong to one.
fn close(open: &mut Vec<Open>) -> Option<WrittenRule> {
    let Open { rule, .. } = open.pop()?;
    if let Some(outer) = open.last_mut().filter(|outer| outer.is_map) {
        outer.key = None;
        if !rule.description.is_empty() && rule.expression.is_empty() {
            outer.rule.description.clone_from(&rule.description);
        }
    }
    (!rule.name.is_empty() && !rule.expression.is_empty()).then_some(rule)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_found_wherever_they_stand() {
        let text = "groups:\n- name: one\n  rules:\n  - alert: A\n    expr: up == 0\n    annotations: {description: 'May \
                    be'}\n  - record: a:b\n    expr: |-\n      sum(up)\n";
        let alert = WrittenRule {
            name: "A".to_owned(),
            is_alert: true,
            expression: "up == 0".to_owned(),
            description: "May be".to_owned(),
        };
        let record = WrittenRule {
            name: "a:b".to_owned(),
            expression: "sum(up)".to_owned(),
            ..WrittenRule::default()
        };
        assert_eq!(read(text), Ok(vec![alert, record]));
        assert!(read("a: [").is_err());
    }
}
