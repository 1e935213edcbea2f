//! The instruments that the application has by its own account: its `/telemetry` page, asked as long as it runs.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::Value;
use tokio::task::JoinHandle;

use crate::http::Client;

/// Between two looks: what an application declares, it declares early.
const PAUSE: Duration = Duration::from_millis(500);
/// For one look.
const WITHIN: Duration = Duration::from_secs(2);
/// Instruments that are read of a page.
const INSTRUMENTS_MAX: usize = 10_000;

/// An instrument, recorded or not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Declared {
    pub(super) scope: String,
    pub(super) name: String,
    /// None: nothing was recorded.
    pub(super) series: u64,
}

/// What the page said last, or why it cannot be read.
pub(super) type Page = Result<Vec<Declared>, String>;

/// Looks at the page until it is ended.
#[derive(Debug)]
pub(super) struct Watch {
    page: Arc<Mutex<Page>>,
    task: JoinHandle<()>,
}

impl Watch {
    pub(super) fn start(url: &str) -> Self {
        let page = Arc::new(Mutex::new(Err("it ended before it could be asked".to_owned())));
        let (url, last) = (url.to_owned(), Arc::clone(&page));
        let task = tokio::spawn(async move {
            let client = Client::new(WITHIN);
            loop {
                let read = read(&client, &url).await;
                {
                    let mut page = last.lock().unwrap_or_else(PoisonError::into_inner);
                    // It is not yet, or no longer there: what it said before holds.
                    if read.is_ok() || page.is_err() {
                        *page = read;
                    }
                }
                tokio::time::sleep(PAUSE).await;
            }
        });
        Self { page, task }
    }

    pub(super) fn end(self) -> Page {
        self.task.abort();
        self.page.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

async fn read(client: &Client, url: &str) -> Page {
    let page = client.get(url).await?.json()?;
    parse(&page).ok_or_else(|| "has no list of instruments".to_owned())
}

fn parse(page: &Value) -> Option<Vec<Declared>> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let declared = |instrument: &Value| Declared {
        scope: text(&instrument["scope"]),
        name: text(&instrument["name"]),
        series: instrument["series"].as_u64().unwrap_or_default(),
    };
    Some(page["instruments"].as_array()?.iter().take(INSTRUMENTS_MAX).map(declared).collect())
}
