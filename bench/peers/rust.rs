// SPDX-License-Identifier: MIT
//! Rust's `std::alloc`: the default of std, or with `--cfg named` a `#[global_allocator]` that
//! is `System`. The kernels of ../harness/kernels.h once more, in Rust, for the same harness.
use std::alloc::{alloc, alloc_zeroed, dealloc, realloc, Layout};
use std::hint::black_box;

#[cfg(named)]
#[global_allocator]
static GLOBAL: std::alloc::System = std::alloc::System;

extern "C" {
    fn bench_out_of_memory();
}

#[repr(C)]
pub struct Slot {
    block: *mut u64,
    size: usize,
}

/// As `struct bench_peer`.
#[repr(C)]
pub struct Peer {
    start: Option<extern "C" fn()>,
    pair: extern "C" fn(usize, usize, u64) -> u64,
    pair_constant: extern "C" fn(usize, u64) -> u64,
    fill: unsafe extern "C" fn(*mut *mut u64, usize, usize),
    drain: unsafe extern "C" fn(*mut *mut u64, usize, usize) -> u64,
    reset: Option<extern "C" fn()>,
    grow: extern "C" fn(usize, u64) -> u64,
    zeroed: extern "C" fn(usize, u64) -> u64,
    churn: unsafe extern "C" fn(*mut Slot, usize, *mut u64, u64) -> u64,
}

#[no_mangle]
#[allow(non_upper_case_globals)]
pub static bench_peer: Peer =
    Peer { start: None, pair, pair_constant, fill, drain, reset: None, grow, zeroed, churn };

#[inline(always)]
fn layout(size: usize, align: usize) -> Layout {
    // SAFETY: the harness asks for valid layouts only.
    unsafe { Layout::from_size_align_unchecked(size, align) }
}

/// `black_box` hides where the block came from, as BENCH_HIDE does, so no pair is left out.
#[inline(always)]
fn checked(block: *mut u8) -> *mut u64 {
    if block.is_null() {
        unsafe { bench_out_of_memory() }
    }
    black_box(block as *mut u64)
}

#[inline(always)]
fn pairs(size: usize, align: usize, count: u64) -> u64 {
    let mut sum = 0u64;
    for i in 0..count {
        unsafe {
            let block = checked(alloc(layout(size, align)));
            *block = i;
            let block = black_box(block);
            sum = sum.wrapping_add(*block);
            dealloc(block as *mut u8, layout(size, align));
        }
    }
    sum
}

extern "C" fn pair(size: usize, align: usize, count: u64) -> u64 {
    match align {
        8 => pairs(size, 8, count),
        16 => pairs(size, 16, count),
        64 => pairs(size, 64, count),
        4096 => pairs(size, 4096, count),
        _ => u64::MAX,
    }
}

extern "C" fn pair_constant(size: usize, count: u64) -> u64 {
    match size {
        32 => pairs(32, 8, count),
        4096 => pairs(4096, 8, count),
        _ => u64::MAX,
    }
}

unsafe extern "C" fn fill(blocks: *mut *mut u64, count: usize, size: usize) {
    for i in 0..count {
        let block = checked(alloc(layout(size, 8)));
        *block = i as u64;
        *blocks.add(i) = block;
    }
}

unsafe extern "C" fn drain(blocks: *mut *mut u64, count: usize, size: usize) -> u64 {
    let mut sum = 0u64;
    for i in 0..count {
        let block = *blocks.add(i);
        sum = sum.wrapping_add(*block);
        dealloc(block as *mut u8, layout(size, 8));
    }
    sum
}

extern "C" fn grow(size: usize, count: u64) -> u64 {
    let mut sum = 0u64;
    for i in 0..count {
        unsafe {
            let mut vector = checked(alloc(layout(16, 8)));
            *vector = i;
            let mut have = 16;
            while have < size {
                vector = checked(realloc(vector as *mut u8, layout(have, 8), 2 * have));
                *vector.add(have / 8) = have as u64;
                have *= 2;
            }
            let vector = black_box(vector);
            sum = sum.wrapping_add(*vector).wrapping_add(*vector.add(size / 2 / 8));
            dealloc(vector as *mut u8, layout(size, 8));
        }
    }
    sum
}

extern "C" fn zeroed(size: usize, count: u64) -> u64 {
    let mut sum = 0u64;
    for i in 0..count {
        unsafe {
            let block = checked(alloc_zeroed(layout(size, 8)));
            let last = size / 8 - 1;
            sum = sum.wrapping_add(*block).wrapping_add(*block.add(last)).wrapping_add(i);
            *block = !i;
            *block.add(last) = !i;
            dealloc(black_box(block) as *mut u8, layout(size, 8));
        }
    }
    sum
}

#[inline(always)]
fn next_random(state: &mut u64) -> u64 {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    *state
}

unsafe extern "C" fn churn(slots: *mut Slot, count: usize, random: *mut u64, steps: u64) -> u64 {
    let mut sum = 0u64;
    for _ in 0..steps {
        let number = next_random(&mut *random);
        let slot = &mut *slots.add(number as usize & (count - 1));
        let size = 16 + (number >> 32 & 511) as usize;
        if !slot.block.is_null() {
            sum = sum.wrapping_add(*slot.block);
            dealloc(slot.block as *mut u8, layout(slot.size, 8));
        }
        let block = checked(alloc(layout(size, 8)));
        *block = number;
        slot.block = block;
        slot.size = size;
    }
    sum
}
