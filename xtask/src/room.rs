//! How many jobs the memory has room for, and what is said where it may not do for one.

use std::collections::BTreeSet;

use engine::Assessment;
use engine::memory::Total;
use model::plan::{Jobs, Plan, Step};
use model::target::Capacity;

/// What is done about too little memory for the jobs that are planned.
#[derive(Debug, PartialEq, Eq)]
pub struct Room {
    /// Job tokens of the run.
    pub jobs: u32,
    /// What the user should know.
    pub warning: Option<String>,
}

/// What is too large for all memory that there is. It may do all the same: claims are what is known of a component, and a
/// part of it takes less. So it is tried, and what kills a compiler is said before it does.
pub fn too_little(plan: &Plan, assessment: Option<&Assessment>, total: Option<Total>) -> Vec<String> {
    let Some(total) = total else { return Vec::new() };
    let too_large: Vec<&Step> =
        compiles(plan, assessment).filter(|step| step.claims.memory_mib > total.mib).collect();
    let (known, guessed): (Vec<&Step>, Vec<&Step>) =
        too_large.into_iter().partition(|step| step.claims.memory_mib > build::USUAL_JOB_MIB);
    let there = if total.is_limit {
        format!("{} MiB of memory, the limit of its control group (a container's)", total.mib)
    } else {
        format!("{} MiB of memory and swap space", total.mib)
    };
    let cure = "if a compiler is killed, raise the limit, or add memory or swap space";
    let mut warnings: Vec<String> = known
        .iter()
        .map(|step| {
            let claim = step.claims.memory_mib;
            format!("{} takes about {claim} MiB for a single job, and there are {there}: {cure}", step.id)
        })
        .collect();
    if !guessed.is_empty() {
        let usual = build::USUAL_JOB_MIB;
        warnings.push(format!("there are {there}, and a compiler may take {usual} MiB for a job: {cure}"));
    }
    warnings
}

/// The compiles that would run.
fn compiles<'a>(plan: &'a Plan, assessment: Option<&'a Assessment>) -> impl Iterator<Item = &'a Step> {
    // `all` plans `build` anew once its sources are there, so that rows are found by their steps.
    let rows = assessment.map_or(&[][..], |assessment| &assessment.rows);
    let fresh: BTreeSet<_> = rows.iter().filter(|row| !row.state.may_run()).map(|row| &row.step).collect();
    plan.steps.iter().filter(move |step| {
        matches!(step.claims.jobs, Jobs::Jobserver | Jobs::Lease) && !fresh.contains(&step.id)
    })
}

/// Holds the hungriest compile that would run against the memory that is free. A number that the user gave with `-j`
/// is kept and warned of; one that was taken from the CPUs is lowered.
pub fn room(plan: &Plan, assessment: Option<&Assessment>, capacity: Capacity, given: bool) -> Room {
    let kept = Room { jobs: capacity.jobs, warning: None };
    let hungriest = compiles(plan, assessment).max_by_key(|step| step.claims.memory_mib);
    let Some(step) = hungriest.filter(|step| step.claims.memory_mib > 0) else { return kept };
    let (each, free) = (step.claims.memory_mib, capacity.memory_mib);
    let fitting = u32::try_from(free / each).unwrap_or(u32::MAX).max(1);
    if fitting >= capacity.jobs {
        return kept;
    }
    let what = format!("{} takes about {each} MiB of memory for each job, and {free} MiB are free", step.id);
    if given {
        let warning = format!(
            "-j {} may be too much: {what}; if a compiler is killed, try -j {fitting}",
            capacity.jobs
        );
        return Room { warning: Some(warning), ..kept };
    }
    let warning = format!("{fitting} jobs instead of {}: {what}; set another number with -j", capacity.jobs);
    Room { jobs: fitting, warning: Some(warning) }
}

#[cfg(test)]
mod tests {
    use model::plan::{Action, Claims, Exec, Freshness, Network, Phase, Privilege};

    use super::*;

    fn plan(memory: &[u64]) -> Plan {
        let step = |(at, memory_mib): (usize, &u64)| Step {
            id: format!("build/{at}/compile").into(),
            phase: Phase::Build,
            component: None,
            serves: Vec::new(),
            title: String::new(),
            needs: Vec::new(),
            after: Vec::new(),
            proven: Vec::new(),
            action: Action::Exec(Exec { commands: Vec::new(), logs: Vec::new() }),
            freshness: Freshness::Fingerprinted,
            inputs: Vec::new(),
            outputs: Vec::new(),
            scratch: Vec::new(),
            filled: None,
            claims: Claims { jobs: Jobs::Jobserver, memory_mib: *memory_mib, locks: Vec::new() },
            network: Network::Denied,
            privilege: Privilege::User,
            timeout_seconds: None,
            optional: false,
            weight: 1,
        };
        Plan {
            schema: 1,
            case: "x".to_owned(),
            phase: Phase::Build,
            target: "debian-12-x86_64".to_owned(),
            steps: memory.iter().enumerate().map(step).collect(),
            notes: Vec::new(),
            warnings: Vec::new(),
            leak_grace_seconds: None,
            asked: Vec::new(),
        }
    }

    #[test]
    fn jobs_are_lowered_to_what_fits_and_a_given_number_is_only_warned_of() {
        let (plan, capacity) = (plan(&[250, 800]), Capacity { jobs: 16, memory_mib: 6_000 });
        let told = room(&plan, None, capacity, false);
        assert_eq!(told.jobs, 7);
        let warning = told.warning.unwrap();
        assert!(
            warning.starts_with("7 jobs instead of 16: build/1/compile takes about 800 MiB"),
            "{warning}"
        );
        let told = room(&plan, None, capacity, true);
        assert_eq!(told.jobs, 16);
        assert!(told.warning.unwrap().ends_with("try -j 7"));
    }

    #[test]
    fn enough_memory_and_plans_without_compiles_change_nothing() {
        let capacity = Capacity { jobs: 4, memory_mib: 4_000 };
        let kept = Room { jobs: 4, warning: None };
        assert_eq!(room(&plan(&[800]), None, capacity, false), kept);
        assert_eq!(room(&plan(&[]), None, Capacity { memory_mib: 0, ..capacity }, false), kept);
        let little = room(&plan(&[800]), None, Capacity { memory_mib: 100, ..capacity }, false);
        assert_eq!(little.jobs, 1, "one job is always tried");
    }

    #[test]
    fn what_one_job_cannot_fit_is_named_and_never_refused() {
        let plan = plan(&[512, 4_000, 300]);
        assert!(too_little(&plan, None, None).is_empty());
        let total = |mib, is_limit| Some(Total { mib, is_limit });
        assert!(too_little(&plan, None, total(4_000, true)).is_empty());
        let [named] = &too_little(&plan, None, total(1_000, false))[..] else { panic!("one does not fit") };
        assert!(named.starts_with("build/1/compile takes about 4000 MiB for a single job"), "{named}");
        assert!(named.contains("1000 MiB of memory and swap space"), "{named}");
        let [named, usual] = &too_little(&plan, None, total(390, true))[..] else { panic!("two do not fit") };
        assert!(
            named.starts_with("build/1/compile") && named.contains("limit of its control group"),
            "{named}"
        );
        assert!(usual.contains("a compiler may take 512 MiB for a job"), "{usual}");
    }
}
