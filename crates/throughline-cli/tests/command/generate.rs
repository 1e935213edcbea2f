//! Dashboards, rules and configurations as files: what is checked in is what is made, and Grafana can place it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::command::throughline;

/// What is checked in under `deploy/`, made anew.
fn made() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let kubernetes = folder.path().join("kubernetes");
    for (target, out) in [("compose", folder.path()), ("k8s", &kubernetes)] {
        let out = out.to_str().expect("a path of text");
        let output = throughline(&["config", target, "--out", out]).output().expect("it runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    folder
}

fn checked_in() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy")
}

/// The files of a folder and of those in it, by where they are.
fn texts(folder: &Path) -> BTreeMap<PathBuf, String> {
    fn gather(root: &Path, folder: &Path, texts: &mut BTreeMap<PathBuf, String>) {
        for entry in fs::read_dir(folder).into_iter().flatten() {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                gather(root, &path, texts);
            } else {
                let name = path.strip_prefix(root).expect("below it").to_path_buf();
                texts.insert(name, fs::read_to_string(&path).expect("text"));
            }
        }
    }
    let mut found = BTreeMap::new();
    gather(folder, folder, &mut found);
    found
}

#[test]
fn what_is_checked_in_is_what_is_made() {
    let made = texts(made().path());
    if std::env::var_os("BLESS").is_some() {
        drop(fs::remove_dir_all(checked_in()));
        for (path, text) in &made {
            let path = checked_in().join(path);
            fs::create_dir_all(path.parent().expect("a folder")).expect("a folder can be made");
            fs::write(path, text).expect("a file can be written");
        }
    }
    let present = texts(&checked_in());
    let names = |texts: &BTreeMap<PathBuf, String>| texts.keys().cloned().collect::<BTreeSet<_>>();
    let differs: Vec<_> = made.iter().filter(|(path, text)| present.get(*path) != Some(text)).collect();
    let differs: Vec<_> = differs.into_iter().map(|(path, _)| path).collect();
    assert!(
        differs.is_empty() && names(&made) == names(&present),
        "deploy/ is stale; run this test with BLESS=1. Differ: {differs:?}, missing or left over: {:?}",
        names(&made).symmetric_difference(&names(&present)).collect::<Vec<_>>()
    );
}

#[test]
fn dashboards_have_ids_of_their_own_and_panels_a_place_of_their_own() {
    let folder = made();
    let mut uids = BTreeSet::new();
    for (path, text) in texts(&folder.path().join("dashboards")) {
        let dashboard: Value = serde_json::from_str(&text).expect("JSON");
        let uid = dashboard["uid"].as_str().expect("a uid").to_owned();
        assert!(uid.len() <= 40 && uids.insert(uid), "{}", path.display());
        let panels = dashboard["panels"].as_array().expect("panels");
        let ids: BTreeSet<_> = panels.iter().map(|panel| panel["id"].as_u64().expect("an id")).collect();
        assert_eq!(ids.len(), panels.len(), "two panels of {} have one id", path.display());
        assert_no_overlap(&path, panels);
        for panel in panels.iter().filter(|panel| panel["type"] != "row") {
            let targets = panel["targets"].as_array().expect("targets");
            assert!(!targets.is_empty(), "{panel}");
            for target in targets {
                assert!(target["expr"].as_str().is_some_and(|expression| !expression.is_empty()), "{panel}");
            }
        }
    }
}

fn assert_no_overlap(path: &Path, panels: &[Value]) {
    let mut taken = BTreeSet::new();
    for panel in panels {
        let of = |key: &str| panel["gridPos"][key].as_u64().expect("a number");
        assert!(of("x") + of("w") <= 24, "{panel}");
        for cell in
            (of("x")..of("x") + of("w")).flat_map(|x| (of("y")..of("y") + of("h")).map(move |y| (x, y)))
        {
            assert!(taken.insert(cell), "{}: {} overlaps", path.display(), panel["title"]);
        }
    }
}

/// Every metric of a kit is on its dashboard.
#[test]
fn every_metric_is_charted() {
    let folder = made();
    for kit in throughline_instruments::kits().iter().filter(|kit| kit.definitions().next().is_some()) {
        let path = folder.path().join(format!("dashboards/{}.json", kit.name));
        let text = fs::read_to_string(&path).expect("a dashboard of the kit");
        for def in kit.definitions() {
            let name =
                throughline::TranslationStrategy::default().metric_name(def.name, def.unit, def.kind.into());
            let name = name.expect("a name");
            let is_charted = [format!("{name}{{"), format!("{name}_bucket{{"), format!("{name}_sum{{")];
            assert!(
                is_charted.iter().any(|series| text.contains(series)),
                "{name} of {} is not charted",
                kit.name
            );
        }
    }
}

#[test]
fn who_asks_for_what_there_is_not_hears_what_there_is() {
    for command in ["dashboards", "alerts"] {
        let output = throughline(&[command, "htp"]).output().expect("it runs");
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.contains("there are "), "{said}");
    }
    let output = throughline(&["alerts", "--objective", "100"]).output().expect("it runs");
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn a_prometheus_that_is_not_there_is_no_verdict() {
    let folder = made();
    let dashboards = folder.path().join("dashboards");
    let rules = folder.path().join("rules");
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let nobody = format!("http://{}", taken.local_addr().expect("its address"));
    drop(taken);
    let arguments = ["dashboards", "verify", "--prometheus", &nobody];
    let output = throughline(&arguments).args([&dashboards, &rules]).output().expect("it runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(3), "{said}");
    assert!(said.contains(&nobody), "{said}");
}
