-- A small project with the targets, packages and layout of InfiniCore, for tests of its recipe.
add_rules("mode.debug", "mode.release")
add_requires("boost", {configs = {stacktrace = true}})
add_requires("pybind11")
add_includedirs("include", "third_party/spdlog/include", "third_party/nlohmann_json/single_include")

option("omp", {default = true, showmenu = true})
option("metax-gpu", {default = false, showmenu = true})
if has_config("metax-gpu") then
    add_defines("ENABLE_METAX_API")
end
option("editable", {default = false, showmenu = true})

local root = os.getenv("INFINI_ROOT") or (os.getenv("HOME") .. "/.infini")

for _, name in ipairs({"infinirt", "infiniop", "infiniccl"}) do
    target(name)
        set_kind("shared")
        set_languages("cxx17")
        add_files("src/" .. name .. ".cc")
        set_installdir(root)
        add_installfiles("include/" .. name .. ".h", {prefixdir = "include"})
    target_end()
end

target("infinicore_cpp_api")
    set_kind("shared")
    set_languages("cxx17")
    add_deps("infiniop", "infinirt", "infiniccl")
    add_includedirs(root .. "/include", {public = true})
    add_linkdirs(root .. "/lib")
    add_files("src/tensor.cc")
    set_installdir(root)
    add_installfiles("include/infinicore/(**.hpp)", {prefixdir = "include/infinicore"})
target_end()

-- Nobody asked for it: building it fails.
target("infinicore-tests")
    set_kind("binary")
    add_files("src/nowhere_to_be_found/*.cc")
    before_build(function () raise("the recipe builds what it does not install") end)
target_end()

target("_infinicore")
    set_default(false)
    set_kind("shared")
    set_languages("cxx17")
    add_rules("python.library", {soabi = true})
    add_packages("pybind11")
    add_deps("infinicore_cpp_api")
    add_linkdirs(root .. "/lib")
    add_files("src/module.cc")
    set_installdir("python/infinicore")
target_end()
