//! A stranger who makes names of tools up, to fill the memory of whoever counts them.

use rmcp::model::CallToolRequestParams;

use crate::client::{Address, Failure};

/// Names in the order of a generator, so that a run can be repeated.
#[derive(Debug)]
pub(crate) struct Names(u64);

impl Names {
    pub(crate) fn new() -> Self {
        Self(0x5eed)
    }
}

impl Iterator for Names {
    type Item = String;

    /// `SplitMix64`.
    fn next(&mut self) -> Option<String> {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        Some(format!("tool-{:016x}", mixed ^ (mixed >> 31)))
    }
}

/// Calls so many tools that are not there, over one session. The stranger keeps no telemetry.
pub(crate) async fn attack(address: &Address, token: &str, calls: u64) -> Result<(), Failure> {
    let mut connection = address.connect(Some(token)).await?;
    for (name, _) in Names::new().zip(0..calls) {
        // Refused, of course.
        let _error = connection.call_tool(CallToolRequestParams::new(name)).await;
    }
    let _ended = connection.close().await;
    Ok(())
}
