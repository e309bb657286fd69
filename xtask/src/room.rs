//! How many jobs the memory has room for.

use std::collections::BTreeSet;

use engine::Assessment;
use model::plan::{Jobs, Plan};
use model::target::Capacity;

/// What is done about too little memory for the jobs that are planned.
#[derive(Debug, PartialEq, Eq)]
pub struct Room {
    /// Job tokens of the run.
    pub jobs: u32,
    /// What the user should know.
    pub warning: Option<String>,
}

/// Holds the hungriest compile that would run against the memory that is free. A number that the user gave with `-j`
/// is kept and warned of; one that was taken from the CPUs is lowered.
pub fn room(plan: &Plan, assessment: Option<&Assessment>, capacity: Capacity, given: bool) -> Room {
    let kept = Room { jobs: capacity.jobs, warning: None };
    // `all` plans `build` anew once its sources are there, so that rows are found by their steps.
    let rows = assessment.map_or(&[][..], |assessment| &assessment.rows);
    let fresh: BTreeSet<_> = rows.iter().filter(|row| !row.state.may_run()).map(|row| &row.step).collect();
    let hungriest = plan
        .steps
        .iter()
        .filter(|step| matches!(step.claims.jobs, Jobs::Jobserver | Jobs::Lease) && !fresh.contains(&step.id))
        .max_by_key(|step| step.claims.memory_mib);
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
    use model::plan::{Action, Claims, Exec, Freshness, Network, Phase, Privilege, Step};

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
            action: Action::Exec(Exec { commands: Vec::new(), logs: Vec::new() }),
            freshness: Freshness::Fingerprinted,
            inputs: Vec::new(),
            outputs: Vec::new(),
            scratch: Vec::new(),
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
        assert_eq!(little.jobs, 1, "one job is always tried; preflight knows when even that dies");
    }
}
