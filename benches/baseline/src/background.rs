//! What happens after an answer: a paid order empties the cart, an unpaid one is given up.

use crate::Shop;
use crate::orders::empty_cart;
use crate::store::{Refused, now};
use std::sync::Arc;
use std::time::Duration;

/// Looks for what is due as long as the process runs.
pub async fn run(shop: Arc<Shop>) {
    loop {
        let worked = shop.store.read(|connection| {
            let mut find = connection.prepare_cached(
                "SELECT seq, event, key, payload FROM outbox
                 WHERE done = 0 AND due <= ?1 ORDER BY due, seq LIMIT 64",
            )?;
            let rows = find.query_map([now()], |row| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
            })?;
            Ok(rows.collect::<Result<Vec<(i64, String, String, String)>, _>>()?)
        });
        let due = worked.await.unwrap_or_default();
        let none = due.is_empty();
        let works = due.into_iter().map(|work| {
            let shop = Arc::clone(&shop);
            tokio::spawn(async move { act(&shop, work).await })
        });
        for work in works.collect::<Vec<_>>() {
            let _ = work.await;
        }
        if none {
            let _ = tokio::time::timeout(Duration::from_secs(5), shop.wake.notified()).await;
        }
    }
}

async fn act(shop: &Shop, work: (i64, String, String, String)) -> Result<(), Refused> {
    let (seq, event, order, payload) = work;
    let done = shop.store.write(move |connection| {
        match event.as_str() {
            "paid" => {
                let event: serde_json::Value = serde_json::from_str(&payload)?;
                let owner = event.get("customer").and_then(|owner| owner.as_str());
                empty_cart(connection, owner.unwrap_or_default())?;
            }
            "placed" => {
                connection
                    .prepare_cached("UPDATE orders SET state = 'cancelled', version = version + 1 WHERE id = ?1 AND state = 'placed'")?
                    .execute([&order])?;
            }
            _ => {}
        }
        connection
            .prepare_cached("UPDATE outbox SET done = 1 WHERE seq = ?1")?
            .execute([seq])?;
        Ok(())
    });
    done.await
}
