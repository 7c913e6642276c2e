//! A server as a cloud would be asked for it.
