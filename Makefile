# make demo: the whole chain on a synthetic cohort.   make test: the test suite.
# Both set up .venv first; nothing is installed twice.

PYTHON ?= python3
BIN := .venv/bin
NAME ?= train_step

# Idle OpenMP threads must not spin: on a busy machine that triples a training step's CPU time.
export OMP_WAIT_POLICY := passive
export GOMP_SPINCOUNT := 0
export PATH := $(CURDIR)/$(BIN):$(PATH)

.PHONY: setup settings docs site demo hour study new-project test test-fast test-slurm example lint bench \
    gpu-check release-check

setup: .venv/.installed

.venv/.installed: pyproject.toml envs/constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	    || { echo "Python 3.11 or newer is needed; set PYTHON=python3.11"; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check -c envs/constraints.txt -e '.[dev]'
	$(BIN)/python -m virtual_staining.workflow.profile_link
	@touch $@

settings: setup
	$(BIN)/python -m virtual_staining.settings

demo: setup
	snakemake --profile profiles/demo
	@$(BIN)/python -m virtual_staining evaluate show --table results/demo/08_evaluate/*/table.csv
	@echo 'Figures: results/demo/09_figures   Coloured volumes: results/demo/10_stain'

# The demo's specimens at 10 µm, all folds trained: about an hour on two cores.
hour: setup
	snakemake --profile profiles/hour
	@$(BIN)/python -m virtual_staining evaluate show --table results/hour/08_evaluate/*/table.csv
	@echo 'How far to trust the colours, slide by slide: results/hour/08_evaluate/*/uncertainty.md'

# The paper's study on the synthetic cohort, all numbers as in config.yaml: for a machine with a GPU.
study: setup
	snakemake --profile profiles/local
	@$(BIN)/python -m virtual_staining evaluate show --table results/08_evaluate/*/table.csv

# A folder with a sample sheet and the settings that people change, for a study of one's own.
new-project: setup
	@$(BIN)/python -m virtual_staining.workflow.new_project '$(DIR)'

example: setup
	$(BIN)/python -m virtual_staining example $(if $(DATA),--data $(DATA)) --out results/example/sheet
	snakemake --profile profiles/example
	@$(BIN)/python -m virtual_staining evaluate show --table results/example/08_evaluate/*/table.csv
	@echo 'Figures: results/example/09_figures   Coloured volumes: results/example/10_stain'

test-fast: setup
	$(BIN)/python -m pytest -n 2 tests/unit

test: setup
	$(BIN)/python -m pytest -n 2 --dist loadfile

test-slurm: setup
	$(BIN)/python -m pytest tests/slurm -rs $(ARGS)

docs: setup
	$(BIN)/python -m virtual_staining.documentation

site: setup
	$(BIN)/sphinx-build -W --keep-going -q docs results/site
	@echo 'The documentation as a site: results/site/index.html'

lint: setup
	ruff check . && ruff format --check . && snakefmt --check Snakefile rules && snakemake --lint
	mypy
	numpydoc lint $$(git ls-files 'workflow_scripts/*.py')

bench: setup
	$(if $(wildcard benchmarks/$(NAME).py),,$(error there is no benchmark called $(NAME)))
	$(BIN)/python benchmarks/$(NAME).py

# On a machine with an NVIDIA GPU, some ten minutes: the same results as on the processor, and how fast. Ends with JSON.
gpu-check: setup
	$(BIN)/python benchmarks/gpu_check.py $(ARGS)

# Before a tag: the version in the package, the citation and the changelog are one (TAG=v1.2.3: that of the tag, too).
release-check: setup
	$(BIN)/python -m virtual_staining.workflow.release $(TAG)
