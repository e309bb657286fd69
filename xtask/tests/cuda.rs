//! CUDA without a GPU: the toolkit of PyPI's wheels compiles for one, offline, and what it made runs on the host.
#![expect(clippy::disallowed_methods, reason = "a test starts the program that it tests")]
#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

mod common;

use std::path::Path;

use common::*;

/// One component by CMake, one by a compiler called by hand; both link the runtime statically.
const CASE: &str = r#"schema = 1
[metadata]
name = "cuda"
[cuda]
version = "13.0"
arch = "9.0"
[toolchains.cuda]
from = "wheels"
[sources.saxpy]
kind = "path"
path = "saxpy"
[components.saxpy]
driver = "cmake"
system = ["cuda"]
[[components.saxpy.checks]]
kind = "run"
command = ["{prefix}/bin/saxpy"]
contains = "saxpy: "
[components.by-hand]
driver = "command"
source = "saxpy"
system = ["cuda", "cxx-compiler"]
[components.by-hand.commands]
compile = [["nvcc", "-arch=sm_90", "-cudart", "static", "{source}/saxpy.cu", "-o", "by-hand"]]
install = [["install", "-D", "by-hand", "{destdir}{prefix}/bin/by-hand"]]
"#;

const CMAKE: &str = "cmake_minimum_required(VERSION 3.18)
project(saxpy LANGUAGES CXX CUDA)
find_package(CUDAToolkit 13.0 REQUIRED)
add_executable(saxpy saxpy.cu)
target_link_libraries(saxpy PRIVATE CUDA::cudart_static)
install(TARGETS saxpy)
";

/// Computes on a device where there is one; else the runtime says that there is none, which is the host's part.
const SAXPY: &str = r#"#include <cstdio>
__global__ void saxpy(int n, float a, const float *x, float *y) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n) y[i] = a * x[i] + y[i];
}
int main() {
    int devices = 0;
    cudaError_t asked = cudaGetDeviceCount(&devices);
    if (asked == cudaErrorNoDevice || asked == cudaErrorInsufficientDriver) {
        std::printf("saxpy: no device (%s)\n", cudaGetErrorName(asked));
        return 0;
    }
    float x[4] = {1, 2, 3, 4}, y[4] = {1, 1, 1, 1}, *dx = nullptr, *dy = nullptr;
    cudaMalloc(&dx, sizeof x);
    cudaMalloc(&dy, sizeof y);
    cudaMemcpy(dx, x, sizeof x, cudaMemcpyHostToDevice);
    cudaMemcpy(dy, y, sizeof y, cudaMemcpyHostToDevice);
    saxpy<<<1, 4>>>(4, 2, dx, dy);
    cudaMemcpy(y, dy, sizeof y, cudaMemcpyDeviceToHost);
    bool right = cudaGetLastError() == cudaSuccess && y[0] == 3 && y[3] == 9;
    std::printf("saxpy: %s\n", right ? "computed" : "failed");
    return right ? 0 : 1;
}
"#;

fn project(home: &Path) {
    std::fs::create_dir_all(home.join("saxpy")).unwrap();
    for (name, text) in [("case.toml", CASE), ("saxpy/CMakeLists.txt", CMAKE), ("saxpy/saxpy.cu", SAXPY)] {
        std::fs::write(home.join(name), text).unwrap();
    }
}

/// The architectures of the device code in a program: the entries of kind 2 (an ELF file; PTX is 1) of its fat binaries,
/// each of which begins with this number, a version, the length of this head, and the length of all entries.
fn device_code(program: &[u8]) -> Vec<u32> {
    const HEAD: [u8; 8] = [0x50, 0xed, 0x55, 0xba, 1, 0, 16, 0];
    let number = |at: usize| u32::from_le_bytes(program[at..at + 4].try_into().unwrap());
    let mut found = Vec::new();
    for head in (0..program.len().saturating_sub(64)).filter(|at| program[*at..].starts_with(&HEAD)) {
        let end = head + 16 + number(head + 8) as usize;
        let mut entry = head + 16;
        while entry < end {
            if program[entry] == 2 {
                found.push(number(entry + 28));
            }
            entry += (number(entry + 4) + number(entry + 8)) as usize;
        }
    }
    found
}

#[test]
fn the_toolkit_of_wheels_compiles_for_a_gpu_offline() {
    let directory = tempfile::tempdir().unwrap();
    let home = directory.path();
    project(home);
    let deps = placed(home, &["deps", "--case", "case.toml", "--progress", "json", "-y"]);
    assert_eq!(code(&deps), 0, "{}{}", printed(&deps), said(&deps));
    assert!(started(&deps).contains("deps/toolchain/cuda"));
    let lock = std::fs::read_to_string(home.join("case.lock")).unwrap();
    assert!(lock.contains("nvidia_cuda_nvcc-13.0."), "{lock}");

    let build = placed(home, &["build", "--case", "case.toml", "--progress", "plain", "-y"]);
    assert_eq!(code(&build), 0, "{}", said(&build));
    for program in ["saxpy", "by-hand"] {
        let path = home.join("prefix/bin").join(program);
        let architectures = device_code(&std::fs::read(&path).unwrap());
        assert!(!architectures.is_empty() && architectures.iter().all(|one| *one == 90), "{architectures:?}");
        let ran = printed(&std::process::Command::new(&path).output().unwrap());
        assert!(ran == "saxpy: computed\n" || ran.starts_with("saxpy: no device"), "{ran}");
    }

    let again = placed(home, &["all", "--case", "case.toml", "--progress", "json", "-y"]);
    assert_eq!((code(&again), started(&again).len()), (0, 0), "{}", printed(&again));

    // What a lost tree held is in the artifacts.
    std::fs::remove_dir_all(home.join("data-dir/cuda")).unwrap();
    let refused = placed(home, &["build", "--case", "case.toml", "--progress", "plain", "-y"]);
    assert_eq!(code(&refused), 4, "{}", said(&refused));
    assert!(said(&refused).contains("CUDA 13.0 is not installed"), "{}", said(&refused));
    let offline = placed(home, &["all", "--offline", "--case", "case.toml", "--progress", "json", "-y"]);
    assert_eq!(code(&offline), 0, "{}{}", printed(&offline), said(&offline));
    assert_eq!(started(&offline).into_iter().collect::<Vec<_>>(), ["deps/toolchain/cuda"]);

    // A GPU of before Turing, which CUDA 13 gave up: known before anything is looked at.
    std::fs::write(home.join("case.toml"), CASE.replace("arch = \"9.0\"", "arch = [86, \"sm_61\"]")).unwrap();
    let refused = placed(home, &["build", "--case", "case.toml", "--progress", "plain", "-y"]);
    assert_eq!(code(&refused), 3, "{}", said(&refused));
    assert!(
        said(&refused).contains("CUDA 13.0 is not known to compile for compute capability 6.1"),
        "{}",
        said(&refused)
    );
}

#[test]
fn what_no_wheel_has_is_refused_with_what_would_work() {
    let directory = tempfile::tempdir().unwrap();
    let home = directory.path();
    project(home);
    std::fs::write(home.join("case.toml"), CASE.replace("version = \"13.0\"", "version = \"11.8\"")).unwrap();
    let refused = placed(home, &["deps", "--case", "case.toml", "--progress", "plain", "-y"]);
    assert_eq!(code(&refused), 3, "{}", said(&refused));
    assert!(said(&refused).contains("PyPI's wheels have no compiler of CUDA 11.8"), "{}", said(&refused));
}
