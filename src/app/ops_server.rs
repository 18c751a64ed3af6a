//! The server for operators, on `server.ops_bind`: one thread with few connections, apart from whatever crowd the main
//! server has, and up until the node has drained.

use std::future::ready;
use std::io;
use std::net::TcpListener;

use actix_http::error::DispatchError;
use actix_rt::net::TcpStream;
use actix_server::Server;
use actix_service::{
    IntoServiceFactory as _, Service as _, ServiceFactory, ServiceFactoryExt as _, apply_fn_factory, fn_service,
    map_config,
};
use actix_web::body::BoxBody;
use actix_web::dev::AppConfig;
use actix_web::middleware::from_fn;
use actix_web::{App, web};
use futures_util::FutureExt as _;

use super::ops_edge::edge;
use super::parts::NodeParts;
use super::shares::OPS_CONNECTIONS;
use super::transport::{Transport, share};
use crate::http::access::middleware::authorize;
use crate::http::body_checks::check_body;
use crate::http::crowd::NeverCrowded;
use crate::http::framing::framing;
use crate::http::method_not_allowed::method;
use crate::http::origin::check_origin;
use crate::http::parameters::check_parameters;
use crate::http::routes_of_operators;
use crate::http::transfer::count_response;
use crate::http::unread::unread;
use crate::tasks;

/// Starts the server.
pub(super) fn start(parts: &NodeParts, listener: TcpListener) -> io::Result<Server> {
    let parts = parts.clone();
    let server = Server::build().workers(1).max_concurrent_connections(OPS_CONNECTIONS).disable_signals();
    let server = server.listen("runcast-ops", listener, move || {
        let transport = Transport::new(&parts);
        let http = transport.http().on_connect_ext(share).finish(app(parts.clone()));
        let accept = fn_service(move |tcp: TcpStream| ready(Ok::<_, DispatchError>(transport.accept(tcp))));
        apply_fn_factory(accept.and_then(http), |tcp, serve| {
            tasks::caught("connection", serve.call(tcp)).map(|served| served.unwrap_or(Ok(())))
        })
    })?;
    Ok(server.run())
}

/// The server's application: the hosts and origins of the main one, and the routes of operators.
fn app(
    parts: NodeParts,
) -> impl ServiceFactory<
    actix_http::Request,
    Config = (),
    Response = impl Into<actix_http::Response<BoxBody>>,
    Error = actix_web::Error,
    InitError = (),
> {
    let edge = edge(&parts);
    let app = App::new()
        .configure(|config| edge.share(config))
        .app_data(web::Data::new(parts.live.origins.clone()))
        .app_data(web::Data::new(parts.live.bodies.clone()))
        .app_data(web::Data::new(parts.node.clone()))
        .app_data(NeverCrowded)
        .wrap(from_fn(check_parameters))
        .wrap(from_fn(check_body))
        .wrap(from_fn(authorize))
        .wrap(from_fn(method))
        .wrap(from_fn(check_origin))
        .wrap(from_fn(count_response))
        .wrap(from_fn(framing))
        .wrap(from_fn(unread))
        .configure(routes_of_operators);
    map_config(app.into_factory(), |_| AppConfig::default())
}
