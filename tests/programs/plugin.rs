// SPDX-License-Identifier: MIT
//! A plug-in in Rust for plugin.c: the system's allocator, which has alignments of its own and
//! zeroed and grown blocks; panics that are caught; threads.
use std::alloc::{alloc, alloc_zeroed, dealloc, realloc, Layout, System};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ffi::{c_char, c_long, c_ulong, c_void};
use std::panic::{catch_unwind, resume_unwind, set_hook};
use std::thread;

#[global_allocator]
static ALLOCATOR: System = System;

type Visit = unsafe extern "C" fn(*mut c_char, usize);

extern "C" {
    fn calloc(count: usize, size: usize) -> *mut c_void;
    fn strndup(text: *const c_char, size: usize) -> *mut c_char;
}

#[no_mangle]
pub extern "C" fn plugin_arguments() -> *mut c_char {
    let arguments: Vec<String> = std::env::args().collect();
    let text = format!("{}: {}", arguments.len(), arguments[1..].join(" "));
    unsafe { strndup(text.as_ptr().cast(), text.len()) }
}

thread_local! {
    // Dropped when the thread ends, after much of it.
    static KEPT: RefCell<Vec<Box<[u8]>>> = const { RefCell::new(Vec::new()) };
}

// A block by alloc, or zeroed, and grown; the sum of its bytes and whether it is aligned.
fn aligned(align: usize, size: usize, zeroed: bool) -> u64 {
    let layout = Layout::from_size_align(size, align).unwrap();
    unsafe {
        let block = if zeroed { alloc_zeroed(layout) } else { alloc(layout) };
        assert!(!block.is_null());
        if !zeroed {
            block.write_bytes(3, size);
        }
        let grown = realloc(block, layout, 3 * size);
        assert!(!grown.is_null());
        let sum = (0..size).map(|i| u64::from(*grown.add(i))).sum::<u64>();
        let misplaced = grown as usize % align;
        dealloc(grown, Layout::from_size_align(3 * size, align).unwrap());
        sum + misplaced as u64
    }
}

fn round(number: usize) -> u64 {
    let mut sum = 0;
    let mut kept = BTreeMap::new();
    for i in 0..50 {
        let size = (i * 7919 + number) % 5000 + 1;
        kept.insert(format!("{number} {}", i % 7), vec![i as u8; size]);
        sum += aligned(1 << (i % 13), size, i % 2 == 0) + size as u64;
    }
    KEPT.with(|all| all.borrow_mut().extend(kept.into_values().map(Vec::into_boxed_slice)));
    // More than there is: an error, not the end.
    let mut huge: Vec<u8> = Vec::new();
    sum + u64::from(huge.try_reserve_exact(isize::MAX as usize).is_err())
}

fn panics(number: usize) -> u64 {
    let caught = catch_unwind(|| {
        let _dropped = vec![String::from("while it unwinds"); number % 50];
        resume_unwind(Box::new(format!("panic {number}")));
    });
    caught.unwrap_err().downcast::<String>().unwrap().len() as u64
}

#[no_mangle]
pub extern "C" fn plugin_work(rounds: c_long, visit: Visit) -> c_ulong {
    set_hook(Box::new(|_| {}));
    let mut sum = 0;
    for number in 0..rounds as usize {
        sum += round(number) + panics(number);
        let size = number % 3000 + 1;
        unsafe { visit(calloc(1, size).cast(), size) };
        KEPT.with(|all| all.borrow_mut().clear());
    }
    let threads: Vec<_> = (0..3).map(|seed| thread::spawn(move || round(seed))).collect();
    sum += threads.into_iter().map(|one| one.join().unwrap()).sum::<u64>();
    let ended = thread::spawn(|| -> u64 { panic!("{}", round(1)) }).join();
    sum + ended.unwrap_err().downcast::<String>().unwrap().len() as c_ulong
}
