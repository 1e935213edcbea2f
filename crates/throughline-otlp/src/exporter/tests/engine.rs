//! From an increment on an instrument to the receiver, through the real engine.

use throughline_metrics::{MeterProvider, TemporalityPreference};

use super::fake::{Answer, config, report, start};
use crate::RetryPolicy;

#[tokio::test(start_paused = true)]
async fn what_is_counted_arrives_whatever_fails_between() {
    for (temporality, arriving) in
        [(TemporalityPreference::Cumulative, vec![5, 5, 9]), (TemporalityPreference::Delta, vec![2, 3, 4])]
    {
        let provider = MeterProvider::default();
        let counter = provider.meter("test").u64_counter("requests").build();
        let config = config().with_retry(RetryPolicy::disabled());
        let rig = start(config, provider.reader(temporality), [Answer::Refuse]);
        counter.add(2, &[]);
        assert_eq!(rig.flush().await.undelivered_items, 1);
        counter.add(3, &[]);
        rig.flush().await;
        rig.flush().await;
        counter.add(4, &[]);
        assert_eq!(rig.flush().await, report(1, 0));
        assert_eq!(rig.collector.values(), arriving, "{temporality:?}");
        assert_eq!(rig.status().queued_items, 0);
    }
}
