#!/usr/bin/env bash
# Makes .venv and installs what it needs, once: a stamp of the project file, of this script and of
# the folder skips everything the second time, so that a set-up clone works offline.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

STAMP=.venv/set-up
LOG=.setup/log
# OSMesa draws without a screen or a GPU; the fonts hold CJK, Thai, Devanagari, Arabic and the
# rest; Chromium reads the report in its test.
PACKAGES=(libosmesa6 fonts-noto-cjk fonts-noto-core chromium)

key() { cat pyproject.toml tools/setup.sh <(pwd) | sha256sum | cut -d' ' -f1; }
fail() {
  printf 'set-up failed: %s\n' "$1" >&2
  exit 2
}

# phase WORDS COMMAND...: one line while it runs, its seconds when it is done.
phase() {
  local words=$1 began=$SECONDS
  shift
  printf 'set-up: %s ...' "$words"
  if ! "$@" >>"$LOG" 2>&1 </dev/null; then
    printf ' failed\n'
    tail -n 5 "$LOG" | cut -c 1-300 >&2
    fail "$words; the lines above end its log, $PWD/$LOG; mend that and run the command again"
  fi
  printf ' %s s\n' "$((SECONDS - began))"
}

# The first Python that runs, is new enough and can make a venv.
find_python() {
  local name
  for name in ${PYTHON:-python3.11 python3.12 python3.13 python3}; do
    if "$name" -c 'import sys, ensurepip, venv; sys.exit(sys.version_info < (3, 11))' \
      >/dev/null 2>&1; then
      command -v "$name"
      return
    fi
  done
  return 1
}

installed() { dpkg-query -W -f='${Status}' "$1" 2>/dev/null | grep -q '^install ok installed$'; }

debian() {
  local missing=() name
  if ! command -v apt-get >/dev/null; then
    echo "set-up: no apt-get here; pictures and the browser test need what Debian calls ${PACKAGES[*]}"
    return
  fi
  for name in "${PACKAGES[@]}"; do installed "$name" || missing+=("$name"); done
  find_python >/dev/null || missing+=(python3 python3-venv)
  ((${#missing[@]})) || return 0
  if ((EUID)); then
    echo "set-up: continuing without what needs an administrator: apt-get install ${missing[*]}"
    return
  fi
  phase "apt-get update" apt-get update
  phase "apt-get install ${missing[*]}" \
    env DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends "${missing[@]}"
}

has_gpu() { command -v nvidia-smi >/dev/null && nvidia-smi --list-gpus 2>/dev/null | grep -q .; }
PIP=(.venv/bin/python -m pip --quiet --disable-pip-version-check install)

[[ -x .venv/bin/python && "$(cat "$STAMP" 2>/dev/null)" == "$(key)" ]] && exit 0
trap 'printf "\nset-up: interrupted; run the command again\n" >&2; exit 130' INT TERM
{ mkdir -p .setup && : >"$LOG"; } 2>/dev/null || fail "cannot write to $PWD"
rm -f "$STAMP"
[[ -z ${PYTHON:-} ]] || find_python >/dev/null ||
  fail "PYTHON=$PYTHON is not a Python 3.11 or newer with venv"
debian
python=$(find_python) || fail "needs Python 3.11 or newer with venv; install it (Debian: apt-get install python3 python3-venv) or name one: PYTHON=/path/to/python3"
.venv/bin/python -m pip --version >/dev/null 2>&1 ||
  phase "making .venv with $python" "$python" -m venv --clear .venv
if has_gpu; then
  echo "set-up: NVIDIA GPU found, torch comes with CUDA"
else
  phase "installing torch 2.13.0" "${PIP[@]}" --only-binary :all: torch==2.13.0
  if compgen -G '.venv/lib/python*/site-packages/nvidia' >/dev/null; then
    echo "set-up: your package index has torch 2.13.0 with CUDA alone; it works, at 4 GB more"
  fi
fi
phase "installing vla_backfire and its tools" "${PIP[@]}" --editable '.[dev]'
key >"$STAMP"
echo "set-up: done in $SECONDS s; .venv holds $(du -sh .venv | cut -f1)"
