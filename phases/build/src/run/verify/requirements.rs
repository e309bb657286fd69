//! Whether an environment of Python packages has what is asked of it, as pip itself reads requirements.

use engine::runner::{Context, StepError};
use model::account::Apart;
use model::asked::Kind;
use model::plan::Verify;
use serde::Deserialize;

use super::told::{SHOWN, capture, failed};

/// Answers for each requirement. pip's own reader of versions and markers is in every interpreter that has pip.
const LOOK: &str = r#"
import json, sys
for home in ("pip._vendor.packaging", "packaging", "setuptools._vendor.packaging", "setuptools.extern.packaging"):
    try:
        requirements = __import__(home + ".requirements", fromlist=["x"])
        utils = __import__(home + ".utils", fromlist=["x"])
        break
    except ImportError:
        pass
else:
    sys.exit("neither pip nor packaging can be imported")
there = {}
try:
    from importlib.metadata import distributions
    for found in distributions():
        name = found.metadata["Name"]
        if name:
            there.setdefault(utils.canonicalize_name(name), (found.version, found.requires or [], found.metadata.get_all("Provides-Extra") or []))
except ImportError:
    from pip._vendor import pkg_resources
    for found in pkg_resources.working_set:
        extras = [str(extra) for extra in found.extras]
        requires = [str(one) for one in found.requires()]
        there.setdefault(utils.canonicalize_name(found.project_name), (found.version, requires, extras))

def unmet(asked):
    have = there.get(utils.canonicalize_name(asked.name))
    if have is None:
        return "it is not installed"
    version, requires, extras = have
    try:
        fits = asked.specifier.contains(version, prereleases=True)
    except ValueError:
        fits = True
    if not fits:
        return "%s is installed" % version
    for extra in sorted(asked.extras):
        if utils.canonicalize_name(extra) not in {utils.canonicalize_name(one) for one in extras}:
            return "%s %s has no extra %s (it has: %s)" % (asked.name, version, extra, ", ".join(sorted(extras)) or "none")
        for text in requires:
            needed = requirements.Requirement(text)
            if needed.marker is None or needed.marker.evaluate({"extra": ""}):
                continue
            if needed.marker.evaluate({"extra": extra}) and utils.canonicalize_name(needed.name) not in there:
                return "%s of its extra %s is not installed" % (needed.name, extra)
    return None

answers = []
for text in sys.argv[1:]:
    asked = requirements.Requirement(text)
    if asked.marker is not None and not asked.marker.evaluate({"extra": ""}):
        answers.append({"apart": "its marker is false: %s" % asked.marker})
    else:
        answers.append({"unmet": unmet(asked)})
print(json.dumps(answers))
"#;

#[derive(Deserialize)]
struct Answer {
    #[serde(default)]
    apart: Option<String>,
    #[serde(default)]
    unmet: Option<String>,
}

/// Looks at each, and answers with those that are not for this machine.
pub(super) fn hold(action: &Verify, context: &dyn Context) -> Result<Vec<Apart>, StepError> {
    let (Some(python), false) = (&action.python, action.requirements.is_empty()) else {
        return Ok(Vec::new());
    };
    let program = python.program.as_str();
    let mut words = [program, "-I", "-B", "-c", LOOK].map(str::to_owned).to_vec();
    words.extend(action.requirements.iter().map(|required| required.text.clone()));
    engine::files::create_dir_all(&action.directory)?;
    let finished = capture(action, &words, context)?;
    let answers: Option<Vec<Answer>> = serde_json::from_str(finished.stdout.trim()).ok();
    let answers =
        answers.filter(|answers| finished.status == 0 && answers.len() == action.requirements.len());
    let Some(answers) = answers else {
        let lines = &finished.tail[finished.tail.len().saturating_sub(SHOWN)..];
        return Err(failed(
            format!("{program} cannot tell what is installed:\n{}", lines.join("\n")),
            "see that this interpreter works and has pip, then run `installer build` again".to_owned(),
        ));
    };
    let (mut apart, mut problems) = (Vec::new(), Vec::new());
    for (number, (required, answer)) in action.requirements.iter().zip(answers).enumerate() {
        let shown = &required.text;
        if let Some(why) = answer.unmet {
            problems
                .push(format!("{}: `{shown}` is asked for, but {why} in {}", required.place, action.prefix));
        }
        apart.extend(answer.apart.map(|why| Apart { kind: Kind::Requirement, number, why }));
    }
    if problems.is_empty() {
        context.figure("requirements", (action.requirements.len() - apart.len()) as u64);
        return Ok(apart);
    }
    Err(failed(
        problems.join("\n"),
        "correct the requirement, or run `installer all`, which downloads and installs the packages again"
            .to_owned(),
    ))
}
