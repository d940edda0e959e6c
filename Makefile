# GNU make.  `make` builds the module, `make help` lists the rest.

NGINX_SRC   ?= /usr/share/nginx/src
JOBS        ?= $(shell nproc)
FUZZ_TIME   ?= 60
SUITE_JOBS  ?= 3
TESTS       ?= $(sort $(wildcard t/*.t))
MATRIX      ?= trixie testing:njs testing:qjs

# V=1 shows every command
V           ?=
Q           := $(if $(V),,@)

# everything made goes below B; build/asan is the same once more, sanitized
B           ?= build
CC_OPT      ?= -O2 -fstack-protector-strong -D_FORTIFY_SOURCE=2 \
               -ffile-prefix-map=$(CURDIR)=.
LD_OPT      ?= -Wl,-z,relro -Wl,-z,now
# the tests of one text build with cmocka 1 and 2, which deprecates macros of 1
TEST_CFLAGS := -Wno-deprecated-declarations
UNIT_CFLAGS ?= -std=c11 -D_GNU_SOURCE -O1 -g -Wall -Wextra -Werror
SANITIZE    :=
FUZZ_CC     ?= clang

NGINX_INCS  := src/core src/event src/event/modules src/event/quic \
               src/os/unix objs src/http src/http/modules src/http/v2 \
               src/http/v3
MODULE      := $(B)/ngx_http_apievents_module.so
LISTS       := ngx_addon_dir=; . ./config; echo
SOURCES     := $(shell $(LISTS) $$apievents_srcs $$apievents_deps)
EMBEDDED    := $(shell $(LISTS) $$apievents_embed)
# what needs no nginx: the core, and stores
CORE        := $(sort $(wildcard src/core/*/*.c src/store/*/*.c))
WRAP        := -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc
CORE_LIBS   := -lyajl -lsqlite3 -lcrypto -lpthread -lm

UNIT_CORE   := $(CORE:src/%.c=$(B)/unit/src/%.o)
UNIT_HELP   := $(filter-out t/unit/test_%,$(wildcard t/unit/*.c))
UNIT_OBJS   := $(UNIT_CORE) $(UNIT_HELP:t/unit/%.c=$(B)/unit/%.o)
UNIT_TESTS  := $(patsubst t/unit/%.c,$(B)/unit/%,\
                   $(sort $(wildcard t/unit/test_*.c)))

FUZZ_CORE   := $(CORE:src/%.c=$(B)/fuzz/src/%.o)
FUZZ_FLAGS  := -fsanitize=address,undefined -fno-sanitize-recover=all
FUZZ_TESTS  := $(patsubst t/fuzz/%.c,$(B)/fuzz/%,\
                   $(sort $(wildcard t/fuzz/fuzz_*.c)))

MAKEFLAGS   += --no-print-directory
ifeq ($(MAKELEVEL)$(filter -j%,$(MAKEFLAGS)),0)
MAKEFLAGS   += -j$(JOBS)
endif

.DELETE_ON_ERROR:
.SECONDARY:
.PHONY: all deps test unit style js suite interop fuzz-regression fuzz fuzz-admin test-asan \
        matrix test-valgrind dockerfile-check chaos chaos-admin soak storm bench demo \
        run clean help


all: $(MODULE)          ## build/ngx_http_apievents_module.so (the default)

deps:                   ## install what the other targets need
	@util/deps

test:                   ## deps, module, style, all tests but the long ones
	@$(MAKE) deps
	@$(MAKE) all
	@$(MAKE) style
	@$(MAKE) unit
	@$(MAKE) fuzz-regression
	@$(MAKE) js
	@$(MAKE) suite
	@$(MAKE) interop

suite: $(MODULE) $(B)/runtime.so build/clock.so  ## the Test::Nginx suite alone; TESTS=t/x.t for a part
	@APIEVENTS_MODULE=$(abspath $(MODULE)) util/suite -j$(SUITE_JOBS) $(TESTS)

interop: $(MODULE) build/clock.so  ## webhooks under packages from npm
	@APIEVENTS_MODULE=$(abspath $(MODULE)) prove t/interop/*.t

unit: $(UNIT_TESTS)     ## the unit tests of src/core and stores alone
	@util/unit $(UNIT_TESTS)

js:                     ## the tests of the JavaScript runtime alone
	@prove util/test-js

style:                  ## the style checker, first on its own samples
	@t/style/run
	@util/style
	@util/doccheck

test-asan:              ## unit tests and suite with ASan and UBSan
	@$(MAKE) deps
	+@util/asan

fuzz-regression: $(FUZZ_TESTS)  ## the fuzz targets on their corpora
	@util/fuzz regression $(FUZZ_TESTS)

fuzz: $(FUZZ_TESTS)     ## look for new inputs, FUZZ_TIME seconds a target
	@util/fuzz discover $(FUZZ_TIME) $(FUZZ_TESTS)

fuzz-admin: $(MODULE) build/clock.so  ## random calls of the management API, FUZZ_TIME seconds; AE_SEED
	@APIEVENTS_MODULE=$(abspath $(MODULE)) FUZZ_TIME=$(FUZZ_TIME) \
	    prove -v t/654-admin-fuzz.t

matrix:                 ## all with nginx 1.26 and 1.30; MATRIX=testing:qjs
	@util/deps matrix
	@util/matrix $(MATRIX)

test-valgrind:          ## a part of the suite in valgrind's memcheck
	@util/deps valgrind
	+@util/valgrind

dockerfile-check:       ## what the Dockerfile says, without Docker
	@util/deps matrix
	@util/dockerfile

chaos: $(MODULE) build/clock.so  ## kill KILLS=10000 workers under load; SEED
	@APIEVENTS_MODULE=$(abspath $(MODULE)) t/chaos/rounds

chaos-admin: $(MODULE)  ## change objects for SECONDS=60 while workers are killed; SEED
	@APIEVENTS_MODULE=$(abspath $(MODULE)) t/chaos/admin

soak: $(MODULE)         ## what grows over REQUESTS=1000000, RELOADS=50
	@APIEVENTS_MODULE=$(abspath $(MODULE)) t/chaos/soak

storm: $(MODULE) build/clock.so  ## EVENTS=1000000 alike refusals, and their two webhooks
	@APIEVENTS_MODULE=$(abspath $(MODULE)) t/chaos/storm

bench:                  ## the figures: core, webhooks, latency, the gate
	@$(MAKE) deps
	@$(MAKE) all
	@bench/run

demo:                   ## start nginx, trip each event, print what arrived
	@$(MAKE) deps
	@$(MAKE) all
	@util/quickstart demo

run:                    ## the quickstart configuration in the foreground
	@$(MAKE) deps
	@$(MAKE) all
	@util/quickstart run

clean:                  ## remove what was built, but not what was fetched
	@find build -mindepth 1 -maxdepth 1 ! -name perl ! -name matrix \
	    -exec rm -rf {} + 2>/dev/null || true
	@rm -rf t/servroot*

help:                   ## this list
	@sed -nE 's/^([a-z-]+):[^#]*## /\1\t/p' Makefile | expand -t 18


# The module: nginx's own configure and make, in a copy of the sources that
# the distribution's nginx was built from.

$(MODULE): $(B)/nginx/objs/Makefile build/embedded.c $(SOURCES)
	@echo "  MAKE    $@"
	@$(MAKE) $(if $(V),,-s) -C $(B)/nginx -f objs/Makefile modules \
	    CC="$(CC) $(SANITIZE)"
	@install -m 644 $(B)/nginx/objs/$(@F) $@.new
	@mv -f $@.new $@

# what puts endpoints at run time in tests, see t/lib/RuntimeBlocks.pm; never
# sanitized, as the names that nginx looks for are in each module
$(B)/runtime.so: t/infra/runtime.c $(MODULE)
	@echo "  CC      $@"
	$(Q)$(CC) -D_GNU_SOURCE -O1 -g -Wall -Wextra -Werror \
	    -Wno-unused-parameter -fno-strict-aliasing -fPIC -shared -Isrc \
	    $(NGINX_INCS:%=-I$(B)/nginx/%) $< -o $@.$$$$ && mv -f $@.$$$$ $@

# what moves the time of a test's nginx, see t/lib/Clock.pm
build/clock.so: t/infra/clock.c
	@mkdir -p build
	@echo "  CC      $@"
	$(Q)$(CC) -std=gnu11 -O2 -Wall -Wextra -Werror -fPIC -shared \
	    -Wl,-z,nodelete $< -o $@.$$$$ -ldl && mv -f $@.$$$$ $@

$(B)/nginx/objs/Makefile: config $(NGINX_SRC)/configure
	@rm -rf $(B)/nginx
	@mkdir -p $(B)/nginx
	@cp -R $(NGINX_SRC)/. $(B)/nginx
	@echo "  CONF    $(B)/nginx"
	@cd $(B)/nginx && CC="$(CC)" bash -c '. ./conf_flags; ./configure \
	    "$${NGX_CONF_FLAGS[@]}" $(ADD:%=--add-dynamic-module=%) \
	    --with-cc-opt="$(CC_OPT)" --with-ld-opt="$(LD_OPT)" \
	    --add-dynamic-module="$(CURDIR)"' >configure.log 2>&1 \
	    || { tail -n 20 configure.log; rm -f objs/Makefile; exit 1; }

$(NGINX_SRC)/configure:
	@echo "$@ is missing: run make deps, or set NGINX_SRC"; exit 1

build/embedded.c: util/embed $(EMBEDDED)
	@mkdir -p build
	@util/embed $@ $(EMBEDDED)


# Unit tests and fuzz targets: the core and stores, without nginx.

$(B)/unit/src/%.o: src/%.c
	@mkdir -p $(@D)
	@echo "  CC      $<"
	$(Q)$(CC) $(UNIT_CFLAGS) $(SANITIZE) -MMD -Isrc -c $< -o $@

$(B)/unit/%.o: t/unit/%.c
	@mkdir -p $(@D)
	@echo "  CC      $<"
	$(Q)$(CC) $(UNIT_CFLAGS) $(TEST_CFLAGS) $(SANITIZE) -MMD -Isrc -It/unit \
	    -c $< -o $@

$(B)/unit/test_%: $(B)/unit/test_%.o $(UNIT_OBJS)
	@echo "  LINK    $@"
	$(Q)$(CC) $(SANITIZE) $(WRAP) $^ -o $@ -lcmocka $(CORE_LIBS)

$(B)/fuzz/src/%.o: src/%.c
	@mkdir -p $(@D)
	@echo "  CC      $<"
	$(Q)$(FUZZ_CC) $(UNIT_CFLAGS) $(FUZZ_FLAGS) -fsanitize=fuzzer-no-link \
	    -MMD -Isrc -c $< -o $@

$(B)/fuzz/fuzz_%: t/fuzz/fuzz_%.c $(FUZZ_CORE)
	@echo "  LINK    $@"
	$(Q)$(FUZZ_CC) $(UNIT_CFLAGS) $(FUZZ_FLAGS) -fsanitize=fuzzer \
	    -Isrc $^ -o $@ $(CORE_LIBS)

-include $(UNIT_OBJS:.o=.d) $(UNIT_TESTS:=.d) $(FUZZ_CORE:.o=.d)
