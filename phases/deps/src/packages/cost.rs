//! What installing would cost, for `plan`.

use camino::Utf8Path;
use engine::runner::{Context, StepError};
use model::plan::EnsurePackages;

use super::{by_name, command, ensure, site_words};

/// What installing the missing packages would cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PackageCost {
    /// Packages that would be newly installed, what they depend on included.
    pub packages: u32,
    /// Bytes to download, where the manager says.
    pub download_bytes: Option<u64>,
    /// Bytes on the disk afterwards, where the manager says.
    pub installed_bytes: Option<u64>,
}

/// Asks the package manager what the missing packages cost. Starts a process when something is missing; `None` when
/// there are no package lists to ask.
///
/// # Errors
/// When the look fails or the run is cancelled.
pub fn package_cost(
    action: &EnsurePackages,
    context: &dyn Context,
) -> Result<Option<PackageCost>, StepError> {
    let Some(manager) = by_name(&action.manager) else { return Ok(None) };
    let missing = ensure::missing_packages(Utf8Path::new(ensure::ROOT), action, context)?;
    if missing.is_empty() {
        return Ok(Some(PackageCost::default()));
    }
    if !manager.has_lists(Utf8Path::new(ensure::ROOT)) {
        return Ok(None);
    }
    let argv = site_words(&manager.cost_argv(&missing), context);
    let asked = context.capture(&command(&argv, context.network_environment()))?;
    let cost = manager.read_cost(&asked.stdout);
    Ok((cost.packages > 0).then_some(cost))
}
