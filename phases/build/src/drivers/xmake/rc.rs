//! `xmakerc.lua`: what xmake reads before the project.

/// Written into the build tree and named by `XMAKE_RCFILES`.
pub(super) const RC_FILE: &str = "xmakerc.lua";

/// What it says. It holds for every version of xmake: what one lacks is defined where it is lacking.
///
/// - In `private` mode xmake clones no package index; found is what the system has, or a local index.
/// - xmake's own compiler cache is off: what a killed compile left in it would be taken for whole, by other trees too.
/// - The rule `python.module` came with 3.0. Below it the rule `python.library` of 2.x does the same for an extension but
///   for its name: `soabi` is on unless it is said to be off. A rule of a file that others are read after must end.
pub(super) const RC: &str = r#"set_policy("network.mode", "private")
set_policy("build.ccache", false)
if xmake.version():lt("3.0.0") then
    rule("python.module")
        on_config(function (target)
            target:set("kind", "shared")
            target:set("prefixname", "")
            target:add("runenvs", "PYTHONPATH", target:targetdir())
            local soabi = target:extraconf("rules", "python.module", "soabi")
            local extension = ".so"
            if soabi == nil or soabi then
                import("lib.detect.find_tool")
                local python = assert(find_tool("python3"), "python3 not found!")
                local told = os.iorunv(python.program, {"-c", "import sysconfig; print(sysconfig.get_config_var('EXT_SUFFIX') or '.so')"})
                extension = told:trim()
            end
            target:set("extension", extension)
        end)
    rule_end()
end
"#;

/// Copies the files of targets into a directory: `xmake lua stage.lua DIRECTORY TARGET…`. `xmake install` would put them
/// into a `lib` below it, with a copy of every library that they need.
pub(super) const STAGE_FILE: &str = "stage.lua";

pub(super) const STAGE: &str = r#"import("core.base.task")
import("core.project.project")

function main(directory, ...)
    task.run("config", {require = false}, {disable_dump = true})
    for _, name in ipairs({...}) do
        local target = assert(project.target(name), "the project has no target %s", name)
        os.mkdir(directory)
        os.cp(target:targetfile(), path.join(directory, target:filename()))
        print("%s -> %s", target:filename(), directory)
    end
end
"#;
