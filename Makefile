# `make demo` and `make test` set themselves up in .venv and use it again the next time.
# PIP_ARGS goes to pip, for example to take PyTorch's CPU-only build (see README.md).

SHELL := /bin/bash
PYTHON ?= $(shell for p in python3.11 python3.12 python3.13 python3 python; do \
	if $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then echo $$p; break; fi; done)
PIP_ARGS ?=
CORES ?= all
BIN := .venv/bin
DEMO := --configfile config/demo.yaml
# More than one thread per process only gets in the way of several jobs or tests at once.
export OMP_NUM_THREADS ?= 1

# Of `make plan` and `make cluster`: what to make ("" for all) and the files laid over config.yaml.
TARGET ?=
CONFIG ?=
# Of `make plan`: how many there are.
GPUS ?=
CPUS ?=
# Of `make bench`: the folder of the results, and options of benchmarks/run.py, for example
# BENCH_OPTIONS="--device cuda --minutes 9" or BENCH_OPTIONS="--only attack-convnet".
BENCH_OUT ?= benchmarks/results
BENCH_OPTIONS ?=
# Of `make unpack`: the file that `make bundle` made.
BUNDLE ?=
# Of `make cluster`: the profile, further arguments of Snakemake, and options of the supervisor,
# such as --follow.
PROFILE ?= profiles/slurm
ARGS ?=
OPTIONS ?=
SUPERVISOR := PYTHONPATH=src $(BIN)/python -m reveil.supervisor

# Of `make part`: the minutes that a call takes, and the seconds that jobs then have to save.
MINUTES ?= 9
GRACE ?= 45

.PHONY: help setup demo plan part bundle unpack cluster cluster-status cluster-stop test lint docs site bench clean-demo

help:
	@echo "make demo    the small reproduction, from images to results/demo/report.html"
	@echo "make plan    what a run would take: make plan TARGET=ats CONFIG=config/fashion.yaml GPUS=4 CPUS=16"
	@echo "make part    so much of a run as fits into 9 minutes; the same again goes on: make part CONFIG=config/fashion-core.yaml"
	@echo "make bundle  a finished run as one file to hand on: make bundle CONFIG=config/demo.yaml"
	@echo "make unpack  such a file into this clone, to draw from: make unpack BUNDLE=reveil-demo.crate.zip"
	@echo "make cluster a run that goes on without you, with cluster-status and cluster-stop; see docs/guides/unattended.md"
	@echo "make test    format, lint and all tests"
	@echo "make setup   only the environment in .venv"
	@echo "make lint    formatters and linters alone"
	@echo "make docs    write the pages that are made of other files, and envs/*.yaml"
	@echo "make site    the documentation as a site that can be searched: build/site/index.html"
	@echo "make bench   the benchmarks, each against its reference"
	@echo "make clean-demo  removes the demo's results and logs"
	@echo "Several files: CONFIG=\"config/demo.yaml my.yaml\". Arguments for pip: PIP_ARGS=... One table or figure:"
	@echo "snakemake ats_figure_psnr --configfile config/demo.yaml; docs/experiments.md lists them all"

setup: .venv/lock.txt

# The copy of the lock is written last: an interrupted installation starts again, a finished
# one is recognised by content, so that a fresh checkout of the same lock installs nothing.
.venv/lock.txt: envs/lock.txt
	@if [ -z "$(PYTHON)" ]; then \
		echo "reveil needs Python 3.11 or newer, and none was found on PATH." >&2; \
		echo "Install one, or name it: make demo PYTHON=/path/to/python3" >&2; exit 1; fi
	@if ! cmp -s envs/lock.txt $@; then \
		echo "setting up .venv with $$($(PYTHON) --version) ..." && \
		$(PYTHON) -m venv .venv && \
		$(BIN)/python -m pip install --quiet --disable-pip-version-check $(PIP_ARGS) -r envs/lock.txt; \
	fi
	@cp envs/lock.txt $@

# A run that was killed leaves Snakemake's lock behind. It is removed only while no other
# `make demo` holds ours.
demo: setup
	@mkdir -p .snakemake
	@exec 9>.snakemake/demo.lock; \
	if command -v flock >/dev/null; then \
		flock -n 9 || { echo "another make demo is running in this folder" >&2; exit 1; }; \
		[ -z "$$(ls -A .snakemake/locks 2>/dev/null)" ] || $(BIN)/snakemake $(DEMO) --unlock 9>&-; \
	fi; \
	$(BIN)/snakemake $(DEMO) --cores $(CORES) 9>&- && \
	$(BIN)/snakemake $(DEMO) --report results/demo/report.html 9>&-
	@echo "the report: results/demo/report.html; every image: results/demo/gallery.html"

plan: setup
	@PYTHONPATH=src $(BIN)/python -m reveil.forecast $(TARGET) $(if $(CONFIG),--configfile $(CONFIG)) \
		$(if $(GPUS),--gpus $(GPUS)) $(if $(CPUS),--cores $(CPUS))

# timeout signals the whole group: jobs save their state, and Snakemake ends after them. A call that
# was killed all the same leaves Snakemake's lock behind, which is removed while no other holds ours.
part: setup
	@mkdir -p .snakemake
	@config="$(if $(CONFIG),--configfile $(CONFIG))"; \
	if command -v flock >/dev/null; then \
		exec 9>.snakemake/part.lock; \
		flock -n 9 || { echo "another make part is running in this folder" >&2; exit 1; }; \
		[ -z "$$(ls -A .snakemake/locks 2>/dev/null)" ] || $(BIN)/snakemake --unlock $$config 9>&-; \
	fi; \
	timeout --signal=TERM --kill-after=$(GRACE) $(MINUTES)m \
		$(BIN)/snakemake $(TARGET) $(ARGS) --cores $(CORES) $$config 9>&- & \
	running=$$!; asked=; trap "asked=yes; kill -TERM $$running" INT TERM; \
	wait $$running; status=$$?; \
	while kill -0 $$running 2>/dev/null; do wait $$running; status=$$?; done; \
	case $$asked$$status in \
		0|yes0) echo "all is made" ;; \
		yes*|124|137) echo "stopped; the same command goes on from here"; exit 75 ;; \
		*) exit $$status ;; esac

# What a bundle is made of is never computed on the way: a run that is not finished is refused.
bundle: setup
	@config="$(if $(CONFIG),--configfile $(CONFIG))"; \
	PYTHONPATH=src $(BIN)/python -m reveil.bundle check $$config && \
	$(BIN)/snakemake pack_bundle --quiet rules --cores $(CORES) $$config

unpack: setup
	@PYTHONPATH=src $(BIN)/python -m reveil.bundle unpack "$(BUNDLE)"

cluster: setup
	@$(SUPERVISOR) $(OPTIONS) -- $(TARGET) $(ARGS) $(if $(CONFIG),--configfile $(CONFIG)) --workflow-profile $(PROFILE)

cluster-status:
	@$(SUPERVISOR) --status

cluster-stop:
	@$(SUPERVISOR) --stop

test: lint
	@$(BIN)/python -m pytest -n 3 --dist loadfile --no-loadscope-reorder --durations=40 --durations-min=5

lint: setup
	@mkdir -p .snakemake
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/ruff check --quiet .
	@$(BIN)/snakefmt --check Snakefile workflow >/dev/null 2>.snakemake/snakefmt.txt || { cat .snakemake/snakefmt.txt >&2; exit 1; }
	@$(BIN)/codespell
	@$(BIN)/python envs/write_envs.py --check
	@PYTHONPATH=src $(BIN)/python -m reveil.config_docs --check
	@PYTHONPATH=src $(BIN)/python -m reveil.experiment_docs --check
	@$(BIN)/snakemake --lint >/dev/null 2>.snakemake/lint.txt || { cat .snakemake/lint.txt >&2; exit 1; }

docs: setup
	@$(BIN)/python envs/write_envs.py
	@PYTHONPATH=src $(BIN)/python -m reveil.config_docs
	@PYTHONPATH=src $(BIN)/python -m reveil.experiment_docs
	@PYTHONPATH=src $(BIN)/python -m reveil.reproduction_docs

# Every warning of Sphinx is an error: a broken link, a page that no menu has.
site: setup
	@PYTHONPATH=src $(BIN)/python -m docs.site
	@echo "the site: build/site/index.html"

bench: setup
	@$(BIN)/python benchmarks/run.py --out $(BENCH_OUT) $(BENCH_OPTIONS)

clean-demo:
	rm -rf results/demo logs/demo scratch/demo
