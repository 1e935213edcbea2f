//! Reads Prometheus' list of series as it comes, one series at a time.

use std::collections::BTreeMap;
use std::fmt;
use std::io::Read;

use anyhow::bail;
use serde::de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// What is done with each.
pub(super) type Each<'a> = &'a mut dyn FnMut(BTreeMap<String, String>) -> Result<(), String>;

/// Hands over the labels of each series of an answer.
pub(super) fn for_each(answer: impl Read, each: Each<'_>) -> anyhow::Result<()> {
    let mut reader = serde_json::Deserializer::from_reader(answer);
    match reader.deserialize_map(Answer(each))? {
        None => Ok(()),
        Some(refusal) => bail!("{refusal}"),
    }
}

/// `{"status": …, "data": […]}`, or why there is none.
struct Answer<'a>(Each<'a>);

impl<'de> Visitor<'de> for Answer<'_> {
    type Value = Option<String>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an answer of Prometheus")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let Self(each) = self;
        let (mut status, mut error) = (String::new(), None);
        while let Some(key) = map.next_key::<String>()? {
            match &*key {
                "status" => status = map.next_value()?,
                "error" => error = Some(map.next_value()?),
                "data" => map.next_value_seed(List(&mut *each))?,
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        if status.is_empty() {
            return Err(A::Error::custom("it is not as a Prometheus answers"));
        }
        Ok(if status == "success" { None } else { Some(error.unwrap_or(status)) })
    }
}

struct List<'a>(Each<'a>);

impl<'de> DeserializeSeed<'de> for List<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for List<'_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a list of series")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        let Self(each) = self;
        while let Some(series) = seq.next_element()? {
            each(series).map_err(A::Error::custom)?;
        }
        Ok(())
    }
}
