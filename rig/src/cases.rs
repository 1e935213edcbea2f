//! Tests that are ignored with a reason when their servers are not there.
//!
//! The standard harness decides at compile time what is ignored; whether a
//! server is there is known only at run time.

use std::env;
use std::process::ExitCode;

use libtest_mimic::{Arguments, Completion, Failed, Trial};

use crate::{Missing, Need, Rig};

/// One test against real servers.
#[derive(Clone, Copy, Debug)]
pub struct Case {
    name: &'static str,
    needs: &'static [Need],
    body: fn(&Rig),
}

impl Case {
    /// A test called `name` that fails by panicking.
    pub const fn new(name: &'static str, needs: &'static [Need], body: fn(&Rig)) -> Self {
        Self { name, needs, body }
    }

    fn run(self) -> Result<Completion, Failed> {
        match self.rig() {
            Ok(rig) => {
                (self.body)(&rig);
                Ok(Completion::Completed)
            }
            Err(missing) if missing.is_failure() => Err(Failed::from(missing)),
            Err(missing) => Ok(Completion::ignored_with(missing)),
        }
    }

    fn rig(self) -> Result<Rig, Missing> {
        let rig = Rig::find()?;
        for need in self.needs {
            rig.executable(*need)?;
        }
        Ok(rig)
    }
}

/// Runs `cases` as a test binary's `main`, with the arguments that `cargo test` passes.
///
/// A case whose [`Need`]s are not there is reported as ignored with the reason,
/// or fails where [`Missing::is_failure`] says so. Four run at a time unless
/// `--test-threads` says otherwise: each may start several servers.
pub fn run(cases: &[Case]) -> ExitCode {
    let mut arguments = Arguments::from_args();
    if env::var_os("RUST_TEST_THREADS").is_none() {
        arguments.test_threads = arguments.test_threads.or(Some(4));
    }
    let trial = |case: Case| Trial::ignorable_test(case.name, move || case.run());
    libtest_mimic::run(&arguments, cases.iter().copied().map(trial).collect()).exit_code()
}
