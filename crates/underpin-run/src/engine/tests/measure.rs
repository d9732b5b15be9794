//! Figures of the engine in this process, printed; what is asserted holds on any machine.

use super::house::*;
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;

/// Callers at the same time, and requests of each.
const CALLERS: usize = 64;
const EACH: usize = 20;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writes_of_many_callers_share_their_commits() {
    let house = Arc::new(House::new(SHOP).await);
    house.product("a", 1_000_000).await;
    let before = house.engine().first().store.figures();
    let spent = |work: Vec<tokio::task::JoinHandle<()>>| async move {
        let began = began();
        for one in work {
            one.await.expect("an answer");
        }
        began()
    };
    let write = |house: Arc<House>| async move {
        for _ in 0..EACH {
            let input = json!({"product": "a", "quantity": 1});
            house
                .run("shopper/sam", "reserve", input)
                .await
                .expect("reserved");
        }
    };
    let writes = (0..CALLERS)
        .map(|_| tokio::spawn(write(Arc::clone(&house))))
        .collect();
    let took = spent(writes).await;
    let after = house.engine().first().store.figures();
    let commits = after.commits - before.commits;
    let done = CALLERS * EACH;
    println!(
        "{done} durable writes in {commits} commits: {:.0}/s",
        rate(done, took)
    );
    assert!(
        commits < done as u64 / 2,
        "{commits} commits for {done} writes"
    );
    let read = |house: Arc<House>| async move {
        for _ in 0..EACH {
            assert_eq!(house.rows("", "browse-products").await.len(), 1);
        }
    };
    let reads = (0..CALLERS)
        .map(|_| tokio::spawn(read(Arc::clone(&house))))
        .collect();
    println!("{done} reads: {:.0}/s", rate(done, spent(reads).await));
}

/// A watch that tells how long it is since it was made.
#[expect(
    clippy::disallowed_methods,
    reason = "a measurement needs the real clock"
)]
fn began() -> impl Fn() -> Duration {
    let start = std::time::Instant::now();
    move || start.elapsed()
}

fn rate(done: usize, took: Duration) -> f64 {
    done as f64 / took.as_secs_f64()
}
