//! `throughline doctor run`: what an application truly sends, seen by a proxy between it and its receiver.
//!
//! | file | what |
//! |---|---|
//! | `environment.rs` | where it would send, and the variables that lead to the proxy |
//! | `proxy.rs`, `forward.rs`, `answer.rs` | takes requests, passes them on, reads the answers |
//! | `decode/` | what is in a request |
//! | `recording.rs` | all of that, added up |
//! | `child.rs`, `lines.rs` | the application: its start, its end, what it prints |
//! | `declared.rs` | the instruments that it has, by its own account |
//! | `judge.rs` | checks of hop `application`, and of those behind it |
//! | `account.rs` | what was seen, for people and programs |
//!
//! Nothing is changed in a request or an answer, so what is seen here is what the receiver sees.

mod account;
mod answer;
mod child;
mod declared;
mod decode;
mod environment;
mod forward;
mod judge;
mod lines;
mod proxy;
mod recording;

use std::ffi::OsString;
use std::time::Duration;

pub(super) use self::account::Account;
use self::child::Application;
use self::declared::Watch;
use self::environment::{Environment, without_path};
use self::forward::Server;
use self::proxy::Recorder;
use super::address::Address;
use super::check::{Check, Report, Verdict};
use super::output::Format;
use super::reach;
use crate::http::shown;

/// Runs an application, and says what it truly sends
///
/// A proxy at a port of loopback stands between it and its receiver, passes everything on, and answers itself where there is no
/// receiver. What the application prints goes to standard error, the report to standard output.
#[derive(Debug, clap::Args)]
#[command(
    before_help = "\
Examples:
  throughline doctor run -- cargo run
  throughline doctor run --for 2m --forward http://localhost:4318 -- ./target/release/shop --port 8080
  throughline doctor run --telemetry http://localhost:9464/telemetry --format json -- ./shop > report.json",
    after_help = "\
Exit status: 0 all that was looked at works, 1 something is broken, 2 wrong usage, 3 something could not be judged.
That of the application is in the report."
)]
pub(crate) struct Arguments {
    /// End it after this long, with SIGTERM, if it does not end by itself
    #[arg(long = "for", value_name = "TIME", default_value = "20s", value_parser = humantime::parse_duration)]
    time: Duration,
    /// The receiver; unless given, `OTEL_EXPORTER_OTLP_ENDPOINT` and its like say
    #[arg(long, value_name = "URL")]
    forward: Option<String>,
    /// The application's own `/telemetry` page, which tells instruments that were never recorded
    #[arg(long, value_name = "URL")]
    telemetry: Option<String>,
    /// How to write the report
    #[arg(long, value_enum, default_value_t)]
    pub(super) format: Format,
    /// The application and its arguments
    #[arg(last = true, required = true, value_name = "COMMAND")]
    command: Vec<OsString>,
}

/// Runs it to its end, and judges what was seen.
pub(super) async fn run(arguments: &Arguments) -> anyhow::Result<Report> {
    let Arguments { time, forward, telemetry, format: _, command } = arguments;
    let environment = Environment::read(forward.as_deref())?;
    let mut checks = Vec::new();
    let mut servers = Vec::new();
    for address in environment.servers() {
        let server = match &address {
            Some(address) => reached(address, &environment, &mut checks).await,
            None => None,
        };
        servers.push((address, server));
    }
    let forwarded_to = servers.iter().filter_map(|(_, server)| Some(server.as_ref()?.origin())).collect();
    // Times count from here.
    let recorder = Recorder::start();
    let mut ports = Vec::new();
    for (address, server) in servers {
        ports.push((address, proxy::open(server, &recorder).await?));
    }
    let variables = variables(&environment, &ports);
    for (name, value) in &variables {
        match value {
            Some(value) => eprintln!("throughline: {name}={}", shown(value)),
            None => eprintln!("throughline: {name} is unset"),
        }
    }
    let application = Application::start(command, &variables, recorder.started())?;
    let watch = telemetry.as_deref().map(Watch::start);
    let ending = application.run(*time).await?;
    let declared = watch.map(Watch::end);
    let account = Account::new(command, forwarded_to, recorder.take(), ending, declared);
    let elapsed = recorder.started().elapsed();
    checks.extend(judge::checks(&account, &environment).await);
    checks.sort_by_key(|check| check.hop);
    Ok(Report { checks, elapsed, application: Some(account) })
}

/// The server that requests are passed on to, when it answers at all.
async fn reached(address: &Address, environment: &Environment, checks: &mut Vec<Check>) -> Option<Server> {
    let check = reach::check(address, "").await;
    let is_reached = check.verdict == Verdict::Ok;
    checks.push(check);
    is_reached.then(|| Server::new(address.clone(), &environment.roots))
}

/// What changes in the application's environment.
fn variables(environment: &Environment, ports: &[(Option<Address>, u16)]) -> Vec<(String, Option<String>)> {
    let mut variables: Vec<_> = environment.removed.iter().map(|name| ((*name).to_owned(), None)).collect();
    for endpoint in &environment.endpoints {
        let server = endpoint.server.as_ref().map(without_path);
        let port = ports.iter().find(|(known, _)| *known == server).map_or(0, |(_, port)| *port);
        variables.push((endpoint.variable.to_owned(), Some(endpoint.through(port))));
    }
    // A proxy of HTTP that there is already would not come back to this machine.
    let has_proxy = |name: &&str| std::env::var_os(name).is_some();
    if ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"].iter().any(has_proxy) {
        for name in ["NO_PROXY", "no_proxy"] {
            let excepted = std::env::var(name).map_or_else(|_unset| String::new(), |names| names + ",");
            variables.push((name.to_owned(), Some(excepted + "127.0.0.1")));
        }
    }
    variables
}
