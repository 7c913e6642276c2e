//! Files that users write in YAML: how they are read, how names are checked, and the one clear error that a wrong
//! one gets. What the fields mean is known where the document's type is.

pub(crate) mod by_server;
pub mod error;
pub mod names;
pub(crate) mod words;
pub(crate) mod yaml;

pub use error::{DocumentError, Mistakes};

/// What was read of a document, or the first mistake in it.
pub type Checked<T> = Result<T, DocumentError>;
