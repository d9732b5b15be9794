//! Forms read, written, shown and exemplified, as tables.
