# The front door. `make` says what there is.
.DEFAULT_GOAL := help
.PHONY: cross bench-commission bench-import help setup build run test check fuzz sim soak web bench bench-billing bench-clerk bench-month bench-terminal bench-loads bench-heldout bench-recorded bench-line bench-gateway firmware clean format

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
	@echo 'make soak       500 sales under kill -9, 100 days of kills, 467 recorded days of real rooms, 400 mutants (30 minutes)'
	@echo 'make fuzz       each decoder for 60 s (SECONDS=n)'
	@echo 'make bench      ratios against stated baselines'
	@echo 'make bench-import   a site of 100,000 rows beside plain inserts (ROWS=n)'
	@echo 'make bench-commission  16,384 new meters at 2400 baud: when is each read (FLEET="16 16 64 1")'
	@echo 'make bench-billing  a night of 2,000,000 accounts beside SQL and memory (ARGS="--accounts N")'
	@echo 'make bench-terminal  100,000 dorm terminals in one thread (ARGS="--terminals N --seconds N")'
	@echo 'make bench-loads  the load watch on drawn appliances that it was not fitted to (ARGS="--runs N --seed N")'
	@echo 'make bench-heldout  the load watch on labelled recordings of another world, in every form (ARGS="--runs N --say CASE")'
	@echo 'make bench-recorded  the load watch on recordings, each kind within bounds fitted without it (DATA=dir)'
	@echo 'make firmware   the terminal for Cortex-M0+ and M4: images, a day in an emulator, firmware/size.md'
	@echo 'make cross      the programs for 64-bit ARM, the gateway for 32-bit ARM, their tests in an emulator'
	@echo 'make bench-clerk    two midnights of 100,000 accounts by the clerk of the platform (ACCOUNTS=n)'
	@echo 'make bench-month    a month of the books of 2,000 accounts with a year of days (ACCOUNTS=n DAYS=n)'
	@echo 'make bench-line     what a line of meters gives: use, age, faults, CPU, memory (ARGS="--hours H")'
	@echo 'make bench-gateway  memory and CPU of the gateway with 8 lines of 64 meters, beside libmodbus'
	@echo 'make check      both compilers, layout, static analysis'
	@echo 'make format     lay the sources out'
	@echo 'make clean      remove what was built'

run: build web
	@exec $(BUILD)/src/app/yufu demo $(ARGS)

# A build folder from before the test packages came knows no unit tests: it is set up again.
test:
	@tools/setup.sh test
	@[ ! -f $(BUILD)/build.ninja ] || [ -e $(BUILD)/tests/test_base ] || \
	  tools/quietly.sh meson setup --reconfigure $(BUILD)
	@$(MAKE) --no-print-directory build $(SANITIZE)/build.ninja web
	@tools/quietly.sh $(NINJA) -C $(BUILD) meson-test-prereq
	@tools/quietly.sh $(NINJA) -C $(SANITIZE) all meson-test-prereq
	@tools/run_tests.py $(BUILD) $(SANITIZE)

setup:
	@tools/setup.sh run

$(BUILD)/build.ninja: | setup
	@echo 'build: compiling ...'
	@tools/quietly.sh meson setup $(BUILD)

$(SANITIZE)/build.ninja:
	@echo 'build: compiling with sanitizers ...'
	@tools/quietly.sh meson setup $(SANITIZE) --buildtype=debugoptimized \
	  -Db_sanitize=address,undefined -Db_lundef=false -Dwerror=false

build: setup $(BUILD)/build.ninja
	@tools/quietly.sh $(NINJA) -C $(BUILD)

web: setup
	@tools/build_web.sh

cross:
	@tools/setup.sh cross
	@tools/cross.sh arm64
	@tools/cross.sh armhf

sim: build
	@$(BUILD)/sim/yufu-sim vend --seeds 2000

PROGRAMS := $(BUILD)/src/app/yufu $(BUILD)/src/app/yufu-gateway $(BUILD)/sim/yufu-fleet
DATA ?= ../shared/data
soak: build
	@tools/quietly.sh $(NINJA) -C $(BUILD) meson-test-prereq
	@python3 tests/system/kill_sales.py $(PROGRAMS) 500
	@$(BUILD)/sim/yufu-sim endure --hours 24 --seeds 100 --require-coverage 2>/dev/null
	@FULL=1 $(BUILD)/tests/test_pay
	@FULL=1 $(BUILD)/tests/test_pay_exchange
	@FULL=1 python3 tests/system/replay.py $(PROGRAMS) $(DATA)
	@python3 tests/oracle/mutants.py $(BUILD) --mutants 200
	@python3 tests/oracle/terminal/mutants.py $(BUILD) --mutants 200

SECONDS ?= 60
fuzz:
	@tools/setup.sh test
	@tools/fuzz.sh $(SECONDS)

bench: build
	@$(BUILD)/src/app/yufu bench freshness

bench-billing: build
	@tools/setup.sh bench
	@python3 bench/billing.py $(BUILD)/bench/billing_night $(ARGS)

bench-import: build
	@tools/quietly.sh $(NINJA) -C $(BUILD) bench/import_bench
	@dir=$$(mktemp -d) && $(BUILD)/bench/import_bench "$$dir" $(or $(ROWS),100000); code=$$?; rm -rf "$$dir"; exit $$code

bench-commission: build
	@python3 tests/system/commission.py $(BUILD)/src/app/yufu $(BUILD)/src/app/yufu-gateway $(BUILD)/sim/yufu-fleet $(or $(FLEET),16 16 64 1)

bench-terminal: build
	@$(BUILD)/bench/terminal_bench $(ARGS)

bench-loads: build
	@$(BUILD)/bench/loads $(ARGS)

bench-heldout: build
	@$(BUILD)/bench/heldout $(ARGS)

bench-recorded: build
	@python3 bench/recorded.py $(BUILD)/bench/recorded $(DATA)

firmware:
	@tools/setup.sh test
	@python3 tools/firmware.py make

bench-line: build
	@$(BUILD)/sim/yufu-sim line $(ARGS)

# A build folder from before libmodbus came knows nothing to compare with: it is set up again.
bench-gateway:
	@tools/setup.sh bench
	@[ ! -f $(BUILD)/build.ninja ] || [ -e $(BUILD)/bench/modbus_blocking ] || \
	  tools/quietly.sh meson setup --reconfigure $(BUILD)
	@$(MAKE) --no-print-directory build
	@python3 bench/gateway.py $(BUILD) $(ARGS)

ACCOUNTS ?= 100000
bench-clerk: build
	@tools/quietly.sh $(NINJA) -C $(BUILD) bench/clerk
	@dir=$$(mktemp -d) && $(BUILD)/bench/clerk "$$dir" $(ACCOUNTS); code=$$?; rm -rf "$$dir"; exit $$code

bench-month: build
	@tools/quietly.sh $(NINJA) -C $(BUILD) bench/month
	@dir=$$(mktemp -d) && $(BUILD)/bench/month "$$dir" $(ACCOUNTS) $(DAYS); code=$$?; rm -rf "$$dir"; exit $$code

check:
	@tools/setup.sh check
	@tools/check.sh

format:
	@tools/setup.sh check
	@git ls-files 'src/**.[ch]' 'sim/**.[ch]' 'tests/**.[ch]' 'bench/*.[ch]' 'firmware/*.[ch]' | grep -v '_table\.h$$' | xargs clang-format -i

clean:
	rm -rf $(BUILD) $(SANITIZE) build-arm64 build-armhf build-gcc build-clang build-fuzz web/dist web/node_modules tests/web/node_modules
