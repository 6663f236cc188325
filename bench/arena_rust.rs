// SPDX-License-Identifier: MIT
// Two peers of arena.c in Rust, with nothing but std. The first is an arena that one thread
// uses and that grows downwards in a fixed buffer, in line. The second does what the example
// SimpleAllocator of std::alloc::GlobalAlloc does: one counter for all threads, lowered by
// fetch_update, and no giving back; whoever finds it used up starts it over, as in arena.c.
// Where the crate bumpalo is there (cfg bumpalo), it is a third.
use std::alloc::{GlobalAlloc, Layout};
use std::cell::{Cell, UnsafeCell};
use std::ffi::{c_char, c_int, c_void};
use std::hint::black_box;
use std::ptr::null_mut;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

const BLOCKS: usize = 256;
const SIZE: usize = 64;
const LAYOUT: Layout = match Layout::from_size_align(SIZE, 8) {
    Ok(layout) => layout,
    Err(_) => panic!(),
};

#[repr(C)]
pub struct Peer {
    name: *const c_char,
    open: Option<extern "C" fn() -> *mut c_void>,
    close: Option<extern "C" fn(*mut c_void)>,
    fill: Option<unsafe extern "C" fn(*mut c_void, *mut *mut u8)>,
    drain: Option<unsafe extern "C" fn(*mut c_void, *mut *mut u8)>,
    at_once: c_int,
}
unsafe impl Sync for Peer {}

// ---- One thread, downwards -----------------------------------------------------------

struct Down {
    start: *mut u8,
    bytes: usize,
    next: Cell<*mut u8>,
}

impl Down {
    #[inline(always)]
    fn alloc(&self, layout: Layout) -> *mut u8 {
        let next = self.next.get();
        let room = next as usize - self.start as usize;
        if layout.size() > room {
            return null_mut();
        }
        let place = (next as usize - layout.size()) & !(layout.align() - 1);
        if place < self.start as usize {
            return null_mut();
        }
        let block = next.wrapping_sub(next as usize - place);
        self.next.set(block);
        block
    }
}

extern "C" fn down_open() -> *mut c_void {
    let bytes = BLOCKS * SIZE;
    let memory: &'static mut [u8] = Box::leak(vec![0u8; bytes + 64].into_boxed_slice());
    let start = memory.as_mut_ptr();
    let next = Cell::new(start.wrapping_add(bytes + 64));
    Box::into_raw(Box::new(Down { start, bytes: bytes + 64, next })) as *mut c_void
}

extern "C" fn down_close(state: *mut c_void) {
    unsafe {
        let down = Box::from_raw(state as *mut Down);
        drop(Vec::from_raw_parts(down.start, down.bytes, down.bytes));
    }
}

unsafe extern "C" fn down_fill(state: *mut c_void, _blocks: *mut *mut u8) {
    let down = unsafe { &*(state as *const Down) };
    for _ in 0..BLOCKS {
        let block = down.alloc(LAYOUT);
        if block.is_null() {
            std::process::abort();
        }
        // The store has to happen, and may change anything, the arena's own pointer included.
        unsafe { black_box(block).write_volatile(1) };
    }
}

unsafe extern "C" fn down_drain(state: *mut c_void, _blocks: *mut *mut u8) {
    let down = unsafe { &*(state as *const Down) };
    down.next.set(down.start.wrapping_add(down.bytes));
}

// ---- All threads, one counter --------------------------------------------------------

const ARENA_SIZE: usize = 2 * BLOCKS * SIZE;

#[repr(C, align(4096))]
struct Simple {
    arena: UnsafeCell<[u8; ARENA_SIZE]>,
    remaining: AtomicUsize,
}
unsafe impl Sync for Simple {}

static SIMPLE: Simple = Simple {
    arena: UnsafeCell::new([0; ARENA_SIZE]),
    remaining: AtomicUsize::new(ARENA_SIZE),
};

unsafe impl GlobalAlloc for Simple {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if layout.align() > 4096 {
            return null_mut();
        }
        let mut place = 0;
        let lowered = self.remaining.fetch_update(Relaxed, Relaxed, |remaining| {
            place = remaining.checked_sub(layout.size())? & !(layout.align() - 1);
            Some(place)
        });
        match lowered {
            Ok(_) => (self.arena.get() as *mut u8).wrapping_add(place),
            Err(_) => null_mut(),
        }
    }
    unsafe fn dealloc(&self, _block: *mut u8, _layout: Layout) {}
}

extern "C" fn simple_open() -> *mut c_void {
    &SIMPLE as *const Simple as *mut c_void
}

extern "C" fn simple_close(_state: *mut c_void) {}

unsafe extern "C" fn simple_fill(_state: *mut c_void, _blocks: *mut *mut u8) {
    for _ in 0..BLOCKS {
        loop {
            let block = unsafe { SIMPLE.alloc(black_box(LAYOUT)) };
            if !block.is_null() {
                unsafe { block.write_volatile(1) };
                break;
            }
            SIMPLE.remaining.store(ARENA_SIZE, Relaxed);
        }
    }
}

unsafe extern "C" fn simple_drain(_state: *mut c_void, _blocks: *mut *mut u8) {}

// ---- bumpalo -------------------------------------------------------------------------

#[cfg(bumpalo)]
mod bumpalo_peer {
    use super::*;
    use bumpalo::Bump;

    extern "C" fn open() -> *mut c_void {
        Box::into_raw(Box::new(Bump::with_capacity(BLOCKS * SIZE))) as *mut c_void
    }

    extern "C" fn close(state: *mut c_void) {
        drop(unsafe { Box::from_raw(state as *mut Bump) });
    }

    unsafe extern "C" fn fill(state: *mut c_void, _blocks: *mut *mut u8) {
        let bump = unsafe { &*(state as *const Bump) };
        for _ in 0..BLOCKS {
            unsafe { black_box(bump.alloc_layout(LAYOUT).as_ptr()).write_volatile(1) };
        }
    }

    unsafe extern "C" fn drain(state: *mut c_void, _blocks: *mut *mut u8) {
        unsafe { &mut *(state as *mut Bump) }.reset();
    }

    pub const PEER: Peer = Peer {
        name: c"Rust, bumpalo".as_ptr(),
        open: Some(open),
        close: Some(close),
        fill: Some(fill),
        drain: Some(drain),
        at_once: 1,
    };
}

// ---- The list, ended by a name that is null ------------------------------------------

const DOWN: Peer = Peer {
    name: c"Rust, downwards, in line".as_ptr(),
    open: Some(down_open),
    close: Some(down_close),
    fill: Some(down_fill),
    drain: Some(down_drain),
    at_once: 1,
};

const SIMPLE_ALLOCATOR: Peer = Peer {
    name: c"Rust, SimpleAllocator".as_ptr(),
    open: Some(simple_open),
    close: Some(simple_close),
    fill: Some(simple_fill),
    drain: Some(simple_drain),
    at_once: 1,
};

const END: Peer =
    Peer { name: std::ptr::null(), open: None, close: None, fill: None, drain: None, at_once: 0 };

#[cfg(bumpalo)]
#[no_mangle]
pub static arena_peers: [Peer; 4] = [DOWN, bumpalo_peer::PEER, SIMPLE_ALLOCATOR, END];

#[cfg(not(bumpalo))]
#[no_mangle]
pub static arena_peers: [Peer; 3] = [DOWN, SIMPLE_ALLOCATOR, END];
