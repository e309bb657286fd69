//! CMake, with Ninja or make, out of tree.

use engine::planning::PlanError;
use model::StepId;
use model::case::{Component, Generator};
use model::plan::{Command, Expectation, Jobs, Keep, Shows};

use crate::built::Built;
use crate::cuda::Toolkit;
use crate::environment::cache_program;
use crate::options::cmake_variables;
use crate::rpath::RPATH_PLACEHOLDER;
use crate::subject::Subject;

pub fn system(component: &Component) -> Vec<&'static str> {
    let maker = if component.generator == Some(Generator::Make) { "make" } else { "ninja" };
    vec!["c-compiler", "cmake", "cxx-compiler", maker]
}

/// Silences the only word of CMake by which a variable is known that no project used.
const SILENCES: &str = "--no-warn-unused-cli";

pub fn built(subject: &Subject<'_>) -> Result<Built, PlanError> {
    if subject.component.arguments.iter().any(|word| word == SILENCES) {
        return Err(PlanError::new(
            format!("components.{}.arguments", subject.name),
            format!("`{SILENCES}` keeps CMake from telling which variables no project used"),
            "remove it, and the variables that are not used",
        ));
    }
    let ninja = subject.component.generator != Some(Generator::Make);
    let variables = cmake_variables(&subject.options);
    let asked = cmake_variables(&subject.asked().options);
    let mut install = subject.command("cmake", ["--install", subject.build.as_str()]);
    install.environment.insert("DESTDIR".to_owned(), subject.staging.to_string());
    Ok(Built {
        // A variable that the case no longer sets must not live on in the cache.
        configure: vec![
            subject.command("cmake", ["-E", "rm", "-f", subject.build.join("CMakeCache.txt").as_str()]),
            configure(subject, ninja, &variables),
        ],
        expectations: expectations(subject, asked),
        // The last is that of CMake 3.26 and later.
        logs: ["CMakeError.log", "CMakeOutput.log", "CMakeConfigureLog.yaml"]
            .map(|log| subject.build.join("CMakeFiles").join(log))
            .into(),
        configured: vec![
            subject.build.join("CMakeCache.txt"),
            subject.build.join(if ninja { "build.ninja" } else { "Makefile" }),
        ],
        compile: vec![subject.command("cmake", ["--build", subject.build.as_str()])],
        install: vec![install],
        jobs: Jobs::Jobserver,
        // Ninja knows by its log whether an output is whole; make does not.
        keep: Some(if ninja { Keep::Always } else { Keep::UnlessKilled }),
        fresh_tree: !ninja,
        ..Built::default()
    })
}

fn configure(subject: &Subject<'_>, ninja: bool, variables: &[(String, String)]) -> Command {
    // CMake's own linker flags come from LDFLAGS; the RPATH among them would stand beside CMAKE_INSTALL_RPATH.
    let mut configure = subject.command("cmake", arguments(subject, ninja, variables));
    if let Some(flags) = configure.environment.get_mut("LDFLAGS") {
        let placeholder = format!("-Wl,-rpath,{RPATH_PLACEHOLDER}");
        *flags = flags.split(' ').filter(|word| *word != placeholder).collect::<Vec<_>>().join(" ");
    }
    if subject.known.case.toolchains.compiler_cache.is_some() {
        // CMake takes the launcher as a variable, and a compiler of two words amiss.
        for name in ["CC", "CXX"] {
            if configure.environment.get(name) == subject.environment.get(name) {
                configure.environment.remove(name);
            }
        }
    }
    configure
}

fn arguments(subject: &Subject<'_>, ninja: bool, variables: &[(String, String)]) -> Vec<String> {
    let mut args = vec![
        "-S".to_owned(),
        subject.source.to_string(),
        "-B".to_owned(),
        subject.build.to_string(),
        "-G".to_owned(),
        if ninja { "Ninja" } else { "Unix Makefiles" }.to_owned(),
        format!("-DCMAKE_INSTALL_PREFIX={}", subject.prefix),
        format!("-DCMAKE_INSTALL_RPATH={RPATH_PLACEHOLDER}"),
        "-DCMAKE_EXPORT_COMPILE_COMMANDS=ON".to_owned(),
        // FetchContent must find what `deps` brought, or fail at once.
        "-DFETCHCONTENT_FULLY_DISCONNECTED=ON".to_owned(),
    ];
    if let Some(cache) = subject.known.case.toolchains.compiler_cache {
        let program = cache_program(cache);
        args.extend(
            ["C", "CXX", "CUDA"].map(|language| format!("-DCMAKE_{language}_COMPILER_LAUNCHER={program}")),
        );
    }
    let asked = subject.asked().options;
    if !asked.contains_key("CMAKE_BUILD_TYPE") {
        args.push("-DCMAKE_BUILD_TYPE=Release".to_owned());
    }
    // Not among what must be used: a project may link a library of the toolkit and compile no CUDA.
    let cuda = subject.cuda.iter().flat_map(Toolkit::cmake_variables);
    args.extend(
        cuda.filter(|(name, _)| !asked.contains_key(*name)).map(|(name, value)| format!("-D{name}={value}")),
    );
    args.extend(variables.iter().map(|(name, value)| format!("-D{name}={value}")));
    args.extend(subject.component.arguments.iter().cloned());
    args
}

/// What the cache has to say of the variables that are asked for.
fn expectations(subject: &Subject<'_>, variables: Vec<(String, String)>) -> Vec<Expectation> {
    let mut expectations: Vec<Expectation> = variables
        .into_iter()
        .flat_map(|(name, value)| {
            let asked = format!("-D{name}={value}");
            // What no project uses lands in the cache all the same; CMake lists it at the end, a line each, below
            // "Manually-specified variables were not used by the project".
            let log = StepId::new(format!("build/{}/configure", subject.name));
            let unused = Expectation {
                asked: asked.clone(),
                file: subject.known.layout.step_log(&log),
                shows: Shows::NoLine(name.clone()),
                missing: None,
            };
            let file = subject.build.join("CMakeCache.txt");
            [Expectation { asked, file, shows: Shows::CacheEntry { name, value }, missing: None }, unused]
        })
        .collect();
    // With content that nobody brought FetchContent goes on without it, as long as it has no CMakeLists.txt to miss.
    expectations.push(Expectation {
        asked: "what the project gets with FetchContent".to_owned(),
        file: subject.build.join("CMakeCache.txt"),
        shows: Shows::NoEmptyEntry { beginning: "FETCHCONTENT_SOURCE_DIR_".to_owned() },
        missing: None,
    });
    expectations
}
