//! What is decided about the way to a receiver: certificates, a token, and the proxies of the environment.
//!
//! `signal.rs` asks, once for each signal that is pushed. Paths are shown, what is in the files is not.

use std::fmt;
use std::path::PathBuf;

use throughline_otlp::{OtlpConfig, Proxies, TlsFiles};

use crate::config::ExportConfig;
use crate::error::Source;
use crate::settings::catalogue::OtlpSettings;
use crate::settings::{Definition, Given, Settings};

/// How the way to one signal's receiver is kept private.
pub(super) struct Security {
    tls: TlsFiles,
    bearer_token_file: Option<PathBuf>,
    proxies: Proxies,
}

impl Security {
    pub(super) fn decide(
        of_push: &'static OtlpSettings,
        own: &ExportConfig,
        all: &ExportConfig,
        settings: &mut Settings<'_>,
    ) -> Self {
        let mut tls = TlsFiles::default();
        let roots = own.roots.as_ref().or(all.roots.as_ref());
        if let Some(roots) = path(&of_push.certificate, roots, "with_root_certificates", settings) {
            tls = tls.with_roots(roots);
        }
        let client = own.client.as_ref().or(all.client.as_ref());
        if let Some((certificate, key)) = client_files(of_push, client, settings) {
            tls = tls.with_client_certificate(certificate, key);
        }
        let token = own.bearer_token_file.as_ref().or(all.bearer_token_file.as_ref());
        let bearer_token_file = path(&of_push.bearer_token_file, token, "with_bearer_token_file", settings);
        Self { tls, bearer_token_file, proxies: proxies(settings) }
    }

    pub(super) fn apply(self, config: OtlpConfig, settings: &mut Settings<'_>) -> OtlpConfig {
        let Self { tls, bearer_token_file, proxies } = self;
        if let Some((variable, proxy)) = proxies.before(config.endpoint()) {
            settings.note_fact("otlp.proxy", proxy, Source::Environment(variable.into()));
        }
        let config = config.with_tls(tls).with_proxies(proxies);
        match bearer_token_file {
            Some(path) => config.with_bearer_token_file(path),
            None => config,
        }
    }
}

/// Whether an endpoint of gRPC without a scheme is plain text.
pub(super) fn insecure(
    of_push: &'static OtlpSettings,
    code: Option<bool>,
    settings: &mut Settings<'_>,
) -> bool {
    settings.switch(&of_push.insecure, code.map(|insecure| ("with_insecure", insecure)))
}

fn path(
    definition: &'static Definition,
    code: Option<&PathBuf>,
    method: &'static str,
    settings: &mut Settings<'_>,
) -> Option<PathBuf> {
    let code = code.map(|path| (method, ShownPath(path.clone())));
    settings.choose(definition, code, |path| Ok(ShownPath(path.into()))).map(|ShownPath(path)| path)
}

struct ShownPath(PathBuf);

impl fmt::Display for ShownPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.display().fmt(f)
    }
}

/// The certificate shown to the receiver, and its key: both, or neither.
fn client_files(
    of_push: &'static OtlpSettings,
    code: Option<&(PathBuf, PathBuf)>,
    settings: &mut Settings<'_>,
) -> Option<(PathBuf, PathBuf)> {
    let OtlpSettings { client_certificate, client_key, .. } = of_push;
    let (certificate, key) = code.map(|(certificate, key)| (certificate, key)).unzip();
    let certificate = path(client_certificate, certificate, "with_client_certificate", settings);
    let key = path(client_key, key, "with_client_certificate", settings);
    let (given, missing) = match (certificate, key) {
        (Some(certificate), Some(key)) => return Some((certificate, key)),
        (None, None) => return None,
        (Some(_), None) => (client_certificate, client_key),
        (None, Some(_)) => (client_key, client_certificate),
    };
    let Given { text, source, .. } = settings.given(given).into_iter().next()?;
    let of_all = missing.variables().last()?;
    settings.problem_of(given, source, text, format!("needs its other half: set `{of_all}` as well"));
    None
}

fn proxies(settings: &mut Settings<'_>) -> Proxies {
    match Proxies::from_variables(|name| settings.variable(name)) {
        Ok(proxies) => proxies,
        Err(error) => {
            settings.problem(Source::Environment(error.variable().into()), error.url(), error.to_string());
            Proxies::default()
        }
    }
}
