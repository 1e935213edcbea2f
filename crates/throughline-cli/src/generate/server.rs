//! A Prometheus that is asked questions.

use anyhow::{Context as _, bail};
use serde_json::Value;
use std::time::Duration;

/// A query that takes longer is too slow for a dashboard as well.
const TIMEOUT: Duration = Duration::from_secs(30);

pub(crate) struct Server {
    agent: ureq::Agent,
    url: String,
}

/// What a question came to.
pub(crate) enum Answer {
    /// How many series.
    Series(usize),
    /// The server does not take the question, and says why.
    Refused(String),
}

impl Server {
    pub(crate) fn new(url: &str) -> Self {
        let config =
            ureq::Agent::config_builder().http_status_as_error(false).timeout_global(Some(TIMEOUT)).build();
        Self { agent: config.new_agent(), url: url.trim_end_matches('/').to_owned() }
    }

    /// Asks for the value of an expression now.
    ///
    /// # Errors
    /// When the server does not answer, or not as a Prometheus does.
    pub(crate) fn query(&self, expression: &str) -> anyhow::Result<Answer> {
        match self.ask("query", expression)? {
            Ok(data) => Ok(Answer::Series(data["result"].as_array().map_or(0, Vec::len))),
            Err(refusal) => Ok(Answer::Refused(refusal)),
        }
    }

    /// The names of the metrics that an expression reads; none when the server does not say.
    pub(crate) fn metrics_in(&self, expression: &str) -> anyhow::Result<Vec<String>> {
        let tree = self.ask("parse_query", expression)?.unwrap_or_default();
        let mut names = Vec::new();
        collect_names(&tree, &mut names);
        names.sort();
        names.dedup();
        Ok(names)
    }

    fn ask(&self, path: &str, expression: &str) -> anyhow::Result<Result<Value, String>> {
        let url = format!("{}/api/v1/{path}", self.url);
        let mut response = self
            .agent
            .post(&url)
            .send_form([("query", expression)])
            .with_context(|| format!("ask Prometheus at {}", self.url))?;
        let status = response.status();
        let body = response.body_mut().read_to_string().with_context(|| format!("read what {url} says"))?;
        let Ok(mut answer) = serde_json::from_str::<Value>(&body) else {
            bail!("{url} answers {status} and no JSON: is it a Prometheus?")
        };
        match answer["status"].as_str() {
            Some("success") => Ok(Ok(answer["data"].take())),
            Some(_) => Ok(Err(answer["error"].as_str().unwrap_or("no reason given").to_owned())),
            None => bail!("{url} answers {status} and not as a Prometheus does"),
        }
    }
}

/// Names stand beside the matchers, or among them where they are quoted.
fn collect_names(tree: &Value, names: &mut Vec<String>) {
    match tree {
        Value::Array(items) => items.iter().for_each(|item| collect_names(item, names)),
        Value::Object(fields) => {
            if fields.get("type").is_some_and(|kind| kind == "vectorSelector" || kind == "matrixSelector") {
                names.extend(name_of(tree));
            }
            fields.values().for_each(|value| collect_names(value, names));
        }
        _ => {}
    }
}

fn name_of(selector: &Value) -> Option<String> {
    let of_matcher = || {
        let mut matchers = selector["matchers"].as_array()?.iter();
        let named = matchers.find(|matcher| matcher["name"] == "__name__" && matcher["type"] == "=")?;
        named["value"].as_str()
    };
    let name = selector["name"].as_str().filter(|name| !name.is_empty()).or_else(of_matcher)?;
    Some(name.to_owned())
}
