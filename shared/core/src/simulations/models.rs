//! Which device models there are: those of the stock, and those that users made.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::{Value, json};

use super::Moment;
use super::model::{CUSTOM, DeviceModel, stock};
use super::shelf::{Kept, Shelf, ShelfError, metadata};
use crate::limits;
use crate::mistakes::Mistakes;
use crate::ports::{Clock, Documents, Entropy, PortError};

/// Why a request about a device model was refused.
#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    /// Its document is wrong.
    #[error(transparent)]
    Wrong(#[from] Mistakes),
    /// A stock model was to be replaced.
    #[error("{0:?} is a stock model, which cannot be replaced")]
    StockReplaced(String),
    /// A stock model was to be deleted.
    #[error("{0:?} is a stock model, which cannot be deleted")]
    StockDeleted(String),
    /// It is not there, has changed, or cannot be kept.
    #[error(transparent)]
    Shelf(#[from] ShelfError),
}

impl From<PortError> for ModelError {
    fn from(error: PortError) -> Self {
        Self::Shelf(error.into())
    }
}

/// A model, and who made it.
#[derive(Debug, Clone, PartialEq)]
pub enum KnownModel {
    /// It came with the program.
    Stock(&'static DeviceModel),
    /// A user made it.
    Custom(Box<Kept<DeviceModel>>),
}

impl KnownModel {
    /// The model itself.
    #[must_use]
    pub fn model(&self) -> &DeviceModel {
        match self {
            Self::Stock(model) => model,
            Self::Custom(kept) => &kept.content,
        }
    }

    /// The model as the API shows it. One of the stock has no ETag and no dates.
    #[must_use]
    pub fn shown(&self) -> Value {
        let (etag, kind) = match self {
            Self::Stock(_) => ("", "Stock"),
            Self::Custom(kept) => (kept.etag.as_str(), "Custom"),
        };
        let uri = format!("/v1/devicemodels/{}", self.model().id);
        let metadata = match self {
            Self::Stock(_) => metadata("DeviceModel;1", &uri, Moment::ZERO, Moment::ZERO),
            Self::Custom(kept) => kept.metadata("DeviceModel;1", &uri),
        };
        let mut shown = json!({ "ETag": etag });
        if let Value::Object(shown) = &mut shown {
            shown.extend(self.model().shown(kind));
            shown.insert("$metadata".to_owned(), metadata);
        }
        shown
    }
}

/// The device models. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Models {
    shelf: Shelf<DeviceModel>,
}

impl Models {
    /// The models over a host's store.
    #[must_use]
    pub fn new(documents: &Arc<dyn Documents>, clock: &Arc<dyn Clock>, entropy: &Arc<dyn Entropy>) -> Self {
        Self { shelf: Shelf::new(documents, clock, entropy, ("simulations/models", "device model", limits::LISTED)) }
    }

    /// The model that devices of this id are of: a stock one, a custom one, or the blank one.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn find(&self, id: &str) -> Result<Option<DeviceModel>, PortError> {
        if id == CUSTOM {
            return Ok(Some(DeviceModel::custom()));
        }
        Ok(self.known(id).await?.map(|known| known.model().clone()))
    }

    async fn known(&self, id: &str) -> Result<Option<KnownModel>, PortError> {
        if let Some(model) = stock().iter().find(|model| model.id == id) {
            return Ok(Some(KnownModel::Stock(model)));
        }
        Ok(self.shelf.find(id).await?.map(|kept| KnownModel::Custom(Box::new(kept))))
    }

    /// A model.
    ///
    /// # Errors
    /// When there is none of this id, or the store fails.
    pub async fn get(&self, id: &str) -> Result<KnownModel, ModelError> {
        Ok(self.known(id).await?.ok_or_else(|| self.shelf.missing(id))?)
    }

    /// All models: those of the stock in the order of their files, then custom ones in the order of their ids.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn list(&self) -> Result<Vec<KnownModel>, PortError> {
        let custom = self.shelf.list().await?.into_iter().map(|kept| KnownModel::Custom(Box::new(kept)));
        Ok(stock().iter().map(KnownModel::Stock).chain(custom).collect())
    }

    /// Makes a custom model under an id of its own.
    ///
    /// # Errors
    /// When the document is wrong, there are too many models, or the store fails.
    pub async fn create(&self, document: &Value) -> Result<KnownModel, ModelError> {
        let model = parse(document, "")?;
        Ok(custom(self.shelf.add(|id| DeviceModel { id: id.to_owned(), ..model }).await?))
    }

    /// Replaces a custom model whose ETag the document has, or makes one under this id.
    ///
    /// # Errors
    /// When it is a stock model, the document is wrong, it has changed meanwhile, or the store fails.
    pub async fn replace(&self, id: &str, document: &Value) -> Result<KnownModel, ModelError> {
        if let Some(model) = is_stock(id) {
            return Err(ModelError::StockReplaced(model.id.clone()));
        }
        if id.eq_ignore_ascii_case(CUSTOM) {
            return Err(ModelError::StockReplaced(CUSTOM.to_owned()));
        }
        let model = parse(document, id)?;
        Ok(custom(self.shelf.replace(id, &super::etag_in(document), model).await?))
    }

    /// Deletes a custom model. Simulations that name it go on without its devices.
    ///
    /// # Errors
    /// When it is a stock model or not there, or the store fails.
    pub async fn delete(&self, id: &str) -> Result<(), ModelError> {
        if let Some(model) = is_stock(id) {
            return Err(ModelError::StockDeleted(model.id.clone()));
        }
        Ok(self.shelf.remove(id).await?)
    }

    /// The names of all properties that devices report at first, as queries of a hub name them; each once.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn property_names(&self) -> Result<Vec<String>, PortError> {
        let mut names = Vec::new();
        for known in self.list().await? {
            known.model().properties.iter().for_each(|(name, value)| collect(&format!("Properties.Reported.{name}"), value, &mut names));
        }
        let mut seen = BTreeSet::new();
        names.retain(|name| seen.insert(name.clone()));
        Ok(names)
    }
}

fn collect(path: &str, value: &Value, names: &mut Vec<String>) {
    match value {
        Value::Object(members) => members.iter().for_each(|(name, value)| collect(&format!("{path}.{name}"), value, names)),
        _ => names.push(path.to_owned()),
    }
}

fn is_stock(id: &str) -> Option<&'static DeviceModel> {
    stock().iter().find(|model| model.id.eq_ignore_ascii_case(id))
}

fn parse(document: &Value, id: &str) -> Result<DeviceModel, ModelError> {
    let (bytes, most) = (document.to_string().len(), limits::LISTED_BYTES);
    if bytes > most {
        return Err(ShelfError::TooLarge { what: "device model", bytes, most }.into());
    }
    Ok(DeviceModel::parse(document, id)?)
}

fn custom(kept: Kept<DeviceModel>) -> KnownModel {
    KnownModel::Custom(Box::new(kept))
}
