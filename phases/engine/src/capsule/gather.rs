//! What goes into a capsule.

use std::collections::{BTreeMap, BTreeSet};

use camino::{Utf8Path, Utf8PathBuf};
use model::StepId;
use model::plan::{Action, Step};
use serde::Serialize;
use serde_json::{Value, json};

use super::{Entry, Failed, reopen};

/// What configure scripts and generators leave in the trees that they work in.
const TREE_FILES: &[&str] = &[
    "CMakeCache.txt",
    "CMakeDownloadLog.txt",
    "CMakeFiles/CMakeConfigureLog.yaml",
    "CMakeFiles/CMakeError.log",
    "CMakeFiles/CMakeOutput.log",
    "compile_commands.json",
    "config.log",
    "ffbuild/config.log",
    "meson-info/intro-buildoptions.json",
    "meson-logs/meson-log.txt",
];
/// How deep below a tree they are looked for: a project may configure others below itself.
const DEPTH: usize = 2;
/// Files larger than this are left out, and said to be.
const LARGEST: u64 = 64 << 20;

/// All files of a capsule, without secrets.
pub(super) fn entries(failed: &Failed<'_>) -> Vec<Entry> {
    let mut gathered = Gathered { failed, entries: Vec::new(), told: Vec::new() };
    gathered.logs();
    gathered.json("step.json", "the step as planned: action, environment, freshness, claims", failed.step);
    gathered.json("fingerprint.json", "everything that the step's result depends on", failed.material);
    gathered.json(
        "versions.json",
        "the machine, its tools and packages, as earlier steps found them",
        &versions(failed),
    );
    gathered.json("case.json", "the resolved case", &failed.origin.case);
    gathered.json("failure.json", "the failure, as in the event", failed.failure);
    if let Some(events) = failed.events {
        gathered.file("events.jsonl", "the events of the run until then", events);
    }
    for (name, path) in tree_files(failed) {
        gathered.file(&format!("trees/{name}"), "", &path);
        if path.file_name() == Some("CMakeCache.txt") {
            if let Ok(cache) = std::fs::read(&path) {
                let name = Utf8Path::new(&name).with_file_name("cmake-variables.txt");
                let text = cmake_variables(&String::from_utf8_lossy(&cache));
                gathered.text(
                    &format!("trees/{name}"),
                    "the variables of CMakeCache.txt, one per line",
                    text,
                );
            }
        }
    }
    gathered.compiler();
    let script = reopen::script(failed);
    gathered.entry("reopen.sh", "opens a shell where the step failed", 0o755, script);
    let readme = readme(failed, &gathered.told);
    gathered.entry("README.txt", "", 0o644, readme);
    gathered.entries.sort_by(|one, other| one.path.cmp(&other.path));
    gathered.entries
}

struct Gathered<'a> {
    failed: &'a Failed<'a>,
    entries: Vec<Entry>,
    /// What is in it, for the reader: name and description.
    told: Vec<(String, String)>,
}

impl Gathered<'_> {
    fn entry(&mut self, path: &str, what: &str, mode: u32, text: String) {
        self.told.push((path.to_owned(), what.to_owned()));
        let text = self.failed.redactor.redact_lines(&text);
        self.entries.push(Entry { path: path.to_owned(), mode, text });
    }

    fn text(&mut self, path: &str, what: &str, text: String) {
        self.entry(path, what, 0o644, text);
    }

    /// Values lose their secrets before they are written: in JSON a secret may stand escaped.
    fn json(&mut self, path: &str, what: &str, value: &impl Serialize) {
        // What is given here is maps, lists and strings, which always become a value.
        let mut value = serde_json::to_value(value).unwrap_or_default();
        self.redact(&mut value);
        let text = serde_json::to_string_pretty(&value).unwrap_or_default();
        self.text(path, what, text + "\n");
    }

    fn redact(&self, value: &mut Value) {
        match value {
            Value::String(text) => *text = self.failed.redactor.redact(text).into_owned(),
            Value::Array(list) => list.iter_mut().for_each(|value| self.redact(value)),
            Value::Object(map) => map.values_mut().for_each(|value| self.redact(value)),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    /// A file as it is now; that it cannot be had is told in the capsule itself.
    fn file(&mut self, path: &str, what: &str, from: &Utf8Path) {
        match std::fs::metadata(from) {
            Ok(metadata) if metadata.len() > LARGEST => {
                let size = metadata.len() >> 20;
                self.told.push((path.to_owned(), format!("left out: {from} has {size} MiB")));
                return;
            }
            _ => {}
        }
        match std::fs::read(from) {
            Ok(bytes) => self.text(path, what, String::from_utf8_lossy(&bytes).into_owned()),
            Err(error) => {
                self.told.push((path.to_owned(), format!("left out: failed to read {from}: {error}")))
            }
        }
    }

    /// The compiler's command for the file of the first error, which make does not print.
    fn compiler(&mut self) {
        let databases: Vec<&str> = self
            .entries
            .iter()
            .filter(|entry| entry.path.ends_with("/compile_commands.json"))
            .map(|entry| entry.text.as_str())
            .collect();
        let failed = self.failed;
        let copy =
            failed.step.component.as_ref().map(|component| failed.world.layout.working_copy(component));
        let found = |text: &&str| compiler_command(text, &failed.failure.excerpt, copy.as_deref());
        let command = databases.iter().find_map(found);
        if let Some((directory, command)) = command {
            let text = format!("cd {directory}\n{command}\n");
            self.text("compiler-command.txt", "the compiler's command for the file of the first error", text);
        }
    }

    /// The whole logs of the step and of those before it that worked for the same component.
    fn logs(&mut self) {
        let failed = self.failed;
        let steps = &failed.plan.steps;
        let until = steps.iter().position(|step| step.id == failed.step.id).unwrap_or(0);
        for step in &steps[..=until] {
            let own = step.component.is_some() && step.component == failed.step.component;
            let log = failed.world.layout.step_log(&step.id);
            let wanted = step.id == failed.step.id || (own && log.metadata().is_ok_and(|log| log.len() > 0));
            if wanted {
                let name = log.file_name().unwrap_or("log").to_owned();
                let what =
                    if step.id == failed.step.id { "the whole log" } else { "the log of an earlier step" };
                // The log is whole, however long it is.
                match std::fs::read(&log) {
                    Ok(bytes) => {
                        self.text(
                            &format!("logs/{name}"),
                            what,
                            String::from_utf8_lossy(&bytes).into_owned(),
                        );
                    }
                    Err(error) => self.told.push((format!("logs/{name}"), format!("left out: {error}"))),
                }
            }
        }
    }
}

/// The machine, and what the observed steps found that the failed one stands on, however far.
fn versions(failed: &Failed<'_>) -> Value {
    let mut stands_on: BTreeSet<&StepId> = BTreeSet::from([&failed.step.id]);
    // Every need stands before what needs it.
    for step in failed.plan.steps.iter().rev() {
        if stands_on.contains(&step.id) {
            stands_on.extend(&step.needs);
        }
    }
    let observed: BTreeMap<&StepId, &BTreeMap<String, String>> =
        failed.observed.iter().filter(|(step, _)| stands_on.contains(step)).collect();
    json!({
        "installer": env!("CARGO_PKG_VERSION"),
        "target": failed.world.target,
        "found": observed,
        "offline": failed.offline,
    })
}

/// Trees that the steps of the same component work in, as far as they are the cache's.
fn trees(failed: &Failed<'_>) -> BTreeSet<Utf8PathBuf> {
    let own = |step: &&Step| {
        step.id == failed.step.id || (step.component.is_some() && step.component == failed.step.component)
    };
    let mut trees = BTreeSet::new();
    for step in failed.plan.steps.iter().filter(own) {
        trees.extend(step.scratch.iter().map(|scratch| scratch.path.clone()));
        if let Action::Exec(exec) = &step.action {
            trees.extend(exec.commands.iter().map(|command| command.directory.clone()));
        }
    }
    trees.retain(|tree| tree.starts_with(&failed.world.layout.cache));
    trees
}

/// [`TREE_FILES`] that are there, with their path below the cache.
fn tree_files(failed: &Failed<'_>) -> BTreeMap<String, Utf8PathBuf> {
    let cache = &failed.world.layout.cache;
    let mut found = BTreeMap::new();
    let mut waiting: Vec<(Utf8PathBuf, usize)> = trees(failed).into_iter().map(|tree| (tree, 0)).collect();
    while let Some((directory, depth)) = waiting.pop() {
        for path in TREE_FILES.iter().map(|file| directory.join(file)).filter(|path| path.is_file()) {
            let name = path.strip_prefix(cache).unwrap_or(&path).to_string();
            found.insert(name, path);
        }
        if depth == DEPTH {
            continue;
        }
        let below = directory.read_dir_utf8().into_iter().flatten().filter_map(Result::ok);
        let below = below.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
        // CMake's own directory holds the projects of its questions.
        let below = below.filter(|entry| !matches!(entry.file_name(), "CMakeFiles" | ".git"));
        waiting.extend(below.map(|entry| (entry.path().to_owned(), depth + 1)));
    }
    found
}

/// The variables of a `CMakeCache.txt` as `cmake -LA` prints them, and also those that were given and that no project
/// has (`UNINITIALIZED`), which it leaves out.
fn cmake_variables(cache: &str) -> String {
    let mut lines: Vec<&str> = cache
        .lines()
        .filter(|line| !line.starts_with(['#', '/']))
        .filter(|line| {
            let kind = line.split_once('=').and_then(|(key, _)| Some(key.rsplit_once(':')?.1));
            kind.is_some_and(|kind| !matches!(kind, "INTERNAL" | "STATIC"))
        })
        .collect();
    lines.sort_unstable();
    lines.iter().flat_map(|line| [*line, "\n"]).collect()
}

/// Directory and command of the file that an error names, as a compilation database has them
/// (<https://clang.llvm.org/docs/JSONCompilationDatabase.html>). Files of a working copy are shown by the user's paths.
fn compiler_command(database: &str, excerpt: &[String], copy: Option<&Utf8Path>) -> Option<(String, String)> {
    let entries: Vec<Value> = serde_json::from_str(database).ok()?;
    let of = |entry: &Value, key: &str| entry.get(key).and_then(Value::as_str).map(str::to_owned);
    let names = |line: &str, file: &str| {
        let below = copy.and_then(|copy| Utf8Path::new(file).strip_prefix(copy).ok());
        line.contains(file) || below.is_some_and(|below| line.contains(&format!("/{below}:")))
    };
    excerpt.iter().find_map(|line| {
        let entry = entries.iter().find(|entry| of(entry, "file").is_some_and(|file| names(line, &file)))?;
        Some((of(entry, "directory")?, of(entry, "command")?))
    })
}

fn readme(failed: &Failed<'_>, told: &[(String, String)]) -> String {
    let failure = failed.failure;
    let mut text = format!(
        "{} of the case {} failed ({}).\n\n{}\n",
        failed.step.id, failed.plan.case, failed.step.title, failure.message
    );
    if !failure.excerpt.is_empty() {
        text.push_str("\nThe first error:\n");
        failure.excerpt.iter().for_each(|line| text.push_str(&format!("  | {line}\n")));
    }
    failure.command.iter().for_each(|command| text.push_str(&format!("\nThe command:\n  {command}\n")));
    failure.cures.iter().for_each(|cure| text.push_str(&format!("\nHelp: {cure}\n")));
    text.push_str("\n`sh reopen.sh` opens a shell at that point on the machine where it failed; `sh reopen.sh COMMAND` runs a command there.\n");
    text.push_str("Secrets that installer knew or recognised are replaced by ***.\n\nContents:\n");
    for (name, what) in told {
        text.push_str(&if what.is_empty() { format!("  {name}\n") } else { format!("  {name}: {what}\n") });
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{cmake_variables, compiler_command};

    #[test]
    fn the_command_of_the_file_with_the_error_is_found() {
        let database = r#"[{"directory":"/b","command":"cc -c /s/a.c","file":"/s/a.c"},
            {"directory":"/b","command":"cc -O2 -c /s/b.c","file":"/s/b.c"}]"#;
        let excerpt = ["[ 33%] Building C object b.c.o", "/s/b.c:1:9: error: no"].map(str::to_owned);
        assert_eq!(
            compiler_command(database, &excerpt, None),
            Some(("/b".to_owned(), "cc -O2 -c /s/b.c".to_owned()))
        );
        assert_eq!(compiler_command(database, &excerpt[..1], None), None);
        assert_eq!(compiler_command("no json", &excerpt, None), None);
        let shown = ["/home/me/b.c:1:9: error: no".to_owned()];
        assert!(compiler_command(database, &shown, Some("/s".into())).is_some());
        assert_eq!(compiler_command(database, &shown, None), None);
    }

    #[test]
    fn a_cache_becomes_one_variable_a_line() {
        let cache = "# This is the CMakeCache file.\n//Build type\nCMAKE_BUILD_TYPE:STRING=Release\n\
                     WITH_X:BOOL=ON\nASKED:UNINITIALIZED=1\nCMAKE_CACHE_MAJOR_VERSION:INTERNAL=3\n\
                     P_BINARY_DIR:STATIC=/b\nAN:PATH=/a=b:c\n\n";
        assert_eq!(
            cmake_variables(cache),
            "AN:PATH=/a=b:c\nASKED:UNINITIALIZED=1\nCMAKE_BUILD_TYPE:STRING=Release\nWITH_X:BOOL=ON\n"
        );
    }
}
