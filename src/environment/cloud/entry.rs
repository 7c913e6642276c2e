//! Entering an environment in a cloud, and what is said of servers that a run has left there.

use std::sync::Arc;

use super::super::{EnterError, Environment, ReopenError, Work};
use crate::provider::ProviderError;

/// Opens an account, does the work in it, and returns the work's exit code.
///
/// # Errors
/// It can't be opened.
pub(in crate::environment) fn enter<E: Environment + 'static>(
    open: impl Future<Output = Result<E, EnterError>>,
    work: Work<'_>,
) -> Result<u8, EnterError> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(|why| why.to_string())?;
    let account = runtime.block_on(open)?;
    let code = work(Arc::new(account));
    runtime.shutdown_background();
    Ok(code)
}

/// Asks something of a cloud, where nothing else goes on.
///
/// # Errors
/// Those of the question.
pub(in crate::environment) fn block_on<T>(
    question: impl Future<Output = Result<T, ReopenError>>,
) -> Result<T, ReopenError> {
    let failed = |source| ProviderError::System { server: "cloud".into(), action: "starting the runtime", source };
    tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(failed)?.block_on(question)
}

/// Why a place in a cloud is not opened again, where so many servers of a run are left. `on` is what `--on` names it, `help` what to do
/// where none is.
pub(in crate::environment) fn left_of(on: &str, run: &str, left: usize, help: &'static str) -> ReopenError {
    if left == 0 {
        let detail = format!("no server of the run {run} is left in the cloud, and no fault on one");
        return ReopenError::Gone { detail, help };
    }
    let detail = format!(
        "{left} servers of the run {run} are left in the cloud: they were made for it alone, and a fault on them ends \
         with its lease\n  help: remove them with `chimp down --on {on} --run {run}`"
    );
    ReopenError::Provider(ProviderError::Between(detail.into()))
}
