//! What the machine has too little of: descriptors, processes, memory, room for arguments. None of it has to do with the
//! program that could not be started or the file that could not be opened.

use std::io;

const E2BIG: i32 = 7;
const EAGAIN: i32 = 11;
const ENOMEM: i32 = 12;
const ENFILE: i32 = 23;
const EMFILE: i32 = 24;

/// How tools tell what they could not have, the more special before the more general.
const SIGNS: [(&str, i32); 6] = [
    ("Too many open files in system", ENFILE),
    ("Too many open files", EMFILE),
    ("too many open files", EMFILE),
    ("Cannot allocate memory", ENOMEM),
    ("Argument list too long", E2BIG),
    ("are too long for the kernel", E2BIG),
];
/// EAGAIN is a lack only where a process or thread was to be made.
const AGAIN: &str = "Resource temporarily unavailable";
const MAKING: [&str; 7] = ["fork", "clone", "spawn", "thread", "process", "start", "os error 11"];

/// What to do about an error that came of such a lack; none for another error.
pub fn cure(error: &io::Error) -> Option<String> {
    exec::errno(error).and_then(about)
}

/// The same for what a tool said of such a lack.
pub fn told<'a>(mut lines: impl Iterator<Item = &'a str>) -> Option<String> {
    lines.find_map(|line| {
        let sign = SIGNS.iter().find(|(sign, _)| line.contains(sign));
        let again = line.contains(AGAIN) && MAKING.iter().any(|word| line.contains(word));
        about(sign.map(|(_, errno)| *errno).or_else(|| again.then_some(EAGAIN))?)
    })
}

fn about(errno: i32) -> Option<String> {
    Some(match errno {
        EMFILE => {
            let now = shown(exec::limits().files);
            format!(
                "there are too few file descriptors: the limit is {now} (`ulimit -n`); raise it with `ulimit -n 4096` in the \
                 shell, or in a container with --ulimit nofile=4096, then run the same command again"
            )
        }
        ENFILE => "all programs of this machine together have as many open files as the kernel allows (fs.file-max): end \
                   others, or raise it with `sysctl -w fs.file-max=N`, then run the same command again"
            .to_owned(),
        EAGAIN => {
            let now = shown(exec::limits().processes);
            format!(
                "no further process may be started: the limit of this user is {now} (`ulimit -u`), a container has one of \
                 its own (--pids-limit); raise it, or use a lower -j, then run the same command again"
            )
        }
        ENOMEM => "the machine or its control group has no memory left for it (`free -m`): end other programs, or use a lower \
                   -j, then run the same command again"
            .to_owned(),
        E2BIG => "the arguments and the environment together are larger than the kernel takes (`getconf ARG_MAX`, and 128 KiB \
                  for each): shorten `arguments`, `options` or `environment` in the case"
            .to_owned(),
        _ => return None,
    })
}

fn shown(limit: Option<u64>) -> String {
    limit.map_or_else(|| "unlimited".to_owned(), |limit| limit.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_lacking_is_known_by_number_and_by_words() {
        for (errno, word) in [
            (EMFILE, "ulimit -n"),
            (ENFILE, "fs.file-max"),
            (EAGAIN, "ulimit -u"),
            (ENOMEM, "memory"),
            (E2BIG, "ARG_MAX"),
        ] {
            let cure = cure(&io::Error::from_raw_os_error(errno)).unwrap();
            assert!(cure.contains(word), "{cure}");
        }
        assert_eq!(cure(&io::Error::from_raw_os_error(2)), None);
        for (line, word) in [
            ("make: pipe: Too many open files", "ulimit -n"),
            ("cc1: error: Too many open files in system", "fs.file-max"),
            ("make: vfork: Resource temporarily unavailable", "ulimit -u"),
            ("as: Cannot allocate memory", "memory"),
            ("/bin/sh: /usr/bin/ar: Argument list too long", "ARG_MAX"),
        ] {
            let cure = told([line].into_iter()).unwrap();
            assert!(cure.contains(word), "{line}: {cure}");
        }
        for line in ["recv: Resource temporarily unavailable", "error: too many arguments"] {
            assert_eq!(told([line].into_iter()), None, "{line}");
        }
    }
}
