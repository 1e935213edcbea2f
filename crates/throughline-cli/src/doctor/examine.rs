//! Goes along the hops, in order.

use std::path::PathBuf;
use std::time::Duration;

use throughline::{Description, TelemetryConfig};
use tokio::time::Instant;

use super::address::Address;
use super::check::{Check, Hop, Report, Verdict};
use super::collector::{self, Account};
use super::fix::Fix;
use super::grafana::{Expected, Grafana};
use super::probe::{self, Sent};
use super::prometheus::Prometheus;
use super::routes::{Route, routes, setting};
use super::settings::{self, WRONG_PATHS, promote};
use super::{Live, protocol, reach, scrape, traces};
use crate::http::Client;

/// When everything is over. What waits for something to arrive waits no longer.
const WITHIN: Duration = Duration::from_secs(11);

/// A server that takes longer to answer is not well.
const ANSWER_WITHIN: Duration = Duration::from_secs(3);

/// Looks at all that was asked for.
pub(crate) async fn examine(live: &Live) -> Report {
    let started = Instant::now();
    let config = || {
        let config = TelemetryConfig::new("unknown_service");
        match &live.config {
            Some(file) => config.with_file(file),
            None => config,
        }
    };
    let description = config().explain();
    let routes = routes(&description);
    let mut examination = Examination {
        live,
        client: client(&description),
        checks: Vec::new(),
        routes: &routes,
        deadline: started + WITHIN,
    };
    // Whoever asks for a page alone pushes nothing, and need not.
    if !(routes.is_empty() && live.scrape.is_some()) {
        examination.checks.extend(settings::check(&description, &routes));
    }
    let proxy = setting(&description, "otlp.proxy").map(|proxy| proxy.value.clone());
    let is_delta =
        setting(&description, "metrics.temporality").is_some_and(|setting| setting.value != "cumulative");
    let client = examination.client.clone();
    let page = async {
        match &live.scrape {
            Some(page) => scrape::check(&client, page).await,
            None => Vec::new(),
        }
    };
    let hops = async {
        examination.way(proxy.as_deref()).await;
        examination.beyond(config(), is_delta).await;
    };
    let (page, ()) = tokio::join!(page, hops);
    let Examination { mut checks, .. } = examination;
    checks.extend(page);
    checks.sort_by_key(|check| check.hop);
    Report { checks, elapsed: started.elapsed(), application: None }
}

/// Whom the program's exporters trust, doctor trusts to tell what they did.
fn client(description: &Description) -> Client {
    Client::trusting(&roots(description), ANSWER_WITHIN)
}

/// The certificates that the program's exporters trust.
pub(crate) fn roots(description: &Description) -> Vec<PathBuf> {
    let of_signal = |signal: &str| Some(&*setting(description, &format!("{signal}.otlp.certificate"))?.value);
    // It is no setting while nothing is pushed.
    let of_all = std::env::var_os("OTEL_EXPORTER_OTLP_CERTIFICATE").map(PathBuf::from);
    let mut roots: Vec<_> =
        ["metrics", "traces", "logs"].into_iter().filter_map(of_signal).map(PathBuf::from).collect();
    roots.extend(of_all);
    roots.sort();
    roots.dedup();
    roots
}

struct Examination<'a> {
    live: &'a Live,
    client: Client,
    checks: Vec<Check>,
    routes: &'a [Route],
    deadline: Instant,
}

impl Examination<'_> {
    fn is_broken(&self) -> bool {
        self.checks.iter().any(|check| check.verdict == Verdict::Broken)
    }

    fn is_broken_for(&self, hop: Hop, subject: &str) -> bool {
        self.checks
            .iter()
            .any(|check| check.hop == hop && check.subject == subject && check.verdict == Verdict::Broken)
    }

    /// Hops 2 and 3, for each address once.
    async fn way(&mut self, proxy: Option<&str>) {
        if self.is_broken() {
            return;
        }
        if let Some(proxy) = proxy.and_then(Address::parse) {
            let check = reach::check(&proxy, " (a proxy)").await;
            let receiver = self.routes.iter().find_map(|route| route.address.as_ref());
            let receiver = receiver.map_or("localhost", |address| &address.host);
            let is_reached = check.verdict == Verdict::Ok;
            self.checks.push(if is_reached {
                check
            } else {
                check.because("D109", Fix::set("NO_PROXY", receiver))
            });
            self.checks.push(Check::skipped(Hop::Protocol, "there is a proxy in between"));
            return;
        }
        let mut addresses: Vec<_> = self.routes.iter().filter_map(|route| route.address.clone()).collect();
        for address in &mut addresses {
            address.path = String::new();
        }
        addresses.sort();
        addresses.dedup();
        for address in addresses {
            let check = reach::check(&address, "").await;
            let is_reached = check.verdict == Verdict::Ok;
            self.checks.push(check);
            if is_reached {
                let here = |route: &&Route| {
                    route.address.as_ref().is_some_and(|other| other.to_string() == address.to_string())
                };
                let of_address: Vec<_> = self.routes.iter().filter(here).collect();
                let found = protocol::check(&address, &of_address, self.routes).await;
                self.checks.extend(found);
            }
        }
    }

    /// Hops 4 to 8. What cannot be judged is told before anything is sent.
    async fn beyond(&mut self, config: TelemetryConfig, is_delta: bool) {
        let Live { collector_metrics, prometheus, traces_api, grafana, read_only, .. } = self.live;
        let before = match collector_metrics {
            Some(url) => self.judged(Account::read(&self.client, url).await),
            None => None,
        };
        let mut prometheus = match prometheus {
            Some(url) => self.judged(Prometheus::read(&self.client, url).await),
            None => None,
        };
        let traces_api = match traces_api {
            Some(url) => self.judged(traces::reach(&self.client, url).await).map(|()| url),
            None => None,
        };
        let grafana = match grafana {
            Some(url) => {
                self.judged(Grafana::read(&self.client, url, self.live.grafana_token().as_deref()).await)
            }
            None => None,
        };
        let sent = if *read_only {
            self.checks.push(Check::skipped(Hop::Accepted, "nothing is sent: --read-only"));
            None
        } else {
            self.send(config, is_delta).await
        };
        if let Some(sent) = &sent {
            if let (Some(url), Some(before), false) = (collector_metrics, &before, sent.taken.is_empty()) {
                let found = collector::check(&self.client, url, before, &sent.taken, is_delta).await;
                self.checks.extend(found);
            }
            self.stored(sent, prometheus.as_mut(), traces_api.map(String::as_str)).await;
        }
        if let Some(prometheus) = &prometheus {
            self.bridge(prometheus).await;
        }
        self.relate();
        if let Some(grafana) = &grafana {
            self.dashboards(grafana, prometheus.as_ref(), sent.as_ref()).await;
        }
    }

    /// What stores have, Grafana is to have too. What they lack is theirs.
    async fn dashboards(&mut self, grafana: &Grafana, prometheus: Option<&Prometheus>, sent: Option<&Sent>) {
        let value = match prometheus {
            Some(prometheus) => prometheus.newest().await,
            None => None,
        };
        let is_stored = |check: &Check| {
            check.hop == Hop::Store && check.subject == "traces" && check.verdict == Verdict::Ok
        };
        let trace = sent.filter(|_| self.checks.iter().any(is_stored)).map(|sent| &*sent.trace);
        let found = grafana
            .check(&Expected { value, trace }, self.live.dashboard.as_deref(), Instant::now() + ANSWER_WITHIN)
            .await;
        self.checks.extend(found);
    }

    /// Sends, unless something before makes it useless.
    async fn send(&mut self, config: TelemetryConfig, is_delta: bool) -> Option<Sent> {
        if self.routes.is_empty() || self.is_broken() {
            return None;
        }
        let (sent, found) = probe::send(&self.client, config, self.routes, is_delta).await;
        self.checks.extend(found);
        if let Some(sent) = &sent {
            self.settle(sent);
        }
        sent
    }

    async fn bridge(&mut self, prometheus: &Prometheus) {
        let found = prometheus.bridge(self.routes).await;
        self.checks.extend(found);
        if let Some(page) = self.live.scrape.as_deref().and_then(Address::parse) {
            let check = prometheus.scrapes(&page).await;
            // Down, it is among the targets that are.
            self.checks.retain(|known| !(known.hop == check.hop && known.subject == check.subject));
            self.checks.push(check);
        }
    }

    /// Keeps why something cannot be judged.
    fn judged<T>(&mut self, read: Result<T, Check>) -> Option<T> {
        match read {
            Ok(read) => Some(read),
            Err(check) => {
                self.checks.push(check);
                None
            }
        }
    }

    /// What was suspected before the probe is known after it.
    fn settle(&mut self, sent: &Sent) {
        let is_refused = sent.taken.len() < self.routes.len();
        for check in self.checks.iter_mut().filter(|check| check.is("D205")) {
            check.verdict = if is_refused { Verdict::Broken } else { Verdict::Ok };
            if !is_refused {
                check.trouble = None;
            }
        }
        if self.checks.iter().any(|check| check.hop == Hop::Accepted && check.verdict == Verdict::Broken) {
            promote(&mut self.checks, &WRONG_PATHS);
            promote(&mut self.checks, &["D009"]);
        }
    }

    async fn stored(&mut self, sent: &Sent, prometheus: Option<&mut Prometheus>, traces_api: Option<&str>) {
        let takes =
            |signal: &str| sent.taken.contains(&signal) && !self.is_broken_for(Hop::Collector, signal);
        let prometheus = prometheus.filter(|_| takes("metrics"));
        let traces_api = traces_api.filter(|_| takes("traces"));
        let metrics = async {
            match prometheus {
                Some(prometheus) => Some(prometheus.store(sent.value, self.deadline).await),
                None => None,
            }
        };
        let traces = async {
            match traces_api {
                Some(url) => Some(traces::check(&self.client, url, &sent.trace, self.deadline).await),
                None => None,
            }
        };
        let (metrics, traces) = tokio::join!(metrics, traces);
        self.checks.extend(metrics.into_iter().chain(traces));
    }

    /// A target that is down was a warning; when the value is missing, it is the reason. And what was stored was passed on.
    fn relate(&mut self) {
        let verdict_of = |checks: &[Check], subject: &str| {
            let mut found = checks.iter().filter(|check| check.hop == Hop::Store && check.subject == subject);
            found.next().map(|check| check.verdict)
        };
        let metrics = verdict_of(&self.checks, "metrics");
        let has_reason = self.checks.iter().any(|check| check.is("D502") || check.is("D503"));
        if has_reason && matches!(metrics, Some(Verdict::Broken | Verdict::Unknown)) {
            promote(&mut self.checks, &["D502", "D503"]);
            self.checks.retain(|check| !(check.hop == Hop::Store && check.subject == "metrics"));
            self.checks.push(Check::skipped(Hop::Store, "the value is not there: the hop before is broken"));
        }
        for signal in ["metrics", "traces"] {
            if verdict_of(&self.checks, signal) != Some(Verdict::Ok) {
                continue;
            }
            let doubted = self
                .checks
                .iter_mut()
                .filter(|check| check.hop == Hop::Collector && check.subject == signal && check.is("D406"));
            for check in doubted {
                (check.verdict, check.trouble) = (Verdict::Ok, None);
            }
        }
    }
}
