//! `GET /api/runs/{runId}/export`: a run as one file, to keep after its retention: a page, JUnit XML, or everything as a
//! zip file.

use std::io;
use std::sync::Arc;

use actix_web::http::StatusCode;
use actix_web::http::header::{self, ContentDisposition, DispositionParam, DispositionType};
use actix_web::{HttpResponse, web};
use serde::Deserialize;
use tokio::sync::OwnedSemaphorePermit;

use super::super::edge::{ExportEdge, Responses};
use super::super::problem::{Problem, responses_saturated};
use super::super::rooms::Rooms;
use super::super::transfer::ResponseParts;
use super::events::run_id;
use crate::budget::Buffer;
use crate::report::{ReportRun, ReportTest, html, junit};

mod gather;
mod pictures;
mod zip;

use gather::{ExportState, last_lines};

/// Lines of the log in a page.
const LOG_LINES: u64 = 2_000;

/// Query parameters of an export.
#[derive(Deserialize)]
pub(in crate::http) struct ExportQuery {
    format: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ExportFormat {
    Html,
    JUnit,
    Zip,
}

impl ExportFormat {
    fn parse(text: Option<&str>) -> Result<Self, Problem> {
        match text {
            Some("html") => Ok(Self::Html),
            Some("junit") => Ok(Self::JUnit),
            Some("zip") => Ok(Self::Zip),
            other => {
                let given = other.map_or_else(|| "none".to_owned(), |other| format!("{other:?}"));
                Err(Problem::bad_request("invalid_format", format!("format must be html, junit or zip, not {given}")))
            }
        }
    }

    fn content_type(self) -> &'static str {
        match self {
            Self::Html => "text/html; charset=utf-8",
            Self::JUnit => "application/xml; charset=utf-8",
            Self::Zip => "application/zip",
        }
    }

    fn ending(self) -> &'static str {
        match self {
            Self::Html => "html",
            Self::JUnit => "xml",
            Self::Zip => "zip",
        }
    }
}

impl ExportEdge {
    fn permit(&self) -> Result<OwnedSemaphorePermit, Problem> {
        let permit = Arc::clone(&self.permits).try_acquire_owned();
        permit.map_err(|_| Problem::unavailable("saturated", "as many runs are being exported as the node allows"))
    }
}

/// `GET /api/runs/{runId}/export?format=html|junit|zip`
pub(in crate::http) async fn export(
    edge: web::Data<ExportEdge>,
    rooms: web::Data<Rooms>,
    responses: web::Data<Responses>,
    path: web::Path<String>,
    query: web::Query<ExportQuery>,
) -> Result<HttpResponse, Problem> {
    let run = run_id(&path)?;
    let format = ExportFormat::parse(query.format.as_deref())?;
    let permit = edge.permit()?;
    let state = Arc::new(ExportState::gather(&rooms, &responses, &run).await?);
    let mut answer = HttpResponse::build(StatusCode::OK);
    answer
        .content_type(format.content_type())
        .insert_header(ContentDisposition {
            disposition: DispositionType::Attachment,
            parameters: vec![DispositionParam::Filename(format!("{run}.{}", format.ending()).replace(':', "_"))],
        })
        .insert_header((header::CONTENT_SECURITY_POLICY, "sandbox; default-src 'none'"))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .insert_header((header::CACHE_CONTROL, "no-store"));
    if format == ExportFormat::Zip {
        let (artifacts, budget) = (edge.artifacts.clone(), responses.budget.clone());
        return Ok(answer.streaming(zip::stream(zip::ZipParts { run, state, rooms, artifacts, budget, permit })));
    }
    let file = Buffer::new(&responses.budget);
    let written = match format {
        ExportFormat::JUnit => state.report(|run, tests| filled(file, |file| junit::write(run, tests, file))).await?,
        _ => {
            let mut held = responses.budget.hold();
            let pictures = pictures::of_failed(edge.artifacts.as_ref(), &run, &state, &mut held).await?;
            let (log, log_is_cut) = last_lines(&rooms, &run, LOG_LINES).await?;
            let write = move |run: &ReportRun, tests: &[ReportTest<'_>]| {
                let _held = held; // until the pictures are in the file
                let parts = html::ReportParts { run, tests, pictures: &pictures, log: &log, log_is_cut };
                filled(file, |file| html::write(&parts, file))
            };
            state.report(write).await?
        }
    };
    let file = written.map_err(|_| responses_saturated())?;
    drop(permit);
    Ok(answer.body(Arc::new(file).share().into_iter().collect::<ResponseParts>()))
}

/// The file with what is written into it.
fn filled(mut file: Buffer, write: impl FnOnce(&mut Buffer) -> io::Result<()>) -> io::Result<Buffer> {
    write(&mut file).map(|()| file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_format_that_there_is_not_is_refused_by_name() {
        assert_eq!(ExportFormat::parse(Some("zip")).ok(), Some(ExportFormat::Zip));
        for (given, named) in [(None, "not none"), (Some("pdf"), "not \"pdf\"")] {
            let refused = ExportFormat::parse(given).unwrap_err().to_string();
            assert!(refused.contains("invalid_format") && refused.contains(named), "{refused}");
        }
    }
}
