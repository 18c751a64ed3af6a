//! Who is connected to which node: three real nodes, a real Redis, and a proxy with faults between them.

mod namesakes;
mod nodes;
mod outages;
mod register;
mod restarts;
