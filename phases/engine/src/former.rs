//! What a case has installed and names no more, or installs elsewhere by now.

use std::collections::BTreeSet;

use camino::{Utf8Path, Utf8PathBuf};
use model::ComponentName;
use model::layout::Layout;
use model::plan::{Action, Phase, Plan, Step};

use crate::manifest::{self, Reading, damaged};
use crate::runner::StepError;
use crate::{committed, files};

/// One of them.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Former {
    /// Where it lies.
    pub prefix: Utf8PathBuf,
    /// What it is.
    pub component: ComponentName,
}

/// What lies in the prefixes that a case is known to have installed into, is its own, and is not where its plan of `build`
/// installs. A damaged manifest tells of nobody and is left out.
///
/// # Errors
/// When a manifest or a record cannot be read, or was written by a newer version.
pub fn find(plan: &Plan, layout: &Layout) -> Result<Vec<Former>, StepError> {
    let named: BTreeSet<(&Utf8Path, &ComponentName)> = plan
        .steps
        .iter()
        .filter_map(|step| match &step.action {
            Action::Commit(commit) => Some((commit.prefix.as_path(), &commit.component)),
            Action::InstallWheels(wheels) => Some((wheels.environment.as_path(), &wheels.component)),
            _ => None,
        })
        .collect();
    let mut prefixes: BTreeSet<Utf8PathBuf> = named.iter().map(|(prefix, _)| prefix.to_path_buf()).collect();
    prefixes.extend([layout.prefix.clone(), layout.python_environment(&plan.case)]);
    let remembered = files::record(&layout.prefixes())?.unwrap_or_default();
    prefixes.extend(remembered.lines().filter(|line| line.starts_with('/')).map(Utf8PathBuf::from));
    // Of a version that kept no list.
    for name in files::names(&layout.manifest_copies())?.unwrap_or_default() {
        if let Reading::Whole(copy) = manifest::read(&layout.manifest_copies().join(name))? {
            prefixes.insert(copy.prefix.clone());
        }
    }
    let mut found = BTreeSet::new();
    for prefix in prefixes {
        for (component, file) in damaged::all(&prefix)? {
            if named.contains(&(prefix.as_path(), &component)) {
                continue;
            }
            let Reading::Whole(installed) = manifest::read(&file)? else { continue };
            if committed::other_owner(layout, &plan.case, &installed)?.is_none() {
                found.insert(Former { prefix: prefix.clone(), component });
            }
        }
    }
    Ok(found.into_iter().collect())
}

/// A line that names them, at the end of a `build`.
///
/// # Errors
/// As [`find`].
pub(crate) fn told(plan: &Plan, layout: &Layout) -> Result<Option<String>, StepError> {
    // `verify` only looks, by a plan of its own.
    let looks = |step: &Step| matches!(step.action, Action::Verify(_));
    if plan.phase != Phase::Build || (!plan.steps.is_empty() && plan.steps.iter().all(looks)) {
        return Ok(None);
    }
    let former = find(plan, layout)?;
    let list: Vec<String> =
        former.iter().map(|Former { prefix, component }| format!("{component} in {prefix}")).collect();
    Ok((!list.is_empty()).then(|| {
        format!(
            "still installed, but no longer part of the case there: {}; `installer uninstall --all` removes the rest of \
             the case with it",
            list.join(", ")
        )
    }))
}
