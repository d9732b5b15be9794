//! What is counted: rate, errors and duration per operation, what is in flight, and the engine's
//! figures. Labels are names of operations, never values. Must not know HTTP beyond statuses.

use crate::backend::Figures;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};
use std::time::Duration;

/// The media type of [`Metrics::text`].
pub const MEDIA: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Bounds of the duration buckets, in seconds.
const BOUNDS: [f64; 14] = [
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
];

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Operation {
    operation: String,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Outcome {
    operation: String,
    status: u16,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Stage {
    stage: String,
}

/// All counters of a server.
pub struct Metrics {
    registry: Registry,
    requests: Family<Outcome, Counter>,
    durations: Family<Operation, Histogram, fn() -> Histogram>,
    in_flight: Gauge,
    shed: Counter,
    flows: Family<Stage, Gauge>,
    recovered: Gauge,
    store_queue: Gauge,
    turned_away: Gauge,
    outbox: Gauge,
    subscribers: Gauge,
    deliveries: Gauge,
}

fn histogram() -> Histogram {
    Histogram::new(BOUNDS)
}

impl Default for Metrics {
    fn default() -> Self {
        let mut made = Self {
            registry: Registry::with_prefix("underpin"),
            requests: Family::default(),
            durations: Family::new_with_constructor(histogram),
            in_flight: Gauge::default(),
            shed: Counter::default(),
            flows: Family::default(),
            recovered: Gauge::default(),
            store_queue: Gauge::default(),
            turned_away: Gauge::default(),
            outbox: Gauge::default(),
            subscribers: Gauge::default(),
            deliveries: Gauge::default(),
        };
        let registry = &mut made.registry;
        registry.register("requests", "Requests answered", made.requests.clone());
        registry.register_with_unit(
            "request_duration",
            "Time from the whole request to the answer",
            Unit::Seconds,
            made.durations.clone(),
        );
        registry.register(
            "requests_in_flight",
            "Requests being answered",
            made.in_flight.clone(),
        );
        registry.register(
            "requests_shed",
            "Requests turned away when full",
            made.shed.clone(),
        );
        registry.register("flows", "Unfinished flows by stage", made.flows.clone());
        registry.register(
            "flows_recovered",
            "Flows found unfinished at start",
            made.recovered.clone(),
        );
        registry.register(
            "store_queue",
            "Writes waiting for the store",
            made.store_queue.clone(),
        );
        registry.register(
            "requests_shed_by_priority",
            "Requests turned away because the store was asked too much",
            made.turned_away.clone(),
        );
        registry.register("outbox", "Events waiting for delivery", made.outbox.clone());
        registry.register(
            "feed_subscribers",
            "Open streams of feeds",
            made.subscribers.clone(),
        );
        registry.register(
            "webhook_deliveries",
            "Messages waiting for endpoints",
            made.deliveries.clone(),
        );
        made
    }
}

impl Metrics {
    /// A request came in.
    pub fn began(&self) {
        self.in_flight.inc();
    }

    /// It was answered.
    pub fn ended(&self, operation: &str, status: u16, took: Duration) {
        self.in_flight.dec();
        let operation = operation.to_owned();
        self.durations
            .get_or_create(&Operation {
                operation: operation.clone(),
            })
            .observe(took.as_secs_f64());
        self.requests
            .get_or_create(&Outcome { operation, status })
            .inc();
    }

    /// A request was turned away because the server was full.
    pub fn turned_away(&self) {
        self.shed.inc();
    }

    /// Everything as text, with the engine's figures of this moment.
    #[must_use]
    pub fn text(&self, figures: &Figures) -> String {
        let whole = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
        self.flows.clear();
        for (stage, count) in &figures.flows {
            self.flows
                .get_or_create(&Stage {
                    stage: stage.clone(),
                })
                .set(whole(*count));
        }
        self.recovered.set(whole(figures.recovered));
        self.store_queue.set(whole(figures.store_queue));
        self.turned_away.set(whole(figures.turned_away));
        self.outbox.set(whole(figures.outbox));
        self.subscribers.set(whole(figures.subscribers));
        self.deliveries.set(whole(figures.deliveries));
        let mut text = String::new();
        // Writing to a string does not fail.
        let _ = encode(&mut text, &self.registry);
        text
    }
}
