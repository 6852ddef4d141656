//! What a budget has spent.
