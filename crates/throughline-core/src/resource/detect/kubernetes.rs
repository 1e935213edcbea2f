//! The pod: <https://opentelemetry.io/docs/specs/semconv/resource/k8s/>.
//!
//! Kubernetes tells a pod little by itself. Names and ids come through the downward API, under variables that
//! deployments choose; the customary ones are known here, in the order in which they are believed.

use super::{Findings, Surroundings};

const VARIABLES: [(&str, &[&str]); 6] = [
    ("k8s.pod.name", &["K8S_POD_NAME", "POD_NAME"]),
    ("k8s.pod.uid", &["K8S_POD_UID", "POD_UID"]),
    ("k8s.namespace.name", &["K8S_NAMESPACE", "K8S_NAMESPACE_NAME", "POD_NAMESPACE", "K8S_POD_NAMESPACE"]),
    ("k8s.node.name", &["K8S_NODE_NAME", "NODE_NAME"]),
    ("k8s.container.name", &["K8S_CONTAINER_NAME", "CONTAINER_NAME"]),
    ("k8s.cluster.name", &["K8S_CLUSTER_NAME"]),
];

const NAMESPACE_FILE: &str = "/var/run/secrets/kubernetes.io/serviceaccount/namespace";

pub(super) fn detect(surroundings: &Surroundings, found: &mut Findings<'_>) {
    // Set in every container of a pod. Without it, variables such as NODE_NAME mean something else.
    if surroundings.variable(&["KUBERNETES_SERVICE_HOST"]).is_none() {
        return;
    }
    found.add_some("k8s.namespace.name", surroundings.line(NAMESPACE_FILE));
    found.add_some("k8s.pod.uid", pod_of_groups(surroundings));
    for (key, variables) in VARIABLES {
        found.add_some(key, surroundings.variable(variables));
    }
}

/// `…/kubepods/burstable/pod<uid>/…` or, under systemd, `…-pod<uid with underscores>.slice/…`.
fn pod_of_groups(surroundings: &Surroundings) -> Option<String> {
    let groups = surroundings.file("/proc/self/cgroup")?;
    groups.split(['/', '\n']).find_map(|part| {
        let part = part.strip_suffix(".slice").unwrap_or(part);
        let uid = part.rsplit_once("pod")?.1.replace('_', "-");
        let lengths = uid.split('-').map(str::len);
        let is_uid = lengths.eq([8, 4, 4, 4, 12]) && uid.bytes().all(|b| b == b'-' || b.is_ascii_hexdigit());
        is_uid.then_some(uid)
    })
}
