//! Resilience: timeouts, retries and limits as pure state machines driven by given time and randomness.
