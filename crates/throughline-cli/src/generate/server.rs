//! A Prometheus that is asked questions.

use anyhow::{anyhow, bail};
use axum::http::HeaderMap;
use serde_json::Value;

use crate::http::{Answer, Client, escape, shown};

/// Asks in the words of its API.
pub(crate) struct Server {
    client: Client,
    url: String,
    headers: HeaderMap,
}

/// What a question came to.
pub(crate) enum Outcome {
    /// How many series.
    Series(usize),
    /// The server does not take the question, and says why.
    Refused(String),
}

impl Server {
    /// The one at this address. Each question has these headers.
    pub(crate) fn new(client: Client, url: &str, headers: HeaderMap) -> Self {
        Self { client, url: url.trim_end_matches('/').to_owned(), headers }
    }

    /// Asks for the value of an expression now.
    ///
    /// # Errors
    /// When the server does not answer, or not as a Prometheus does.
    pub(crate) async fn query(&self, expression: &str) -> anyhow::Result<Outcome> {
        match self.ask("query", expression).await? {
            Ok(data) => Ok(Outcome::Series(data["result"].as_array().map_or(0, Vec::len))),
            Err(refusal) => Ok(Outcome::Refused(refusal)),
        }
    }

    /// The names of the metrics that an expression reads; none when the server does not say.
    pub(crate) async fn metrics_in(&self, expression: &str) -> anyhow::Result<Vec<String>> {
        let tree = self.ask("parse_query", expression).await?.unwrap_or_default();
        let mut names = Vec::new();
        collect_names(&tree, &mut names);
        names.sort();
        names.dedup();
        Ok(names)
    }

    async fn ask(&self, path: &str, expression: &str) -> anyhow::Result<Result<Value, String>> {
        let url = format!("{}/api/v1/{path}", shown(&self.url));
        let question = format!("{}/api/v1/{path}?query={}", self.url, escape(expression));
        let answer = self.client.get_with(&question, self.headers.clone()).await;
        let Answer { status, body, .. } =
            answer.map_err(|error| anyhow!("ask Prometheus at {url}: {error}"))?;
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
