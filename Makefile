# SPDX-License-Identifier: GPL-3.0-or-later
SHELL := /bin/sh
.DEFAULT_GOAL := help
export PATH := $(CURDIR)/.venv/bin:$(PATH)
export ANSIBLE_CONFIG := $(CURDIR)/ansible.cfg
# Ansible wants a locale that knows UTF-8, and so do names in account files.
export LC_ALL := C.UTF-8
# Where it is set, Python compiles anew what it imports, at every start: Ansible then needs 1 s more, each time.
unexport PYTHONDONTWRITEBYTECODE
FLAGS ?=

.PHONY: help
help: ## List the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1|\2/p' Makefile | awk -F '|' '{ printf "  make %-22s %s\n", $$1, $$2 }'

.PHONY: demo
demo: .setup-lab ## Build the platform in local containers and show it working
	@python lab/demo.py

.PHONY: validate
validate: .setup ## Check the account files, without the server
	@bin/mailroom validate $(FLAGS)

.PHONY: plan
plan: .setup ## Show what would change for the accounts on the live system
	@bin/mailroom plan $(FLAGS) || [ $$? -eq 2 ]

.PHONY: apply
apply: .setup ## Bring the account files to the live system; with PLAN=checksum only if that is still the plan
	@bin/mailroom apply $(if $(PLAN),--plan "$(PLAN)") $(FLAGS)

.PHONY: test
test: lint unit platform ## Everything that must hold: lint, unit and platform tests

.PHONY: lint
lint: .setup ## Style, types, pins, and generated files that are up to date
	ruff check
	ruff format --check
	mypy
	yamllint --strict .
	ansible-lint --offline --profile production
	bin/check-collections
	bin/check-spdx
	bin/check-modules
	bin/role-docs --check
	bin/account-docs --check

.PHONY: unit
unit: .setup ## Unit tests with branch coverage of the logic
	pytest tests/unit -n auto --cov --cov-report=term

.PHONY: platform
platform: .setup-lab ## Build the lab anew and test it: check mode, converge, idempotence, behaviour
	molecule test --no-command-borders $(FLAGS)

.PHONY: platform-all
platform-all: .setup-lab ## The same with the tests that take longest, for a night
	MAILROOM_TESTS=all molecule test --no-command-borders $(FLAGS)

.PHONY: production-check
production-check: .setup-lab ## Build hosts from inventories/production, beside the lab, and use them
	pytest -v tests/platform/production_build.py

.PHONY: status
status: .setup ## Who has the mail, and what needs attention, on one screen (FLAGS="-e format=json": as data)
	@ANSIBLE_CALLBACK_PLUGINS=cli/callback_plugins ANSIBLE_STDOUT_CALLBACK=mailroom_screen ANSIBLE_CALLBACKS_ENABLED=mailroom_result \
	  ansible-playbook playbooks/ops/status.yml $(FLAGS)

.PHONY: bench
bench: .setup-lab ## Measure the figures that the docs name, in one run
	@python lab/bench.py $(FLAGS)

.PHONY: drill
drill: .setup-lab ## Break the lab's mail pair under load and see that nothing is lost
	@PYTHONPATH=cli python -m mailroom_drill $(FLAGS)

.PHONY: lab-up
lab-up: .setup-lab ## Bring up the lab's containers, without the platform
	ansible-playbook lab/create.yml lab/prepare.yml

.PHONY: lab-info
lab-info: .setup ## Addresses, services and accounts of the lab, as JSON (use make -s)
	@ansible-playbook lab/info.yml >.lab/info.log 2>&1 || { cat .lab/info.log >&2; exit 1; }
	@cat .lab/info.json

.PHONY: lab-shell
lab-shell: .setup ## A root shell on a lab host: make lab-shell HOST=mail1
	@lab/shell "$(HOST)"

.PHONY: lab-down
lab-down: .setup-lab ## Remove the lab; with PURGE=1 its image and package cache too
	ansible-playbook lab/destroy.yml $(if $(PURGE),-e lab_purge=true)

.PHONY: .setup .setup-lab
.setup:
	@bin/setup

.setup-lab:
	@bin/setup --lab
