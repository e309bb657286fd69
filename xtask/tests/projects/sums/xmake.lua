-- A project for the tests: a library, a program, a Python extension, packages, and an option that fails.
add_rules("mode.debug", "mode.release")
set_languages("cxx17")

add_requires("openmp", "pybind11")

option("loud")
    set_default(false)
    set_showmenu(true)
    set_description("Say more")
option_end()

option("compressed")
    set_default(false)
    set_showmenu(true)
    set_description("Use zlib")
option_end()

-- Asks for an SDK that nobody has, as those of accelerators do.
option("accelerator")
    set_default(false)
    set_showmenu(true)
    set_description("Use an accelerator")
option_end()

if has_config("compressed") then
    includes("xmake/compressed.lua")
end

if has_config("accelerator") then
    add_requires("accelerator-sdk >=9", {configs = {shared = true}})
end

target("sums")
    set_kind("shared")
    add_packages("openmp")
    add_headerfiles("src/(sums.hpp)")
    add_files("src/sums.cpp")
    if has_config("loud") then
        add_defines("LOUD")
    end

target("sum")
    set_kind("binary")
    add_deps("sums")
    add_files("src/main.cpp")

target("_sums")
    set_default(false)
    add_rules("python.module", {soabi = true})
    add_packages("pybind11")
    add_deps("sums")
    add_files("src/module.cpp")
    -- What such projects do: a file of the source tree is written.
    after_build(function (target)
        io.writefile(path.join(os.projectdir(), "python/sums/built.txt"), target:filename())
    end)
