//! Topics: order, history, lag, rooms, presence.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::{FutureExt as _, StreamExt as _};
use tokio::time::timeout;
use trine_realtime::topic::{
    Change, Encoding, Lagged, Message, Overflow, Presence, RoomsFull, Since, Subscription, Topic,
    TopicConfig, Topics,
};

fn config() -> TopicConfig {
    TopicConfig::default()
}

async fn next<T: Send + Sync>(subscription: &mut Subscription<T>) -> Result<Message<T>, Lagged> {
    let next = timeout(Duration::from_secs(20), subscription.recv()).await;
    next.expect("timed out waiting for a message").expect("the subscription ended")
}

/// Everything that can be read without waiting: messages, and gaps as negative numbers.
fn drained(subscription: &mut Subscription<i64>) -> Vec<i64> {
    let mut seen = Vec::new();
    while let Some(Some(next)) = subscription.recv().now_or_never() {
        seen.push(match next {
            Ok(message) => *message,
            Err(Lagged { missed }) => -i64::try_from(missed.unwrap_or(u64::MAX >> 1)).unwrap(),
        });
    }
    seen
}

#[test]
fn topics_cross_threads() {
    fn crosses<T: Send + Sync>() {}
    crosses::<Topic<u8>>();
    crosses::<Topics<u8, u8>>();
    crosses::<Presence<u8, u8>>();
    fn moves<T: Send>() {}
    moves::<Subscription<u8>>();
}

/// Publishers on other threads keep publishing while subscribers on two runtimes subscribe, read
/// the history, unsubscribe and resume. Each subscriber sees every number of every publisher once
/// and in order.
#[test]
fn there_is_no_gap_or_repetition_between_history_and_live_messages() {
    const PUBLISHERS: usize = 3;
    let topic =
        Topic::<(usize, u64)>::with(TopicConfig { history: 2_000, queue: 1 << 16, ..config() });
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for publisher in 0..PUBLISHERS {
            let (topic, stop) = (&topic, &stop);
            scope.spawn(move || {
                for number in 0.. {
                    if stop.load(Ordering::Relaxed) {
                        return;
                    }
                    topic.publish((publisher, number));
                    std::thread::yield_now();
                }
            });
        }
        let readers: Vec<_> = (0..2)
            .map(|_| {
                let topic = &topic;
                scope.spawn(move || {
                    let runtime =
                        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
                    runtime.block_on(async {
                        let mut exact = 0;
                        for _ in 0..150 {
                            exact += u32::from(resume_after_some_messages(topic).await);
                        }
                        exact
                    })
                })
            })
            .collect();
        let exact: Vec<_> = readers.into_iter().map(|reader| reader.join()).collect();
        // A failure must end the publishers too.
        stop.store(true, Ordering::Relaxed);
        let exact: Vec<u32> = exact.into_iter().map(Result::unwrap).collect();
        assert!(exact.iter().all(|exact| *exact > 0), "no subscriber resumed in time: {exact:?}");
    });
}

/// Reads some messages, unsubscribes and resumes. Returns whether the history reached back far
/// enough.
async fn resume_after_some_messages(topic: &Topic<(usize, u64)>) -> bool {
    let mut seen = HashMap::new();
    let mut last = None::<u64>;
    let mut see = |message: &Message<(usize, u64)>, missed: u64| {
        let (publisher, number) = **message;
        // Ids have consecutive numbers, so the number of missing messages is known.
        let before = last.replace(message.id().number);
        assert!(before.is_none_or(|before| message.id().number == before + 1 + missed));
        if missed > 0 {
            seen.clear();
        }
        let before = seen.insert(publisher, number);
        assert!(before.is_none_or(|before| number == before + 1));
    };
    let mut subscription = topic.subscribe_since(Since::Oldest);
    let mut id = String::new();
    for _ in 0..500 {
        let message = next(&mut subscription).await.unwrap();
        id = message.id().to_string();
        see(&message, 0);
    }
    drop(subscription);
    let mut subscription = topic.subscribe_since(Since::After(id));
    let (mut missed, mut exact) = (0, true);
    for _ in 0..500 {
        match next(&mut subscription).await {
            Ok(message) => see(&message, std::mem::take(&mut missed)),
            Err(lagged) => {
                missed = lagged.missed.unwrap();
                assert!(missed > 0 && exact);
                exact = false;
            }
        }
    }
    exact
}

#[tokio::test]
async fn a_full_queue_drops_the_oldest_message() {
    let topic =
        Topic::<i64>::with(TopicConfig { queue: 3, overflow: Overflow::DropOldest, ..config() });
    let (mut slow, mut fast) = (topic.subscribe(), topic.subscribe());
    for number in 1..=7 {
        assert_eq!(topic.publish(number), 2);
        assert_eq!(drained(&mut fast), [number]);
    }
    assert_eq!(drained(&mut slow), [-4, 5, 6, 7]);
    topic.publish(8);
    assert_eq!(drained(&mut slow), [8]);
}

#[tokio::test]
async fn a_full_queue_can_drop_new_messages_instead() {
    let topic =
        Topic::<i64>::with(TopicConfig { queue: 3, overflow: Overflow::DropNewest, ..config() });
    let (mut slow, mut fast) = (topic.subscribe(), topic.subscribe());
    for number in 1..=7 {
        topic.publish(number);
        assert_eq!(drained(&mut fast), [number]);
    }
    assert_eq!(*next(&mut slow).await.unwrap(), 1);
    topic.publish(8);
    let mut late = topic.subscribe();
    assert_eq!(drained(&mut slow), [2, 3, -5]);
    for number in 9..=12 {
        topic.publish(number);
    }
    assert_eq!(drained(&mut late), [9, 10, 11, -1]);
    assert_eq!(drained(&mut slow), [9, 10, 11, -1]);
    assert_eq!(drained(&mut fast), [8, 9, 10, -2]);
}

#[tokio::test]
async fn a_lagging_subscriber_can_be_disconnected() {
    let topic =
        Topic::<i64>::with(TopicConfig { queue: 3, overflow: Overflow::Disconnect, ..config() });
    let (mut slow, mut fast) = (topic.subscribe(), topic.subscribe());
    for number in 1..=4 {
        topic.publish(number);
        assert_eq!(drained(&mut fast), [number]);
    }
    assert_eq!(drained(&mut slow), [-1]);
    assert!(slow.recv().await.is_none());
    assert!(fast.recv().now_or_never().is_none(), "the other subscription continues");
}

#[tokio::test]
async fn a_resumed_subscription_reports_missing_messages() {
    let topic = Topic::<i64>::with(TopicConfig { history: 2, ..config() });
    let mut subscription = topic.subscribe();
    let ids: Vec<String> = (1..=5)
        .map(|number| {
            topic.publish(number);
            subscription.recv().now_or_never().unwrap().unwrap().unwrap().id().to_string()
        })
        .collect();
    let back = |id: &str| drained(&mut topic.subscribe_since(Since::After(id.to_owned())));
    assert_eq!(back(&ids[4]), [0; 0]);
    assert_eq!(back(&ids[3]), [5]);
    assert_eq!(back(&ids[2]), [4, 5]);
    assert_eq!(back(&ids[1]), [-1, 4, 5]);
    assert_eq!(back(&ids[0]), [-2, 4, 5]);
    let unknown = -(i64::MAX);
    let other = Topic::<i64>::new();
    let mut elsewhere = other.subscribe();
    other.publish(0);
    let elsewhere = next(&mut elsewhere).await.unwrap().id().to_string();
    let (origin, _) = ids[4].split_once('-').unwrap();
    for id in ["", "7", "no id", &elsewhere, &format!("{origin}-6")] {
        assert_eq!(back(id), [unknown, 4, 5], "{id}");
    }
    assert_eq!(topic.history().iter().map(|message| **message).collect::<Vec<_>>(), [4, 5]);
    // Without a history, only a subscriber that missed nothing can resume exactly.
    let topic = Topic::<i64>::new();
    let mut subscription = topic.subscribe();
    topic.publish(1);
    let id = next(&mut subscription).await.unwrap().id().to_string();
    assert_eq!(drained(&mut topic.subscribe_since(Since::After(id.clone()))), [0; 0]);
    topic.publish(2);
    assert_eq!(drained(&mut topic.subscribe_since(Since::After(id))), [-1]);
}

#[tokio::test]
async fn a_closed_topic_is_read_to_its_end() {
    let topic = Topic::<i64>::with(TopicConfig { history: 1, ..config() });
    let mut waiting = topic.subscribe();
    let waited = tokio::spawn(async move { waiting.recv().await.is_none() });
    tokio::task::yield_now().await;
    let mut behind = topic.subscribe();
    topic.publish(1);
    topic.close();
    assert_eq!(topic.publish(2), 0);
    assert!(!waited.await.unwrap());
    assert_eq!(*next(&mut behind).await.unwrap(), 1);
    assert!(behind.recv().await.is_none());
    let mut late = topic.subscribe_since(Since::Oldest);
    assert_eq!(*next(&mut late).await.unwrap(), 1);
    assert!(late.recv().await.is_none());
}

/// Subscribers on runtimes of both kinds, and one outside of a runtime, are woken for each message.
#[test]
fn subscribers_are_woken_on_every_runtime_and_outside_of_one() {
    const EACH: usize = 300;
    const MESSAGES: u64 = 200;
    let topic = Topic::<u64>::with(TopicConfig { queue: 1000, ..config() });
    let read = AtomicUsize::new(0);
    let reader = |topic: &Topic<u64>| {
        let mut subscription = topic.subscribe();
        async move {
            for number in 1..=MESSAGES {
                assert_eq!(*next(&mut subscription).await.unwrap(), number);
            }
        }
    };
    std::thread::scope(|scope| {
        for kind in 0..3 {
            let (topic, read, reader) = (topic.clone(), &read, &reader);
            scope.spawn(move || {
                let runtime = match kind {
                    0 => tokio::runtime::Builder::new_multi_thread()
                        .worker_threads(2)
                        .enable_all()
                        .build(),
                    _ => tokio::runtime::Builder::new_current_thread().enable_all().build(),
                };
                runtime.unwrap().block_on(async {
                    let tasks: Vec<_> = (0..EACH).map(|_| tokio::spawn(reader(&topic))).collect();
                    for task in tasks {
                        task.await.unwrap();
                        read.fetch_add(1, Ordering::Relaxed);
                    }
                });
            });
        }
        let (outside, read) = (topic.clone(), &read);
        scope.spawn(move || {
            let mut subscription = outside.subscribe();
            for number in 1..=MESSAGES {
                let message = block_on_without_runtime(subscription.recv());
                assert_eq!(*message.unwrap().unwrap(), number);
            }
            read.fetch_add(1, Ordering::Relaxed);
        });
        while topic.subscribers() < 3 * EACH + 1 {
            std::thread::yield_now();
        }
        for number in 1..=MESSAGES {
            topic.publish(number);
            if number % 16 == 0 {
                std::thread::sleep(Duration::from_millis(1));
            }
        }
    });
    assert_eq!(read.load(Ordering::Relaxed), 3 * EACH + 1);
    assert_eq!(topic.subscribers(), 0);
}

/// Blocks this thread on a future, without a runtime.
fn block_on_without_runtime<F: Future>(future: F) -> F::Output {
    struct Unpark(std::thread::Thread);
    impl std::task::Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Arc::new(Unpark(std::thread::current())).into();
    let mut cx = std::task::Context::from_waker(&waker);
    let mut future = std::pin::pin!(future);
    loop {
        match future.as_mut().poll(&mut cx) {
            std::task::Poll::Ready(value) => return value,
            std::task::Poll::Pending => std::thread::park(),
        }
    }
}

/// A subscriber whose task is busy with something else must not delay the other subscribers of its
/// thread.
#[tokio::test]
async fn a_busy_task_does_not_delay_other_subscribers() {
    let topic = Topic::<i64>::new();
    let mut busy = topic.subscribe();
    let stuck = tokio::spawn(async move {
        let mut polled = Box::pin(busy.next());
        tokio::select! {
            biased;
            _ = &mut polled => {}
            () = std::future::ready(()) => {}
        }
        std::future::pending::<()>().await;
    });
    let readers: Vec<_> = (0..5)
        .map(|_| {
            let mut subscription = topic.subscribe();
            tokio::spawn(async move { *next(&mut subscription).await.unwrap() })
        })
        .collect();
    tokio::task::yield_now().await;
    topic.publish(7);
    for reader in readers {
        assert_eq!(reader.await.unwrap(), 7);
    }
    stuck.abort();
}

#[tokio::test]
async fn a_message_is_encoded_once_for_all() {
    static MADE: AtomicUsize = AtomicUsize::new(0);
    struct Upper;
    let topic = Topic::<String>::new();
    let subscriptions: Vec<_> = (0..50).map(|_| topic.subscribe()).collect();
    topic.publish("hello".to_owned());
    for mut subscription in subscriptions {
        let message = next(&mut subscription).await.unwrap();
        let bytes = message.encoded(Encoding::of::<Upper>(0), |text| {
            MADE.fetch_add(1, Ordering::Relaxed);
            Ok(text.to_uppercase().into())
        });
        assert_eq!(bytes.unwrap(), "HELLO");
        assert_eq!(message.json().unwrap(), "\"hello\"");
    }
    assert_eq!(MADE.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn a_room_exists_while_it_has_subscribers() {
    let rooms = Topics::<String, i64>::new();
    assert_eq!(rooms.publish(&"a".into(), 0), 0);
    assert!(rooms.rooms().is_empty(), "the room has no subscriber");
    let mut ann = rooms.subscribe(&"a".into()).unwrap();
    let bob = rooms.subscribe(&"b".into()).unwrap();
    assert_eq!((rooms.publish(&"a".into(), 1), rooms.publish(&"c".into(), 2)), (1, 0));
    assert_eq!(drained(&mut ann), [1]);
    assert_eq!(rooms.subscribers(&"a".into()), 1);
    drop(bob);
    assert_eq!(rooms.rooms(), ["a"]);
    rooms.close(&"a".into());
    assert!(ann.recv().await.is_none());
    drop(ann);
    assert!(rooms.rooms().is_empty());
}

#[tokio::test]
async fn a_room_with_a_history_lingers() {
    let linger = Duration::from_millis(200);
    let rooms = Topics::<u8, i64>::with(TopicConfig { history: 2, linger, ..config() });
    rooms.publish(&1, 1);
    let mut subscription = rooms.subscribe_since(&1, Since::Oldest).unwrap();
    rooms.publish(&1, 2);
    rooms.publish(&1, 3);
    assert_eq!(drained(&mut subscription), [1, 2, 3]);
    drop(subscription);
    assert_eq!(drained(&mut rooms.subscribe_since(&1, Since::Oldest).unwrap()), [2, 3]);
    tokio::time::sleep(linger * 2).await;
    let _other = rooms.subscribe(&2).unwrap();
    assert_eq!(rooms.rooms(), [2], "another room cleans up");
    assert!(rooms.history(&1).is_empty());
}

#[tokio::test]
async fn a_room_beyond_the_limit_replaces_an_idle_one_or_is_refused() {
    let rooms = Topics::<u8, i64>::with(TopicConfig { history: 1, rooms: 2, ..config() });
    rooms.publish(&1, 1);
    tokio::time::sleep(Duration::from_millis(5)).await;
    rooms.publish(&2, 2);
    let three = rooms.subscribe(&3).unwrap();
    let mut left = rooms.rooms();
    left.sort_unstable();
    assert_eq!(left, [2, 3], "the room that was idle for the longest time is replaced");
    let _two = rooms.subscribe(&2).unwrap();
    assert_eq!(rooms.subscribe(&4).unwrap_err(), RoomsFull { limit: 2 });
    assert_eq!(rooms.publish(&4, 4), 0);
    drop(three);
    rooms.subscribe(&4).unwrap();
}

/// Publishing restarts the linger time too. The room to replace is found without updating it on
/// every message.
#[tokio::test]
async fn using_a_room_restarts_its_linger_time() {
    let rooms = Topics::<u8, i64>::with(TopicConfig { history: 1, rooms: 3, ..config() });
    for (room, value) in [(1, 1), (2, 2), (3, 3), (1, 4)] {
        rooms.publish(&room, value);
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    // A subscription that begins and ends restarts it too.
    drop(rooms.subscribe(&2).unwrap());
    let left = |rooms: &Topics<u8, i64>| {
        let mut left = rooms.rooms();
        left.sort_unstable();
        left
    };
    rooms.publish(&4, 5);
    assert_eq!(left(&rooms), [1, 2, 4]);
    tokio::time::sleep(Duration::from_millis(2)).await;
    rooms.publish(&5, 6);
    assert_eq!(left(&rooms), [2, 4, 5]);
    // A room with a subscriber is never replaced, and becomes idle again afterwards.
    let here = rooms.subscribe(&2).unwrap();
    for room in 6..=9 {
        tokio::time::sleep(Duration::from_millis(2)).await;
        rooms.publish(&room, 7);
    }
    assert_eq!(left(&rooms), [2, 8, 9]);
    drop(here);
    tokio::time::sleep(Duration::from_millis(2)).await;
    for room in 10..=11 {
        rooms.publish(&room, 8);
    }
    assert_eq!(left(&rooms), [2, 10, 11]);
    rooms.publish(&12, 9);
    assert_eq!(left(&rooms), [10, 11, 12]);
}

/// A refused room must not inspect all rooms, since publishers wait for the lock meanwhile.
#[tokio::test]
async fn refusing_a_room_costs_the_same_for_any_number_of_rooms() {
    let refused = |count: u32| {
        let rooms =
            Topics::<u32, ()>::with(TopicConfig { rooms: count as usize, history: 1, ..config() });
        let held: Vec<_> = (0..count).map(|room| rooms.subscribe(&room).unwrap()).collect();
        let once = || {
            let start = std::time::Instant::now();
            for name in 0..200 {
                rooms.subscribe(&(count + name)).unwrap_err();
            }
            start.elapsed()
        };
        // The first refusal corrects the idle queue.
        once();
        let best = (0..10).map(|_| once()).min().unwrap();
        drop(held);
        best
    };
    let (few, many) = (refused(100), refused(10_000));
    assert!(many < few * 10, "200 names: {few:?} with 100 rooms, {many:?} with 10,000");
}

/// Several threads create and remove rooms at once: no subscriber misses a message.
#[test]
fn rooms_that_are_created_and_removed_concurrently_lose_no_message() {
    let rooms = Topics::<u8, u64>::with(TopicConfig { queue: 20_000, ..config() });
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let rooms = rooms.clone();
            scope.spawn(move || {
                for number in 0..5_000 {
                    let mut subscription = rooms.subscribe(&7).unwrap();
                    let mine = thread * 1_000_000 + number;
                    assert!(rooms.publish(&7, mine) >= 1);
                    let heard = block_on_without_runtime(async {
                        loop {
                            let message = subscription.recv().await.unwrap().unwrap();
                            if *message == mine {
                                return true;
                            }
                        }
                    });
                    assert!(heard);
                }
            });
        }
    });
    assert!(rooms.rooms().is_empty());
}

#[tokio::test]
async fn presence_counts_members_and_not_entries() {
    let presence = Presence::<u8, &str>::new();
    let [ann, ann_again] = [0, 1].map(|_| presence.enter(1, "Ann"));
    let mut watch = presence.watch(1);
    assert_eq!(watch.next().await, Some(Change::Members(vec!["Ann"])));
    let bob = presence.enter(1, "Bob");
    drop(ann);
    assert_eq!(presence.members(&1), ["Ann", "Bob"]);
    drop(ann_again);
    assert_eq!(watch.changed().await, Change::Joined("Bob"));
    assert_eq!(watch.changed().await, Change::Left("Ann"));
    assert!(watch.changed().now_or_never().is_none());
    // More changes than a watch can queue: it receives all members again.
    for _ in 0..300 {
        drop(presence.enter(1, "Eve"));
    }
    assert_eq!(watch.changed().await, Change::Members(vec!["Bob"]));
    assert!(watch.changed().now_or_never().is_none());
    assert_eq!(presence.members(&2), [""; 0]);
    drop((bob, watch));
    assert_eq!(
        format!("{:?}", serde_json::to_string(&Change::Joined("Bob"))),
        r#"Ok("{\"joined\":\"Bob\"}")"#
    );
}

/// Dropping the value of a message may run any code, which may even use its own topic.
#[tokio::test]
async fn a_value_that_publishes_when_it_is_dropped_does_not_deadlock() {
    struct Echo(Option<Topic<Echo>>);
    impl Drop for Echo {
        fn drop(&mut self) {
            if let Some(topic) = self.0.take() {
                topic.publish(Echo(None));
            }
        }
    }
    let topic = Topic::<Echo>::with(TopicConfig { queue: 2, history: 1, ..config() });
    let mut subscription = topic.subscribe();
    for _ in 0..5 {
        topic.publish(Echo(Some(topic.clone())));
    }
    while let Some(Some(_)) = subscription.recv().now_or_never() {}
    drop(subscription);
    topic.close();
}
