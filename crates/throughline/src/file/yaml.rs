//! From YAML text to [`Node`]s, within limits.
//!
//! Called by `enabled.rs`; the parser is `saphyr-parser`, whose events have places. A configuration is small and flat, so
//! everything that is not is refused: depth, size, and what aliases become when they are followed.

use std::collections::HashMap;

use saphyr_parser::{Event, Marker, Parser, ScalarStyle, Span, StrInput};

use super::finding::Finding;
use super::node::{Key, Node, Place, Scalar, Value};

/// The largest file that is read: a hundred times the official example with all its comments.
pub(super) const BYTES_MAX: usize = 4 << 20;
/// Values, with those of aliases counted each time: a hundred times those of the official example.
const NODES_MAX: usize = 50_000;
/// The format itself is eleven levels deep.
const DEPTH_MAX: usize = 64;

/// The document; an empty one is null.
pub(super) fn parse(text: &str) -> Result<Node, Finding> {
    if text.len() > BYTES_MAX {
        let what = format!("has {} bytes; a configuration has {BYTES_MAX} at most", text.len());
        return Err(Finding::new(Place { line: 1, column: 1 }, "", what));
    }
    Builder { parser: Parser::new_from_str(text), anchors: HashMap::new(), nodes: 0 }.document()
}

struct Builder<'a> {
    parser: Parser<'a, StrInput<'a>>,
    /// What anchors stand for, with the number of values in it.
    anchors: HashMap<usize, (Node, usize)>,
    nodes: usize,
}

impl<'a> Builder<'a> {
    fn document(mut self) -> Result<Node, Finding> {
        let mut document = None;
        loop {
            let (event, span) = self.next()?;
            match event {
                Event::StreamEnd => {
                    let nothing = || scalar(Place { line: 1, column: 1 }, String::new(), true);
                    return Ok(document.unwrap_or_else(nothing));
                }
                Event::Nothing | Event::StreamStart | Event::DocumentStart(_) | Event::DocumentEnd => {}
                _ if document.is_some() => {
                    let what = "begins a second document; a configuration is one";
                    return Err(Finding::new(place(span.start), "---", what));
                }
                event => document = Some(self.node(event, span, 0)?),
            }
        }
    }

    fn next(&mut self) -> Result<(Event<'a>, Span), Finding> {
        let no_more = || Finding::new(Place::default(), "", "ends too early");
        let event = self.parser.next_event().ok_or_else(no_more)?;
        event.map_err(|error| {
            Finding::new(place(*error.marker()), "", format!("is no YAML: {}", error.info()))
        })
    }

    fn node(&mut self, event: Event<'a>, span: Span, depth: usize) -> Result<Node, Finding> {
        let at = place(span.start);
        if depth > DEPTH_MAX {
            return Err(Finding::new(at, "", format!("is nested deeper than {DEPTH_MAX} levels")));
        }
        self.count(1, at)?;
        let before = self.nodes;
        let (node, anchor) = match event {
            Event::Scalar(text, style, anchor, tag) => {
                let is_text = tag.is_some_and(|tag| tag.is_yaml_core_schema() && tag.suffix == "str");
                (scalar(at, text.into_owned(), style == ScalarStyle::Plain && !is_text), anchor)
            }
            Event::Alias(anchor) => (self.alias(anchor, at)?, 0),
            Event::SequenceStart(anchor, _) => (Node { place: at, value: self.list(depth)? }, anchor),
            Event::MappingStart(anchor, _) => (Node { place: at, value: self.map(depth)? }, anchor),
            _ => return Err(Finding::new(at, "", "ends too early")),
        };
        if anchor != 0 {
            self.anchors.insert(anchor, (node.clone(), self.nodes - before));
        }
        Ok(node)
    }

    fn count(&mut self, nodes: usize, at: Place) -> Result<(), Finding> {
        self.nodes += nodes;
        if self.nodes > NODES_MAX {
            let what =
                format!("is too much: a configuration has {NODES_MAX} values at most, aliases followed");
            return Err(Finding::new(at, "", what));
        }
        Ok(())
    }

    fn alias(&mut self, anchor: usize, at: Place) -> Result<Node, Finding> {
        let Some((_, nodes)) = self.anchors.get(&anchor) else {
            return Err(Finding::new(at, "*", "stands for something that has no end yet"));
        };
        self.count(*nodes, at)?;
        let (node, _) = &self.anchors[&anchor];
        Ok(node.clone())
    }

    fn list(&mut self, depth: usize) -> Result<Value, Finding> {
        let mut items = Vec::new();
        loop {
            match self.next()? {
                (Event::SequenceEnd, _) => return Ok(Value::List(items)),
                (event, span) => items.push(self.node(event, span, depth + 1)?),
            }
        }
    }

    fn map(&mut self, depth: usize) -> Result<Value, Finding> {
        let mut members: Vec<(Key, Node)> = Vec::new();
        // Few keys are looked at one by one; many are a mistake or an attack.
        let mut known = HashMap::new();
        loop {
            let (event, span) = self.next()?;
            if matches!(event, Event::MappingEnd) {
                return Ok(Value::Map(members));
            }
            let key = self.node(event, span, depth + 1)?;
            let name = match &key.value {
                Value::Scalar(scalar) => scalar.text.clone(),
                _ => return Err(Finding::new(key.place, key.shown(), "is no key; keys are text")),
            };
            if let Some(Place { line, .. }) = known.insert(name.clone(), key.place) {
                return Err(Finding::new(key.place, name, format!("is there twice, first in line {line}")));
            }
            let (event, span) = self.next()?;
            let value = self.node(event, span, depth + 1)?;
            members.push((Key { place: key.place, name }, value));
        }
    }
}

fn scalar(place: Place, text: String, is_plain: bool) -> Node {
    Node { place, value: Value::Scalar(Scalar { text, is_plain }) }
}

fn place(marker: Marker) -> Place {
    Place { line: marker.line(), column: marker.col() + 1 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> String {
        parse(text).expect_err("it is refused").to_string()
    }

    #[test]
    fn places_are_those_of_an_editor() {
        let document = parse("a: 1\nb:\n  - c: x\n").expect("it is YAML");
        let b = document.member("b").expect("it has b");
        let (key, c) = &b.items()[0].members()[0];
        assert_eq!((key.place.line, key.place.column), (3, 5));
        assert_eq!((c.place.line, c.place.column), (3, 8));
    }

    #[test]
    fn what_is_too_much_is_refused() {
        assert!(refused("a: 1\nb: 2\na: 3").contains("3:1 `a`: is there twice, first in line 1"));
        assert!(refused("a: 1\n---\nb: 2").contains("second document"));
        assert!(refused(&"[".repeat(100)).contains("deeper"));
        // The parser has a limit of its own for brackets.
        assert!(refused(&"[".repeat(100_000)).contains("recursion limit"));
        assert!(refused(&"- ".repeat(100_000)).contains("deeper"));
        assert!(refused("a: &a [*a]").contains("no end yet"));
        assert!(refused("a: b: c").contains("is no YAML"));
        assert!(refused("? [a]\n: 1").contains("is no key"));
        assert!(refused(&"#".repeat(BYTES_MAX + 1)).contains("bytes"));
        let mut bomb = "a0: &a0 [x,x,x,x,x,x,x,x,x]\n".to_owned();
        for n in 1..12 {
            let before = format!("*a{}", n - 1);
            let nine = [before.as_str(); 9].join(",");
            bomb.extend(["a", &n.to_string(), ": &a", &n.to_string(), " [", &nine, "]\n"]);
        }
        assert!(refused(&bomb).contains("too much"), "{}", refused(&bomb));
    }

    #[test]
    fn aliases_stand_for_their_anchors() {
        let document = parse("a: &x {k: 1}\nb: *x\n").expect("it is YAML");
        let found = document.member("b").and_then(|b| b.member("k")).and_then(Node::text);
        assert_eq!(found, Some("1"));
    }
}
