//! The contract: what clients see, derived once for the router and for the documents.
