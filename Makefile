# SPDX-License-Identifier: MIT
#
# One Makefile for the whole tree; "make help" lists what it can do.
#   V=1      show the commands
#   O=dir    build there (default: build)
#   SAN=...  build with sanitizers, e.g. SAN=address,undefined (use another O=)

VERSION := 0.1.0

.DELETE_ON_ERROR:
.SECONDARY:
.SUFFIXES:
MAKEFLAGS += --no-builtin-rules

O       ?= build
PREFIX  ?= /usr/local
DESTDIR ?=
CC      := $(if $(filter default undefined,$(origin CC)),gcc,$(CC))
CLANG   ?= clang
BPFTOOL ?= $(or $(shell command -v bpftool 2>/dev/null),$(wildcard /usr/sbin/bpftool),bpftool)
PKG     ?= pkg-config
PROTOC  ?= protoc-c

ifeq ($(V),1)
  Q :=
  msg := @:
else
  Q := @
  msg = @printf '  %-8s %s\n' $(1) $(2);
endif

CFLAGS   ?= -O2 -g
WARN     := -Wall -Wextra -Wmissing-prototypes -Wstrict-prototypes -Wvla -Wshadow -Wno-unused-parameter \
	    -Wno-missing-field-initializers -Werror=implicit-function-declaration -Werror=incompatible-pointer-types
SANFLAGS := $(if $(SAN),-fsanitize=$(SAN) -fno-omit-frame-pointer -fno-sanitize-recover=all)
CSTD     := -std=gnu11
CPPFLAGS_ALL = -D_GNU_SOURCE -Iinclude -I. -I$(O)/gen -MMD -MP $(CPPFLAGS)
CFLAGS_ALL   = $(CSTD) $(WARN) $(CFLAGS) $(SANFLAGS)

# A report's speed lies in small calls from file to file. giltrace itself is optimised across them, where the compiler
# is gcc; the same objects are linked as they are into each of the tests, which is quicker.
LTO := $(if $(SAN),,$(if $(findstring Free Software,$(shell $(CC) --version)),-flto=auto -ffat-lto-objects))
NO_LTO := $(if $(LTO),-fno-lto)

# lib/ and analysis/ see no libbpf: its headers and ours for it are only on user/'s include path.
CORE_LIBS = -lzstd -ljansson -lprotobuf-c -lz -lm
USER_LIBS = -lbpf -ldw -lelf -lstdc++ -lseccomp -lcap $(CORE_LIBS)

LIB_SRC      := $(sort $(wildcard lib/*.c))
ANALYSIS_SRC := $(sort $(wildcard analysis/*.c analysis/render/*.c))
USER_SRC     := $(sort $(wildcard user/*.c user/*/*.c))
BPF_SRC      := $(sort $(wildcard bpf/*.bpf.c))
UNIT_SRC     := $(sort $(wildcard tests/unit/test_*.c))
SYSPROG_SRC  := $(sort $(wildcard tests/system/programs/*.c))
SYSLIB_SRC   := $(sort $(wildcard tests/system/libs/*.c))
TOOL_SRC     := $(sort $(wildcard tests/tools/*.c))
BENCH_SRC    := $(sort $(wildcard tests/bench/*.c))
SIM_SRC      := $(sort $(wildcard tests/sim/*.c))
# Workloads: every file with a main; gil.c, gil_*lib and common.c are shared.
WORKLOAD_SHARED := workloads/gil.c workloads/common.c
WORKLOAD_SRC := $(filter-out $(WORKLOAD_SHARED),$(sort $(wildcard workloads/*.c)))

obj = $(patsubst %.c,$(O)/obj/%.o,$(1))

LIB_OBJ      := $(call obj,$(LIB_SRC))
ANALYSIS_OBJ := $(call obj,$(ANALYSIS_SRC))
USER_OBJ     := $(call obj,$(USER_SRC))
CORE_OBJ     := $(LIB_OBJ) $(ANALYSIS_OBJ) $(O)/obj/gen/pprof.pb-c.o
UNIT_BIN     := $(patsubst tests/unit/%.c,$(O)/tests/%,$(UNIT_SRC))
SYSPROG_BIN  := $(patsubst tests/system/programs/%.c,$(O)/tests/programs/%,$(SYSPROG_SRC))
SYSLIB_BIN   := $(patsubst tests/system/libs/%.c,$(O)/tests/programs/%.so,$(SYSLIB_SRC))
TOOL_BIN     := $(patsubst tests/tools/%.c,$(O)/tests/tools/%,$(TOOL_SRC))
BENCH_BIN    := $(patsubst tests/bench/%.c,$(O)/bench/%,$(BENCH_SRC))
WORKLOAD_BIN := $(patsubst workloads/%.c,$(O)/workloads/%,$(WORKLOAD_SRC))

.PHONY: all
all: $(O)/giltrace workloads ## build giltrace and the workloads (the default)

.PHONY: workloads
workloads: $(WORKLOAD_BIN) ## build the programs to trace, $(O)/workloads/NAME

# ---- kernel side ----

BPF_ARCH := $(shell uname -m | sed 's/x86_64/x86/;s/aarch64/arm64/')
# The host's own headers for fixed-width types: clang's BPF target does not look where Debian keeps them.
BPF_CFLAGS := -g -O2 -target bpf -mcpu=v3 -D__TARGET_ARCH_$(BPF_ARCH) -Wall -Wno-unused-function -Iinclude -Ibpf \
	      -idirafter /usr/include/$(shell uname -m)-linux-gnu -MMD -MP

# The owner of maps and variables comes first: libbpf's linker (1.1) misplaces what it meets as extern before its
# definition.
BPF_OBJ := $(patsubst %.bpf.c,$(O)/obj/%.bpf.o,bpf/state.bpf.c $(filter-out bpf/state.bpf.c,$(BPF_SRC)))

$(O)/obj/%.bpf.o: %.bpf.c Makefile
	@mkdir -p $(@D)
	$(call msg,BPF,$@)
	$(Q)$(CLANG) $(BPF_CFLAGS) -MF $(@:.o=.d) -MT $@ -c $< -o $@

$(O)/obj/giltrace.bpf.o: $(BPF_OBJ)
	$(call msg,LINK,$@)
	$(Q)$(BPFTOOL) gen object $@ $^

$(O)/gen/giltrace.skel.h: $(O)/obj/giltrace.bpf.o
	@mkdir -p $(@D)
	$(call msg,SKEL,$@)
	$(Q)$(BPFTOOL) gen skeleton $< name giltrace > $@

# ---- user side ----

$(O)/gen/version.h: Makefile
	@mkdir -p $(@D)
	$(Q)printf '#define GILTRACE_VERSION "%s"\n' '$(VERSION)' > $@.new
	$(Q)cmp -s $@.new $@ && rm $@.new || mv $@.new $@

$(LIB_OBJ) $(ANALYSIS_OBJ): CFLAGS_ALL += $(LTO)
$(USER_OBJ): | $(O)/gen/giltrace.skel.h $(O)/gen/version.h
$(CORE_OBJ): | $(O)/gen/version.h

# The pprof format's messages, from our description of them.
$(O)/gen/pprof.pb-c.c: analysis/render/pprof.proto
	@mkdir -p $(@D)
	$(call msg,PROTO,$@)
	$(Q)$(PROTOC) --proto_path=$(<D) --c_out=$(@D) $(<F)

$(O)/obj/gen/pprof.pb-c.o: $(O)/gen/pprof.pb-c.c $(O)/flags
	@mkdir -p $(@D)
	$(call msg,CC,$@)
	$(Q)$(CC) $(CPPFLAGS_ALL) $(CSTD) $(CFLAGS) $(SANFLAGS) -c $< -o $@

$(call obj,$(wildcard analysis/render/pprof*.c)) $(O)/obj/tests/unit/test_stack_formats.o $(O)/obj/tests/tools/pprof.o: | $(O)/gen/pprof.pb-c.c

# A change of flags rebuilds everything: the objects depend on a file that holds them.
FLAGS_NOW := $(CC) $(CFLAGS_ALL) $(CPPFLAGS)
$(O)/flags: FORCE
	@mkdir -p $(@D)
	@printf '%s\n' '$(FLAGS_NOW)' | cmp -s - $@ || printf '%s\n' '$(FLAGS_NOW)' > $@
.PHONY: FORCE
FORCE:

$(O)/obj/%.o: %.c Makefile $(O)/flags
	@mkdir -p $(@D)
	$(call msg,CC,$@)
	$(Q)$(CC) $(CPPFLAGS_ALL) $(CFLAGS_ALL) -c $< -o $@

# It has them inside, which the compiler's -MMD does not see.
$(call obj,analysis/render/flame_embed.c): analysis/render/flame.css analysis/render/flame.js

$(O)/giltrace: $(USER_OBJ) $(CORE_OBJ)
	$(call msg,LD,$@)
	$(Q)$(CC) $(CFLAGS_ALL) $(LTO) $(LDFLAGS) $^ -o $@ $(USER_LIBS)

# ---- workloads: built as plain programs, so that what is traced is what is read ----

$(O)/obj/workloads/%.o: workloads/%.c Makefile
	@mkdir -p $(@D)
	$(call msg,CC,$@)
	$(Q)$(CC) -D_GNU_SOURCE -MMD -MP $(CSTD) $(WARN) -O2 -g -pthread -c $< -o $@

$(O)/workloads/%: $(O)/obj/workloads/%.o $(call obj,$(WORKLOAD_SHARED))
	@mkdir -p $(@D)
	$(call msg,LD,$@)
	$(Q)$(CC) -O2 -g -pthread $^ -o $@ -lm

# ---- tests ----

$(O)/tests/%: $(O)/obj/tests/unit/%.o $(CORE_OBJ)
	@mkdir -p $(@D)
	$(call msg,LD,$@)
	$(Q)$(CC) $(CFLAGS_ALL) $(NO_LTO) $(LDFLAGS) $^ -o $@ -lcmocka $(CORE_LIBS)

# Units of user/ that need no kernel: name here what each test links besides the core.
$(O)/tests/test_opts: $(call obj,user/opts.c user/opts_hints.c user/opts_values.c)
$(O)/tests/test_maps: $(call obj,user/helper/maps.c)
$(O)/tests/test_lookout: $(call obj,user/record/lookout.c)
$(O)/tests/test_rings: $(call obj,user/record/rings.c)
$(O)/tests/test_wanted: $(call obj,user/wanted.c user/opts.c user/opts_hints.c user/opts_values.c)
$(O)/tests/test_collect_stacks: $(call obj,user/record/collect_stacks.c)
$(O)/tests/test_python: $(call obj,$(addprefix user/python/python_,codes.c lines.c merge.c text.c) \
	user/helper/process_memory.c)
$(O)/tests/test_unwind_epilogue: $(call obj,user/unwind/unwind_epilogue.c)
TEST_SYMBOLS := $(addprefix $(O)/tests/test_,symbols symbols_files symbols_programs inspect inspect_files \
	inspect_interpreters inspect_protocol inspect_usdt)
$(TEST_SYMBOLS): $(call obj,$(addprefix user/helper/,symbols.c symbols_helper.c symbols_packet.c helper.c confine.c \
	naming.c space.c maps.c demangle.c) $(sort $(wildcard user/image/*.c user/inspect/*.c)))
TEST_STACKS := $(addprefix $(O)/tests/test_,stacks stacks_programs unwind unwind_hostile demangle perf_map)
$(TEST_STACKS): $(call obj,$(addprefix user/helper/,helper.c confine.c space.c maps.c frames.c code_space.c \
	kernel_symbols.c demangle.c perf_map.c process_memory.c) $(sort $(wildcard user/helper/stacks*.c user/image/*.c user/unwind/*.c \
	user/python/*.c)))
$(O)/tests/test_confine: $(call obj,user/helper/confine.c)
$(O)/tests/test_opts $(TEST_SYMBOLS) $(TEST_STACKS): CORE_LIBS += -ldw -lelf
$(TEST_SYMBOLS) $(TEST_STACKS): CORE_LIBS += -lstdc++
$(O)/tests/test_confine $(TEST_SYMBOLS) $(TEST_STACKS): CORE_LIBS += -lseccomp -lcap

$(O)/tests/tools/%: $(O)/obj/tests/tools/%.o $(CORE_OBJ)
	@mkdir -p $(@D)
	$(call msg,LD,$@)
	$(Q)$(CC) $(CFLAGS_ALL) $(NO_LTO) $(LDFLAGS) $^ -o $@ $(CORE_LIBS)

$(O)/tests/tools/kernel_side: $(call obj,$(addprefix user/record/,rings.c futex_exits.c tracing.c tracefs.c))
$(O)/tests/tools/kernel_side: CORE_LIBS += -lbpf -lelf
$(O)/obj/tests/tools/kernel_side.o: | $(O)/gen/giltrace.skel.h

$(O)/obj/tests/system/programs/%.o: tests/system/programs/%.c Makefile
	@mkdir -p $(@D)
	$(call msg,CC,$@)
	$(Q)$(CC) -D_GNU_SOURCE -MMD -MP $(CSTD) $(WARN) -O2 -g -pthread -c $< -o $@

$(O)/tests/programs/%: $(O)/obj/tests/system/programs/%.o
	@mkdir -p $(@D)
	$(call msg,LD,$@)
	$(Q)$(CC) -O2 -g -pthread $(PROGRAM_LDFLAGS) $^ -o $@ -lm
# Exports its functions, as an interpreter does for its modules.
$(O)/tests/programs/ceval: PROGRAM_LDFLAGS := -rdynamic

# What they load while they run.
$(O)/tests/programs/%.so: tests/system/libs/%.c Makefile
	@mkdir -p $(@D)
	$(call msg,LD,$@)
	$(Q)$(CC) -D_GNU_SOURCE $(CSTD) $(WARN) -O2 -g -pthread -fPIC -shared $< -o $@

$(O)/bench/%: $(O)/obj/tests/bench/%.o $(CORE_OBJ)
	@mkdir -p $(@D)
	$(call msg,LD,$@)
	$(Q)$(CC) $(CFLAGS_ALL) $(NO_LTO) $(LDFLAGS) $^ -o $@ $(USER_LIBS)
$(O)/bench/empty_bpf: $(O)/obj/user/record/tracefs.o

# It shares the trace writer with giltrace, and nothing of the analyses.
$(O)/tests/sim: $(call obj,$(SIM_SRC)) $(LIB_OBJ)
	@mkdir -p $(@D)
	$(call msg,LD,$@)
	$(Q)$(CC) $(CFLAGS_ALL) $(NO_LTO) $(LDFLAGS) $^ -o $@ -lzstd -ljansson -lz -lm

# ---- fuzzing: each target is built twice, to replay what was found and, by make fuzz, to find more ----

FUZZ_SRC    := $(sort $(wildcard tests/fuzz/fuzz_*.c))
FUZZ_SHARED := $(call obj,$(addprefix tests/fuzz/,entry.c fuzz.c records.c reports.c))
FUZZ_BIN    := $(patsubst tests/fuzz/fuzz_%.c,$(O)/tests/fuzz/%,$(FUZZ_SRC))
FUZZ_SEED_BIN := $(patsubst tests/fuzz/%.c,$(O)/tests/fuzz/%,$(wildcard tests/fuzz/seed_*.c))
# What has main(): the fuzzer's library has its own.
FUZZ_MAIN   ?= $(call obj,tests/fuzz/replay.c)
FUZZ_LIBS   := $(USER_LIBS)

$(FUZZ_SHARED): | $(O)/gen/pprof.pb-c.c

# All of giltrace but main(): a target takes from it what it calls. Files made by the assembler are linked as they are:
# an index of objects that can be optimised again does not have their names.
FUZZ_PLAIN := $(call obj,analysis/render/flame_embed.c)
$(O)/tests/fuzz/giltrace.a: $(filter-out $(FUZZ_PLAIN) $(call obj,user/main.c),$(USER_OBJ) $(CORE_OBJ)) $(FUZZ_SHARED)
	@mkdir -p $(@D)
	$(call msg,AR,$@)
	$(Q)rm -f $@ && $(AR) rcs $@ $^

$(O)/tests/fuzz/%: $(O)/obj/tests/fuzz/fuzz_%.o $(FUZZ_MAIN) $(FUZZ_PLAIN) $(O)/tests/fuzz/giltrace.a
	$(call msg,LD,$@)
	$(Q)$(CC) $(CFLAGS_ALL) $(NO_LTO) $(LDFLAGS) $(FUZZ_LDFLAGS) $^ -o $@ $(FUZZ_LIBS)

$(O)/tests/fuzz/seed_%: $(O)/obj/tests/fuzz/seed_%.o $(FUZZ_PLAIN) $(O)/tests/fuzz/giltrace.a
	$(call msg,LD,$@)
	$(Q)$(CC) $(CFLAGS_ALL) $(NO_LTO) $(LDFLAGS) $^ -o $@ $(FUZZ_LIBS)

.PHONY: fuzz-targets
fuzz-targets: $(FUZZ_BIN)

.PHONY: fuzz-build
fuzz-build: all test-build
	$(Q)if echo 'int LLVMFuzzerTestOneInput(void) { return 0; }' | \
			$(CLANG) -fsanitize=fuzzer,address -x c - -o /dev/null 2>/dev/null; then \
		$(MAKE) --no-print-directory O=$(O)/fuzz CC=$(CLANG) SAN=fuzzer-no-link,address,undefined CFLAGS='-O1 -g' \
			FUZZ_MAIN= FUZZ_LDFLAGS=-fsanitize=fuzzer fuzz-targets; \
	fi
	$(Q)O=$(O) tests/fuzz/seeds

FUZZ_SECONDS ?= 600
.PHONY: fuzz
fuzz: fuzz-build ## fuzz each target under sanitizers (FUZZ_SECONDS=600 each, FUZZ=names of some)
	$(Q)O=$(O) FUZZ_SECONDS=$(FUZZ_SECONDS) tests/fuzz/run $(FUZZ)

# ---- anomalies: all of giltrace but main(), with an allocator and system calls that can fail ----

ANOMALY_SRC := $(sort $(wildcard tests/anomaly/*.c))
$(O)/tests/anomaly/anomaly: $(call obj,$(ANOMALY_SRC)) $(FUZZ_PLAIN) $(O)/tests/fuzz/giltrace.a
	@mkdir -p $(@D)
	$(call msg,LD,$@)
	$(Q)$(CC) $(CFLAGS_ALL) $(NO_LTO) $(LDFLAGS) $^ -o $@ $(USER_LIBS)

.PHONY: test-build
test-build: $(UNIT_BIN) $(SYSPROG_BIN) $(SYSLIB_BIN) $(TOOL_BIN) $(O)/tests/sim $(FUZZ_BIN) $(FUZZ_SEED_BIN) \
	$(O)/tests/anomaly/anomaly

.PHONY: test
test: all test-build ## run every test this machine can; skips are counted and named
	$(Q)O=$(O) SAN=$(SAN) tests/run

SIM_SEEDS ?= 5000
.PHONY: sim
sim: all $(O)/tests/sim ## compare reports of simulated worlds with the truth (SIM_SEEDS=5000, SIM_SEED=1)
	$(Q)$(O)/tests/sim --giltrace $(O)/giltrace --seed $(or $(SIM_SEED),1) --scenario all
	$(Q)$(O)/tests/sim --giltrace $(O)/giltrace --seed $(or $(SIM_SEED),1) --seeds $(SIM_SEEDS) --shrink

KERNELS ?=
.PHONY: test-kernels
test-kernels: all test-build ## test on other kernels, emulated (KERNELS="6.1 6.12-rt 6.12/64": series[-flavour][/CPUs])
	$(Q)O=$(O) tests/kernels/run $(KERNELS)

.PHONY: golden
golden: all test-build ## re-record the golden reports, after reading what changed
	$(Q)O=$(O) tests/golden/run --record

.PHONY: bench
bench: all $(BENCH_BIN) $(SYSPROG_BIN) $(O)/tests/sim ## measure cost and speed (root; takes some minutes)
	$(Q)O=$(O) tests/bench/run

# ---- first steps ----

.PHONY: deps
deps: ## install what building and testing needs (Debian and its children)
	$(Q)tests/deps

.PHONY: deps-test
deps-test: ## install what some tests ask: a browser, node, interpreters, qemu (they are skipped without)
	$(Q)tests/deps-test

.PHONY: demo
demo: ## install what is missing, build, trace threads and processes, compare
	$(Q)tests/deps
	$(Q)$(MAKE) --no-print-directory all
	$(Q)O=$(O) workloads/demo

.PHONY: install
install: all ## install under $(DESTDIR)$(PREFIX)
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/share/man/man1 \
		$(DESTDIR)$(PREFIX)/lib/giltrace/workloads
	install -m 0755 $(O)/giltrace $(DESTDIR)$(PREFIX)/bin/giltrace
	install -m 0755 $(WORKLOAD_BIN) $(DESTDIR)$(PREFIX)/lib/giltrace/workloads/
	install -m 0644 $(wildcard man/*.1) $(DESTDIR)$(PREFIX)/share/man/man1/

.PHONY: clean
clean: ## remove what was built
	rm -rf $(O)

.PHONY: help
help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' $(firstword $(MAKEFILE_LIST)) | expand -t 22
	@echo '  V=1 shows commands, O=dir builds there, SAN=address,undefined adds sanitizers'

-include $(shell find $(O)/obj -name '*.d' 2>/dev/null)
