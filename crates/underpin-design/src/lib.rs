//! The design: how the backend is built, as a value with every decision and its drivers.
