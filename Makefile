# The front door. `make` says what there is.
.DEFAULT_GOAL := help
.PHONY: help build run test check fuzz sim soak web bench clean format

BUILD := build
SANITIZE := build-sanitize
NINJA := ninja
ARGS ?=

help:
	@echo 'make run        install what is missing, build, start the demo (ARGS="--speed 60")'
	@echo 'make test       install what the tests need, build twice, run every test'
	@echo 'make build      the programs, into $(BUILD)/src/app and $(BUILD)/sim'
	@echo 'make web        the console, into web/dist'
	@echo 'make sim        2,000 seeds of the vend simulation'
	@echo 'make soak       500 sales under kill -9, and 467 recorded days of real rooms (15 minutes)'
	@echo 'make fuzz       each decoder for 60 s (SECONDS=n)'
	@echo 'make bench      ratios against stated baselines'
	@echo 'make check      both compilers, layout, static analysis'
	@echo 'make format     lay the sources out'

run:
	@tools/setup.sh run
	@$(MAKE) --no-print-directory build web
	@exec $(BUILD)/src/app/yufu demo $(ARGS)

test:
	@tools/setup.sh test
	@$(MAKE) --no-print-directory build $(SANITIZE)/build.ninja web
	@$(NINJA) -C $(SANITIZE) --quiet
	@tools/run_tests.py $(BUILD) $(SANITIZE)

$(BUILD)/build.ninja:
	@meson setup $(BUILD) >/dev/null

$(SANITIZE)/build.ninja:
	@meson setup $(SANITIZE) --buildtype=debugoptimized -Db_sanitize=address,undefined -Db_lundef=false -Dwerror=false >/dev/null

build: $(BUILD)/build.ninja
	@$(NINJA) -C $(BUILD) --quiet

web:
	@tools/build_web.sh

sim: build
	@$(BUILD)/sim/yufu-sim vend --seeds 2000

PROGRAMS := $(BUILD)/src/app/yufu $(BUILD)/src/app/yufu-gateway $(BUILD)/sim/yufu-fleet
DATA ?= ../shared/data
soak: build
	@python3 tests/system/kill_sales.py $(PROGRAMS) 500
	@FULL=1 python3 tests/system/replay.py $(PROGRAMS) $(DATA)

SECONDS ?= 60
fuzz:
	@tools/fuzz.sh $(SECONDS)

bench: build
	@$(BUILD)/src/app/yufu bench freshness

check:
	@tools/check.sh

format:
	@git ls-files 'src/**.[ch]' 'sim/**.[ch]' 'tests/**.[ch]' | xargs clang-format -i

clean:
	rm -rf $(BUILD) $(SANITIZE) web/dist
