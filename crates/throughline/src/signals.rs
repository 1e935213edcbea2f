//! Shutting down on a signal, for programs that have no handler of their own.

use std::io;
use std::thread;

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use signal_hook::low_level::emulate_default_handler;

use crate::providers::{SHUTDOWN_TIMEOUT, TelemetryProviders};
use crate::running::Running;

impl TelemetryProviders {
    /// Shuts telemetry down when the process gets its first SIGTERM or SIGINT, and lets the signal end the process then,
    /// as it would have without this. Takes at most [`SHUTDOWN_TIMEOUT`]; a second signal ends the process at once.
    ///
    /// For programs that such a signal is to end as it is. One with a shutdown of its own calls
    /// [`shutdown`](Self::shutdown) at the end of that. Needs the cargo feature `signals`; Unix alone. Costs a thread that
    /// sleeps.
    ///
    /// # Errors
    /// The handler, or the thread, cannot be set up.
    pub fn shutdown_on_signal(&self) -> io::Result<()> {
        let signals = Signals::new([SIGTERM, SIGINT])?;
        let running = self.running().clone();
        let wait = move || end_on(signals, &running);
        thread::Builder::new().name("throughline-signal".to_owned()).spawn(wait).map(drop)
    }
}

fn end_on(mut signals: Signals, running: &Running) {
    let Some(signal) = signals.forever().next() else { return };
    let again = move || {
        signals.forever().next().into_iter().for_each(end_process);
    };
    let _detached = thread::Builder::new().name("throughline-signal".to_owned()).spawn(again);
    let report = running.end(SHUTDOWN_TIMEOUT);
    tracing::info!(target: "throughline", signal, "telemetry was shut down: {report}");
    end_process(signal);
}

/// Ends the process as the signal does when nobody handles it.
fn end_process(signal: i32) {
    if let Err(error) = emulate_default_handler(signal) {
        tracing::error!(target: "throughline", %error, "a signal cannot be passed on");
    }
}
