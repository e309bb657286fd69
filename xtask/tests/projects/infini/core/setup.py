from setuptools import find_packages, setup
from setuptools.command.build import build


class Build(build):
    def run(self):
        raise SystemExit("the project's own build command was run")


setup(
    packages=find_packages(where="python") + ["infinicore.test"],
    package_dir={"": "python", "infinicore.test": "test/infinicore"},
    cmdclass={"build": Build},
)
