//! A Prometheus that is asked questions: `verify.rs` asks it those of dashboards, `cardinality/store.rs` for its series.

use std::collections::BTreeMap;
use std::io::BufReader;
use std::time::Duration;

use anyhow::{Context as _, bail};
use serde_json::Value;

use super::series::for_each;
use crate::doctor::shown;

/// A query that takes longer is too slow for a dashboard as well.
const TIMEOUT: Duration = Duration::from_secs(30);

/// A million series take it some seconds to list, and a slow line minutes to carry.
const LIST_TIMEOUT: Duration = Duration::from_secs(600);

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

    /// The `data` of a page of the API.
    ///
    /// # Errors
    /// When the server does not answer, or does not give it, with its reason.
    pub(crate) fn data(&self, path: &str, query: &[(&str, &str)]) -> anyhow::Result<Value> {
        let request = self.agent.get(self.page(path)).query_pairs(query.iter().copied());
        let answer = self.answer(path, request.call())?;
        answer.map_err(|refusal| anyhow::anyhow!("{}: {refusal}", shown(&self.page(path))))
    }

    /// Hands over the labels of each series that matches, one after the other: the list is in memory at no time.
    ///
    /// # Errors
    /// When the server does not answer, or does not give the list; and what `each` returns.
    pub(crate) fn each_series(
        &self,
        query: &[(&str, &str)],
        each: &mut dyn FnMut(BTreeMap<String, String>) -> Result<(), String>,
    ) -> anyhow::Result<()> {
        let request =
            self.agent.post(self.page("series")).config().timeout_global(Some(LIST_TIMEOUT)).build();
        let response = request.send_form(query.iter().copied());
        let response = response.with_context(|| format!("ask Prometheus at {}", shown(&self.url)))?;
        for_each(BufReader::new(response.into_body().into_reader()), each)
            .with_context(|| format!("read the series of {}", shown(&self.url)))
    }

    fn page(&self, path: &str) -> String {
        format!("{}/api/v1/{path}", self.url)
    }

    fn ask(&self, path: &str, expression: &str) -> anyhow::Result<Result<Value, String>> {
        self.answer(path, self.agent.post(self.page(path)).send_form([("query", expression)]))
    }

    fn answer(
        &self,
        path: &str,
        response: Result<ureq::http::Response<ureq::Body>, ureq::Error>,
    ) -> anyhow::Result<Result<Value, String>> {
        let url = shown(&self.page(path));
        let mut response = response.with_context(|| format!("ask Prometheus at {}", shown(&self.url)))?;
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
