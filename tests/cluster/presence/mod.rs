//! Who is connected to which node: three real nodes, a real Redis, and a proxy with faults between them.

mod node_ids;
mod nodes;
mod outages;
mod register;
mod restarts;
