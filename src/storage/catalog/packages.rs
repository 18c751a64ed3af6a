//! The packages' part of the catalog: every tarball that a server has handed out. Lock files name them, so none expires.

use async_trait::async_trait;
use bytes::Bytes;

use super::CatalogError;
use super::tables::{CatalogStatement, Cells, Tables};
use crate::protocol::{Sha256, Timestamp};

/// A tarball in the catalog.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PackageRow {
    /// Name of the file.
    pub file: String,
    /// Digest of the content.
    pub sha256: Sha256,
    /// What the file has in it.
    pub content: Bytes,
}

/// The tarballs that were handed out.
#[async_trait]
pub trait PackageCatalog: Send + Sync + 'static {
    /// Adds a tarball. One that is there already stays as it is.
    async fn keep(&self, package: &PackageRow, now: Timestamp) -> Result<(), CatalogError>;
    /// Finds the tarball with this file name.
    async fn package(&self, file: &str) -> Result<Option<PackageRow>, CatalogError>;
}

#[async_trait]
impl<T: Tables> PackageCatalog for T {
    async fn keep(&self, package: &PackageRow, now: Timestamp) -> Result<(), CatalogError> {
        let sql = "INSERT INTO runcast_packages (file, sha256, content, added_at) VALUES ($1, $2, $3, $4) \
                   ON CONFLICT (file) DO NOTHING";
        let PackageRow { file, sha256, content } = package;
        let insert = CatalogStatement::new(sql).with(file.as_str()).with(sha256.to_string());
        self.ask(insert.with(content.as_ref()).with(now)).await.map(drop)
    }

    async fn package(&self, file: &str) -> Result<Option<PackageRow>, CatalogError> {
        let sql = "SELECT file, sha256, content FROM runcast_packages WHERE file = $1";
        let rows = self.ask(CatalogStatement::new(sql).with(file)).await?;
        rows.first().map(read).transpose().map_err(|error| CatalogError(error.to_string()))
    }
}

fn read(row: &impl Cells) -> Result<PackageRow, sqlx::Error> {
    let text = |column: &str| row.text(column)?.ok_or_else(|| sqlx::Error::ColumnNotFound(column.to_owned()));
    let sha256 = Sha256::parse_hex(&text("sha256")?);
    let sha256 = sha256.ok_or_else(|| sqlx::Error::Decode("sha256 is no digest".into()))?;
    Ok(PackageRow { file: text("file")?, sha256, content: row.bytes("content")?.into() })
}
