//! What is decided about the way to a receiver: certificates, a token, and the proxies of the environment.
//!
//! `signal.rs` asks, once for each signal that is pushed. Paths are shown, what is in the files is not.

use std::path::PathBuf;

use throughline_otlp::{OtlpConfig, Proxies, TlsFiles};

use super::{Named, Names};
use crate::config::ExportConfig;
use crate::error::Source;
use crate::settings::Settings;

/// How the way to one signal's receiver is kept private.
pub(super) struct Security {
    tls: TlsFiles,
    bearer_token_file: Option<PathBuf>,
    proxies: Proxies,
}

impl Security {
    pub(super) fn decide(
        names: &Names,
        own: &ExportConfig,
        all: &ExportConfig,
        settings: &mut Settings<'_>,
    ) -> Self {
        let mut tls = TlsFiles::default();
        let roots = own.roots.as_ref().or(all.roots.as_ref());
        if let Some(roots) = path(&names.roots, roots, "with_root_certificates", settings) {
            tls = tls.with_roots(roots);
        }
        if let Some((certificate, key)) = client(names, own.client.as_ref().or(all.client.as_ref()), settings)
        {
            tls = tls.with_client_certificate(certificate, key);
        }
        let bearer_token_file = own.bearer_token_file.as_ref().or(all.bearer_token_file.as_ref()).cloned();
        if let Some(path) = &bearer_token_file {
            settings.decided(
                "otlp.bearer_token_file",
                &path.display(),
                Source::Code("with_bearer_token_file"),
            );
        }
        Self { tls, bearer_token_file, proxies: proxies(settings) }
    }

    pub(super) fn apply(self, config: OtlpConfig, settings: &mut Settings<'_>) -> OtlpConfig {
        let Self { tls, bearer_token_file, proxies } = self;
        if let Some((variable, proxy)) = proxies.before(config.endpoint()) {
            settings.decided("otlp.proxy", &proxy, Source::Environment(variable));
        }
        let config = config.with_tls(tls).with_proxies(proxies);
        match bearer_token_file {
            Some(path) => config.with_bearer_token_file(path),
            None => config,
        }
    }
}

/// Whether an endpoint of gRPC without a scheme is plain text.
pub(super) fn insecure(names: &Names, code: Option<bool>, settings: &Settings<'_>) -> bool {
    let variable = settings.variable(&names.insecure.1);
    // As the specification has it, only `true` is true.
    code.unwrap_or_else(|| variable.is_some_and(|(_, value)| value.eq_ignore_ascii_case("true")))
}

fn path(
    (name, variables): &Named,
    code: Option<&PathBuf>,
    method: &'static str,
    settings: &mut Settings<'_>,
) -> Option<PathBuf> {
    let (path, source) = match (code, settings.variable(variables)) {
        (Some(path), _) => (path.clone(), Source::Code(method)),
        (None, Some((variable, path))) => (PathBuf::from(path), Source::Environment(variable)),
        (None, None) => return None,
    };
    settings.decided(name, &path.display(), source);
    Some(path)
}

/// The certificate shown to the receiver, and its key: both, or neither.
fn client(
    names: &Names,
    code: Option<&(PathBuf, PathBuf)>,
    settings: &mut Settings<'_>,
) -> Option<(PathBuf, PathBuf)> {
    let (certificate, key) = code.map(|(certificate, key)| (certificate, key)).unzip();
    let certificate = path(&names.client_certificate, certificate, "with_client_certificate", settings);
    let key = path(&names.client_key, key, "with_client_certificate", settings);
    let (given, missing) = match (certificate, key) {
        (Some(certificate), Some(key)) => return Some((certificate, key)),
        (None, None) => return None,
        (Some(_), None) => (&names.client_certificate, &names.client_key),
        (None, Some(_)) => (&names.client_key, &names.client_certificate),
    };
    let (variable, value) = settings.variable(&given.1)?;
    let [_, of_all] = missing.1;
    settings.problem(
        Source::Environment(variable),
        value,
        format!("needs its other half: set `{of_all}` as well"),
    );
    None
}

fn proxies(settings: &mut Settings<'_>) -> Proxies {
    match Proxies::from_variables(|name| settings.value(name)) {
        Ok(proxies) => proxies,
        Err(error) => {
            settings.problem(Source::Environment(error.variable()), error.url(), error.to_string());
            Proxies::default()
        }
    }
}
