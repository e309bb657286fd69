#!/usr/bin/env python3
"""The name of an older script: `installer` translates the options, prints the command line of today, and runs it (docs/migrating.md)."""
import os
import shutil
import sys

here = os.path.dirname(os.path.abspath(__file__))
beside = [os.path.join(here, "installer"), os.path.join(here, "..", "dist", "installer")]
for installer in [os.environ.get("INSTALLER"), shutil.which("installer"), *beside]:
    if installer and os.path.isfile(installer) and os.access(installer, os.X_OK):
        os.execv(installer, [installer, "legacy", "build.py", here, *sys.argv[1:]])
sys.exit(f"{sys.argv[0]}: installer was not found: put it on PATH or beside this script, or name it in INSTALLER")
