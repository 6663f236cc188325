# SPDX-License-Identifier: MIT
# The suite once more, in a build of its own under this one: with sanitizers, with
# clang, and the unit tests under valgrind.
variants = check-asan check-tsan check-clang check-valgrind
$(variants):
	+@$(AM_TESTS_ENVIRONMENT) $(SHELL) $(srcdir)/tests/variant.sh $@
clean-variants:
	-rm -rf $(variants)
clean-local: clean-variants
.PHONY: $(variants) clean-variants
EXTRA_DIST += tests/variant.sh tests/platforms/lib.sh tests/platforms/cross.sh \
	tests/platforms/emulated.known tests/platforms/musl-root.sh tests/windows.sh
EXTRA_DIST += $(platforms:%=tests/platforms/%.sh) tests/platforms/builds.known \
	tests/platforms/debian13.known tests/platforms/powerpc.known tests/platforms/s390x.known \
	tests/platforms/windows.known
platforms = aarch64 aarch64-16k aarch64-64k armhf builds clang compilers debian13 i386 lto musl \
	powerpc riscv64 s390x windows
