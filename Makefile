# A thin face: every target is one line that calls the `course` command.
# `exec` makes the command make's own child, so that signals reach it and it notices when make is killed.
PYTHON ?= python3
COURSE  = @exec $(PYTHON) -m shared.course

.DEFAULT_GOAL := help
.PHONY: help test watch check grade bugs hunt run psql lab bench diff doctor down clean lock ALWAYS

phase%: ALWAYS  ## serve phase N: `make phase1` (PORT=8080, FRESH=1 for an empty database)
	$(COURSE) run $@ $(if $(FRESH),--fresh)

test:  ## run every suite, or one phase's: PHASE=1, ARGS="-k name"
	$(COURSE) test $(PHASE) $(ARGS)

watch:  ## run a phase's unit suite at once and again at each save: PHASE=4
	$(COURSE) watch $(PHASE)

check:  ## format, lint, types, import fences, SQL style, lessons, lock file
	$(COURSE) check

grade:  ## grade any server: PHASE=1 URL=http://127.0.0.1:3000, or CMD="node server.js" (ONLY=P1-USR, ALL=1)
	$(COURSE) grade $(PHASE) $(if $(URL),--url "$$URL") $(if $(CMD),--cmd "$$CMD") $(ONLY:%=--only %) $(if $(ALL),--all)

bugs:  ## prove that every planted bug is caught: PHASE=1
	$(COURSE) bugs $(PHASE)

hunt:  ## serve a phase with one bug you don't know: PHASE=1 (PORT=8080; then HINT=1, REVEAL=1)
	$(COURSE) hunt $(PHASE) $(if $(HINT),--hint $(HINT)) $(if $(REVEAL),--reveal)

run:  ## list a phase's commands, or run one: PHASE=3 DO="make_admin ada@example.com"
	$(COURSE) do $(PHASE) $(DO)

psql:  ## look into the database that a phase serves from: PHASE=1 (SQL="SELECT …" runs that and ends)
	$(COURSE) psql $(PHASE) $(if $(SQL),--sql "$$SQL")

lab:  ## list a phase's experiments, or run one: PHASE=1 LAB=name (SAVE=1, QUICK=1)
	$(COURSE) lab $(PHASE) $(LAB) $(if $(SAVE),--save) $(if $(QUICK),--quick)

bench:  ## measure throughput beside its peers: PHASE=1
	$(COURSE) bench $(PHASE)

diff:  ## show how one phase became the next, in files, behaviour and lines: A=2 B=3 (ALL=1 with README, labs, tests and bugs)
	$(COURSE) diff $(A) $(B) $(if $(ALL),--all)

doctor:  ## say what is missing and the command that fixes it
	$(COURSE) doctor

down:  ## stop the backing services
	$(COURSE) down

clean:  ## remove everything that a run made
	$(COURSE) clean

lock:  ## pin every package again after a change in pyproject.toml
	$(COURSE) lock

help:  ## show this list
	@awk -F ':[^#]*## ' '/^[a-z%]+:.*## / { sub("%", "N"); printf "  make %-8s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))
