# SPDX-License-Identifier: GPL-2.0
#
# A thin front: Kbuild builds the module, Meson the user space, selftests/ tests.
#
#	make module [KVER=...]	blkrepl.ko for one kernel, in build/module-KVER
#	make user		blkrepld, blkreplctl, blkrepl-setup, in build/user
#	make install		both, as a package would; DESTDIR, KVER
#	make check, make demo	the two commands of the README
#	make docs		what the documentation has from the code; "make docs-check"
#	make units, make sim	unit tests, crash simulator; see docs/testing.md

KVER ?= $(shell uname -r)
KDIR ?= /lib/modules/$(KVER)/build
VERSION := $(shell sed -n 's/^PACKAGE_VERSION="\(.*\)"/\1/p' dkms.conf)
BUILD := build
MODDIR := $(BUILD)/module-$(KVER)
KERNEL_SOURCES := Kbuild kernel uapi
DESTDIR ?=
MESON_SETUP = meson setup --prefix=/usr --sysconfdir=/etc --localstatedir=/var

all: module user

# The module is built in a copy, so that several kernels do not mix.
$(MODDIR)/.copied: $(shell find $(KERNEL_SOURCES) -type f)
	mkdir -p $(MODDIR)
	cp -ru $(KERNEL_SOURCES) $(MODDIR)
	touch $@

module: $(MODDIR)/.copied
	$(MAKE) -C $(KDIR) M=$(CURDIR)/$(MODDIR) W=1 KCFLAGS=-Werror modules

module-lint: $(MODDIR)/.copied
	find $(MODDIR)/kernel -name '*.o' -delete
	$(MAKE) -C $(KDIR) M=$(CURDIR)/$(MODDIR) W=1 C=1 CF=-D__CHECK_ENDIAN__ \
		KCFLAGS=-Werror modules 2>&1 | tee $(MODDIR)/lint.log
	@! grep -E 'warning|error' $(MODDIR)/lint.log

$(BUILD)/user/build.ninja:
	$(MESON_SETUP) $(BUILD)/user

user: $(BUILD)/user/build.ninja
	meson compile -C $(BUILD)/user

units sim fuzz: $(BUILD)/asan/build.ninja
	meson test -C $(BUILD)/asan --suite $@ --print-errorlogs

$(BUILD)/asan/build.ninja:
	$(MESON_SETUP) -Db_sanitize=address,undefined -Db_lundef=false $(BUILD)/asan

dbus-check: user
	/usr/bin/python3 -m pytest -q selftests/dbus selftests/cli

install: module user
	install -D -m 644 $(MODDIR)/blkrepl.ko \
		$(DESTDIR)/lib/modules/$(KVER)/updates/dkms/blkrepl.ko
	$(if $(DESTDIR),DESTDIR=$(abspath $(DESTDIR))) meson install -C $(BUILD)/user --no-rebuild
	$(if $(DESTDIR),,depmod $(KVER))

DOC_TABLES := $(BUILD)/user/tools/doc-tables
WITH_TABLES := docs/operations.md docs/man/blkreplctl.1.scd

docs docs-check: $(BUILD)/user/build.ninja
	meson compile -C $(BUILD)/user doc-tables
	tools/dbus-doc $(if $(filter %-check,$@),--check)
	$(DOC_TABLES) $(if $(filter %-check,$@),--check) $(WITH_TABLES)

uapi:
	uapi/regen

uapi-check:
	uapi/regen --check

check demo:
	selftests/$@

bench:
	bench/run

clean:
	rm -rf $(BUILD)

.PHONY: all module module-lint user units sim fuzz dbus-check install docs docs-check \
	uapi uapi-check check demo bench clean
