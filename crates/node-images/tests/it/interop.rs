//! Against a registry and a copying tool that we did not write.
