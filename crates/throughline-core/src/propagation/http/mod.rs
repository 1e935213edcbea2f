//! `http::HeaderMap` as a carrier: HTTP headers, and the metadata of gRPC, with the feature `http`.
//!
//! tonic's `MetadataMap` is a header map behind `AsRef` and `AsMut`: `extract_context(request.metadata().as_ref())`.

#[cfg(feature = "http")]
mod enabled;
