//! What installing would cost, for `plan`.

use camino::Utf8Path;
use engine::runner::{Context, StepError};
use model::plan::EnsurePackages;

use super::manager::PackageCost;
use super::{by_name, ensure, running};

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
    let asked = running::capture(manager, &manager.cost_argv(&missing), context)?;
    let cost = manager.read_cost(&asked.stdout);
    Ok((cost.packages > 0).then_some(cost))
}
