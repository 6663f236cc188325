// SPDX-License-Identifier: MIT

// A plug-in in Go for plugin.c: goroutines, the garbage collector, C's heap from many threads.
package main

/*
#include <stdlib.h>
#include <string.h>

typedef void visitor(char *block, size_t size);
static void visit(visitor *function, char *block, size_t size) { function(block, size); }
*/
import "C"

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"sync"
	"unsafe"
)

//export plugin_arguments
func plugin_arguments() *C.char {
	return C.CString(fmt.Sprintf("%d: %s", len(os.Args), strings.Join(os.Args[1:], " ")))
}

// A block of C's that lives as long as a value of Go's.
type block struct {
	bytes *C.char
	size  int
}

func newBlock(size, value int) *block {
	made := &block{(*C.char)(C.malloc(C.size_t(size))), size}
	C.memset(unsafe.Pointer(made.bytes), C.int(value), C.size_t(size))
	// The collector frees it, in a goroutine of its own.
	runtime.SetFinalizer(made, func(dead *block) { C.free(unsafe.Pointer(dead.bytes)) })
	return made
}

func round(number int, visit *C.visitor) uint64 {
	// A thread that ends with the goroutine, since nobody unlocks it.
	if number%16 == 0 {
		runtime.LockOSThread()
	}
	sum := uint64(0)
	kept := map[string]*block{}
	for i := 0; i < 50; i++ {
		size := (i*7919+number)%5000 + 1
		kept[fmt.Sprint(number, i%7)] = newBlock(size, i)
		bytes := C.GoBytes(unsafe.Pointer(kept[fmt.Sprint(number, i%7)].bytes), C.int(size))
		sum += uint64(bytes[0])*31 + uint64(len(bytes))
	}
	runtime.KeepAlive(kept)
	size := C.size_t(number%3000 + 1)
	text := (*C.char)(C.calloc(1, size))
	C.visit(visit, text, size)
	return sum
}

//export plugin_work
func plugin_work(rounds C.long, visit *C.visitor) C.ulong {
	var all sync.WaitGroup
	sums := make([]uint64, rounds)
	for i := range sums {
		all.Add(1)
		go func(number int) {
			defer all.Done()
			defer func() { _ = recover() }()
			sums[number] = round(number, visit)
			var none *block
			none.size++ // a fault, which Go has a signal handler for
		}(i)
	}
	all.Wait()
	runtime.GC()
	total := uint64(0)
	for _, sum := range sums {
		total += sum
	}
	return C.ulong(total)
}

func main() {}
