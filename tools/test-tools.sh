#!/usr/bin/env bash
# Installs the programs of others that the tests talk to, where they are missing: from Debian's packages.
set -euo pipefail

# A program, and the package that has it.
tools=(
  "python3 python3"
  "openssl openssl"
  "nc netcat-openbsd"
  "socat socat"
  "sox sox"
)

missing=()
for tool in "${tools[@]}"; do
  read -r program package <<<"$tool"
  command -v "$program" >/dev/null || missing+=("$package")
done
if [ ${#missing[@]} -eq 0 ]; then exit 0; fi

as_root=()
if [ "$(id -u)" -ne 0 ]; then as_root=(sudo); fi
"${as_root[@]}" apt-get update
"${as_root[@]}" apt-get install --yes --no-install-recommends "${missing[@]}"
