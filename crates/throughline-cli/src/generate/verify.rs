//! `throughline dashboards verify`: every question of dashboards and rules is asked of a real Prometheus.
//!
//! A panel must have an answer, and so must a recording rule. An alert's is empty when all is well: every metric that it
//! reads must be there instead, or be recorded by one of the rules. What says that it may be empty is only asked.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use axum::http::HeaderMap;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::promql::selector;
use super::server::{Outcome, Server};
use super::{MAY_BE_EMPTY, rule_file};
use crate::http::Client;

/// A query that takes longer is too slow for a dashboard as well.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Asks a Prometheus every question of these dashboards and rules: one that it refuses, or that has no answer, is named
///
/// The exit status is 1 when there is such a question, and 3 when the Prometheus cannot be asked.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Where the Prometheus is.
    #[arg(long, value_name = "URL")]
    prometheus: String,
    /// Dashboards (`.json`) and rules (`.yml`), or folders of them.
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// The time that rates are over, in place of the one that Grafana chooses.
    #[arg(long, value_name = "TIME", default_value = "5m")]
    range: String,
    /// Print one JSON object instead of lines.
    #[arg(long)]
    json: bool,
}

/// More than any dashboard asks.
const QUESTIONS_MAX: usize = 500;

/// A question, and where it stands.
#[derive(Debug)]
struct Question {
    file: PathBuf,
    /// The panel, or the rule.
    place: String,
    expression: String,
    must: Must,
}

/// What a good answer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Must {
    /// At least one series.
    Answer,
    /// Its metrics are there.
    Exist,
    /// It is understood.
    Parse,
}

/// All questions, and whom they are asked.
struct Asked {
    server: Server,
    questions: Vec<Question>,
    recorded: BTreeSet<String>,
}

/// Questions under way at a time.
const AT_A_TIME: usize = 8;

/// What is wrong with a question.
struct Problem<'a> {
    question: &'a Question,
    what: String,
}

pub(crate) async fn run(
    Arguments { prometheus, files, range, json }: &Arguments,
) -> anyhow::Result<ExitCode> {
    let mut questions = Vec::new();
    for path in files {
        gather(path, range, &mut questions)?;
    }
    if questions.is_empty() {
        bail!("there is no panel and no rule in these files");
    }
    let server = Server::new(Client::new(TIMEOUT), prometheus, HeaderMap::new());
    let asked = Arc::new(Asked { server, recorded: recorded(&questions), questions });
    let problems = judge_all(&asked).await?;
    let questions = &asked.questions;
    let problem = |(at, what)| Some(Problem { question: questions.get(at)?, what });
    let problems: Vec<_> = problems.into_iter().filter_map(problem).collect();
    report(questions, &problems, *json)?;
    Ok(if problems.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(crate::FOUND) })
}

/// Asks some at a time. What is wrong with which question, in their order.
async fn judge_all(asked: &Arc<Asked>) -> anyhow::Result<BTreeMap<usize, String>> {
    let mut problems = BTreeMap::new();
    let (mut next, mut tasks) = (0..asked.questions.len(), JoinSet::new());
    loop {
        for at in next.by_ref().take(AT_A_TIME.saturating_sub(tasks.len())) {
            let asked = Arc::clone(asked);
            tasks.spawn(async move { Ok::<_, anyhow::Error>((at, asked.judge(at).await?)) });
        }
        let Some(judged) = tasks.join_next().await else { return Ok(problems) };
        if let (at, Some(what)) = judged?? {
            problems.insert(at, what);
        }
    }
}

impl Asked {
    async fn judge(&self, at: usize) -> anyhow::Result<Option<String>> {
        let Self { server, questions, recorded } = self;
        let Some(question) = questions.get(at) else { return Ok(None) };
        let series = match server.query(&question.expression).await? {
            Outcome::Refused(reason) => return Ok(Some(format!("is refused: {reason}"))),
            Outcome::Series(series) => series,
        };
        if series > 0 || question.must == Must::Parse {
            return Ok(None);
        }
        let missing = missing(server, &question.expression, recorded).await?;
        Ok(match (question.must, &*missing) {
            (Must::Answer, []) => Some("has no answer".to_owned()),
            (_, []) => None,
            _ => Some(format!("has no answer: there is no {}", missing.join(", "))),
        })
    }
}

/// The metrics of an expression that the server has no series of.
async fn missing(
    server: &Server,
    expression: &str,
    recorded: &BTreeSet<String>,
) -> anyhow::Result<Vec<String>> {
    let mut missing = Vec::new();
    for name in server.metrics_in(expression).await? {
        if !recorded.contains(&name) && !is_there(server, &name).await? {
            missing.push(name);
        }
    }
    Ok(missing)
}

/// Whether the server has had series of a metric in the last hour.
async fn is_there(server: &Server, name: &str) -> anyhow::Result<bool> {
    let count = format!("count(last_over_time({}[1h]))", selector(name, &[]));
    Ok(matches!(server.query(&count).await?, Outcome::Series(series) if series > 0))
}

/// The metrics that a dashboard reads, and whether the server has series of each.
pub(crate) async fn metrics_of_dashboard(
    server: &Server,
    dashboard: &Value,
) -> anyhow::Result<BTreeMap<String, bool>> {
    let mut questions = Vec::new();
    of_dashboard(Path::new(""), dashboard, "5m", &mut questions);
    let mut metrics = BTreeMap::new();
    for Question { expression, .. } in questions.iter().take(QUESTIONS_MAX) {
        for name in server.metrics_in(expression).await? {
            if let Entry::Vacant(metric) = metrics.entry(name) {
                let is_there = is_there(server, metric.key()).await?;
                metric.insert(is_there);
            }
        }
    }
    Ok(metrics)
}

/// What recording rules make.
fn recorded(questions: &[Question]) -> BTreeSet<String> {
    let rules = questions.iter().filter(|question| question.place.contains(':'));
    rules.map(|question| question.place.clone()).collect()
}

fn report(questions: &[Question], problems: &[Problem<'_>], as_json: bool) -> anyhow::Result<()> {
    if as_json {
        let problem = |Problem { question, what }: &Problem<'_>| {
            let Question { file, place, expression, .. } = question;
            json!({"file": file, "place": place, "expression": expression, "problem": what})
        };
        let problems: Vec<_> = problems.iter().map(problem).collect();
        say!("{:#}", json!({"schema_version": 1, "questions": questions.len(), "problems": problems}));
        return Ok(());
    }
    for Problem { question, what } in problems {
        say!("{}: `{}` {what}\n    {}", question.file.display(), question.place, question.expression);
    }
    say!("{} questions, {} without a good answer", questions.len(), problems.len());
    Ok(())
}

/// The questions of a file, or of the files in a folder, in order.
fn gather(path: &Path, range: &str, questions: &mut Vec<Question>) -> anyhow::Result<()> {
    if path.is_dir() {
        let entries = fs::read_dir(path).with_context(|| format!("read the folder {}", path.display()))?;
        let mut paths =
            entries.map(|entry| entry.map(|entry| entry.path())).collect::<Result<Vec<_>, _>>()?;
        paths.sort();
        // Tests of rules stand in folders of their own.
        let is_asked = |path: &&PathBuf| path.extension().is_some_and(|kind| kind == "json" || kind == "yml");
        return paths.iter().filter(is_asked).try_for_each(|path| gather(path, range, questions));
    }
    let text = fs::read_to_string(path).with_context(|| format!("read {}", path.display()))?;
    if path.extension().is_some_and(|kind| kind == "json") {
        let dashboard =
            serde_json::from_str(&text).with_context(|| format!("{} is no JSON", path.display()))?;
        of_dashboard(path, &dashboard, range, questions);
        return Ok(());
    }
    of_rules(path, &text, questions)
}

fn of_dashboard(path: &Path, dashboard: &Value, range: &str, questions: &mut Vec<Question>) {
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    for panel in list(&dashboard["panels"]) {
        // A row that is folded has its panels in itself.
        of_dashboard(path, &panel, range, questions);
        for target in list(&panel["targets"]) {
            let may_be_empty = panel["description"].as_str().is_some_and(|text| text.contains(MAY_BE_EMPTY));
            questions.push(Question {
                file: path.to_path_buf(),
                place: panel["title"].as_str().unwrap_or_default().to_owned(),
                expression: without_variables(target["expr"].as_str().unwrap_or_default(), range),
                must: if may_be_empty { Must::Parse } else { Must::Answer },
            });
        }
    }
}

/// An expression with every service and instance, over one time.
fn without_variables(expression: &str, range: &str) -> String {
    let chosen = expression
        .replace("$__rate_interval", range)
        .replace("$__range", range)
        .replace("$__interval", range);
    chosen.replace("$service", ".*").replace("$instance", ".*")
}

fn of_rules(path: &Path, text: &str, questions: &mut Vec<Question>) -> anyhow::Result<()> {
    let rules =
        rule_file::read(text).map_err(|error| anyhow::anyhow!("{} is no YAML: {error}", path.display()))?;
    questions.extend(rules.into_iter().map(|rule| {
        let must = match rule.is_alert {
            _ if rule.description.contains(MAY_BE_EMPTY) => Must::Parse,
            true => Must::Exist,
            false => Must::Answer,
        };
        Question { file: path.to_path_buf(), place: rule.name, expression: rule.expression, must }
    }));
    Ok(())
}
