//! Specifications of a user's folder, on top of the stock ones.

use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use bytes::Bytes;
use headwater_core::datagen::{Specifications, Stock};
use headwater_core::ids::{SourceName, SpecName};
use headwater_core::ports::PortError;

/// The stock with a folder on top: a file of the folder hides the stock one of its name. Read anew at each request, so that a
/// specification can be edited while the server runs.
#[derive(Debug, Clone)]
pub struct SpecsFolder {
    folder: PathBuf,
}

impl SpecsFolder {
    /// The specifications below `folder`.
    ///
    /// # Errors
    /// When it is not a folder.
    pub fn open(folder: impl Into<PathBuf>) -> std::io::Result<Self> {
        let folder = folder.into().canonicalize()?;
        if folder.is_dir() { Ok(Self { folder }) } else { Err(std::io::Error::new(ErrorKind::NotADirectory, "not a folder")) }
    }

    /// The bytes of a file below the folder; links that lead out of it are not followed.
    async fn below(&self, name: &str) -> Result<Option<Bytes>, PortError> {
        let path = match tokio::fs::canonicalize(self.folder.join(name)).await {
            Ok(path) if path.starts_with(&self.folder) => path,
            Ok(_) => return Ok(None),
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => return Ok(None),
            Err(error) => return Err(PortError::unavailable("reading a specification", error)),
        };
        match tokio::fs::read(path).await {
            Ok(bytes) => Ok(Some(bytes.into())),
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::IsADirectory) => Ok(None),
            Err(error) => Err(PortError::unavailable("reading a specification", error)),
        }
    }
}

fn collect(folder: &Path, prefix: &str, names: &mut BTreeSet<SpecName>) -> std::io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let Some(name) = entry.file_name().to_str().map(|name| format!("{prefix}{name}")) else { continue };
        let kind = entry.file_type()?;
        if kind.is_dir() {
            collect(&entry.path(), &format!("{name}/"), names)?;
        } else if kind.is_file() {
            names.extend(SpecName::try_from(name));
        }
    }
    Ok(())
}

#[async_trait]
impl Specifications for SpecsFolder {
    async fn list(&self) -> Result<Vec<SpecName>, PortError> {
        let mut names: BTreeSet<SpecName> = Stock.list().await?.into_iter().collect();
        let folder = self.folder.clone();
        let listing = move || collect(&folder, "", &mut names).map(|()| names);
        let names = tokio::task::spawn_blocking(listing).await.map_err(|error| PortError::unavailable("listing specifications", error))?;
        Ok(names.map_err(|error| PortError::unavailable("listing specifications", error))?.into_iter().collect())
    }

    async fn read(&self, name: &SpecName) -> Result<Option<Bytes>, PortError> {
        match self.below(name.as_str()).await? {
            None => Stock.read(name).await,
            found => Ok(found),
        }
    }

    async fn source(&self, name: &SourceName) -> Result<Option<Bytes>, PortError> {
        match self.below(name.as_str()).await? {
            None => Stock.source(name).await,
            found => Ok(found),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_folder_adds_to_the_stock_and_hides_names_of_it() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("examples")).unwrap();
        std::fs::write(folder.path().join("examples/langmap.json"), "mine").unwrap();
        std::fs::write(folder.path().join("own.json"), "own").unwrap();
        std::fs::write(folder.path().join("rows.csv"), "a\n1\n").unwrap();
        let specifications = SpecsFolder::open(folder.path()).unwrap();
        let names: Vec<String> = specifications.list().await.unwrap().into_iter().map(String::from).collect();
        assert!(names.is_sorted() && names.contains(&"own.json".to_owned()) && names.contains(&"clickstream/clickstream.json".to_owned()));
        assert_eq!(names.iter().filter(|name| *name == "examples/langmap.json").count(), 1);
        assert_eq!(specifications.read(&"examples/langmap.json".try_into().unwrap()).await.unwrap().unwrap(), "mine");
        assert_eq!(specifications.source(&"rows.csv".try_into().unwrap()).await.unwrap().unwrap(), "a\n1\n");
        assert!(specifications.source(&"data_files/iot_sample.csv".try_into().unwrap()).await.unwrap().is_some());
        assert!(specifications.read(&"nope.json".try_into().unwrap()).await.unwrap().is_none());
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn a_link_out_of_the_folder_is_not_followed() {
        let (folder, outside) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        std::fs::write(outside.path().join("secret.json"), "secret").unwrap();
        std::os::unix::fs::symlink(outside.path().join("secret.json"), folder.path().join("link.json")).unwrap();
        let specifications = SpecsFolder::open(folder.path()).unwrap();
        assert!(specifications.read(&"link.json".try_into().unwrap()).await.unwrap().is_none());
    }
}
