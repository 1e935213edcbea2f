//! The tools: what they are called, what they want, and what they do.

use std::fmt::Write as _;
use std::sync::Arc;

use rmcp::ErrorData;
use rmcp::model::{CallToolResult, ContentBlock, JsonObject, Tool};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::expression;
use crate::shared::Shared;

/// The most lines that a search finds.
const LINES_MAX: usize = 100;

#[derive(Deserialize)]
struct Expression {
    expression: String,
}

#[derive(Deserialize)]
struct Search {
    text: String,
    pattern: String,
}

#[derive(Deserialize)]
struct Name {
    name: String,
}

/// The tools, for those who ask.
pub(crate) fn list() -> Vec<Tool> {
    vec![
        tool(
            "calculate",
            "The value of an arithmetic expression",
            &[("expression", "such as 1 + 2 * (3 - 4)")],
        ),
        tool("list_files", "The names of the files that read_file knows", &[]),
        tool("read_file", "The text of a file", &[("name", "as list_files has it")]),
        tool(
            "search_text",
            "The lines of a text that contain a pattern, with their numbers",
            &[("text", "what to search in"), ("pattern", "what to search for, letter by letter")],
        ),
    ]
}

fn tool(name: &'static str, description: &'static str, arguments: &[(&str, &str)]) -> Tool {
    let properties: serde_json::Map<_, _> = arguments
        .iter()
        .map(|(name, meaning)| ((*name).to_owned(), json!({"type": "string", "description": meaning})))
        .collect();
    let required: Vec<_> = arguments.iter().map(|(name, _)| *name).collect();
    let schema = json!({"type": "object", "properties": properties, "required": required});
    let Value::Object(schema) = schema else { return Tool::new(name, description, JsonObject::new()) };
    Tool::new(name, description, schema)
}

/// Does what a tool does. What the tool itself cannot do is a result that says so; what makes no sense is an error.
pub(crate) async fn call(
    shared: &Arc<Shared>,
    name: &str,
    arguments: Option<JsonObject>,
) -> Result<CallToolResult, ErrorData> {
    let result = match name {
        "calculate" => {
            let Expression { expression } = parse(arguments)?;
            expression::evaluate(&expression).map(|value| value.to_string())
        }
        "search_text" => {
            let Search { text, pattern } = parse(arguments)?;
            Ok(search(&text, &pattern))
        }
        "list_files" => in_folder(shared, |shared| Ok(shared.folder.list()?.join("\n"))).await?,
        "read_file" => {
            let Name { name } = parse(arguments)?;
            in_folder(shared, move |shared| shared.folder.read(&name)).await?
        }
        _ => {
            return Err(ErrorData::invalid_params(
                "there is no such tool; tools/list has those there are",
                None,
            ));
        }
    };
    Ok(match result {
        Ok(text) => CallToolResult::success(vec![ContentBlock::text(text)]),
        Err(text) => CallToolResult::error(vec![ContentBlock::text(text)]),
    })
}

fn parse<T: DeserializeOwned>(arguments: Option<JsonObject>) -> Result<T, ErrorData> {
    serde_json::from_value(Value::Object(arguments.unwrap_or_default()))
        .map_err(|error| ErrorData::invalid_params(error.to_string(), None))
}

/// Files may be slow.
async fn in_folder(
    shared: &Arc<Shared>,
    work: impl FnOnce(&Shared) -> Result<String, String> + Send + 'static,
) -> Result<Result<String, String>, ErrorData> {
    let there = Arc::clone(shared);
    let done = shared.spawn_blocking(move || work(&there)).await;
    done.map_err(|error| ErrorData::internal_error(error.to_string(), None))
}

/// The lines that contain the pattern.
fn search(text: &str, pattern: &str) -> String {
    let mut found = String::new();
    let lines = text.lines().enumerate().filter(|(_, line)| line.contains(pattern));
    for (number, line) in lines.take(LINES_MAX) {
        let _infallible = writeln!(found, "{}: {line}", number + 1);
    }
    found
}
