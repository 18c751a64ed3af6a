//! One worker thread's part of the node: its hub, its thread agent, its edge, and the HTTP server that ties them
//! together.

use std::future::ready;
use std::io;
use std::net::TcpListener;
use std::rc::Rc;
use std::time::Duration;

use actix_http::Extensions;
use actix_http::error::DispatchError;
use actix_rt::net::TcpStream;
use actix_server::Server;
use actix_service::{
    IntoServiceFactory as _, Service as _, ServiceFactory, ServiceFactoryExt as _, apply_fn_factory, fn_factory,
    fn_service, map_config,
};
use actix_web::body::BoxBody;
use actix_web::dev::AppConfig;
use actix_web::middleware::from_fn;
use actix_web::{App, web};
use futures_util::FutureExt as _;
use tracing::error;

use super::parts::NodeParts;
use super::transport::{TimedSocket, Transport, share};
use super::{drain, ops_edge};
use crate::actors::hub::broadcaster::Broadcaster;
use crate::actors::hub::thread_agent::{self, ThreadAgent};
use crate::actors::hub::{Hub, SessionLimits};
use crate::actors::session::SessionPort;
use crate::actors::supervision::{Child, Service, spawn};
use crate::actors::supervisor::Supervisor;
use crate::actors::trace_session::{TracePort, TraceTimes};
use crate::http::access::middleware::authorize;
use crate::http::body_checks::check_body;
use crate::http::crowd::crowd;
use crate::http::edge::{
    ClientsEdge, DeletionEdge, Edge, ExportEdge, IngestEdge, RunsEdge, SignInEdge, StepsEdge, TokenEdge, WatchEdge,
};
use crate::http::framing::framing;
use crate::http::limits::middleware::limit;
use crate::http::method_not_allowed::method;
use crate::http::origin::check_origin;
use crate::http::parameters::check_parameters;
use crate::http::problem::Problem;
use crate::http::rooms::Rooms;
use crate::http::transfer::count_response;
use crate::http::unread::unread;
use crate::http::watch::upgrade::Upgrade;
use crate::http::{routes, routes_of_main};
use crate::node::{Node, NodePhase};
use crate::protocol::frame::FrameLimits;
use crate::tasks;

/// New connections that wait on one worker thread.
const PER_WORKER: usize = 25_600;

/// Questions that may wait for a thread's supervisor.
const SUPERVISOR_MAILBOX: usize = 16;

/// Starts the HTTP server on `listener`, with as many worker threads as configured.
pub(super) fn start(parts: &NodeParts, listener: TcpListener) -> io::Result<Server> {
    let workers = parts.config.server.worker_threads();
    let parts = parts.clone();
    let server = Server::build()
        .workers(workers)
        .max_concurrent_connections(PER_WORKER)
        .shutdown_timeout(drain::SERVER_STOP.as_secs())
        .disable_signals()
        .listen("runcast", listener, move || {
            let thread = Thread::new(&parts);
            thread.supervise();
            let (slots, node, clients) = (parts.node.clone(), parts.node.clone(), parts.limits.clone());
            let transport = Transport::new(&parts);
            let upgrade = Rc::new(thread.upgrade());
            let limits = parts.live.bodies.clone();
            let (for_http, for_upgrade) = (thread.clone(), thread);
            let http = transport
                .http()
                .graceful_shutdown_signal(move || node.drains())
                .on_connect_ext(move |socket: &TimedSocket, extensions: &mut Extensions| {
                    share(socket, extensions);
                    let counted = Rc::new(clients.connect(socket.get_ref().peer()));
                    extensions.insert(Rc::new(slots.connect().holding(counted.clone())));
                    extensions.insert(counted);
                })
                .expect(fn_service(move |request: actix_http::Request| {
                    let refused = limits.borrow().refuse(request.head());
                    ready(refused.map_or(Ok(request), |problem: Problem| Err(actix_web::Error::from(problem))))
                }))
                .upgrade(fn_factory(move || {
                    let (thread, upgrade) = (for_upgrade.clone(), upgrade.clone());
                    async move {
                        let app = Rc::new(app(thread).new_service(()).await?);
                        Ok::<_, ()>(fn_service(move |(request, framed)| {
                            let (app, upgrade) = (app.clone(), upgrade.clone());
                            async move {
                                upgrade.serve(&*app, request, framed).await;
                                Ok::<_, actix_web::Error>(())
                            }
                        }))
                    }
                }))
                .finish(app(for_http));
            let accept = fn_service(move |tcp: TcpStream| ready(Ok::<_, DispatchError>(transport.accept(tcp))));
            // A panic is one connection's, and told.
            apply_fn_factory(accept.and_then(http), |tcp, serve| {
                tasks::caught("connection", serve.call(tcp)).map(|served| served.unwrap_or(Ok(())))
            })
        })?;
    Ok(server.run())
}

/// One worker thread, for as long as it runs. The server starts another in its place when one ends by a panic.
struct RunningThread {
    node: Node,
}

impl Drop for RunningThread {
    fn drop(&mut self) {
        if matches!(self.node.phase(), NodePhase::Ready | NodePhase::Leaving) {
            error!(child = "worker_thread", "a worker thread ended: its connections are gone");
            tasks::count_exit("worker_thread", "failed");
        }
    }
}

/// What the parts of one worker thread share.
#[derive(Clone)]
struct Thread {
    parts: NodeParts,
    hub: Rc<Hub>,
    sessions: Rc<SessionPort>,
    trace_sessions: Option<Rc<TracePort>>,
}

impl Thread {
    fn new(parts: &NodeParts) -> Self {
        let (session, heartbeat) = (&parts.config.session, &parts.config.heartbeat);
        let limits = Rc::new(SessionLimits {
            outbox_bytes: session.outbox_bytes,
            page_bytes: parts.config.room.page_bytes,
            outboxes: parts.outboxes.clone(),
            stall_secs: session.stall_secs as u32,
            pong_deadline_secs: heartbeat.pong_deadline_secs as u32,
            ping_secs: heartbeat.ping_secs as u32,
            incoming: FrameLimits {
                max_frame_bytes: session.max_message_bytes,
                max_message_bytes: session.max_message_bytes,
            },
            send_buffer_bytes: session.send_buffer_bytes as u32,
        });
        let live_actors = parts.live_actors.clone();
        let hub = Rc::new_cyclic(|hub: &std::rc::Weak<Hub>| {
            let hub = hub.clone();
            let open_broadcaster = Box::new(move |subscribers| {
                let Some(hub) = hub.upgrade() else { return };
                Broadcaster::new(subscribers, hub, live_actors.enter("broadcaster")).spawn();
            });
            Hub::new(limits, parts.thread_metrics.thread(), open_broadcaster)
        });
        let rooms = parts.services.registry.recipient();
        let sessions = Rc::new(SessionPort::new(hub.clone(), rooms, parts.steering.clone(), parts.node.id().clone()));
        let trace_sessions = parts.artifacts.clone().map(|artifacts| {
            let settings = &parts.config.artifacts;
            let times = TraceTimes {
                poll: Duration::from_millis(settings.live_trace_poll_ms),
                update: Duration::from_millis(settings.live_trace_update_ms),
            };
            let rooms = parts.services.registry.recipient();
            Rc::new(TracePort::new(hub.clone(), rooms, artifacts, times, parts.trace_sessions.clone()))
        });
        Self { parts: parts.clone(), hub, sessions, trace_sessions }
    }

    fn upgrade(&self) -> Upgrade {
        let patience = Duration::from_secs(self.parts.config.server.header_timeout_secs);
        Upgrade {
            sessions: self.sessions.clone(),
            trace_sessions: self.trace_sessions.clone(),
            live_actors: self.parts.live_actors.clone(),
            patience,
        }
    }

    /// Starts the thread's supervisor, and with it the thread agent. Both end with the thread.
    fn supervise(&self) {
        let (parts, escalation) = (&self.parts, self.parts.escalation.clone());
        let agent = Service::new("thread_agent", thread_agent::MAILBOX);
        let supervisor = Service::new("thread_supervisor", SUPERVISOR_MAILBOX);
        let child = ThreadAgent::child(&agent, self.hub.clone(), parts.live_actors.clone());
        let children = vec![child.with_policy(parts.policy())];
        let (escalate, live) = (escalation.clone(), parts.live_actors.enter(supervisor.name()));
        let started =
            spawn(supervisor.name(), supervisor.mailbox(), move |_, _| Ok(Supervisor::new(children, escalate, live)));
        let Child { addr, done } = match started {
            Ok(started) => started,
            Err(exit) => return escalation.tell(format!("the supervisor of a worker thread {exit}")),
        };
        supervisor.bind(addr);
        let entry = parts.thread_agents.add(ThreadAgent::port(&agent, supervisor.recipient()));
        let thread = RunningThread { node: parts.node.clone() };
        // It ends with the thread.
        drop(tasks::spawn_local("worker_thread", async move {
            let _thread = thread;
            escalation.tell_end("the supervisor of a worker thread", done).await;
            // The agent has gone with its supervisor: nobody is to wait for it.
            drop(entry);
            std::future::pending::<()>().await;
        }));
    }

    fn edge(&self) -> Edge {
        let (parts, s) = (&self.parts, &self.parts.services);
        let storage = &parts.storage;
        Edge {
            rooms: Rooms::new(s.registry.recipient()),
            ingest: IngestEdge { limits: parts.live.ingest.clone() },
            runs: RunsEdge {
                catalog: storage.catalog.clone(),
                run_catalog: storage.run_catalog.clone(),
                clock: storage.journal.clone(),
                feed: parts.run_feed.clone(),
            },
            deletion: DeletionEdge {
                journal: storage.journal.clone(),
                expired: s.registry.recipient(),
                catalog_writer: s.catalog_writer.recipient(),
                artifacts: parts.artifacts.clone(),
            },
            export: ExportEdge { permits: parts.exports.clone(), artifacts: parts.artifacts.clone() },
            watch: WatchEdge {
                node: parts.node.clone(),
                sessions: self.sessions.clone(),
                live_actors: parts.live_actors.clone(),
                trusted_proxies: parts.config.server.trusted_proxies.clone(),
            },
            clients: ClientsEdge {
                packages: storage.packages.clone(),
                public_url: parts.config.server.public_url.clone(),
            },
            token: TokenEdge {
                exchange: storage.token_exchange.clone(),
                clock: storage.journal.clock().clone(),
                public_url: parts.config.server.public_url.as_str().into(),
            },
            sign_in: SignInEdge {
                provider: storage.provider.clone(),
                devices: storage.devices.clone(),
                public_url: parts.config.server.public_url.clone(),
            },
            steering: parts.steering.clone(),
            steps: StepsEdge { searches: parts.searches.clone() },
            queries: parts.queries.clone(),
            trace_viewer: parts.trace_viewer.clone(),
            operators: ops_edge::edge(parts),
        }
    }
}

/// The thread's application: routes behind the middleware.
fn app(
    thread: Thread,
) -> impl ServiceFactory<
    actix_http::Request,
    Config = (),
    Response = impl Into<actix_http::Response<BoxBody>>,
    Error = actix_web::Error,
    InitError = (),
> {
    let edge = thread.edge();
    let live = &thread.parts.live;
    let (whom, limits) = (web::Data::new(live.origins.clone()), web::Data::new(live.bodies.clone()));
    let app = App::new()
        .configure(|config| edge.share(config))
        .app_data(whom)
        .app_data(limits)
        .app_data(web::Data::new(thread.parts.node.clone()))
        .wrap(from_fn(check_parameters))
        .wrap(from_fn(check_body))
        .wrap(from_fn(limit))
        .wrap(from_fn(authorize))
        .wrap(from_fn(method))
        .wrap(from_fn(check_origin))
        .wrap(from_fn(crowd))
        .wrap(from_fn(count_response))
        .wrap(from_fn(framing))
        .wrap(from_fn(unread))
        .configure(if thread.parts.config.server.ops_bind.0.is_some() { routes_of_main } else { routes });
    map_config(app.into_factory(), |_| AppConfig::default())
}
