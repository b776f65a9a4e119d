# SPDX-License-Identifier: LGPL-2.1-or-later
# The targets that a newcomer guesses; meson and ninja do the work.

BUILD = build
PREFIX = /usr/local
RUNS = 15
MIGRATIONS = 200

.PHONY: all help deps guest demo check check-fast crash-matrix \
        crash-matrix-libvirtd storm bench install format clean

all: $(BUILD)/build.ninja
	@ninja -C $(BUILD)

help:
	@echo 'make             build everything in $(BUILD)/'
	@echo 'make deps        install what building, demo and tests need (Debian)'
	@echo 'make demo        migrate a guest between two daemons of this machine'
	@echo 'make check       all tests; the last line counts them'
	@echo 'make check-fast  what takes under half a minute'
	@echo 'make crash-matrix  break migrations at each of their points'
	@echo 'make crash-matrix-libvirtd  the same with two libvirtds, to compare'
	@echo 'make storm        kill the daemons through $(MIGRATIONS) migrations'
	@echo 'make bench       measure $(RUNS) migrations beside a plain QMP script'
	@echo 'make install     install below PREFIX ($(PREFIX)), DESTDIR is honoured'
	@echo 'make format      clang-format all C sources'
	@echo 'make guest       only the guest image of the tests'
	@echo 'make clean       remove all build folders'

$(BUILD)/build.ninja:
	@meson setup --prefix=$(PREFIX) $(BUILD)

deps:
	@tools/deps

guest: $(BUILD)/build.ninja
	@ninja -C $(BUILD) tests/guest/beat.bin

demo:
	@tools/demo

check:
	@tools/check

check-fast:
	@tools/check --fast

crash-matrix: all
	@VMFERRY_BUILD=$(abspath $(BUILD)) tests/crash/run

crash-matrix-libvirtd: all
	@VMFERRY_BUILD=$(abspath $(BUILD)) tests/crash/run --libvirtd

storm: all
	@VMFERRY_BUILD=$(abspath $(BUILD)) tests/crash/run --storm $(MIGRATIONS)

bench: all
	@VMFERRY_BUILD=$(abspath $(BUILD)) \
	    /usr/bin/python3 -B bench/run.py --runs $(RUNS)

install: all
	@meson install -C $(BUILD) --no-rebuild

format:
	@git ls-files '*.c' '*.h' | xargs clang-format -i

clean:
	@rm -rf build build-asan build-clang build-fuzz
