# `make` lists the targets. They need Python 3.11 or newer, make, and access to the package index.
MAKEFLAGS += --no-print-directory --no-builtin-rules
.DEFAULT_GOAL := help

# Bytecode goes to another folder, because otherwise each test run would change what `sam build` sees. It is always
# written, because everything starts slower without it.
unexport PYTHONDONTWRITEBYTECODE
export PYTHONPYCACHEPREFIX := $(CURDIR)/.local/pycache
export SAM_CLI_TELEMETRY := 0
# uv's own list of authorities has none of a company's own, so use the list of the machine if there is one.
export UV_SYSTEM_CERTS ?= $(if $(wildcard /etc/ssl/certs/ca-certificates.crt /etc/pki/tls /etc/ssl/cert.pem),1,0)

UV := .local/uv/bin/uv
BIN := .venv/bin
SAM := .local/env/sam/bin/sam
LOCAL := .venv/.done .local/env/sam/.done .local/env/ministack/.done
LAMBDA := .local/env/lambda/.done # only what Lambda brings: the layer must bring the rest

.PHONY: help run environments test check unit engine e2e e2e-1 e2e-2 browser bench build validate lock format clean
.PHONY: versions smoke invoke screenshots

help: ## List the targets.
	@sed -n 's/^\([a-z0-9-]*\):.*## \(.*\)/\1	\2/p' Makefile | expand -t 18

run: ## Run everything here until Ctrl-C: page on port 3080, API on 3000, inbox on 3025, desk on 3090.
	@python3 -m local.checks
	@$(MAKE) environments
	@WEB_PORT=$${WEB_PORT:-3080} $(BIN)/python -m local

environments: $(LOCAL)
	@: # says nothing if all are there

test: check engine build e2e browser ## Run all that CI runs: check, AWS's engine, the layer, end-to-end and browser tests.

check: .venv/.done ## Check format, lint and types, and run the unit tests.
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(MAKE) unit

unit: .venv/.done ## Run the unit tests.
	$(BIN)/pytest -q -n auto tests/unit

engine: .venv/.done .local/engine/.done ## Run races and floods on AWS's own DynamoDB engine; needs Java. UNIT=1 adds the unit tests.
	$(BIN)/pytest -q tests/engine
	$(if $(UNIT),ENGINE=dynamodb-local $(BIN)/pytest -q -n auto tests/unit)

PROGRAMS := $(patsubst %,.local/env/%/.done,description verify quick-starts) \
    $(patsubst %,%/node_modules/.package-lock.json,tests/browser tests/clients examples/verify)
e2e: $(LOCAL) $(LAMBDA) $(PROGRAMS) ## Run whole journeys through local stacks of their own.
	$(MAKE) -j2 e2e-1 e2e-2

e2e-1 e2e-2:
	$(BIN)/pytest -q tests/e2e --part $(@:e2e-%=%)

BROWSER_PACKAGES := $(patsubst %,%/node_modules/.package-lock.json,tests/browser examples/web widget)
browser: $(LOCAL) $(BROWSER_PACKAGES) ## Test the sample page and each method of the SDK in Chromium; SCREENSHOTS=1, WRITE=1.
	@tests/browser/find-chromium
	node tests/browser/run.js
	DISCOVERY=strict node tests/browser/run.js

%/node_modules/.package-lock.json: %/package-lock.json
	@command -v npm >/dev/null || { echo "Node 20.11 or newer, with npm, is needed for $*"; exit 1; }
	cd $* && npm ci --silent
	@touch $@

bench: $(LOCAL) $(LAMBDA) ## Measure cold and warm requests beside boto3 alone; what imports and botocore's settings cost.
	@$(BIN)/python -m bench.cold_start --imports
	@PYTHONPATH=layers/core/python:. $(BIN)/python -m bench.warm --switches

build: $(LOCAL) validate ## Build for Lambda with `sam build`, and check the layers.
	UV="$(CURDIR)/$(UV)" $(SAM) build --cached --parallel
	$(BIN)/python -m local.check_layer .aws-sam/build

versions: build ## Build with versions and an alias of each function, for SnapStart=on and Canary=true.
	$(BIN)/python -m local.aliases .aws-sam/build/template.yaml

# What is left out, and why: docs/decisions/0011-linters.md.
validate: .local/env/sam/.done ## Check the template with cfn-lint, which expands it as SAM does.
	$(dir $(SAM))cfn-lint --template template.yaml --regions eu-central-1 \
	    --include-checks I --include-experimental --ignore-checks I4010

smoke: ## Check a deployment from outside: API=... TO=... (an address without an account); INBOX=, ORIGIN=, CLIENT_ID=.
	@PYTHONPATH=cli python3 -m latchkey_cli.smoke "$(API)" $(if $(TO),--to "$(TO)") $(if $(INBOX),--inbox "$(INBOX)") \
	    $(if $(ORIGIN),--origin "$(ORIGIN)") $(if $(CLIENT_ID),--client-id "$(CLIENT_ID)")

invoke: $(LOCAL) $(LAMBDA) ## Let FN=SignIn answer EVENT=events/sign_in.json, against what `make run` runs; no Docker.
	@$(BIN)/python -m local.invoke "$(FN)" $(if $(EVENT),"$(EVENT)")

screenshots: .venv/.done ## Draw the mails, with Chromium, and the command at work, in docs/images.
	PYTHONPATH=layers/core/python:. $(BIN)/python -m local.screenshots
	$(BIN)/python -m local.command_picture

format: .venv/.done ## Format the code, and fix what the linter can.
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .

clean: ## Delete environments, builds and the state of the local stack.
	rm -rf .venv .local .aws-sam .ruff_cache .hypothesis

LOCK = $(UV) pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
    --custom-compile-command "make lock" $(LOCK_FLAGS)
lock: .local/uv/.done ## Pin the newest releases that pyproject.toml allows; LOCK_FLAGS=--upgrade for all.
	$(LOCK) --group layer -o layers/core/requirements.txt
	$(LOCK) --group captcha-layer -o layers/captcha/requirements.txt
	$(LOCK) --group dev -c layers/core/requirements.txt -c layers/captcha/requirements.txt -o requirements/dev.txt
	for group in sam ministack description verify quick-starts lambda bootstrap; do $(LOCK) --group $$group -o requirements/$$group.txt; done

# DynamoDB Local, as an npm package brings it. The packages that this one depends on serve another purpose, and are
# left out. Its licence allows to use it but not to pass it on, so it is not in the repository.
.local/engine/.done: tests/engine/engine.sha256
	@command -v npm >/dev/null || { echo "Node 20.11 or newer, with npm, is needed for tests/engine"; exit 1; }
	rm -rf $(@D) && mkdir -p $(@D)
	cd $(@D) && npm pack --silent amplify-dynamodb-simulator@2.9.30 && \
	    (sha256sum -c ../../$< || shasum -a 256 -c ../../$<) && tar xzf *.tgz --strip-components=2 package/emulator && rm *.tgz
	@touch $@

# Environments. Each is made again when its lock file has changed.
.local/uv/.done: requirements/bootstrap.txt
	@python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	    { echo "Python 3.11 or newer is needed as python3"; exit 1; }
	@python3 -c 'import venv, ensurepip' || \
	    { echo "Python's venv module is missing: on Debian and Ubuntu, apt install python3-venv"; exit 1; }
	rm -rf .local/uv && python3 -m venv .local/uv
	.local/uv/bin/python -m pip install -q --disable-pip-version-check --require-hashes -r $<
	@touch $@

# The path of a python3.13: one of this machine, else one that uv downloads, else python3.
.local/python: .local/uv/.done
	@python=$$($(MAKE) -s -C layers/core find-python); \
	if [ -z "$$python" ]; then UV_HTTP_RETRIES=0 $(UV) python install -q 3.13 2>/dev/null && \
	    python=$$($(UV) python find --managed-python 3.13); fi; \
	if [ -z "$$python" ]; then python=$$(command -v python3); \
	    echo "There is no python3.13 here, so $$python is used. Then the layer has no bytecode, and cold" \
	         "starts take about twice as long on Lambda."; fi; \
	echo "$$python" > $@

define environment
	$(UV) venv -q --clear --python "$$(cat .local/python)" $(@D)
	$(UV) pip install -q --python $(@D) --require-hashes -r $<
	@touch $@
endef

.venv/.done: requirements/dev.txt .local/python
	$(environment)

.local/env/%/.done: requirements/%.txt .local/python
	$(environment)
