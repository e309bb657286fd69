//! The components of a case, each with its driver, its source and its prefix, in the order in which they are built.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use camino::Utf8PathBuf;
use engine::planning::{Known, PlanError};
use engine::python_home::python_home;
use indexmap::IndexMap;
use model::ComponentName;
use model::SourceName;
use model::case::{Component, Driver, OptionValue, When};

use crate::options::{AskedOptions, asked_for};
use crate::subject::holding;

/// A component, with what it is built by, from and for.
pub(super) struct Planned<'a> {
    pub(super) name: &'a ComponentName,
    pub(super) component: &'a Component,
    pub(super) driver: Driver,
    pub(super) source: SourceName,
    pub(super) prefix: Utf8PathBuf,
}

impl<'a> Planned<'a> {
    /// What its options and further arguments ask for.
    pub(super) fn asked_for(&self) -> IndexMap<String, OptionValue> {
        asked_for(self.driver, self.component, &self.component.options)
    }

    /// What holds of what it says under `when`, by its own options.
    pub(super) fn holding(&self, known: &Known<'_>) -> Vec<&'a When> {
        let component = self.component;
        let asked = AskedOptions::of(self.driver, component, &component.options, &known.target.arch);
        holding(self.component, &asked).into_iter().map(|(_, when)| when).collect()
    }
}

/// Components in an order in which each stands on those before it.
///
/// # Errors
/// When a component needs one that is not there, or none can be the first, or one is used that is not needed.
pub(super) fn in_order<'a>(known: &Known<'a>) -> Result<Vec<Planned<'a>>, PlanError> {
    let components = &known.case.components;
    let ordered = model::circle::ordered(
        components.keys(),
        |name| components[name].needs.iter().map(|need| declared(known, name, need)).collect(),
        |circle| {
            let names: Vec<&str> = circle.iter().chain(&circle[..1]).map(|name| name.as_str()).collect();
            PlanError::new(
                format!("components.{}.needs", circle[0]),
                format!("components need each other in a cycle: {}", names.join(" → ")),
                "break the cycle of `needs`",
            )
        },
    )?;
    let ordered = ordered
        .into_iter()
        .map(|name| {
            let component = &components[name];
            let Some(driver) = component.driver else {
                return Err(PlanError::new(
                    format!("components.{name}"),
                    format!("component `{name}` has neither a built-in recipe nor a driver"),
                    format!(
                        "add `driver = \"…\"` (one of {}); built-in recipes: {}",
                        Driver::words(),
                        crate::recipes::built_in().names().collect::<Vec<_>>().join(", ")
                    ),
                ));
            };
            let source = component.source.clone().unwrap_or_else(|| SourceName::new(name.as_str()));
            let place = || match driver {
                Driver::Python => python_home(known).prefix,
                _ => known.layout.prefix.clone(),
            };
            let prefix = component.prefix.clone().unwrap_or_else(place);
            Ok(Planned { name, component, driver, source, prefix })
        })
        .collect::<Result<Vec<Planned<'a>>, PlanError>>()?;
    for planned in &ordered {
        after_its_libraries(known, planned, &ordered)?;
    }
    Ok(ordered)
}

/// What a component's options take from another component of the case has to be installed before it is configured.
fn after_its_libraries(
    known: &Known<'_>,
    planned: &Planned<'_>,
    all: &[Planned<'_>],
) -> Result<(), PlanError> {
    let name = planned.name;
    let wanted: Vec<&str> =
        planned.holding(known).into_iter().flat_map(|when| &when.builds_on).map(String::as_str).collect();
    if wanted.is_empty() {
        return Ok(());
    }
    let needed = closure(planned, all);
    let follows = |other: &Planned<'_>| {
        other.component.recipe.as_deref().is_some_and(|recipe| wanted.contains(&recipe))
    };
    let missed =
        all.iter().find(|other| follows(other) && !needed.iter().any(|known| known.name == other.name));
    let Some(other) = missed else { return Ok(()) };
    Err(PlanError::new(
        format!("components.{name}.needs"),
        format!("component `{name}` uses `{}` of this case, but does not list it in `needs`", other.name),
        format!("add \"{}\" to `needs` in [components.{name}]", other.name),
    ))
}

/// The component that another one needs.
fn declared<'a>(
    known: &Known<'a>,
    name: &ComponentName,
    need: &ComponentName,
) -> Result<&'a ComponentName, PlanError> {
    let components = &known.case.components;
    components.get_key_value(need).map(|(need, _)| need).ok_or_else(|| {
        let nearest =
            model::nearest::closest(need.as_str(), components.keys().map(ComponentName::as_str), None);
        PlanError::new(
            format!("components.{name}.needs"),
            format!("component `{name}` needs `{need}`, which the case does not declare"),
            nearest.map_or_else(String::new, |nearest| format!("did you mean `{nearest}`?")),
        )
    })
}

/// Needed components, and what they need, each once, nearest first.
pub(super) fn closure<'a, 'b>(planned: &Planned<'_>, all: &'b [Planned<'a>]) -> Vec<&'b Planned<'a>> {
    let by_name: BTreeMap<&ComponentName, &Planned<'a>> =
        all.iter().map(|other| (other.name, other)).collect();
    let mut found: Vec<&Planned<'a>> = Vec::new();
    let mut seen: BTreeSet<&ComponentName> = BTreeSet::new();
    let mut queue: VecDeque<&ComponentName> = planned.component.needs.iter().collect();
    while let Some(name) = queue.pop_front() {
        if let Some(need) = by_name.get(name).filter(|_| seen.insert(name)) {
            found.push(need);
            queue.extend(need.component.needs.iter());
        }
    }
    found
}
