//! Detectors in surroundings of their own: a folder for `/`, a table for the environment.

use std::collections::BTreeMap;
use std::fs;

use super::*;
use crate::resource::ResourceBuilder;

const ID: &str = "b6f1a2c3d4e5f60718293a4b5c6d7e8f90a1b2c3d4e5f60718293a4b5c6d7e8f";
const UID: &str = "0a1b2c3d-0000-4000-8000-00112233aabb";

/// What one detector finds.
fn found(detector: Detector, files: &[(&str, &str)], variables: &[(&str, &str)]) -> BTreeMap<String, String> {
    let root = tempfile::tempdir().expect("a folder");
    for (path, text) in files {
        let path = root.path().join(path.trim_start_matches('/'));
        fs::create_dir_all(path.parent().expect("a file in a folder")).expect("a folder");
        fs::write(path, text).expect("a file");
    }
    let variables: BTreeMap<_, _> =
        variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let resource = ResourceBuilder::new()
        .with_detectors([detector])
        .with_root(root.path())
        .with_environment(move |variable| variables.get(variable).cloned())
        .build();
    resource.attributes().iter().map(|(key, value)| (key.to_owned(), value.to_string())).collect()
}

fn container(files: &[(&str, &str)]) -> Option<String> {
    found(Detector::Container, files, &[]).remove("container.id")
}

#[test]
fn a_container_is_known_by_its_control_groups() {
    for line in [
        format!("12:devices:/docker/{ID}"),
        format!("1:name=systemd:/kubepods.slice/kubepods-besteffort.slice/cri-containerd-{ID}.scope"),
        format!("3:cpu:/kubepods/burstable/pod{UID}/{ID}"),
        format!("4:memory:/system.slice/docker-{ID}.scope"),
        format!("0::/../crio-{ID}.scope"),
    ] {
        let groups = format!("14:misc:/\n{line}\n");
        assert_eq!(container(&[("/proc/self/cgroup", &groups)]).as_deref(), Some(ID), "{line}");
    }
}

#[test]
fn a_container_is_known_by_its_mounts() {
    let groups = ("/proc/self/cgroup", "0::/\n");
    let mounts = |root: &str| {
        format!("25 20 8:1 / / rw - ext4 x rw\n473 456 254:1 {root} /etc/hostname rw - ext4 x rw\n")
    };
    for (root, expected) in [
        (format!("/docker/containers/{ID}/hostname"), Some(ID)),
        (format!("/containers/storage/overlay-containers/{ID}/userdata/hostname"), Some(ID)),
        (format!("/containerd/io.containerd.grpc.v1.cri/sandboxes/{ID}/hostname"), None),
        ("/etc/hostname".to_owned(), None),
    ] {
        let id = container(&[groups, ("/proc/self/mountinfo", &mounts(&root))]);
        assert_eq!(id.as_deref(), expected, "{root}");
    }
}

#[test]
fn a_pod_is_known_by_variables_and_its_service_account() {
    let groups = format!("0::/kubepods.slice/kubepods-burstable-pod{}.slice/x.scope", UID.replace('-', "_"));
    let files = [
        ("/proc/self/cgroup", groups.as_str()),
        ("/var/run/secrets/kubernetes.io/serviceaccount/namespace", "shops"),
    ];
    let variables = [("KUBERNETES_SERVICE_HOST", "10.0.0.1"), ("POD_NAME", "shop-0"), ("NODE_NAME", "n1")];
    let found_in_pod = found(Detector::Kubernetes, &files, &variables);
    let expected = [
        ("k8s.namespace.name", "shops"),
        ("k8s.node.name", "n1"),
        ("k8s.pod.name", "shop-0"),
        ("k8s.pod.uid", UID),
    ];
    assert_eq!(found_in_pod, expected.map(|(key, value)| (key.to_owned(), value.to_owned())).into());
    assert!(found(Detector::Kubernetes, &files, &variables[1..]).is_empty(), "not in a pod");
}

#[test]
fn clouds_are_known_by_their_variables() {
    type Pairs<'a> = &'a [(&'a str, &'a str)];
    let cases: [(Pairs<'_>, Pairs<'_>); 5] = [
        (
            &[("AWS_LAMBDA_FUNCTION_NAME", "pay"), ("AWS_REGION", "eu-west-1")],
            &[
                ("cloud.platform", "aws_lambda"),
                ("cloud.provider", "aws"),
                ("cloud.region", "eu-west-1"),
                ("faas.name", "pay"),
            ],
        ),
        (
            &[("ECS_CONTAINER_METADATA_URI_V4", "http://169.254.170.2/v4/x")],
            &[("cloud.platform", "aws_ecs"), ("cloud.provider", "aws")],
        ),
        (
            &[("K_SERVICE", "pay"), ("K_REVISION", "pay-1"), ("K_CONFIGURATION", "pay")],
            &[
                ("cloud.platform", "gcp_cloud_run"),
                ("cloud.provider", "gcp"),
                ("faas.name", "pay"),
                ("faas.version", "pay-1"),
            ],
        ),
        (
            &[("WEBSITE_SITE_NAME", "pay"), ("FUNCTIONS_WORKER_RUNTIME", "custom")],
            &[("cloud.platform", "azure.functions"), ("cloud.provider", "azure"), ("faas.name", "pay")],
        ),
        (&[("AWS_REGION", "eu-west-1"), ("K_SERVICE", "")], &[]),
    ];
    for (variables, expected) in cases {
        let expected: BTreeMap<_, _> =
            expected.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        assert_eq!(found(Detector::Cloud, &[], variables), expected, "{variables:?}");
    }
}

#[test]
fn system_and_machine_are_read_from_files() {
    let release =
        "NAME=\"Debian GNU/Linux\"\nVERSION_ID='13'\nPRETTY_NAME=\"Debian GNU/Linux 13\"\nBUILD_ID=\n";
    let os = found(Detector::Os, &[("/etc/os-release", release)], &[]);
    assert_eq!(
        (os["os.name"].as_str(), os["os.version"].as_str(), os["os.description"].as_str()),
        ("Debian GNU/Linux", "13", "Debian GNU/Linux 13")
    );
    assert!(!os.contains_key("os.build_id"));
    let files = [("/proc/sys/kernel/hostname", "box\n"), ("/etc/machine-id", "0123abcd\n")];
    let host = found(Detector::Host, &files, &[]);
    assert_eq!((host["host.name"].as_str(), host["host.id"].as_str()), ("box", "0123abcd"));
    assert_eq!(found(Detector::Host, &[], &[("HOSTNAME", "pod")])["host.name"], "pod");
}

#[test]
fn a_process_knows_itself() {
    let files = [
        ("/proc/self/status", "Name:\tshop\nPPid:\t7\nUid:\t1000\t1001\t1000\t1000\n"),
        ("/etc/passwd", "root:x:0:0::/root:/bin/sh\nana:x:1001:1001::/home/ana:/bin/sh\n"),
    ];
    let process = found(Detector::Process, &files, &[("USER", "somebody")]);
    assert_eq!(process["process.pid"], std::process::id().to_string());
    assert_eq!((process["process.parent_pid"].as_str(), process["process.owner"].as_str()), ("7", "ana"));
    assert_eq!(process["process.runtime.name"], "rustc");
    assert!(process["process.runtime.version"].starts_with("1."), "{process:?}");
    assert_eq!(found(Detector::Process, &[], &[("USER", "somebody")])["process.owner"], "somebody");
}

#[test]
fn what_is_set_wins_over_what_is_found() {
    let resource = ResourceBuilder::new().with_service_name("shop").with_service_instance_id("7").build();
    let value = |key| resource.attributes().value(key).map(|value| value.to_string());
    assert_eq!(
        (value("service.name"), value("service.instance.id")),
        (Some("shop".into()), Some("7".into()))
    );
    assert_eq!(value("telemetry.sdk.name").as_deref(), Some("throughline"));
    let bare = ResourceBuilder::new().with_detectors([]).build();
    assert!(bare.attributes().is_empty());
}

#[test]
fn lists_of_detectors_are_read() {
    assert_eq!(Detector::parse_list("all"), Ok(Detector::ALL.to_vec()));
    assert_eq!(Detector::parse_list(" none "), Ok(Vec::new()));
    assert_eq!(Detector::parse_list("host, os"), Ok(vec![Detector::Host, Detector::Os]));
    let error = Detector::parse_list("host,hsot").expect_err("no such detector").to_string();
    assert!(error.contains("`hsot`") && error.contains("kubernetes"), "{error}");
}
