//! Keys of attributes that go with [`metric_names`](crate::metric_names).
//!
//! Each should have few values: a series is kept for every combination.

/// What kind of event.
pub const EVENT_TYPE: &str = "event.type";
/// What kind of window, such as `tumbling`.
pub const WINDOW_TYPE: &str = "window.type";
/// What kind of aggregation, such as `p99`.
pub const AGGREGATION_TYPE: &str = "aggregation.type";
/// Where state is kept, such as `redis`.
pub const STATE_BACKEND: &str = "state.backend";
/// What is done, such as `get`.
pub const OPERATION_TYPE: &str = "operation.type";
/// What went wrong, in one word; absent when nothing did.
pub const ERROR_TYPE: &str = "error.type";
/// Which partition of a topic.
pub const PARTITION_ID: &str = "partition.id";

/// The method of an HTTP request.
pub const HTTP_REQUEST_METHOD: &str = "http.request.method";
/// The status of an HTTP answer, a number.
pub const HTTP_RESPONSE_STATUS_CODE: &str = "http.response.status_code";
/// The pattern that the request's path matched, such as `/cart/{id}`; never the path itself.
pub const HTTP_ROUTE: &str = "http.route";
