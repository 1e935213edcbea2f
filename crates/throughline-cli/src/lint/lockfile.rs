//! `Cargo.lock`: which versions were chosen, and by which way each came in.

use std::collections::{HashMap, HashSet, VecDeque};

use serde::Deserialize;

/// A lock file.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Lockfile {
    #[serde(default, rename = "package")]
    packages: Vec<Package>,
}

/// A package of it.
#[derive(Debug, Deserialize)]
pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) version: String,
    /// Missing for what is in the workspace.
    #[serde(default)]
    source: Option<String>,
    /// `name`, or `name version` where there are several, or `name version (source)`.
    #[serde(default)]
    dependencies: Vec<String>,
}

impl Lockfile {
    pub(crate) fn parse(text: &str) -> Result<Self, toml::de::Error> {
        toml::from_str(text)
    }

    /// All versions of a package.
    pub(crate) fn versions<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Package> {
        self.packages.iter().filter(move |package| package.name == name)
    }

    /// The version of `dependency` that a package of the workspace was given, directly.
    pub(crate) fn direct(&self, package: &str, dependency: &str) -> Option<&str> {
        let package =
            self.packages.iter().find(|candidate| candidate.name == package && candidate.source.is_none())?;
        let found = self.dependencies(package).find(|candidate| candidate.name == dependency)?;
        Some(&found.version)
    }

    /// The shortest way from the workspace to a package, as `app → library 1.0 → opentelemetry 0.30.0`.
    pub(crate) fn way_to(&self, target: &Package) -> String {
        let key = |package: &Package| (package.name.clone(), package.version.clone());
        let mut came_from: HashMap<_, Option<&Package>> = HashMap::new();
        let mut waiting: VecDeque<&Package> =
            self.packages.iter().filter(|package| package.source.is_none()).collect();
        let mut seen: HashSet<_> = waiting.iter().map(|package| key(package)).collect();
        while let Some(package) = waiting.pop_front() {
            for next in self.dependencies(package) {
                if seen.insert(key(next)) {
                    came_from.insert(key(next), Some(package));
                    waiting.push_back(next);
                }
            }
        }
        let mut way = vec![format!("{} {}", target.name, target.version)];
        let mut at = target;
        while let Some(Some(before)) = came_from.get(&key(at)) {
            way.push(if before.source.is_some() {
                format!("{} {}", before.name, before.version)
            } else {
                before.name.clone()
            });
            at = before;
        }
        way.reverse();
        way.join(" → ")
    }

    fn dependencies<'a>(&'a self, package: &'a Package) -> impl Iterator<Item = &'a Package> {
        package.dependencies.iter().filter_map(|text| {
            let mut parts = text.split(' ');
            let (name, version) = (parts.next()?, parts.next());
            self.versions(name).find(|found| version.is_none_or(|version| found.version == version))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Lockfile;

    const LOCK: &str = include_str!("../../tests/lint/two_versions.lock");

    #[test]
    fn the_way_to_a_version_is_told() {
        let lock = Lockfile::parse(LOCK).unwrap();
        let ways: Vec<String> = lock.versions("opentelemetry").map(|package| lock.way_to(package)).collect();
        assert_eq!(ways, ["app → library 1.2.0 → opentelemetry 0.30.0", "app → opentelemetry 0.33.1"]);
        assert_eq!(lock.direct("app", "opentelemetry"), Some("0.33.1"));
    }
}
