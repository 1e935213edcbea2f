//! What programs are told of where to send to, in compose files and in those of Kubernetes.

use super::project::File;
use super::yaml::Node;
use super::{found, mended, within};
use crate::doctor::address::Address;
use crate::finding::{Confidence, Edit, Finding, Severity};

/// A program in a container.
#[derive(Debug)]
pub(super) struct Program<'a> {
    pub(super) file: &'a File,
    pub(super) name: &'a str,
    /// Name, value, and where the value stands, of each variable.
    pub(super) environment: Vec<(&'a str, &'a str, &'a Node)>,
    /// Whether `localhost` may be the receiver's too.
    pub(super) is_beside_receiver: bool,
    /// The name that the receiver has for others.
    pub(super) receiver: Option<&'a str>,
}

impl<'a> Program<'a> {
    pub(super) fn check(&self, findings: &mut Vec<Finding>) {
        let protocol = self
            .environment
            .iter()
            .find(|(name, ..)| *name == "OTEL_EXPORTER_OTLP_PROTOCOL")
            .map(|(_, value, _)| *value);
        for (node, address) in self.endpoints() {
            self.port(node, &address, protocol, findings);
            if address.is_local() && !self.is_beside_receiver {
                self.local(node, &address, findings);
            }
        }
    }

    /// Where it sends to, as far as that is written.
    pub(super) fn endpoints(&self) -> impl Iterator<Item = (&'a Node, Address)> {
        let endpoints = self
            .environment
            .iter()
            .filter(|(name, ..)| name.starts_with("OTEL_EXPORTER_OTLP_") && name.ends_with("ENDPOINT"));
        endpoints.filter_map(|(_, value, node)| Some((*node, Address::parse(value)?)))
    }

    /// Whether port and protocol are of a kind. Unless set, the protocol is HTTP in Rust, and gRPC in some other languages.
    fn port(&self, node: &Node, address: &Address, protocol: Option<&str>, findings: &mut Vec<Finding>) {
        let (right, severity) = match (address.port, protocol) {
            (4317, Some("http/protobuf" | "http/json")) => ("4318", Severity::Error),
            (4317, None) => ("4318", Severity::Warning),
            (4318, Some("grpc")) => ("4317", Severity::Error),
            _ => return,
        };
        let what = format!(
            "port {} with {}",
            address.port,
            protocol.unwrap_or("the protocol http/protobuf, which is meant unless set")
        );
        let finding = found("D906", severity, &self.file.source, node.range.clone(), what);
        let wrong = format!(":{}", address.port);
        let edit = within(self.file, &node.range, &wrong).map(|range| Edit::new(range, format!(":{right}")));
        findings.push(mended(finding, Confidence::Review, edit.into_iter().collect()));
    }

    fn local(&self, node: &Node, address: &Address, findings: &mut Vec<Finding>) {
        let what = format!("in the container of `{}`, `{address}` is that container", self.name);
        let finding = found("D907", Severity::Error, &self.file.source, node.range.clone(), what);
        let edit = self.receiver.and_then(|receiver| {
            let host = within(self.file, &node.range, &format!("//{}", address.host))?;
            Some(Edit::new(host, format!("//{receiver}")))
        });
        findings.push(mended(finding, Confidence::Review, edit.into_iter().collect()));
    }
}
