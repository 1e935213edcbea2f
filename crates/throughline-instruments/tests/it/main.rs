//! The kits, through their public API.

#[cfg(feature = "guard")]
mod guard;
#[cfg(feature = "mcp")]
mod mcp;
