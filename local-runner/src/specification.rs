//! Specifications that are named on the command line, and the data files that they replay.

use std::io::{ErrorKind, Read as _};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use bytes::Bytes;
use headwater_core::datagen::{Specifications as _, Stock};
use headwater_core::ids::{SourceName, SpecName};

/// The text of what a user names: of standard input where that is `-`, of a stock specification, or of a file; with the folder that the
/// file lies in.
pub(crate) async fn read_text(name: &str) -> anyhow::Result<(Bytes, Option<PathBuf>)> {
    Ok(if name == "-" {
        let mut text = Vec::new();
        std::io::stdin().read_to_end(&mut text).context("standard input cannot be read")?;
        (Bytes::from(text), None)
    } else if let Some(stock) = stock(name).await {
        (stock, None)
    } else {
        let text = std::fs::read(name).with_context(|| format!("{name} is neither a stock specification nor a file that can be read"))?;
        (Bytes::from(text), Path::new(name).parent().map(Path::to_path_buf))
    })
}

/// A stock specification.
pub(crate) async fn stock(name: &str) -> Option<Bytes> {
    Stock.read(&SpecName::try_from(name).ok()?).await.ok().flatten()
}

/// The data file of a replay: of the stock, in the working folder, or beside the specification and in the folders above.
pub(crate) async fn find_source(name: &SourceName, beside: Option<&Path>) -> anyhow::Result<Option<Bytes>> {
    if let Ok(Some(stock)) = Stock.source(name).await {
        return Ok(Some(stock));
    }
    let folders = std::iter::once(Path::new("")).chain(beside.into_iter().flat_map(Path::ancestors));
    for path in folders.map(|folder| folder.join(name.as_str())) {
        match std::fs::read(&path) {
            Ok(bytes) => return Ok(Some(bytes.into())),
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(error).with_context(|| format!("{} cannot be read", path.display())),
        }
    }
    Ok(None)
}
