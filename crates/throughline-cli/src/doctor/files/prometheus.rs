//! Configurations of Prometheus.

use super::project::{File, Kind, Project};
use super::yaml::Node;
use super::{found, mended, within};
use crate::doctor::address::is_local;
use crate::finding::{Confidence, Edit, Finding, Severity};

/// Prometheus' own, which is right to be scraped at `localhost`.
const OWN_PORT: &str = "9090";

pub(super) fn check(project: &Project, findings: &mut Vec<Finding>) {
    for file in project.of(Kind::Prometheus) {
        if file.is_in_pod || project.prometheus_service().is_some() {
            local_targets(project, file, findings);
        }
    }
}

/// Targets that are in the container of Prometheus itself.
fn local_targets(project: &Project, file: &File, findings: &mut Vec<Finding>) {
    let jobs = file.root.member("scrape_configs").map(Node::items).unwrap_or_default();
    let groups =
        jobs.iter().flat_map(|job| job.member("static_configs").map(Node::items).unwrap_or_default());
    let targets = groups.flat_map(|group| group.member("targets").map(Node::items).unwrap_or_default());
    for target in targets {
        let Some((host, port)) = target.text().and_then(|text| text.rsplit_once(':')) else { continue };
        if !is_local(host) || port == OWN_PORT {
            continue;
        }
        let server = project.services().find(|service| !service.is_prometheus() && service.has_port(port));
        let edit = server
            .as_ref()
            .and_then(|service| Some(Edit::new(within(file, &target.range, host)?, service.name)));
        let what = match &server {
            Some(service) => format!(
                "Prometheus runs in a container, where `{host}:{port}` is nobody; `{}` has that port",
                service.name
            ),
            None => format!("Prometheus runs in a container, where `{host}:{port}` is that container itself"),
        };
        let finding = found("D901", Severity::Error, &file.source, target.range.clone(), what);
        findings.push(mended(finding, Confidence::Machine, edit.into_iter().collect()));
    }
}
