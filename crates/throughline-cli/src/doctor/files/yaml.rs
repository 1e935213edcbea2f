//! YAML as a tree whose every part knows which bytes of the file it is.

use std::ops::Range;

use saphyr_parser::{Event, Parser, Span, StrInput};

/// Deeper than any of these files; the parser's own limit is further.
const DEPTH_MAX: usize = 64;
/// More than any of these files has.
const NODES_MAX: usize = 100_000;

/// A value and where it stands.
#[derive(Clone, Debug, Default)]
pub(super) struct Node {
    pub(super) range: Range<usize>,
    pub(super) value: Value,
}

#[derive(Clone, Debug, Default)]
pub(super) enum Value {
    #[default]
    Null,
    Scalar(String),
    List(Vec<Node>),
    Map(Vec<(Key, Node)>),
}

/// A key of a map.
#[derive(Clone, Debug)]
pub(super) struct Key {
    pub(super) range: Range<usize>,
    pub(super) name: String,
}

/// What is no YAML, and where.
#[derive(Debug)]
pub(super) struct Problem {
    pub(super) at: usize,
    pub(super) what: String,
}

impl Node {
    /// The members of a map; none of anything else.
    pub(super) fn members(&self) -> &[(Key, Self)] {
        match &self.value {
            Value::Map(members) => members,
            _ => &[],
        }
    }

    /// The items of a list; none of anything else.
    pub(super) fn items(&self) -> &[Self] {
        match &self.value {
            Value::List(items) => items,
            _ => &[],
        }
    }

    pub(super) fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Scalar(text) => Some(text),
            _ => None,
        }
    }

    pub(super) fn member(&self, name: &str) -> Option<&Self> {
        self.members().iter().find(|(key, _)| key.name == name).map(|(_, value)| value)
    }

    /// What is at the end of a path of keys.
    pub(super) fn at(&self, path: &[&str]) -> Option<&Self> {
        path.iter().try_fold(self, |node, name| node.member(name))
    }

    /// The lines of a text that is written as a block, without their `|`.
    pub(super) fn block(&self, text: &str) -> Option<Range<usize>> {
        let Value::Scalar(_) = self.value else { return None };
        let (before, written) = (text.get(..self.range.start)?, text.get(self.range.clone())?);
        // Where a block begins, parsers disagree.
        if written.starts_with('|') {
            return Some(self.range.start + written.find('\n')? + 1..self.range.end);
        }
        let line = before.rfind('\n')?;
        let marker = before.get(..line)?.lines().last()?.rsplit(' ').next()?;
        let is_block = marker.starts_with('|') && before.get(line..)?.trim().is_empty();
        is_block.then_some(line + 1..self.range.end)
    }

    /// Every scalar below it.
    pub(super) fn scalars<'a>(&'a self, into: &mut Vec<&'a Self>) {
        match &self.value {
            Value::Null => {}
            Value::Scalar(_) => into.push(self),
            Value::List(items) => items.iter().for_each(|item| item.scalars(into)),
            Value::Map(members) => members.iter().for_each(|(_, member)| member.scalars(into)),
        }
    }
}

/// The documents of a file. Aliases stand for nothing: what they stand for is looked at where it is.
pub(super) fn documents(text: &str) -> Result<Vec<Node>, Problem> {
    documents_in(text, 0..text.len())
}

/// The documents in a part of a file, such as a configuration in a `ConfigMap`. Places are those of the whole file.
pub(super) fn documents_in(text: &str, part: Range<usize>) -> Result<Vec<Node>, Problem> {
    let start = part.start;
    let text = text.get(part).unwrap_or_default();
    let bytes: Vec<usize> =
        text.char_indices().map(|(at, _)| start + at).chain([start + text.len()]).collect();
    let mut reader = Reader { parser: Parser::new_from_str(text), bytes, nodes: 0 };
    let mut documents = Vec::new();
    loop {
        let (event, span) = reader.next()?;
        match event {
            Event::StreamEnd => return Ok(documents),
            Event::Nothing | Event::StreamStart | Event::DocumentStart(_) | Event::DocumentEnd => {}
            event => documents.push(reader.node(event, span, 0)?),
        }
    }
}

struct Reader<'a> {
    parser: Parser<'a, StrInput<'a>>,
    /// The byte that each character begins at.
    bytes: Vec<usize>,
    nodes: usize,
}

impl<'a> Reader<'a> {
    fn byte(&self, character: usize) -> usize {
        self.bytes.get(character).or_else(|| self.bytes.last()).copied().unwrap_or_default()
    }

    fn range(&self, span: Span) -> Range<usize> {
        let start = self.byte(span.start.index());
        start..self.byte(span.end.index()).max(start)
    }

    fn next(&mut self) -> Result<(Event<'a>, Span), Problem> {
        let Some(event) = self.parser.next_event() else {
            return Err(Problem { at: 0, what: "ends too early".to_owned() });
        };
        event
            .map_err(|error| Problem { at: self.byte(error.marker().index()), what: error.info().to_owned() })
    }

    fn node(&mut self, event: Event<'a>, span: Span, depth: usize) -> Result<Node, Problem> {
        let range = self.range(span);
        self.nodes += 1;
        if depth > DEPTH_MAX || self.nodes > NODES_MAX {
            return Err(Problem {
                at: range.start,
                what: "is too deep or too much to be looked at".to_owned(),
            });
        }
        let value = match event {
            Event::Scalar(text, ..) if text.is_empty() || text == "~" || text == "null" => Value::Null,
            Event::Scalar(text, ..) => Value::Scalar(text.into_owned()),
            Event::SequenceStart(..) => self.list(depth)?,
            Event::MappingStart(..) => self.map(depth)?,
            _ => Value::Null,
        };
        Ok(Node { range, value })
    }

    fn list(&mut self, depth: usize) -> Result<Value, Problem> {
        let mut items = Vec::new();
        loop {
            match self.next()? {
                (Event::SequenceEnd, _) => return Ok(Value::List(items)),
                (event, span) => items.push(self.node(event, span, depth + 1)?),
            }
        }
    }

    fn map(&mut self, depth: usize) -> Result<Value, Problem> {
        let mut members = Vec::new();
        loop {
            let (event, span) = self.next()?;
            if matches!(event, Event::MappingEnd) {
                return Ok(Value::Map(members));
            }
            let key = self.node(event, span, depth + 1)?;
            let name = key.text().unwrap_or_default().to_owned();
            let (event, span) = self.next()?;
            let value = self.node(event, span, depth + 1)?;
            members.push((Key { range: key.range, name }, value));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_know_their_bytes() {
        let text = "ä: 1\n---\nb:\n  - 'c d'\n";
        let [_, root] = &*documents(text).expect("it is YAML") else { panic!("two documents") };
        let item = &root.member("b").expect("it has b").items()[0];
        assert_eq!((item.text(), text.get(item.range.clone())), (Some("c d"), Some("'c d'")));
        assert!(documents("a: b: c").is_err());
    }

    #[test]
    fn text_in_a_block_is_yaml_of_its_own() {
        let text = "data:\n  é.yaml: |-\n    a:\n      b: c\n  other: d\n";
        let [root] = &*documents(text).expect("it is YAML") else { panic!("one document") };
        let block = root.at(&["data", "é.yaml"]).and_then(|node| node.block(text)).expect("a block");
        let [inner] = &*documents_in(text, block).expect("it is YAML") else { panic!("one document") };
        let value = inner.at(&["a", "b"]).expect("it has b");
        assert_eq!((value.text(), text.get(value.range.clone())), (Some("c"), Some("c")));
        assert!(root.at(&["data", "other"]).is_some_and(|node| node.block(text).is_none()));
    }
}
