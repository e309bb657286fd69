"""Makes the wheel of a project whose extension is compiled already, and unpacks it into a directory.

The project's own setup.py would compile again, and list what it packs by hand. Its metadata is taken from it; its
commands are not run.

    wheel.py SOURCE WORK MODULES PACKAGE LINKS [MAPPED…]

SOURCE    the project, only read: pyproject.toml, setup.py, python/ and what MAPPED names are copied
WORK      a directory of its own, made anew; the wheel is left there
MODULES   where the wheel is unpacked, made anew; the extension lies in MODULES/PACKAGE/lib before
PACKAGE   the package that the extension belongs to
LINKS     an editable install: the directory whose files are linked to instead of the copies of them; or nothing
"""

import os
import shutil
import subprocess
import sys

source, work, modules, package, links, *mapped = sys.argv[1:]
extensions = os.path.join(modules, package, "lib")
found = [name for name in os.listdir(extensions) if name.endswith(".so")] if os.path.isdir(extensions) else []
if not found:
    sys.exit(f"the extension of {package} is not in {extensions}: see the log of its compile step")

tree, wheels = os.path.join(work, "tree"), os.path.join(work, "wheels")
shutil.rmtree(work, ignore_errors=True)
os.makedirs(wheels)
ignore = shutil.ignore_patterns("__pycache__", "*.egg-info", "*.so")
for name in ["python", *mapped]:
    shutil.copytree(os.path.join(source, name), os.path.join(tree, name), ignore=ignore)
for name in os.listdir(source):
    path = os.path.join(source, name)
    if os.path.isfile(path) and (name in ("pyproject.toml", "setup.py", "setup.cfg") or name.startswith(("README", "LICENSE"))):
        shutil.copy(path, tree)
into = os.path.join(tree, "python", package, "lib")
os.makedirs(into, exist_ok=True)
for name in found:
    shutil.copy(os.path.join(extensions, name), into)
    print(f"extension {name}")
shutil.rmtree(modules)

os.chdir(tree)
# An in-tree setup.py may import what lies beside it.
sys.path.insert(0, tree)
import setuptools
import setuptools.build_meta

of_project = setuptools.setup


class WithExtension(setuptools.Distribution):
    """Whose wheel is for one version of Python on one kind of machine."""

    def has_ext_modules(self):
        return True


def setup(**arguments):
    arguments.pop("cmdclass", None)
    # Everything below python/ is what an editable install would import.
    listed = set(arguments.get("packages") or [])
    there = set(setuptools.find_namespace_packages(where="python"))
    for left_out in sorted(there - listed):
        print(f"package {left_out}, which setup.py leaves out")
    arguments["packages"] = sorted(listed | there)
    data = dict(arguments.get("package_data") or {})
    data[f"{package}.lib"] = [*data.get(f"{package}.lib", []), "*.so"]
    arguments["package_data"] = data
    arguments["distclass"] = WithExtension
    return of_project(**arguments)


setuptools.setup = setup
wheel = setuptools.build_meta.build_wheel(wheels)
# Asked for by its name, so that the path of the wheel is not written down in what is installed.
name, version = wheel.split("-")[:2]
pip = [sys.executable, "-m", "pip", "install", "--no-deps", "--no-index", "--no-compile", "--ignore-installed"]
pip += ["--no-warn-script-location", "--find-links", wheels, "--target", modules]
subprocess.run([*pip, f"{name}=={version}"], check=True)
# Built without its extension it would import as long as nothing is asked of it.
for extension in found:
    if not os.path.isfile(os.path.join(extensions, extension)):
        sys.exit(f"{wheel} has no {package}/lib/{extension}")

if links:
    linked = 0
    for directory, _, names in os.walk(modules):
        for name in names:
            path = os.path.join(directory, name)
            own = os.path.join(links, os.path.relpath(path, modules))
            if os.path.isfile(own) and not name.endswith(".so"):
                os.remove(path)
                os.symlink(own, path)
                linked += 1
    if not linked:
        sys.exit(f"{links} has none of the Python files that {wheel} was made of")
    print(f"editable: {linked} files are links into {links}")
