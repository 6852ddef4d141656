//! Records of what was used, and of the budgets that watch it.
