//! A partitioned log, as Kafka has it: topics of partitions, to which producers append, and from which groups of consumers
//! read, each at its own offset. Messages have headers.
//!
//! What all groups have committed is let go of. A partition that is full makes producers wait.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::timeout;

use crate::TALLY;

/// Where producers write to.
pub(crate) const EVENTS: &str = "events";
/// Where results of windows go.
pub(crate) const RESULTS: &str = "results";

/// The group that aggregates.
pub(crate) const AGGREGATORS: &str = "aggregators";
/// The group that keeps an eye on who sends what.
pub(crate) const AUDITORS: &str = "auditors";
/// The group that takes the results.
pub(crate) const SINKS: &str = "sinks";

/// Name, partitions, and the groups that read them.
const TOPICS: [(&str, u32, &[&str]); 2] = [(EVENTS, 4, &[AGGREGATORS, AUDITORS]), (RESULTS, 2, &[SINKS])];

/// How many messages a partition keeps for its slowest group before producers have to wait.
const CAPACITY: usize = 1024;

/// How long a consumer waits for a message before it looks after its other business.
const POLL: Duration = Duration::from_millis(100);

/// What travels with a message beside its payload.
pub(crate) type Headers = HashMap<String, String>;

/// One message.
#[derive(Debug)]
pub(crate) struct Message {
    pub(crate) headers: Headers,
    pub(crate) payload: Vec<u8>,
    pub(crate) offset: u64,
}

/// What a consumer finds.
#[derive(Debug)]
pub(crate) enum Polled {
    /// The next message, and how many there are after it.
    Message(Arc<Message>, u64),
    /// Nothing came for a while.
    Idle,
    /// There is nothing any more, and nothing will come.
    Closed,
}

/// All topics.
#[derive(Debug)]
pub(crate) struct Log {
    topics: HashMap<&'static str, Vec<Partition>>,
}

#[derive(Debug)]
struct Partition {
    state: Mutex<State>,
    /// Something was appended, or it was closed.
    arrived: Notify,
    /// Something was let go of.
    room: Notify,
}

#[derive(Debug)]
struct State {
    messages: VecDeque<Arc<Message>>,
    /// The offset of the first of them.
    first: u64,
    /// Where each group is.
    groups: HashMap<&'static str, u64>,
    closed: bool,
}

/// The partitions that this member of a group of so many reads.
pub(crate) fn assigned(topic: &str, member: u32, members: u32) -> impl Iterator<Item = u32> + use<> {
    let partitions = TOPICS.iter().find(|(name, ..)| *name == topic).map_or(0, |(_, count, _)| *count);
    (0..partitions).filter(move |partition| partition % members == member)
}

impl Log {
    pub(crate) fn new() -> Self {
        let topics = TOPICS.map(|(name, partitions, groups)| {
            (name, (0..partitions).map(|_| Partition::new(groups)).collect())
        });
        Self { topics: topics.into() }
    }

    /// Appends a message to the partition of its key, and says which; and whether it had to wait for room.
    pub(crate) async fn append(
        &self,
        topic: &str,
        key: &str,
        headers: Headers,
        payload: Vec<u8>,
    ) -> Appended {
        let partitions = self.topics.get(topic).map_or(&[][..], Vec::as_slice);
        let partition = hash(key) % partitions.len() as u64;
        let waited = partitions[partition as usize].append(headers, payload).await;
        TALLY.add("messaging_client_sent_messages_total", 1.0);
        Appended { partition: partition as u32, waited }
    }

    /// Waits for the next message of this group. The same one comes again until it is committed.
    pub(crate) async fn poll(&self, topic: &str, partition: u32, group: &str) -> Polled {
        match self.partition(topic, partition) {
            Some(partition) => partition.poll(group).await,
            None => Polled::Closed,
        }
    }

    /// The group has handled everything up to this message.
    pub(crate) fn commit(&self, topic: &str, partition: u32, group: &str, message: &Message) {
        if let Some(partition) = self.partition(topic, partition) {
            partition.commit(group, message.offset + 1);
            TALLY.add("messaging_client_consumed_messages_total", 1.0);
        }
    }

    /// Nothing will be appended to this topic any more.
    pub(crate) fn close(&self, topic: &str) {
        for partition in self.topics.get(topic).into_iter().flatten() {
            partition.lock().closed = true;
            partition.arrived.notify_waiters();
        }
    }

    fn partition(&self, topic: &str, partition: u32) -> Option<&Partition> {
        self.topics.get(topic)?.get(partition as usize)
    }
}

/// Where a message went.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Appended {
    pub(crate) partition: u32,
    /// There was no room at first.
    pub(crate) waited: bool,
}

impl Partition {
    fn new(groups: &[&'static str]) -> Self {
        let groups = groups.iter().map(|group| (*group, 0)).collect();
        let state = State { messages: VecDeque::new(), first: 0, groups, closed: false };
        Self { state: Mutex::new(state), arrived: Notify::new(), room: Notify::new() }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn append(&self, headers: Headers, payload: Vec<u8>) -> bool {
        let mut waited = false;
        loop {
            let room = self.room.notified();
            {
                let mut state = self.lock();
                if state.messages.len() < CAPACITY {
                    let offset = state.first + state.messages.len() as u64;
                    state.messages.push_back(Arc::new(Message { headers, payload, offset }));
                    break;
                }
            }
            waited = true;
            room.await; // asked for before the look, so that room made since then counts
        }
        self.arrived.notify_waiters();
        if waited {
            TALLY.add("processor_backpressure_events_total", 1.0);
        }
        waited
    }

    async fn poll(&self, group: &str) -> Polled {
        let arrived = self.arrived.notified();
        if let Some(found) = self.look(group) {
            return found;
        }
        let _woken = timeout(POLL, arrived).await;
        self.look(group).unwrap_or(Polled::Idle)
    }

    fn look(&self, group: &str) -> Option<Polled> {
        let state = self.lock();
        let at = state.groups.get(group)?.checked_sub(state.first)? as usize;
        match state.messages.get(at) {
            Some(message) => {
                Some(Polled::Message(Arc::clone(message), (state.messages.len() - at - 1) as u64))
            }
            None => state.closed.then_some(Polled::Closed),
        }
    }

    fn commit(&self, group: &str, offset: u64) {
        let mut state = self.lock();
        if let Some(committed) = state.groups.get_mut(group) {
            *committed = offset;
        }
        let slowest = state.groups.values().copied().min().unwrap_or(0);
        while state.first < slowest && state.messages.pop_front().is_some() {
            state.first += 1;
        }
        drop(state);
        self.room.notify_waiters();
    }
}

/// FNV-1a: the same in every run, so that a key stays in its partition.
fn hash(key: &str) -> u64 {
    key.bytes()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn each_group_reads_everything_once_and_in_order() {
        let log = Log::new();
        for number in 0..5_u8 {
            log.append(EVENTS, "key", Headers::new(), vec![number]).await;
        }
        let at = (hash("key") % 4) as u32;
        for group in [AGGREGATORS, AUDITORS] {
            let mut read = Vec::new();
            while let Polled::Message(message, _) = log.poll(EVENTS, at, group).await {
                read.push(message.payload[0]);
                log.commit(EVENTS, at, group, &message);
            }
            assert_eq!(read, [0, 1, 2, 3, 4], "{group}");
        }
        assert_eq!(log.topics[EVENTS][at as usize].lock().messages.len(), 0, "all of it is let go of");
        log.close(EVENTS);
        assert!(matches!(log.poll(EVENTS, at, AUDITORS).await, Polled::Closed));
    }

    #[test]
    fn partitions_are_shared_among_members() {
        let all: Vec<_> = (0..3).flat_map(|member| assigned(EVENTS, member, 3)).collect();
        assert_eq!(all, [0, 3, 1, 2]);
    }
}
