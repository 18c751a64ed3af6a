//! Answers a method that the route does not support with a problem document.

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::{StatusCode, header};
use actix_web::middleware::Next;
use actix_web::{Error, ResponseError as _};

use super::problem::Problem;

/// Middleware that gives actix's empty 405 a problem document, and keeps its `Allow` header.
pub async fn method<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let response = next.call(request).await?.map_into_boxed_body();
    if response.status() != StatusCode::METHOD_NOT_ALLOWED {
        return Ok(response);
    }
    let Some(allowed) = response.headers().get(header::ALLOW).cloned() else { return Ok(response) };
    let (request, _) = response.into_parts();
    let detail = format!("{} is not a method of {}", request.method(), request.path());
    let mut problem = Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", detail).error_response();
    problem.headers_mut().insert(header::ALLOW, allowed);
    Ok(ServiceResponse::new(request, problem))
}
