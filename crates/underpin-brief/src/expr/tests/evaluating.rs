//! What expressions evaluate to.
