//! Old files in, cases and findings out.

use std::fmt::Write as _;

use model::case::{CaseFile, Format, OptionValue};

use super::shell::Reader;
use super::*;

fn nothing_is_secret(_: &str, _: &str) -> bool {
    false
}

/// As the command line asks, in small.
fn looks_secret(name: &str, value: &str) -> bool {
    name.ends_with("_TOKEN") || value.contains("joe:s3cret@") || value.contains("_TOKEN = ")
}

/// Variables that a text sets, and what is told of it.
fn read_shell(text: &str) -> String {
    let mut reader = Reader::default();
    reader.read("f", text);
    let mut shown = String::new();
    for (name, variable) in &reader.variables {
        let value = variable.value().unwrap_or_else(|| format!("(of {})", variable.outside().join(", ")));
        let sign = if variable.exported { "export " } else { "" };
        let _ = writeln!(shown, "{sign}{name}={value} [{}]", variable.line);
    }
    for finding in reader.findings.iter().chain(reader.conditional.iter().map(|(_, finding)| finding)) {
        let _ = writeln!(shown, "{}: {} -- {}", finding.line, finding.text, finding.why);
    }
    shown
}

#[test]
fn assignments_are_read_with_their_quotes_defaults_and_references() {
    let text = r#"#!/usr/bin/env bash
A=plain # a comment
B='single $A "kept"'; C="double $A ${A}x \"quoted\" \$A"
D="${D:-a default}" E=${E:-$A}
export F=/opt G="${F}/lib"
H=one\
two
I="two
lines"
: "${J:=set by default}"
K=a
K+=b
export K
L=#not-a-comment
M=
unset M
N=~/x
"#;
    insta::assert_snapshot!(read_shell(text), @r#"
    A=plain [2]
    B=single $A "kept" [3]
    C=double plain plainx "quoted" $A [3]
    D=a default [4]
    E=plain [4]
    export F=/opt [5]
    export G=/opt/lib [5]
    H=onetwo [6]
    I=two
    lines [8]
    J=set by default [10]
    export K=ab [12]
    L=#not-a-comment [14]
    N=(of HOME) [17]
    "#);
}

#[test]
fn conditions_on_what_the_files_say_are_followed_and_others_told() {
    let text = r#"if [ "${MODE:-auto}" = "auto" ]; then
    MODE=true
fi
if [ "$MODE" = "auto" ]; then BRANCH=never; else BRANCH=main; fi
if [[ -n "$MODE" ]]
then
  SET=yes
elif [ -z "$MODE" ]; then
  SET=no
fi
if [ -d /opt/sdk ]; then
    export SDK=/opt/sdk
    if [ "$MODE" = true ]; then DEEPER=1; fi
else
    SDK=none
fi
if [ -n "${PROXY:-}" ]; then
    export proxy="$PROXY"
fi
AFTER=all
"#;
    insta::assert_snapshot!(read_shell(text), @r#"
    AFTER=all [20]
    BRANCH=main [4]
    MODE=true [2]
    SET=yes [7]
    12: export SDK=/opt/sdk -- its condition is only known at run time ([ -d /opt/sdk ]): it is skipped
    13: if [ "$MODE" = true ]; then DEEPER=1; fi -- its condition is only known at run time ([ -d /opt/sdk ]): it is skipped
    15: SDK=none -- its condition is only known at run time (not [ -d /opt/sdk ]): it is skipped
    18: export proxy="$PROXY" -- its condition is only known at run time ([ -n "${PROXY:-}" ]): it is skipped
    "#);
}

#[test]
fn what_is_no_assignment_is_told_with_its_line_and_nothing_of_it_is_run() {
    let text = r#"A=$(touch /tmp/never)
B=`id`
curl https://example.com/install | sh
for x in 1 2; do
  C=$x
done
greet() {
  D=1
}
function other {
  E=1
}
F=(a b)
[ -f /x ] && G=1
H=${H%suffix}
I=$1
source ./more.sh
J=1 make
cat <<EOF > /tmp/x
K=1
EOF
case "$A" in
  x) L=1 ;;
esac
rm -rf /nowhere
export 1bad=2
echo "only talk"
set -euo pipefail
echo "$(date)" > log
M=1
if true; then
N=2
"#;
    insta::assert_snapshot!(read_shell(text));
}

fn deployment(files: &[(&str, &str)], others: &[&str]) -> String {
    let own = |(name, text): &(&str, &str)| ((*name).to_owned(), (*text).to_owned());
    let old = Deployment {
        name: "mine".to_owned(),
        from: "deployment/cases/mine".to_owned(),
        files: files.iter().map(own).collect(),
        others: others.iter().map(|name| (*name).to_owned()).collect(),
    };
    let imported = read(&old, &looks_secret);
    let mut shown = imported.case;
    for (name, text) in imported.files {
        let _ = write!(shown, "\n=== {name}\n{text}");
    }
    shown.push_str("\n=== told\n");
    for finding in imported.findings {
        let _ = writeln!(
            shown,
            "{:?} {}:{}: {} -- {}",
            finding.kind, finding.file, finding.line, finding.text, finding.why
        );
    }
    shown
}

const DEFAULTS: &str = r#"#!/usr/bin/env bash
# Settings of a deployment.
SETUP_APP_ROOT="${SETUP_APP_ROOT:-true}"
LAUNCH_COMPONENTS="${LAUNCH_COMPONENTS:-registry,router}"
if [ "${INSTALL_INFINICORE:-auto}" = "auto" ]; then
    INSTALL_INFINICORE=true
fi
INSTALL_INFINILM="${INSTALL_INFINILM:-auto}"
INSTALL_PYTHON_DEPS="${INSTALL_PYTHON_DEPS:-true}"
INFINICORE_BRANCH="${INFINICORE_BRANCH:-issue/1}"
INFINILM_BRANCH="${INFINILM_BRANCH:-}"
INFINICORE_BUILD_CPP="${INFINICORE_BUILD_CPP:-auto}"  # auto|true|false
INFINICORE_BUILD_CMD="${INFINICORE_BUILD_CMD:-python3 scripts/install.py --metax-gpu=y --ccl=n --cuda_arch=sm_80}"
REGISTRY_PORT="${REGISTRY_PORT:-18001}"
BABYSITTER_CONFIGS="a.toml config/b.toml"
SPEED=fast
this is no assignment
"#;

const ENVIRONMENT: &str = r#"#! /bin/bash
echo "--- env-set.sh"
if [ -n "${HTTP_PROXY:-}" ]; then
    export http_proxy="${HTTP_PROXY}"
fi
export https_proxy=http://joe:s3cret@proxy.example.com:3128
export HF_TOKEN=hf_abcdefghijklmnop
if [ -f /root/.profile ]; then
source /root/.profile
fi
export XMAKE_ROOT=y
export INFINI_ROOT=/root/.infini
export PATH=${PATH}:${INFINI_ROOT}/bin
export LD_LIBRARY_PATH=$LD_LIBRARY_PATH:$INFINI_ROOT/lib
if [ -d "${HOME}/.cargo/bin" ]; then
    export PATH="${HOME}/.cargo/bin:${PATH}"
fi
export PIP_INDEX_URL="${PIP_INDEX_URL:-https://example.com/simple}"
export SDK_HOME=/opt/sdk
export SDK_PATH=${SDK_HOME}
export LD_LIBRARY_PATH="${LD_LIBRARY_PATH:-}:${SDK_PATH}/lib:${SDK_PATH}/more/lib"
export OTHER=$ELSEWHERE/x
export GREETING="say \"hi\""
"#;

#[test]
fn a_deployment_case_becomes_a_case() {
    let shown = deployment(
        &[
            ("install.defaults.sh", DEFAULTS),
            ("env-set.sh", ENVIRONMENT),
            ("config/a.toml", "port = 1\nHF_TOKEN = \"hf_abcdefghijklmnop\"\n"),
            (
                "requirements-a.txt",
                "--index-url https://joe:s3cret@example.com/simple\nflask>=2\n-r more.txt\n",
            ),
        ],
        &["README.md", "start.sh"],
    );
    assert!(!shown.contains("s3cret") && !shown.contains("hf_abc"), "{shown}");
    insta::assert_snapshot!(shown);
}

#[test]
fn the_service_alone_extends_the_case_of_the_service() {
    let settings =
        "INSTALL_INFINICORE=false\nINSTALL_INFINILM=false\nSETUP_APP_ROOT=false\nINFINICORE_BRANCH=main\n";
    insta::assert_snapshot!(deployment(&[("install.defaults.sh", settings)], &[]));
}

#[test]
fn both_packages_for_the_cpu_extend_the_case_for_the_cpu() {
    let settings = "INSTALL_INFINICORE=true\nINSTALL_INFINILM=true\nINFINILM_BRANCH=main\n";
    insta::assert_snapshot!(deployment(&[("install.defaults.sh", settings)], &[]));
}

#[test]
fn infinicore_without_infinilm_is_declared_beside_the_service() {
    let settings = "INSTALL_INFINICORE=true\nINSTALL_INFINILM=false\n";
    insta::assert_snapshot!(deployment(&[("install.defaults.sh", settings)], &[]));
}

#[test]
fn a_build_command_is_read_for_its_options_alone() {
    let read = |command: &str| match build_options(command) {
        Ok(options) => options
            .iter()
            .map(|(key, value)| match value {
                OptionValue::Switch(on) => format!("{key}={on}"),
                OptionValue::Text(text) => format!("{key}={text:?}"),
                other => panic!("{other:?}"),
            })
            .collect::<Vec<_>>()
            .join(" "),
        Err(why) => format!("refused: {why}"),
    };
    for (command, expected) in [
        ("python3 scripts/install.py --metax-gpu=y --ccl=y", "metax-gpu=true ccl=true"),
        ("/opt/conda/bin/python ./scripts/install.py --cpu=n --graph", "cpu=false graph=true"),
        ("xmake f --nv-gpu=true --cuda_arch=sm_90 -cv", "nv-gpu=true cuda_arch=\"sm_90\""),
        ("python3 scripts/install.py", ""),
    ] {
        assert_eq!(read(command), expected, "{command}");
    }
    for command in [
        "make install",
        "python3 scripts/install.py --a=y && rm -rf /",
        "python3 scripts/install.py $FLAGS",
        "python3 scripts/install.py metax",
        "bash scripts/install.sh --a=y",
        "python3 other.py --a=y",
        "",
    ] {
        assert!(read(command).starts_with("refused: "), "{command}: {}", read(command));
    }
}

fn moved() -> Moved {
    Moved { from: "/proj".into(), to: "/proj/cases/new".into() }
}

#[test]
fn a_preset_becomes_a_case_of_its_own() {
    let text = r#"{
  "metadata": { "name": "old one", "description": "a \"preset\"" },
  "base_image": "debian:12",
  "python": { "version": "3.11" }, "pytorch": {}, "tensorrt": {}, "build_options": {},
  "cuda": { "version": "12.6", "arch": 86 },
  "system_packages": ["curl"],
  "environment": { "A": "1", "HF_TOKEN": "hf_abcdefghijklmnop", "https_proxy": "http://proxy.example.com" },
  "surprise": {}
}"#;
    let file = CaseFile {
        name: "old.json".to_owned(),
        text: text.to_owned(),
        format: Format::Json,
        directory: None,
        artifacts: None,
    };
    let read = preset(&file, "new", &moved(), &looks_secret).unwrap();
    let mut shown = read.imported.case;
    for warning in read.warnings {
        let _ = writeln!(shown, "\n{warning}");
    }
    for finding in read.imported.findings {
        let _ = writeln!(shown, "{:?} {} -- {}", finding.kind, finding.text, finding.why);
    }
    insta::assert_snapshot!(shown);
}

#[test]
fn paths_of_a_preset_stay_right_in_the_case() {
    let text = r#"{ "metadata": {}, "base_image": "", "python": {}, "pytorch": {}, "tensorrt": {}, "cuda": {},
  "build_options": { "xaiva_media_source": { "path": "../media" } }, "system_packages": ["curl", "./debs/own.deb", "/srv/other.deb"] }"#;
    let file = CaseFile {
        name: "old.json".to_owned(),
        text: text.to_owned(),
        format: Format::Json,
        directory: None,
        artifacts: None,
    };
    let case = preset(&file, "new", &moved(), &nothing_is_secret).unwrap().imported.case;
    for line in [
        "path = \"../../../media\"",
        "system_packages = [\"curl\", \"../../debs/own.deb\", \"/srv/other.deb\"]",
    ] {
        assert!(case.contains(line), "{case}");
    }
}

#[test]
fn a_preset_says_the_same_as_the_case_that_is_written_of_it() {
    let json = r#"{ "metadata": { "description": "d" }, "base_image": "", "pytorch": {}, "tensorrt": {}, "python": { "version": "3.11" }, "cuda": { "version": "12.6", "arch": 86 },
  "system_packages": ["curl"], "environment": { "A_B": "x y" }, "build_options": { "ffmpeg_version": "6.0", "opencv_version": "4.8.0" } }"#;
    let file = |text: &str, format| CaseFile {
        name: "f".to_owned(),
        text: text.to_owned(),
        format,
        directory: None,
        artifacts: None,
    };
    let load = |file: CaseFile| {
        let overrides = model::case::Overrides { default_name: "f".to_owned(), ..Default::default() };
        let known = model::case::Recipes::from_iter([
            ("ffmpeg".to_owned(), Default::default()),
            ("opencv".to_owned(), Default::default()),
        ]);
        model::case::load(file, &mut |_, _| Err("none".to_owned()), &overrides, &known)
            .map_err(|errors| errors.to_string())
    };
    let stays = Moved { from: "/proj".into(), to: "/proj".into() };
    let written = preset(&file(json, Format::Json), "f", &stays, &nothing_is_secret).unwrap().imported.case;
    let (old, new) = (load(file(json, Format::Json)).unwrap(), load(file(&written, Format::Toml)).unwrap());
    assert_eq!(old.case, new.case, "{written}");
}
