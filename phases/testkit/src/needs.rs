//! What a test needs and a machine may lack: Docker, root, network namespaces.
//!
//! Such a test is never passed without it. It carries the need in its name, so that `./x test` can leave it out and say
//! so, and it fails where it runs all the same.

use std::path::Path;

/// Says that the running test needs something of the table `scripts/needs`.
///
/// # Panics
///
/// When it is missing, when the table does not have it, and when the test is not inside of a module `needs_<NAME>`.
#[expect(
    clippy::disallowed_methods,
    reason = "the tests' table of needs is a script, which `./x test` reads too"
)]
pub fn need(name: &str) {
    let test = running();
    let module = format!("needs_{name}");
    assert!(
        test.split("::").any(|part| part == module),
        "the test `{test}` needs {name}: move it into a module `{module}`, by which `./x test` leaves it out where \
         that is missing"
    );
    let table = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scripts/needs");
    let output = std::process::Command::new(&table).arg(name).output();
    let output = output.unwrap_or_else(|error| panic!("failed to start {}: {error}", table.display()));
    let said =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "this test needs {name}, and this machine lacks it: {}; `./x test` leaves it out by name",
        said.trim()
    );
}

/// The full name of the test that runs in this thread or, as nextest has it, in this process.
fn running() -> String {
    match std::thread::current().name() {
        Some(name) if name != "main" => name.to_owned(),
        // With a single test there is no thread of its own.
        _ => {
            let mut words = std::env::args().skip_while(|word| word != "--exact");
            words.nth(1).unwrap_or_default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::need;

    fn message(name: &'static str) -> String {
        let panic = std::panic::catch_unwind(|| need(name)).expect_err("it has to fail");
        panic.downcast_ref::<String>().expect("a message").clone()
    }

    mod needs_nothing_of_the_table {
        #[test]
        fn an_unknown_need_is_told() {
            let told = super::message("nothing_of_the_table");
            assert!(told.contains("is not a known need"), "{told}");
        }
    }

    #[test]
    fn a_test_outside_of_its_module_fails_whether_or_not_the_need_is_met() {
        let told = message("debian");
        assert!(told.contains("move it into a module `needs_debian`"), "{told}");
    }
}
