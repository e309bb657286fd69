//! What the configured tree of a component must show, by the words of its case and its recipe.

use model::StepId;
use model::case::condition::Condition;
use model::case::{Driver, Expect};
use model::plan::{Expectation, Shows};

use crate::subject::{Subject, holding};

/// What its options bring with them, then what it says by itself.
pub(super) fn of(subject: &Subject<'_>) -> Vec<Expectation> {
    let mut found = Vec::new();
    for (condition, when) in holding(&subject.component, &subject.asked()) {
        let option = match &condition {
            Condition::On(option) => Some(word(subject.driver, option)),
            _ => None,
        };
        found.extend(when.expect.iter().map(|expect| one(subject, expect, option.as_deref())));
    }
    found.extend(subject.component.expect.iter().map(|expect| one(subject, expect, None)));
    found
}

/// An option that is on, in the words of its driver.
fn word(driver: Driver, option: &str) -> String {
    match driver {
        Driver::Cmake => format!("-D{option}=ON"),
        Driver::Meson => format!("-D{option}=true"),
        Driver::Autotools => format!("--{option}"),
        Driver::Xmake => format!("--{option}=y"),
        Driver::Cargo | Driver::Python | Driver::Command => option.to_owned(),
    }
}

fn one(subject: &Subject<'_>, expect: &Expect, option: Option<&str>) -> Expectation {
    let log = || {
        let configure = StepId::new(format!("build/{}/configure", subject.name));
        subject.known.layout.step_log(&configure)
    };
    let shows = match expect {
        Expect { listed: Some(listed), .. } => {
            Shows::Word { label: listed.label.clone(), word: listed.word.clone() }
        }
        Expect { found: Some(label), .. } => Shows::NotNo { label: label.clone() },
        Expect { absent: Some(text), .. } => Shows::NoLineWith(text.clone()),
        Expect { line, .. } => Shows::Line(line.clone().unwrap_or_default()),
    };
    let asked = expect.asked.as_deref().or(option).or(expect.line.as_deref());
    Expectation {
        asked: asked.unwrap_or_default().to_owned(),
        file: expect.file.as_ref().map_or_else(log, |file| subject.build.join(file)),
        shows,
        missing: expect.missing.clone(),
    }
}
