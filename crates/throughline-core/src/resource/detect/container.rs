//! The container: its id is in the paths of control groups (version 1) or of what is mounted into it (version 2).
//!
//! <https://opentelemetry.io/docs/specs/semconv/resource/container/>

use super::{Findings, Surroundings};

pub(super) fn detect(surroundings: &Surroundings, found: &mut Findings<'_>) {
    let of_groups = || surroundings.file("/proc/self/cgroup")?.lines().find_map(in_group);
    let of_mounts = || surroundings.file("/proc/self/mountinfo")?.lines().find_map(in_mount);
    found.add_some("container.id", of_groups().or_else(of_mounts));
}

/// `11:devices:/docker/<id>`, `1:name=systemd:/kubepods/…/cri-containerd-<id>.scope`: the last part of the path.
fn in_group(line: &str) -> Option<String> {
    let path = line.splitn(3, ':').nth(2)?;
    let last = path.rsplit('/').next()?;
    let name = last.strip_suffix(".scope").unwrap_or(last);
    let id = name.rsplit(['-', ':']).next()?;
    is_id(id).then(|| id.to_owned())
}

/// `… /var/lib/docker/containers/<id>/hostname /etc/hostname …`: a part of the path of what is mounted as the host's
/// name. In a Kubernetes pod that may be the id of the pod's sandbox, which is none of a container.
fn in_mount(line: &str) -> Option<String> {
    let (root, target) = (line.split(' ').nth(3)?, line.split(' ').nth(4)?);
    let names_host = matches!(target, "/etc/hostname" | "/etc/hosts" | "/etc/resolv.conf");
    if !names_host || root.contains("/sandboxes/") {
        return None;
    }
    root.split('/').find(|part| is_id(part)).map(str::to_owned)
}

/// 64 hexadecimal digits.
fn is_id(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}
