//! What `build` plans for components that are built with the CUDA toolkit.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

use engine::planning::{Known, PlanCx, Requirements};
use model::StepId;
use model::case::Case;
use model::lock::Lock;
use model::plan::{Action, Command, Phase, Plan, Probe, Step};
use model::source_facts::SourceFacts;
use model::target::{CudaToolkit, Target, Tool};
use testkit::FakeContext;

const CASE: &str = r#"schema = 1
[metadata]
name = "test"
[cuda]
arch = ["sm_90", "8.6"]
[sources.mine]
kind = "path"
path = "/src/mine"
[sources.ffmpeg]
kind = "path"
path = "/src/ffmpeg"
[sources.opencv]
kind = "path"
path = "/src/opencv"
[components.mine]
driver = "cmake"
system = ["cuda"]
[components.ffmpeg]
options = { enable-cuda-nvcc = true, enable-nonfree = true }
[components.opencv]
options = { WITH_CUDA = true }
[components.plain]
driver = "cmake"
source = "mine"
"#;

fn planned(case: &str, change: impl FnOnce(&mut Target)) -> (Plan, Requirements, FakeContext) {
    let mut context = FakeContext::new();
    let compiler =
        |path: &str, version: &str| Tool { path: path.to_owned(), version: Some(version.to_owned()) };
    context.target.cxx_compilers = vec![compiler("/usr/bin/g++", "12"), compiler("/usr/bin/g++-11", "11")];
    change(&mut context.target);
    let mut case: Case = toml::from_str(case).unwrap();
    build::recipes::built_in().settle(&mut case);
    let (facts, lock) = (SourceFacts::new(), Lock::default());
    let known =
        Known { case: &case, target: &context.target, facts: &facts, lock: &lock, layout: &context.layout };
    let requirements = build::requirements(&known).unwrap();
    let mut cx = PlanCx::new(known, Phase::Build);
    build::plan(&mut cx).unwrap();
    let plan = cx.finish().unwrap();
    (plan, requirements, context)
}

fn step<'a>(plan: &'a Plan, id: &str) -> &'a Step {
    plan.step(&StepId::new(id)).unwrap()
}

/// The last command of a step, which is the one that configures.
fn configure(plan: &Plan, component: &str) -> Command {
    match &step(plan, &format!("build/{component}/configure")).action {
        Action::Exec(exec) => exec.commands.last().unwrap().clone(),
        other => panic!("{other:?}"),
    }
}

fn has(command: &Command, word: &str) -> bool {
    command.args.iter().any(|argument| *argument == word.into())
}

#[test]
fn the_toolkit_of_wheels_is_named_where_each_build_system_looks() {
    let (plan, requirements, context) = planned(CASE, |_| {});
    let mut asked: Vec<&str> = requirements.cuda.components.iter().map(|name| name.as_str()).collect();
    asked.sort_unstable();
    assert_eq!(asked, ["ffmpeg", "mine", "opencv"]);
    assert!(requirements.needs.iter().all(|need| need.name != "cuda"), "no package brings it");
    let root = context.layout.data.join("cuda/13.0");

    let mine = configure(&plan, "mine");
    for word in [
        format!("-DCMAKE_CUDA_COMPILER={root}/bin/nvcc"),
        format!("-DCUDAToolkit_ROOT={root}"),
        "-DCMAKE_CUDA_HOST_COMPILER=/usr/bin/g++".to_owned(),
        "-DCMAKE_CUDA_ARCHITECTURES=90;86".to_owned(),
    ] {
        assert!(has(&mine, &word), "{word}");
    }
    assert!(mine.environment["PATH"].starts_with(&format!("{root}/bin:")));
    assert_eq!(mine.environment["CUDA_HOME"], root.as_str());
    assert_eq!(mine.environment["CUDAARCHS"], "90;86");
    assert_eq!(mine.environment["NVCC_CCBIN"], "/usr/bin/g++");

    assert!(has(&configure(&plan, "ffmpeg"), "--nvccflags=-gencode arch=compute_86,code=sm_86 -O2"));
    let opencv = configure(&plan, "opencv");
    for word in [
        format!("-DCUDA_TOOLKIT_ROOT_DIR={root}"),
        "-DCUDA_ARCH_BIN=9.0;8.6".to_owned(),
        "-DCUDA_HOST_COMPILER=/usr/bin/g++".to_owned(),
    ] {
        assert!(has(&opencv, &word), "{word}");
    }
    let plain = configure(&plan, "plain");
    assert!(!plain.environment.keys().any(|name| name.contains("CUDA")), "nobody asked for it there");
    assert!(plan.notes.iter().any(|note| note.contains("nonfree")));
}

#[test]
fn the_machines_toolkit_and_a_compiler_that_it_takes() {
    let case = CASE.replace("[cuda]\n", "[cuda]\nversion = \"11.8\"\n");
    let (plan, ..) = planned(&case, |target| {
        let root = |root: &str, version: &str| CudaToolkit {
            root: root.to_owned(),
            version: version.to_owned(),
            newest_gcc: Some(11),
        };
        target.cuda = vec![root("/usr/local/cuda", "12.4"), root("/usr/local/cuda-11.8", "11.8")];
    });
    let mine = configure(&plan, "mine");
    assert_eq!(mine.environment["CUDACXX"], "/usr/local/cuda-11.8/bin/nvcc");
    assert_eq!(mine.environment["CUDAHOSTCXX"], "/usr/bin/g++-11");
    let Action::Preflight(preflight) = &step(&plan, "build/mine/preflight").action else { panic!() };
    let probe = preflight.needs.iter().find_map(|need| need.probe.as_ref().filter(|_| need.name == "cuda"));
    let Some(Probe::Cuda { root, host_compiler, architectures, .. }) = probe else { panic!("{probe:?}") };
    assert_eq!(root, "/usr/local/cuda-11.8");
    assert_eq!(host_compiler.as_ref().unwrap(), "/usr/bin/g++-11");
    assert_eq!(architectures, &["90", "86"]);
}

#[test]
fn what_the_case_says_itself_stands() {
    let case = CASE.replace(
        "system = [\"cuda\"]",
        "system = [\"cuda\"]\noptions = { CMAKE_CUDA_ARCHITECTURES = \"75\" }\nenvironment = { CUDAHOSTCXX = \"/opt/g++\" }",
    );
    let (plan, ..) = planned(&case, |target| target.cxx_compilers.clear());
    let mine = configure(&plan, "mine");
    assert!(has(&mine, "-DCMAKE_CUDA_ARCHITECTURES=75") && !has(&mine, "-DCMAKE_CUDA_ARCHITECTURES=90;86"));
    assert!(has(&mine, "-DCMAKE_CUDA_HOST_COMPILER=/opt/g++"));
    assert_eq!(mine.environment["CUDAHOSTCXX"], "/opt/g++");
}
