//! Following a request allocates nothing, from its arrival to its last token.

use throughline_instruments::inference::{Inference, Model, RequestStatus};
use throughline_metrics::MeterProvider;
use throughline_trace::{TracerProvider, testing};

use crate::counting;

/// What a server does for one request.
fn serve(inference: &Inference) {
    let connection = inference.connection();
    let mut request = inference.request("completion");
    let waited = inference.enqueue().taken();
    request.prompt_tokens(3);
    for _ in 0..10 {
        inference.batch(1);
        request.token();
    }
    request.finish(RequestStatus::Success);
    drop(inference.request("completion"));
    drop((connection, waited));
}

/// Allocations for a hundred requests, when there were as many before.
fn allocations(inference: &Inference, between: impl FnOnce()) -> u64 {
    let serve_all = || (0..100).for_each(|_| serve(inference));
    serve_all();
    between();
    counting::allocations(serve_all)
}

#[test]
fn following_a_request_allocates_nothing() {
    let meters = MeterProvider::default();
    let inference = Inference::new(&meters.meter("it"), Model::new("bitnet", "tiny"));
    assert_eq!(allocations(&inference, || ()), 0);
}

/// Spans are written into what the reader has read.
#[test]
fn nor_does_its_span() {
    let (meters, tracers) = (MeterProvider::default(), TracerProvider::default());
    let mut reader = tracers.reader().expect("the first one");
    let model = Model::new("bitnet", "tiny");
    let inference = Inference::with_spans(&meters.meter("it"), model, tracers.tracer("it"));
    let read = || assert_eq!(testing::spans(&mut reader).len(), 200);
    assert_eq!(allocations(&inference, read), 0);
}
