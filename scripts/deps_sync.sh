#!/bin/sh
# The name of an older script: `installer` translates the options, prints the command line of today, and runs it (docs/migrating.md).
set -eu
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
for installer in "${INSTALLER:-}" "$(command -v installer || :)" "$here/installer" "$here/../dist/installer"; do
    if [ -f "$installer" ] && [ -x "$installer" ]; then exec "$installer" legacy deps_sync.sh "$here" "$@"; fi
done
echo "$0: installer was not found: put it on PATH or beside this script, or name it in INSTALLER" >&2
exit 127
