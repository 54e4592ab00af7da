#!/usr/bin/env bash
# Installs what `bench peers` measures Bindery beside, into target/peers: FastMCP with httpx, a server
# of the TypeScript SDK, task-master, Backlog.md and TaskChampion. Needs python3 with venv, npm, and
# 2 GB of disk.
set -euo pipefail
cd "$(dirname "$0")/.."

peers=target/peers
mkdir -p "$peers"
cp -r bench/peers/* "$peers"
[ -x "$peers/python/bin/python" ] || python3 -m venv "$peers/python"
"$peers/python/bin/pip" install --quiet --disable-pip-version-check --requirement "$peers/requirements.txt"
npm --prefix "$peers" install --no-package-lock --no-audit --no-fund --loglevel=error
cargo build --quiet --release --manifest-path "$peers/taskchampion/Cargo.toml"
echo "peers: ready; now run: cargo run --release -p bench -- peers"
