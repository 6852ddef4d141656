//! Records of Application Auto Scaling.
