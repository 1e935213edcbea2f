//! gRPC servers and clients.

use crate::Kit;

/// What this kit records.
pub const KIT: Kit = Kit::new("grpc", "gRPC", &[]);
