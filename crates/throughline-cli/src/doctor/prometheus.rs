//! Hops 6 and 7 for metrics: how Prometheus gets them, and whether it has the value that was sent.

use std::time::Duration;

use serde_json::Value;
use throughline::core::{Clock as _, SystemClock};
use tokio::time::{Instant, sleep_until};

use super::address::{Address, is_local};
use super::check::{Check, Hop, Verdict};
use super::fix::Fix;
use super::routes::Route;
use super::stored::{QUERY, Stored, newest, stored};
use crate::http::{Client, escape, shown};

/// Between two looks.
const PAUSE: Duration = Duration::from_millis(250);

/// What is scraped.
const TARGETS: &str = "/api/v1/targets?state=active";

/// What Prometheus says of itself.
#[derive(Debug)]
pub(crate) struct Prometheus {
    client: Client,
    url: String,
    version: String,
    takes_otlp: bool,
    takes_remote_write: bool,
    targets: Vec<Target>,
}

/// Something that is scraped.
#[derive(Debug)]
struct Target {
    job: String,
    url: String,
    is_up: bool,
    error: String,
    /// In seconds.
    interval: f64,
}

impl Prometheus {
    /// Reads it, or says why it cannot be judged.
    pub(crate) async fn read(client: &Client, url: &str) -> Result<Self, Check> {
        let url = url.trim_end_matches('/');
        let unknown = |error: String| {
            let fix = Fix::by_hand(
                "give --prometheus the address of Prometheus' own pages, such as http://localhost:9090, and start it",
            );
            let (url, fix) = (shown(url), Fix::to_ask(&error, fix));
            Check::new(Hop::Bridge, Verdict::Unknown, &url, format!("{url}: {error}")).because("D501", fix)
        };
        let build = ask(client, url, "/api/v1/status/buildinfo").await.map_err(unknown)?;
        let flags = ask(client, url, "/api/v1/status/flags").await.map_err(unknown)?;
        let targets = ask(client, url, TARGETS).await.map_err(unknown)?;
        let is_on = |flag: &str| flags[flag] == "true";
        let features = flags["enable-feature"].as_str().unwrap_or_default();
        Ok(Self {
            client: client.clone(),
            url: url.to_owned(),
            version: build["version"]
                .as_str()
                .filter(|version| !version.is_empty())
                .unwrap_or("(no version)")
                .to_owned(),
            takes_otlp: is_on("web.enable-otlp-receiver") || features.contains("otlp-write-receiver"),
            takes_remote_write: is_on("web.enable-remote-write-receiver"),
            targets: Target::all(&targets),
        })
    }

    /// Looks at the targets again: they come and go, and a Prometheus that has just started has none yet.
    pub(crate) async fn look_again(&mut self) {
        if let Ok(targets) = ask(&self.client, &self.url, TARGETS).await {
            self.targets = Target::all(&targets);
        }
    }

    /// How metrics get here.
    pub(crate) async fn bridge(&self, routes: &[Route]) -> Vec<Check> {
        let Self { client, url, version, takes_otlp, takes_remote_write, targets } = self;
        let own = Address::parse(url);
        let url = &shown(url);
        let is_direct = routes.iter().any(|route| {
            route.signal == "metrics"
                && route.address.as_ref().zip(own.as_ref()).is_some_and(|(to, own)| to.is_same_server(own))
        });
        let mut checks = Vec::new();
        if is_direct && !takes_otlp {
            let evidence = format!("Prometheus {version} runs without its OTLP receiver");
            let fix = Fix::PrometheusFlags(vec!["--web.enable-otlp-receiver".to_owned()]);
            return vec![Check::broken(Hop::Bridge, url, evidence).because("D303", fix)];
        }
        for target in targets.iter().filter(|target| !target.is_up) {
            checks.push(target.down(client).await);
        }
        if !is_direct && targets.is_empty() && !takes_otlp && !takes_remote_write {
            let evidence =
                format!("Prometheus {version} scrapes nothing, and takes neither OTLP nor remote write");
            return vec![Check::broken(Hop::Bridge, url, evidence).because("D504", scrape_config(routes))];
        }
        let up = targets.iter().filter(|target| target.is_up).count();
        let otlp = if *takes_otlp { "takes OTLP" } else { "takes no OTLP" };
        let evidence = format!("Prometheus {version} {otlp}, {up} of {} targets are up", targets.len());
        checks.push(Check::ok(Hop::Bridge, url, evidence));
        checks
    }

    /// Whether a page is among what is scraped.
    pub(crate) async fn scrapes(&self, page: &Address) -> Check {
        let of_page = self
            .targets
            .iter()
            .find(|target| Address::parse(&target.url).is_some_and(|address| address.is_same_server(page)));
        match of_page {
            Some(target) if target.is_up => {
                Check::ok(Hop::Bridge, &target.url, format!("job {} scrapes {}", target.job, target.url))
            }
            Some(target) => Check { verdict: Verdict::Broken, ..target.down(&self.client).await },
            None => {
                let evidence = format!("Prometheus does not scrape {page}");
                let yaml = format!(
                    "scrape_configs:\n  - job_name: app\n    static_configs:\n      - targets: ['{page}']\n"
                );
                Check::broken(Hop::Bridge, shown(&self.url), evidence)
                    .because("D504", Fix::PrometheusFile(yaml))
            }
        }
    }

    /// Asks for the value until it is there.
    pub(crate) async fn store(&mut self, value: f64, deadline: Instant) -> Check {
        let started = Instant::now();
        let mut found;
        loop {
            found = self.stored().await;
            let is_there = found.as_ref().is_ok_and(|found| found.iter().any(|stored| stored.is(value)));
            if is_there || Instant::now() + PAUSE > deadline {
                break;
            }
            sleep_until(Instant::now() + PAUSE).await;
        }
        let took = started.elapsed();
        self.look_again().await;
        match found {
            Ok(found) => self.judge(&found, value).took(took),
            Err(error) => {
                let evidence = format!("{}: {error}", shown(&self.url));
                let fix = Fix::by_hand("see Prometheus' log: it does not answer queries");
                Check::new(Hop::Store, Verdict::Unknown, "metrics", evidence).because("D501", fix)
            }
        }
    }

    /// The newest value of the probe, of this run or an earlier one.
    pub(crate) async fn newest(&self) -> Option<f64> {
        newest(&self.probe().await.ok()?)
    }

    async fn stored(&self) -> Result<Vec<Stored>, String> {
        Ok(stored(&self.probe().await?))
    }

    async fn probe(&self) -> Result<Value, String> {
        ask(&self.client, &self.url, &format!("/api/v1/query?query={}", escape(QUERY))).await
    }

    fn judge(&self, found: &[Stored], value: f64) -> Check {
        if let Some(stored) = found.iter().find(|stored| stored.is(value)) {
            return stored.check();
        }
        let newest = found.iter().map(|stored| stored.value).fold(f64::NAN, f64::max);
        let age = SystemClock.now().as_secs_f64() - newest;
        let interval = self
            .targets
            .iter()
            .filter(|target| target.is_up)
            .map(|target| target.interval)
            .fold(0.0, f64::max);
        if age < 2.0 * interval {
            let evidence =
                format!("Prometheus scrapes every {interval} s, and has the probe of {age:.0} s ago");
            return Check::ok(Hop::Store, "metrics", evidence);
        }
        // Scrapes may be further apart than doctor waits.
        if interval > SCRAPED_MEANWHILE {
            let evidence = format!("the value is not there yet: Prometheus scrapes every {interval} s");
            let fix = Fix::by_hand(format!("throughline doctor --watch, for {interval} s at most"));
            return Check::new(Hop::Store, Verdict::Unknown, "metrics", evidence).because("D602", fix);
        }
        let evidence = if newest.is_nan() {
            "Prometheus has no series throughline_doctor_probe".to_owned()
        } else {
            format!("Prometheus has the probe of {age:.0} s ago, and not this one")
        };
        let fix = Fix::by_hand(
            "follow the metrics from the hop before: has the pipeline an exporter that leads to this Prometheus, does a \
             relabelling or filter drop them, do both clocks agree?",
        );
        Check::broken(Hop::Store, "metrics", evidence).because("D601", fix)
    }
}

/// Scrapes that are this close, in seconds, happened while doctor waited.
const SCRAPED_MEANWHILE: f64 = 5.0;

impl Target {
    fn all(targets: &Value) -> Vec<Self> {
        targets["activeTargets"].as_array().into_iter().flatten().map(Self::read).collect()
    }

    fn read(target: &Value) -> Self {
        let text = |name: &str| target[name].as_str().unwrap_or_default().to_owned();
        let interval = humantime::parse_duration(&text("scrapeInterval")).unwrap_or_default();
        Self {
            job: target["labels"]["job"].as_str().unwrap_or_default().to_owned(),
            url: text("scrapeUrl"),
            // One that was not scraped yet is not down.
            is_up: target["health"] != "down",
            error: text("lastError"),
            interval: interval.as_secs_f64(),
        }
    }

    /// Why it is down. What Prometheus cannot reach and doctor can is on the other side of a container's wall.
    async fn down(&self, client: &Client) -> Check {
        let Self { job, url, error, .. } = self;
        let check =
            Check::new(Hop::Bridge, Verdict::Warning, url, format!("job {job}: {url} is down: {error}"));
        let address = Address::parse(url);
        let is_ours = address.as_ref().is_some_and(|address| is_local(&address.host))
            && error.contains("refused")
            && !error.contains("proxyconnect")
            && client.get(url).await.is_ok();
        if is_ours {
            let port = address.map_or(0, |address| address.port);
            let fix = format!(
                "name the other service: in prometheus.yml `targets: ['otel-collector:{port}']`, with the name that it has in \
                 compose; `localhost` in a container is the container itself"
            );
            return check.because("D503", Fix::by_hand(fix));
        }
        let fix = if error.contains("refused") || error.contains("no such host") || error.contains("deadline")
        {
            format!(
                "start what is to listen at {url}, or correct the target of job `{job}` in prometheus.yml"
            )
        } else if error.contains("404") {
            format!("correct `metrics_path` of job `{job}`: {url} is not there")
        } else {
            format!("throughline doctor --scrape {url} says what is wrong with the page")
        };
        check.because("D502", Fix::by_hand(fix))
    }
}

/// What to scrape, when nothing is.
fn scrape_config(routes: &[Route]) -> Fix {
    let host = routes
        .iter()
        .find_map(|route| route.address.as_ref())
        .map_or("otel-collector", |address| &address.host);
    Fix::PrometheusFile(format!(
        "scrape_configs:\n  - job_name: otel-collector\n    honor_labels: true\n    static_configs:\n      - targets: \
         ['{host}:8889']\n"
    ))
}

async fn ask(client: &Client, url: &str, path: &str) -> Result<Value, String> {
    client.get(&format!("{url}{path}")).await?.data()
}
