//! What was looked at, and what came of it: a [`Check`] is one look at one hop, a [`Report`] is all of them.
//!
//! Everybody in `doctor/` makes checks; `output/` shows them. A hop is as bad as the worst of its checks, and what could
//! not be judged is [`Verdict::Unknown`], which is never taken for [`Verdict::Ok`].

use std::time::Duration;

use super::fix::Fix;
use super::run::Account;

/// The stations between a program and a chart, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Hop {
    /// What the application truly sends.
    Application,
    /// What environment and files say.
    Settings,
    /// Name, address, port, certificates.
    Reach,
    /// What is spoken at the port.
    Protocol,
    /// Whether the receiver takes what is sent.
    Accepted,
    /// The Collector's own account.
    Collector,
    /// A page that is scraped.
    Scrape,
    /// From there into Prometheus.
    Bridge,
    /// What was stored, asked back.
    Store,
    /// What people look at.
    Dashboard,
}

impl Hop {
    /// Those that a pushed measurement passes.
    pub(crate) const PUSHED: [Self; 8] = [
        Self::Settings,
        Self::Reach,
        Self::Protocol,
        Self::Accepted,
        Self::Collector,
        Self::Bridge,
        Self::Store,
        Self::Dashboard,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Application => "application",
            Self::Settings => "settings",
            Self::Reach => "reach",
            Self::Protocol => "protocol",
            Self::Accepted => "accepted",
            Self::Collector => "collector",
            Self::Bridge => "bridge",
            Self::Store => "store",
            Self::Dashboard => "dashboard",
            Self::Scrape => "scrape",
        }
    }

    /// What would have to be asked for, so that this hop is looked at.
    pub(crate) fn how_to_look(self) -> &'static str {
        match self {
            Self::Collector => "not asked for: --collector-metrics http://HOST:8888/metrics",
            Self::Bridge => "not asked for: --prometheus http://HOST:9090",
            Self::Store => "not asked for: --prometheus and --traces-api http://HOST:16686",
            Self::Dashboard => "not asked for: --grafana http://HOST:3000",
            Self::Scrape => "not asked for: --scrape http://HOST:9464/metrics",
            _ => "a hop before it is broken",
        }
    }
}

/// What came of a look. Ordered: the worst is the greatest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Verdict {
    /// Nobody asked, or a hop before it is broken.
    Skipped,
    /// Seen to work.
    Ok,
    /// Works, and will not always.
    Warning,
    /// Somebody asked, and it could not be judged.
    Unknown,
    /// Seen not to work.
    Broken,
}

impl Verdict {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Skipped => "skipped",
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Unknown => "unknown",
            Self::Broken => "broken",
        }
    }
}

/// One look at one hop.
#[derive(Clone, Debug)]
pub(crate) struct Check {
    pub(crate) hop: Hop,
    pub(crate) verdict: Verdict,
    /// What was looked at: an address, a signal, a file.
    pub(crate) subject: String,
    /// How long it took, where that says something.
    pub(crate) latency: Option<Duration>,
    /// What was seen.
    pub(crate) evidence: String,
    pub(crate) trouble: Option<Trouble>,
}

/// What is wrong, by its stable id, and what mends it.
#[derive(Clone, Debug)]
pub(crate) struct Trouble {
    /// Such as `D102`: what `throughline explain` is asked for.
    pub(crate) id: &'static str,
    pub(crate) fix: Fix,
}

impl Check {
    pub(crate) fn new(
        hop: Hop,
        verdict: Verdict,
        subject: impl Into<String>,
        evidence: impl Into<String>,
    ) -> Self {
        let (subject, evidence) = (subject.into(), evidence.into());
        Self { hop, verdict, subject, latency: None, evidence, trouble: None }
    }

    pub(crate) fn ok(hop: Hop, subject: impl Into<String>, evidence: impl Into<String>) -> Self {
        Self::new(hop, Verdict::Ok, subject, evidence)
    }

    pub(crate) fn skipped(hop: Hop, evidence: impl Into<String>) -> Self {
        Self::new(hop, Verdict::Skipped, "", evidence)
    }

    pub(crate) fn broken(hop: Hop, subject: impl Into<String>, evidence: impl Into<String>) -> Self {
        Self::new(hop, Verdict::Broken, subject, evidence)
    }

    pub(crate) fn took(mut self, latency: Duration) -> Self {
        self.latency = Some(latency);
        self
    }

    pub(crate) fn because(mut self, id: &'static str, fix: Fix) -> Self {
        self.trouble = Some(Trouble { id, fix });
        self
    }

    pub(crate) fn is(&self, id: &str) -> bool {
        self.trouble.as_ref().is_some_and(|trouble| trouble.id == id)
    }
}

/// All that was looked at, in order.
#[derive(Debug, Default)]
pub(crate) struct Report {
    pub(crate) checks: Vec<Check>,
    pub(crate) elapsed: Duration,
    /// What an application sent, when one was run.
    pub(crate) application: Option<Account>,
}

impl Report {
    /// The checks of a hop.
    pub(crate) fn of(&self, hop: Hop) -> impl Iterator<Item = &Check> {
        self.checks.iter().filter(move |check| check.hop == hop)
    }

    /// How a hop is: as the worst of its checks.
    pub(crate) fn verdict_of(&self, hop: Hop) -> Verdict {
        self.of(hop).map(|check| check.verdict).max().unwrap_or(Verdict::Skipped)
    }

    /// The hops that there is something to say of, in order.
    pub(crate) fn hops(&self) -> Vec<Hop> {
        let mut hops: Vec<Hop> = self.checks.iter().map(|check| check.hop).collect();
        hops.sort_unstable();
        hops.dedup();
        hops
    }

    /// How it all is.
    pub(crate) fn verdict(&self) -> Verdict {
        self.checks.iter().map(|check| check.verdict).max().unwrap_or(Verdict::Unknown)
    }

    /// What to do first: the first check on the way that is broken, else one that could not be judged, else a warning.
    pub(crate) fn first(&self) -> Option<&Check> {
        let worst = self.verdict();
        let mut found: Vec<&Check> = self.checks.iter().filter(|check| check.verdict == worst).collect();
        found.sort_by_key(|check| check.hop);
        (worst >= Verdict::Warning).then(|| found.into_iter().next()).flatten()
    }

    pub(crate) fn is_broken(&self) -> bool {
        self.verdict() == Verdict::Broken
    }
}
