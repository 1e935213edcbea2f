//! The last hop: Grafana shows what the stores have. Its data sources are asked through Grafana's own proxy, so that what
//! they answer is what panels get.
//!
//! The HTTP API is the one that Grafana documents for versions 9 to 13: `/api/datasources`, `/api/datasources/proxy/uid/…`
//! and `/api/dashboards/uid/…`. `examine.rs` asks, after the stores; `generate/` says which metrics a dashboard reads.

use std::collections::BTreeMap;

use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use serde_json::Value;
use tokio::time::{Instant, timeout_at};

use super::check::{Check, Hop, Verdict};
use super::fix::Fix;
use super::stored::{QUERY, newest};
use crate::generate::{Server, metrics_of_dashboard};
use crate::http::{Answer, Client, NO_ANSWER, bearer, escape, shown};

/// What is copied from the store that was asked may be behind it by as much.
const LAG_SECONDS: f64 = 10.0;
/// Of missing metrics, this many are named.
const SHOWN: usize = 5;

/// A Grafana, and what it asks.
#[derive(Debug)]
pub(crate) struct Grafana {
    client: Client,
    url: String,
    headers: HeaderMap,
    sources: Vec<DataSource>,
}

/// A data source of a kind that doctor can ask.
#[derive(Debug)]
struct DataSource {
    uid: String,
    name: String,
    kind: Kind,
    /// Where it leads, as Grafana has it.
    url: String,
    is_default: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Prometheus,
    Jaeger,
    Tempo,
}

/// What a data source is to have, as the stores said it.
#[derive(Debug, Default)]
pub(crate) struct Expected<'a> {
    /// The newest value of the probe. Values are moments, so another store's is an older one.
    pub(crate) value: Option<f64>,
    pub(crate) trace: Option<&'a str>,
}

impl Expected<'_> {
    fn met(&self) -> &'static str {
        if self.value.is_some() || self.trace.is_some() { ", which has what the store has" } else { "" }
    }
}

impl Grafana {
    /// Reads which data sources there are, or says why it cannot be judged.
    pub(crate) async fn read(client: &Client, url: &str, token: Option<&str>) -> Result<Self, Check> {
        let url = url.trim_end_matches('/');
        let headers = headers(token).map_err(|error| silent(url, &error))?;
        let list = client.get_with(&format!("{url}/api/datasources"), headers.clone()).await;
        let list = list.map_err(|error| silent(url, &error))?;
        if is_forbidden(&list) {
            return Err(forbidden(url, &list));
        }
        let list = list.json().map_err(|error| silent(url, &error))?;
        let sources = list.as_array().ok_or_else(|| silent(url, "does not list data sources"))?;
        let mut sources: Vec<_> = sources.iter().filter_map(DataSource::read).collect();
        // Panels that name none read the default one.
        sources.sort_by_key(|source| !source.is_default);
        Ok(Self { client: client.clone(), url: url.to_owned(), headers, sources })
    }

    /// Asks every data source, and for a dashboard's metrics where one is named.
    pub(crate) async fn check(
        &self,
        expected: &Expected<'_>,
        dashboard: Option<&str>,
        deadline: Instant,
    ) -> Vec<Check> {
        let (mut metrics, mut traces) = (Vec::new(), Vec::new());
        let mut readable = None;
        for source in &self.sources {
            let asked = timeout_at(deadline, self.ask(source, expected)).await;
            let check = asked.unwrap_or_else(|_elapsed| source.unreached(NO_ANSWER));
            if source.kind != Kind::Prometheus {
                traces.push(check);
                continue;
            }
            if check.verdict == Verdict::Ok {
                readable.get_or_insert(source);
            }
            metrics.push(check);
        }
        if metrics.is_empty() {
            metrics.push(self.without_source());
        }
        let mut checks = one_is_enough(metrics);
        checks.extend(one_is_enough(traces));
        if let Some((uid, source)) = dashboard.zip(readable) {
            let looked = timeout_at(deadline, self.dashboard(uid, source)).await;
            checks.push(looked.unwrap_or_else(|_elapsed| silent(&self.url, NO_ANSWER)));
        }
        checks
    }

    fn without_source(&self) -> Check {
        let url = shown(&self.url);
        let fix = Fix::by_hand(
            "add one under Connections, Data sources, or as a file in Grafana's `provisioning/datasources`: `throughline \
             config` writes one",
        );
        Check::broken(Hop::Dashboard, &url, format!("{url} has no data source of the type prometheus"))
            .because("D703", fix)
    }

    /// Asks what panels would ask.
    async fn ask(&self, source: &DataSource, expected: &Expected<'_>) -> Check {
        let url = format!("{}/{}", self.proxy(source), source.question(expected));
        match self.client.get_with(&url, self.headers.clone()).await {
            // Grafana itself has answered before.
            Err(error) => source.unreached(&error),
            Ok(answer) if is_forbidden(&answer) => forbidden(&self.url, &answer),
            Ok(answer) => source.judge(&answer, expected),
        }
    }

    fn proxy(&self, source: &DataSource) -> String {
        format!("{}/api/datasources/proxy/uid/{}", self.url, escape(&source.uid))
    }

    /// Whether the metrics that a dashboard reads are in this data source.
    async fn dashboard(&self, uid: &str, source: &DataSource) -> Check {
        let page = format!("{}/api/dashboards/uid/{}", self.url, escape(uid));
        let answer = match self.client.get_with(&page, self.headers.clone()).await {
            Ok(answer) if is_forbidden(&answer) => return forbidden(&self.url, &answer),
            Ok(answer) => answer,
            Err(error) => return silent(&self.url, &error),
        };
        let Ok(dashboard) = answer.json() else {
            let evidence =
                format!("{} has no dashboard `{uid}`: it answered {}", shown(&self.url), answer.status);
            let fix = Fix::by_hand(
                "take the UID from the dashboard's address, `/d/UID/…`; `throughline dashboards --out DIR` writes dashboards to import",
            );
            return Check::broken(Hop::Dashboard, uid, evidence).because("D706", fix);
        };
        let server = Server::new(self.client.clone(), &self.proxy(source), self.headers.clone());
        match metrics_of_dashboard(&server, &dashboard["dashboard"]).await {
            Ok(metrics) => shows(uid, &metrics),
            Err(error) => {
                let evidence = format!("what dashboard `{uid}` reads cannot be told: {error}");
                let fix = Fix::by_hand("open the dashboard: its panels say what is wrong with them");
                Check::new(Hop::Dashboard, Verdict::Unknown, uid, evidence).because("D707", fix)
            }
        }
    }
}

impl DataSource {
    /// None for what has no metrics and no traces.
    fn read(source: &Value) -> Option<Self> {
        let text = |name: &str| source[name].as_str().unwrap_or_default().to_owned();
        let kind = match &*text("type") {
            // Clouds have variants of it under names of their own.
            kind if kind.contains("prometheus") => Kind::Prometheus,
            "jaeger" => Kind::Jaeger,
            "tempo" => Kind::Tempo,
            _ => return None,
        };
        let is_default = source["isDefault"].as_bool().unwrap_or(false);
        Some(Self { uid: text("uid"), name: text("name"), kind, url: shown(&text("url")), is_default })
    }

    fn question(&self, expected: &Expected<'_>) -> String {
        match (self.kind, expected.trace) {
            (Kind::Prometheus, _) => format!("api/v1/query?query={}", escape(QUERY)),
            (Kind::Jaeger | Kind::Tempo, Some(trace)) => format!("api/traces/{trace}"),
            (Kind::Jaeger, None) => "api/services".to_owned(),
            (Kind::Tempo, None) => "api/echo".to_owned(),
        }
    }

    fn judge(&self, answer: &Answer, expected: &Expected<'_>) -> Check {
        let Self { name, url, .. } = self;
        let has_it = match self.kind {
            Kind::Prometheus => answer.data().map(|data| has_value(&data, expected.value)),
            Kind::Jaeger | Kind::Tempo => has_trace(answer, expected.trace),
        };
        match has_it {
            Ok(true) => {
                let evidence = format!("data source `{name}` reaches {url}{}", expected.met());
                Check::ok(Hop::Dashboard, name, evidence).took(answer.elapsed)
            }
            Ok(false) => {
                let evidence =
                    format!("data source `{name}` reaches {url}, which does not have what the store has");
                let fix = format!(
                    "set the URL of data source `{name}` to the store that has the data, as Grafana reaches it"
                );
                Check::broken(Hop::Dashboard, name, evidence).because("D705", Fix::by_hand(fix))
            }
            Err(error) => {
                let said: String = answer.body.trim().chars().take(120).collect();
                self.unreached(format!("{error} {said}").trim_end())
            }
        }
    }

    fn unreached(&self, why: &str) -> Check {
        let Self { name, url, .. } = self;
        let fix = format!(
            "correct URL or credentials of data source `{name}`: Grafana itself opens {url}, so in a container `localhost` is \
             Grafana's own; name the store's service there"
        );
        Check::broken(Hop::Dashboard, name, format!("data source `{name}` does not reach {url}: {why}"))
            .because("D704", Fix::by_hand(fix))
    }
}

fn has_value(data: &Value, expected: Option<f64>) -> bool {
    expected.is_none_or(|expected| newest(data).is_some_and(|newest| newest >= expected - LAG_SECONDS))
}

/// Stores answer 404 for a trace that they do not have. A page of HTML is no store.
fn has_trace(answer: &Answer, expected: Option<&str>) -> Result<bool, String> {
    let is_page = answer.header("content-type").starts_with("text/html");
    match answer.status {
        404 if expected.is_some() && !is_page => Ok(false),
        200 if !is_page => Ok(true),
        200 => Err("answered with a page of HTML".to_owned()),
        status => Err(format!("answered {status}")),
    }
}

/// Who has several stores need not have the data in each.
fn one_is_enough(mut checks: Vec<Check>) -> Vec<Check> {
    if checks.iter().any(|check| check.verdict == Verdict::Ok) {
        for check in checks.iter_mut().filter(|check| check.verdict == Verdict::Broken) {
            // Another store is no trouble then.
            let is_other = check.is("D705");
            check.verdict = if is_other { Verdict::Ok } else { Verdict::Warning };
            check.trouble = check.trouble.take().filter(|_| !is_other);
        }
    }
    checks
}

/// A dashboard, by which of its metrics are there.
fn shows(uid: &str, metrics: &BTreeMap<String, bool>) -> Check {
    let missing: Vec<&str> =
        metrics.iter().filter(|(_, is_there)| !**is_there).map(|(name, _)| name.as_str()).collect();
    let evidence = |what: String| format!("dashboard `{uid}` reads {} metrics, {what}", metrics.len());
    if missing.is_empty() {
        return Check::ok(Hop::Dashboard, uid, evidence("and all of them are there".to_owned()));
    }
    let some = missing.iter().take(SHOWN).copied().collect::<Vec<_>>().join(", ");
    let more = if missing.len() > SHOWN { ", …" } else { "" };
    let verdict = if missing.len() == metrics.len() { Verdict::Broken } else { Verdict::Warning };
    let fix = Fix::by_hand(
        "compare the names with those that the store has: `throughline names` says what an instrument is called under each \
         translation; what was never recorded has no series",
    );
    Check::new(Hop::Dashboard, verdict, uid, evidence(format!("without a series of {some}{more}")))
        .because("D707", fix)
}

fn headers(token: Option<&str>) -> Result<HeaderMap, String> {
    let token = token.map(bearer).transpose()?;
    Ok(token.into_iter().map(|token| (AUTHORIZATION, token)).collect())
}

fn is_forbidden(answer: &Answer) -> bool {
    [401, 403].contains(&answer.status)
}

fn silent(url: &str, error: &str) -> Check {
    let url = shown(url);
    let fix = Fix::by_hand(
        "give --grafana the address of Grafana's pages, such as http://localhost:3000, and start it",
    );
    Check::new(Hop::Dashboard, Verdict::Unknown, &url, format!("{url}: {error}"))
        .because("D701", Fix::to_ask(error, fix))
}

fn forbidden(url: &str, answer: &Answer) -> Check {
    let url = shown(url);
    let fix = Fix::by_hand(
        "set GRAFANA_TOKEN to the token of a service account that may read and query data sources (and read dashboards): \
         Administration, Service accounts",
    );
    Check::new(Hop::Dashboard, Verdict::Unknown, &url, format!("{url} answered {}", answer.status))
        .because("D702", fix)
}
