# Every target bootstraps itself from a bare python3 (3.11 to 3.13) and is instant when nothing changed.
# `make clean setup PYTHON=python3.12` picks another interpreter; `make help` lists the targets.

PYTHON ?= python3
UV_VERSION := 0.13.8
COVERAGE ?= 90
# One more than the two cores it is measured on: a test that waits, for a server or a kill, leaves its core to another.
WORKERS ?= 3
HOST ?= 127.0.0.1
PORT ?= 3000
MARKET ?= --shift COFFEE=0.5 --shift-from 2026-10-04
DEMO_START ?= --from 2026-10-02 --to 2026-10-03
DEMO_UNTIL ?= 2026-10-03
DEMO ?= --from 2026-10-04 --to 2026-10-30
DEMO_DAY ?= 2026-10-30
DEMO_WEEK ?= --from 2026-10-24 --to 2026-10-30
DEMO_NEXT ?= 2026-10-31
DEMO_PRICE ?= SKU-0008 --market DE
PYTEST ?=

BIN := .venv/bin
UV := $(BIN)/uv
# The draft's name is that of a run's, so that a run's dbt goes on from what is parsed here.
DBT := DBT_PROFILES_DIR=dbt_project DBT_PROJECT_DIR=dbt_project PRICING_ANALYTICS_DRAFT=analytics.duckdb $(BIN)/dbt
# In the order of the folders: whole runs first, the many small units last, so that no worker ends with a long one alone.
# Workers are as many as the cores already: threads of each for a matrix only wait for each other.
# What took longest is said at the end, so that whoever makes it slower sees it.
TESTS := OPENBLAS_NUM_THREADS=1 $(BIN)/pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder -m "not torture" \
	--durations=60 --durations-min=3
# Every commit waits for the disk: three quarters of a run of the shell. Memory waits for nothing, where 4 GB of it are free.
SCRATCH := $(shell [ "$$(df --output=avail /dev/shm 2>/dev/null | tail -n 1)" -gt 4000000 ] 2>/dev/null && echo /dev/shm || echo /tmp)
IN_SCRATCH := folder=$$(mktemp -d -p $(SCRATCH)) && chmod 755 $$folder && trap 'rm -rf $$folder' EXIT && TMPDIR=$$folder
VENV := .venv/made.stamp
INSTALLED := .venv/installed.stamp
MANIFEST := dbt_project/target/manifest.json
MODELS := $(shell find dbt_project -path dbt_project/target -prune -o -path dbt_project/logs -prune -o -type f -print)

# Tools that would write or phone outside this folder are told not to; uv's cache stays where uv keeps it.
export DBT_SEND_ANONYMOUS_USAGE_STATS := false
export DAGSTER_HOME := $(CURDIR)
unexport PYTHONHOME PYTHONPATH PYTHONDONTWRITEBYTECODE
# The first event of the daily model nobody has answered, and the word that answers it; a demo run again may find none.
OPEN := $(BIN)/pricing drift list --json | grep -o 'drift-[0-9]*", "state": "open", "model": "demand-daily"' | \
	cut -d '"' -f 1 | head -n 1
APPROVE := event=$$($(OPEN)); [ -z "$$event" ] || $(BIN)/pricing drift approve $$event --reason
say = @printf '==> %s\n'

.PHONY: help setup demo test coverage dev bench torture lint lock clean
.DELETE_ON_ERROR:

help: ## list the targets
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 10

setup: $(INSTALLED) $(MANIFEST) ## the environment in .venv, exactly as locked, and the dbt manifest

demo: setup ## simulate a market, price 30 days of it with models people approve, explain a price, replay a day, notice a shift
	$(say) "simulating a market in a database, up to $(DEMO_UNTIL)"
	@$(BIN)/pricing simulate $(MARKET) --until $(DEMO_UNTIL)
	$(say) "pricing its first days: $(DEMO_START). There is no model of demand yet, and the platform asks for one"
	@$(BIN)/pricing run $(DEMO_START)
	@$(BIN)/pricing drift list
	$(say) "a person agrees to the daily one; it is trained, validated and put in force. The weekly one may wait"
	@$(APPROVE) "the first model"
	@$(BIN)/pricing models retrain
	$(say) "four weeks later. Customers want half as much of one category (planted), which nobody tells the platform: $(DEMO)"
	@$(BIN)/pricing simulate $(MARKET)
	@$(BIN)/pricing run $(DEMO)
	$(say) "what was decided for $(DEMO_DAY)"
	@$(BIN)/pricing query "select action, sum(decisions)::int as decisions, sum(changed)::int as changed, \
		min(lowest_change_pct)::decimal(9,2) as lowest_pct, max(highest_change_pct)::decimal(9,2) as highest_pct \
		from marts.decision_summary where date = '$(DEMO_DAY)' group by action order by action"
	$(say) "the largest changes, up and down"
	@$(BIN)/pricing query "with changes as (select sku, market, current_price, next_price, currency, \
		round(100 * (next_price / current_price - 1), 2)::decimal(9,2) as change_pct \
		from marts.current_prices where date = '$(DEMO_DAY)' and next_price is not null) \
		from (from changes order by change_pct desc, sku, market limit 3) union all \
		from (from changes order by change_pct, sku, market limit 3) order by change_pct desc, sku, market"
	$(say) "what looked wrong in the last week"
	@$(BIN)/pricing anomalies $(DEMO_WEEK) --limit 5
	$(say) "why one price is what it is"
	@$(BIN)/pricing explain $(DEMO_PRICE) --date $(DEMO_DAY)
	$(say) "the day again, from the raw rows recorded: the same?"
	@$(BIN)/pricing replay --date $(DEMO_DAY)
	$(say) "what the platform noticed of its forecasts"
	@$(BIN)/pricing drift list
	@event=$$($(OPEN)); [ -z "$$event" ] || $(BIN)/pricing drift show $$event
	$(say) "a person agrees to train again; the challenger must be no worse than the champion on days neither has seen"
	@$(APPROVE) "half the coffee is sold: learn it"
	@$(BIN)/pricing models retrain
	@$(BIN)/pricing models list
	@$(BIN)/pricing models diff 1 2
	$(say) "the next day, $(DEMO_NEXT), is forecast by the new champion. What changed, in units of 28 days"
	@$(BIN)/pricing run --date $(DEMO_NEXT)
	@$(BIN)/pricing query "with named as (select sku, category from raw.products where date = '$(DEMO_NEXT)'), \
		sold as (select category, sum(units) filter (date <= '$(DEMO_UNTIL)')::int as sold_before_the_shift, \
		sum(units) filter (date > '$(DEMO_UNTIL)')::int as sold_since from staging.stg_sales join named using (sku) \
		where date > date '$(DEMO_UNTIL)' - 28 group by category) \
		select category, any_value(sold_before_the_shift) as sold_before_the_shift, any_value(sold_since) as sold_since, \
		sum(sum_mean) filter (date = '$(DEMO_DAY)')::int as expected_by_the_old, \
		sum(sum_mean) filter (date = '$(DEMO_NEXT)')::int as expected_by_the_new \
		from forecasts.demand_forecasts join named using (sku) join sold using (category) \
		where frequency = 'D' and target_date = date + 28 and date >= '$(DEMO_DAY)' group by category order by category"
	@echo
	@echo "Where to look next:"
	@echo "  make dev                     the asset graph, on http://localhost:$(PORT)"
	@echo "  $(BIN)/pricing --help        everything the shell can do, with examples in docs/shell.md"
	@echo "  docs/warehouse.md            what an analyst can ask of .pricing/analytics.duckdb"
	@echo "  docs/models.md               how models are trained, approved, promoted and rolled back"
	@echo "  docs/sources.md              connect a shop of your own"

test: setup ## every test but torture
	@$(IN_SCRATCH) $(TESTS) $(PYTEST)

coverage: setup ## the same, watching which lines run (it takes half as long again); fails below 90 % of them
	@$(IN_SCRATCH) $(TESTS) --cov --cov-report=term:skip-covered --cov-fail-under=$(COVERAGE) $(PYTEST)

dev: setup ## the Dagster UI on http://localhost:3000, its schedules and sensors running
	@env -u DAGSTER_HOME VIRTUAL_ENV=$(CURDIR)/.venv $(BIN)/python -m pricing_assets.shell.instance \
		$(BIN)/dg dev --host $(HOST) --port $(PORT) --no-check-yaml

bench: setup ## measure, print, and write .pricing/bench.json
	$(BIN)/python -m benchmarks

torture: setup ## kill every stage at random points and run it again; price the whole UCI shop, where its file is
	@$(IN_SCRATCH) OPENBLAS_NUM_THREADS=1 $(BIN)/pytest -m torture $(PYTEST)

lint: setup ## ruff and mypy
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

lock: $(VENV) ## resolve pyproject.toml anew into requirements.lock
	$(say) "resolving for Python 3.11, 3.12 and 3.13"
	$(UV) pip compile pyproject.toml --all-extras --universal --python-version 3.11 --upgrade \
		--generate-hashes --no-emit-index-url --custom-compile-command "make lock" --quiet -o requirements.lock

clean: ## remove what the targets made; .pricing, your data, stays
	rm -rf .venv build dbt_project/target dbt_project/logs .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage*
	rm -rf *.egg-info
	find pricing_assets pricing_assets_tests -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV):
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))' 2>/dev/null || { \
		found=$$($(PYTHON) -c 'import sys; print("Python " + sys.version.split()[0])' 2>/dev/null || echo missing); \
		echo "$(PYTHON) is $$found: Python 3.11, 3.12 or 3.13 is needed."; \
		echo "  remedy: install one and name it, e.g. make setup PYTHON=python3.12"; exit 1; }
	$(say) "making .venv with $$($(PYTHON) --version)"
	@rm -rf .venv
	@$(PYTHON) -m venv .venv || { \
		echo "  remedy: install the venv module, on Debian and Ubuntu: apt-get install python3-venv"; \
		rm -rf .venv; exit 1; }
	$(say) "installing uv $(UV_VERSION)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)
	@touch $@

$(INSTALLED): $(VENV) requirements.lock pyproject.toml
	$(say) "installing the locked packages"
	@$(UV) pip sync --python $(BIN)/python --compile-bytecode --require-hashes requirements.lock
	$(say) "installing pricing_assets itself"
	@$(UV) pip install --python $(BIN)/python --quiet --no-deps --no-build-isolation -e .
	@touch $@

$(MANIFEST): $(INSTALLED) $(MODELS)
	$(say) "reading the dbt project"
	@$(DBT) --quiet parse
	@touch $@
