//! Dockerfiles: the two that are in `docker/`, made a case's own, and the instructions of its `[image]` section.
//!
//! An entry point, a health check or a port cannot be set from inside a build, and no ARG can carry a list of words. So
//! the instructions are rendered: they are then the image's own configuration, which every engine shows and obeys, and
//! nothing has to be started in between.

use camino::{Utf8Path, Utf8PathBuf};
use model::case::{Case, Image};

/// Both phases in one build.
pub const BOTH: &str = include_str!("../../../docker/Dockerfile");

/// The second phase, from an image of the first.
pub const BUILD_ONLY: &str = include_str!("../../../docker/Dockerfile.build-only");

/// Where the instructions lie in an exported tree, as a Dockerfile of their own.
pub const PLACE: &str = "/etc/installer/image.Dockerfile";

/// The user and group that an account which the image lacks is created with.
const ACCOUNT: u32 = 10001;

/// What the placeholders of `[image]` stand for.
#[derive(Clone, Copy, Debug)]
pub struct Places<'a> {
    /// `{prefix}`.
    pub prefix: &'a Utf8Path,
    /// `{environment}`; `{python}` is the interpreter in it.
    pub environment: &'a Utf8Path,
}

impl Places<'_> {
    fn fill(&self, text: &str) -> String {
        text.replace("{prefix}", self.prefix.as_str())
            .replace("{environment}", self.environment.as_str())
            .replace("{python}", self.environment.join("bin/python").as_str())
    }

    fn words(&self, words: &[String]) -> String {
        // A list of texts always serialises, and so as what Docker calls the exec form.
        serde_json::to_string(&words.iter().map(|word| self.fill(word)).collect::<Vec<_>>())
            .unwrap_or_default()
    }
}

/// How a case is called in a build, and what of the build context the first phase sees for it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Called {
    /// Its name, or its path in the build context.
    pub case: String,
    /// Directories beside `cases` that it reads, as paths in the context.
    pub sees: Vec<Utf8PathBuf>,
    /// It lies at the top of the context: all of that is seen.
    pub sees_all: bool,
}

impl Called {
    fn seen(&self, text: &str) -> String {
        let text = match self.sees_all {
            true => text.replacen("\nARG DEPS_SEES=cases\n", "\nARG DEPS_SEES=all\n", 1),
            false => text.to_owned(),
        };
        let last = "\nCOPY recipe[s] /recipes/\n";
        let copies = self.sees.iter().map(|directory| {
            // The exec form takes white space in names.
            let words = [format!("{directory}/"), format!("/{directory}/")];
            format!("COPY {}\n", serde_json::to_string(&words).unwrap_or_default())
        });
        text.replacen(last, &format!("{last}{}", copies.collect::<String>()), 1)
    }
}

/// One of the two Dockerfiles with the case, its base image and its instructions filled in.
pub fn of_case(template: &str, called: &Called, case: &Case, places: Places<'_>) -> String {
    let named = format!("\nARG CASE={}\n", quoted(&called.case));
    let mut text = called.seen(template).replacen("\nARG CASE\n", &named, 1);
    if let Some(base) = &case.base_image {
        for name in ["BASE_IMAGE", "RUNTIME_BASE_IMAGE"] {
            text = text.replacen(
                &format!("\nARG {name}=debian:12\n"),
                &format!("\nARG {name}={}\n", quoted(base)),
                1,
            );
        }
    }
    // Caches of its own, so that compiling other cases does not wait for this one; downloads of packages stay shared.
    for cache in ["trees", "records"] {
        let (shared, own) =
            (format!("id=installer-{cache},"), format!("id=installer-{cache}-{},", case.metadata.name));
        text = text.replace(&shared, &own);
    }
    text.push_str(&instructions(case, places));
    text
}

/// A Dockerfile that gives an image the case's instructions; without a name the image is told by `--build-arg IMAGE=`.
pub fn on_image(name: Option<&str>, case: &Case, places: Places<'_>) -> String {
    let from = match name {
        Some(name) => format!("FROM {name}\n"),
        None => "ARG IMAGE\nFROM ${IMAGE}\n".to_owned(),
    };
    from + &instructions(case, places)
}

/// The instructions of a case's `[image]` section; none without one.
pub fn instructions(case: &Case, places: Places<'_>) -> String {
    let Some(image) = &case.image else { return String::new() };
    let mut lines = Vec::new();
    for (name, value) in &image.environment {
        lines.push(format!("ENV {name}={}", quoted(&places.fill(value))));
    }
    let account = image.user.as_deref().filter(|user| !user.starts_with(|c: char| c.is_ascii_digit()));
    if let Some(name) = account {
        // Bare images have no useradd, and one number on every build is what a cluster can be told.
        lines.push(format!(
            "RUN grep -q '^{name}:' /etc/group || echo '{name}:x:{ACCOUNT}:' >>/etc/group; \\\n    \
             grep -q '^{name}:' /etc/passwd || echo '{name}:x:{ACCOUNT}:{ACCOUNT}::/nonexistent:/usr/sbin/nologin' >>/etc/passwd"
        ));
    }
    if let Some(directory) = &image.working_directory {
        lines.push(format!("WORKDIR {}", quoted(&places.fill(directory.as_str()))));
    }
    lines.extend(image.user.as_ref().map(|user| format!("USER {user}")));
    let ports: Vec<String> = image.ports.iter().filter_map(model::case::Port::checked).collect();
    if !ports.is_empty() {
        lines.push(format!("EXPOSE {}", ports.join(" ")));
    }
    lines.extend(started(image, places));
    lines.iter().map(|line| format!("{line}\n")).collect()
}

fn started(image: &Image, places: Places<'_>) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(check) = &image.health_check {
        // Docker refuses a period of 0 s, and takes it when nothing is said.
        let start = match check.start_period_seconds {
            0 => String::new(),
            seconds => format!(" --start-period={seconds}s"),
        };
        lines.push(format!(
            "HEALTHCHECK --interval={}s --timeout={}s{start} --retries={} CMD {}",
            check.interval_seconds,
            check.timeout_seconds,
            check.retries,
            places.words(&check.command)
        ));
    }
    if !image.entrypoint.is_empty() {
        lines.push(format!("ENTRYPOINT {}", places.words(&image.entrypoint)));
    }
    if !image.command.is_empty() {
        lines.push(format!("CMD {}", places.words(&image.command)));
    }
    lines
}

/// A value that a Dockerfile neither splits nor expands.
fn quoted(value: &str) -> String {
    let mut text = String::from("\"");
    for character in value.chars() {
        if matches!(character, '"' | '\\' | '$') {
            text.push('\\');
        }
        text.push(character);
    }
    text + "\""
}

#[cfg(test)]
mod tests {
    use model::case::{HealthCheck, Port};

    use super::*;

    fn case() -> Case {
        let words = |text: &str| text.split(' ').map(str::to_owned).collect();
        Case {
            metadata: model::case::Metadata { name: "mine".to_owned(), ..Default::default() },
            base_image: Some("registry.example/base:1".to_owned()),
            image: Some(Image {
                entrypoint: words("{prefix}/bin/serve --directory $HOME"),
                command: words("--port 8080"),
                user: Some("app".to_owned()),
                working_directory: Some("/srv/a place".into()),
                ports: vec![Port::Number(8080), Port::Text("53/udp".to_owned())],
                environment: [
                    ("GREETING".to_owned(), "say \"hi\" for $5 \\".to_owned()),
                    ("PATH".to_owned(), "{environment}/bin:/usr/bin".to_owned()),
                ]
                .into(),
                health_check: Some(HealthCheck {
                    command: words("{python} -c pass"),
                    interval_seconds: 5,
                    timeout_seconds: 2,
                    start_period_seconds: 1,
                    retries: 4,
                }),
                ..Image::default()
            }),
            ..Case::default()
        }
    }

    fn places() -> Places<'static> {
        Places { prefix: Utf8Path::new("/usr/local"), environment: Utf8Path::new("/opt/e") }
    }

    #[test]
    fn every_value_becomes_an_instruction() {
        assert_eq!(
            instructions(&case(), places()),
            r#"ENV GREETING="say \"hi\" for \$5 \\"
ENV PATH="/opt/e/bin:/usr/bin"
RUN grep -q '^app:' /etc/group || echo 'app:x:10001:' >>/etc/group; \
    grep -q '^app:' /etc/passwd || echo 'app:x:10001:10001::/nonexistent:/usr/sbin/nologin' >>/etc/passwd
WORKDIR "/srv/a place"
USER app
EXPOSE 8080 53/udp
HEALTHCHECK --interval=5s --timeout=2s --start-period=1s --retries=4 CMD ["/opt/e/bin/python","-c","pass"]
ENTRYPOINT ["/usr/local/bin/serve","--directory","$HOME"]
CMD ["--port","8080"]
"#
        );
        assert_eq!(instructions(&Case::default(), places()), "");
    }

    #[test]
    fn both_files_are_made_a_case_s_own() {
        let called = |name: &str| Called { case: name.to_owned(), ..Called::default() };
        let both = of_case(BOTH, &called("my case"), &case(), places());
        assert!(both.contains("\nARG CASE=\"my case\"\n") && both.ends_with("CMD [\"--port\",\"8080\"]\n"));
        assert_eq!(
            both.matches("id=installer-trees-mine,target=/var/cache/installer,sharing=locked").count(),
            2
        );
        assert_eq!(
            both.matches("id=installer-records-mine,target=/var/lib/installer,sharing=locked").count(),
            2
        );
        assert!(both.contains("\nARG BASE_IMAGE=\"registry.example/base:1\"\n"));
        assert!(both.contains("\nARG RUNTIME_BASE_IMAGE=${BASE_IMAGE}\n"));
        let second = of_case(BUILD_ONLY, &called("x"), &case(), places());
        assert!(second.contains("\nARG CASE=\"x\"\n"));
        assert!(second.contains("\nARG RUNTIME_BASE_IMAGE=\"registry.example/base:1\"\n"));
    }

    #[test]
    fn the_last_stage_is_the_runtime_image_and_nothing_newer_than_20_10_is_used() {
        for (template, phases) in [(BOTH, 2), (BUILD_ONLY, 1)] {
            let stages: Vec<&str> = template.lines().filter_map(|line| line.strip_prefix("FROM ")).collect();
            assert!(stages.last().is_some_and(|stage| stage.ends_with(" AS runtime")), "{stages:?}");
            let instructions = || template.lines().filter(|line| !line.starts_with("# "));
            for newer in ["<<", "--link", "--parents", "--network", "ENV ", "ARG http", "ARG HTTP"] {
                assert!(!instructions().any(|line| line.contains(newer)), "{newer}");
            }
            assert!(!template.lines().any(|line| line.starts_with("# syntax")));
            assert_eq!(template.matches("installer --phase=").count(), phases);
        }
        assert!(!BUILD_ONLY.contains("--phase=deps"));
        let runtime = |text: &'static str| text.split_once("AS runtime\n").map(|(_, rest)| rest.to_owned());
        assert_eq!(runtime(BOTH).map(|text| text.replace("from=build,", "from=built,")), runtime(BUILD_ONLY));
    }
}
