#!/usr/bin/env bash
# What somebody would write instead of the case beside this file: every client in its turn.
set -euo pipefail
export DEBIAN_FRONTEND=noninteractive

mkdir -p /artifacts/source /artifacts/wheels
sed 's/^deb /deb-src /' /etc/apt/sources.list >/etc/apt/sources.list.d/sources.list
apt-get -qq update
if [[ -n ${BENCH_SMALLEST:-} ]]; then
    # As smallest.toml has it.
    apt-get -qq install --yes --no-install-recommends make
    (cd /artifacts/source && apt-get -qq source --download-only libyaml)
else
    apt-get -qq install --yes --no-install-recommends make nasm pkg-config dpkg-dev python3-venv
    (cd /artifacts/source && apt-get -qq source ffmpeg)
    python3 -m venv /artifacts/pip
    /artifacts/pip/bin/pip --quiet download --dest /artifacts/wheels \
        numpy==2.1.3 pillow==11.0.0 scipy==1.14.1 requests==2.32.3
fi
cp -r /bench/case/service /artifacts/service
cargo fetch --quiet --locked --manifest-path /artifacts/service/Cargo.toml
