from setuptools import setup
from setuptools.command.egg_info import egg_info


class EggInfo(egg_info):
    def run(self):
        raise SystemExit("the project's own build command was run")


setup(
    # As in the project that this stands for, most of its packages are not listed.
    packages=["infinilm", "infinilm.lib"],
    package_dir={"": "python"},
    cmdclass={"egg_info": EggInfo},
)
