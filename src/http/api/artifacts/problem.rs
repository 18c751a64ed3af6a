//! The status and the code of each condition under which something is not done with an artifact.

use actix_web::ResponseError as _;
use actix_web::http::StatusCode;

use super::super::super::problem::{Problem, saturated_with};
use crate::artifacts::{ArtifactError, Departure};
use crate::protocol::ArtifactState;
use crate::storage::objects::ObjectsError;
use crate::storage::objects::signing::GrantError;

impl From<ArtifactError> for Problem {
    fn from(error: ArtifactError) -> Self {
        let problem = Self::of_artifact(error);
        // What the client did wrong is no failure of ours.
        if problem.status_code().is_server_error() {
            metrics::counter!("runcast_artifact_failures_total", "code" => problem.code()).increment(1);
        }
        problem
    }
}

impl Problem {
    fn of_artifact(error: ArtifactError) -> Self {
        let detail = error.to_string();
        match error {
            ArtifactError::RunGone => Self::new(StatusCode::GONE, "run_gone", detail),
            ArtifactError::Runs(_) => Self::unavailable("journal_unavailable", detail),
            ArtifactError::Catalog(_) => Self::unavailable("catalog_unavailable", detail),
            ArtifactError::Objects(ObjectsError::Full(_)) | ArtifactError::Spool(_) => {
                Self::unavailable("storage_full", detail).retry_after(10)
            }
            ArtifactError::Objects(ObjectsError::TooLarge(_))
            | ArtifactError::TooLarge(_)
            | ArtifactError::MoreThanAnnounced(_) => {
                Self::new(StatusCode::PAYLOAD_TOO_LARGE, "artifact_too_large", detail)
            }
            ArtifactError::Objects(_) => Self::unavailable("storage_unavailable", detail).retry_after(5),
            ArtifactError::Saturated(_) | ArtifactError::Busy(_) | ArtifactError::Changing => saturated_with(detail),
            ArtifactError::TooMany(_) => Self::new(StatusCode::TOO_MANY_REQUESTS, "too_many_artifacts", detail),
            ArtifactError::Mismatch(_) => Self::new(StatusCode::UNPROCESSABLE_ENTITY, "upload_mismatch", detail),
            ArtifactError::Reused(_) => Self::new(StatusCode::UNPROCESSABLE_ENTITY, "idempotency_mismatch", detail),
            ArtifactError::Missing => Self::new(StatusCode::CONFLICT, "not_uploaded", detail),
            ArtifactError::Unknown(_) => Self::new(StatusCode::NOT_FOUND, "artifact_unknown", detail),
            ArtifactError::NotReady(ArtifactState::Failed, reason) => {
                let detail = format!("the upload failed: {}", reason.unwrap_or_default());
                Self::new(StatusCode::CONFLICT, "artifact_failed", detail)
            }
            ArtifactError::NotReady(ArtifactState::Ready, _) => {
                Self::new(StatusCode::CONFLICT, "artifact_ready", "the artifact is whole: what it is can't be changed")
            }
            ArtifactError::NotReady(_, reason) => {
                let detail = reason.map_or(detail.clone(), |reason| format!("{detail}: {reason}"));
                Self::new(StatusCode::CONFLICT, "artifact_pending", detail).retry_after(1)
            }
            ArtifactError::Gone(Departure { at, by, created_at }) => {
                Self::new(StatusCode::GONE, "artifact_gone", detail)
                    .with("deletedAt", at.to_string())
                    .with("deletedBy", by.to_string())
                    .with("createdAt", created_at.to_string())
            }
            ArtifactError::Interrupted => Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal_error", detail),
        }
    }
}

impl From<GrantError> for Problem {
    fn from(error: GrantError) -> Self {
        let code = match error {
            GrantError::Expired => "url_expired",
            GrantError::Tampered => "url_invalid",
        };
        Self::new(StatusCode::FORBIDDEN, code, error.to_string())
    }
}
