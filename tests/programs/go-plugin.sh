# SPDX-License-Identifier: MIT
# A plug-in in Go, opened by a program in C and linked with one: a runtime with threads, signal
# handlers and a heap of its own, which has the arguments of the process from the loader.
. "$srcdir/tests/programs/lib.sh"
need go "$CC"
if [ ! -e "$kept/plugin.so" ]; then
    # (In a subshell: go looks for much in the environment.)
    (
        HOME=$PWD GOCACHE=$PWD/cache GO111MODULE=off GOFLAGS='' GOTOOLCHAIN=local CGO_ENABLED=1
        export HOME GOCACHE GO111MODULE GOFLAGS GOTOOLCHAIN CGO_ENABLED
        go build -buildmode=c-shared -o "$kept/plugin.so" "$srcdir/tests/programs/plugin.go"
    )
fi
open_plugin
