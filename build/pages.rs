//! Lists the files of the pages with their checksum in their names, so that browsers may keep them for good.

use std::fs;
use std::path::Path;

use crate::pack::{crc32, gzip};

/// Where the built pages are.
pub(crate) const FOLDER: &str = "web/dist";

/// A file of the pages.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Asset {
    /// Its name in `web/dist`: `run.js`; of a part that is all of a script, the script's.
    pub(crate) name: String,
    /// The name by which it is served: `list-3f2a9c01.js`; parts keep theirs.
    pub(crate) served: String,
    /// Its content.
    pub(crate) content: Vec<u8>,
    /// The same as a gzip file.
    pub(crate) gzipped: Vec<u8>,
}

/// The files of the pages below the top of the repository, by their names.
///
/// # Errors
/// When the folder is missing or can't be read; in words for whoever builds.
pub(crate) fn assets(top: &Path) -> Result<Vec<Asset>, String> {
    let folder = top.join(FOLDER);
    if !folder.is_dir() {
        return Err(format!("{FOLDER} is missing, which has the pages. It is made by: scripts/web"));
    }
    let error = |error: std::io::Error| format!("{}: {error}", folder.display());
    let mut found = Vec::new();
    for entry in fs::read_dir(&folder).map_err(error)? {
        let entry = entry.map_err(error)?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let content = fs::read(entry.path()).map_err(error)?;
        let (stem, ending) = name.rsplit_once('.').ok_or_else(|| format!("{FOLDER}/{name} has no ending"))?;
        // The others name a part as it is called here, with a hash that its builder has put into the name.
        let served = match stem.starts_with("part-") {
            true => name.clone(),
            false => format!("{stem}-{:08x}.{ending}", crc32(&content)),
        };
        found.push(Asset { served, gzipped: gzip(&content), name, content });
    }
    serve_parts_directly(&mut found)?;
    found.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(found)
}

/// A script that does nothing but import one part is that part: a browser need not ask twice for it.
fn serve_parts_directly(found: &mut Vec<Asset>) -> Result<(), String> {
    let imported = |asset: &Asset| {
        let text = std::str::from_utf8(&asset.content).ok()?;
        text.trim_end().strip_prefix("import\"./")?.strip_suffix("\";").map(str::to_owned)
    };
    let scripts: Vec<_> = found.iter().filter_map(|asset| Some((asset.name.clone(), imported(asset)?))).collect();
    for (script, part) in scripts {
        found.retain(|asset| asset.name != script);
        let Some(asset) = found.iter_mut().find(|asset| asset.name == part) else {
            return Err(format!("{FOLDER}/{script} imports {part}, which is missing"));
        };
        asset.name = script;
    }
    Ok(())
}
