#!/usr/bin/env bash
set -e
root="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
# shellcheck source=/dev/null
. "$root/env-set.sh"
exec bash "$root/script/launch_all_rust.sh"
