//! What ends by time in a run that is steered: pauses, acts, questions, leases, workers that have gone silent. Settings
//! of seconds, the real binary, nothing but HTTP and sockets.

mod commands;
mod leases;
mod silence;
mod steered;
mod steps;
