//! Client and server in one process, over real HTTP: one trace.
