// SPDX-License-Identifier: MIT
// Writes layout_vectors.h: what std::alloc::Layout of Rust 1.95 answers. Not part of the
// build; run by hand when a vector is to be added:
//
//     RUSTC_BOOTSTRAP=1 rustc layout_vectors.rs && ./layout_vectors >layout_vectors.h
//
// Numbers are printed relative to isize::MAX (M), so that one table holds for every width
// of usize; a vector with a number that cannot be written that way is left out.
#![allow(stable_features)]
#![feature(alloc_layout_extra, ptr_alignment_type)]
use std::alloc::{Layout, LayoutError};
use std::ptr::Alignment;

const M: usize = isize::MAX as usize;
const H: usize = M / 2 + 1;
const NEAR: usize = 0x20000;

fn number(v: usize) -> Option<String> {
    let anchors = [("Z", usize::MAX), ("M", M), ("H", H), ("(M / 3)", M / 3), ("(M / 6)", M / 6),
                   ("(M / 8)", M / 8), ("(M / 24)", M / 24)];
    if v < NEAR {
        return Some(v.to_string());
    }
    anchors.iter().find(|(_, a)| a.abs_diff(v) < NEAR).map(|&(name, a)| match (v > a, v < a) {
        (true, _) => format!("{name} + {}", v - a),
        (_, true) => format!("{name} - {}", a - v),
        _ => name.to_string(),
    })
}

// One table of the C header, its rows packed into lines of at most 100 columns.
struct Table {
    line: String,
}

impl Table {
    fn new(comment: &str, name: &str, columns: usize) -> Table {
        println!("\n/* {comment} */\nstatic const size_t {name}[][{columns}] = {{");
        Table { line: String::new() }
    }

    fn row(&mut self, columns: &[usize]) {
        let texts: Option<Vec<String>> = columns.iter().map(|&v| number(v)).collect();
        if let Some(texts) = texts {
            let row = format!("{{{}}},", texts.join(", "));
            if self.line.len() + row.len() > 95 {
                self.flush();
            }
            self.line += &format!(" {row}");
        }
    }

    fn flush(&mut self) {
        println!("   {}", self.line);
        self.line.clear();
    }
}

impl Drop for Table {
    fn drop(&mut self) {
        self.flush();
        println!("}};");
    }
}

// A refusal is written as three zeros: no valid layout has alignment 0.
fn flat(result: Result<(Layout, usize), LayoutError>) -> [usize; 3] {
    result.map_or([0, 0, 0], |(l, extra)| [l.size(), l.align(), extra])
}

fn plain(result: Result<Layout, LayoutError>) -> [usize; 2] {
    result.map_or([0, 0], |l| [l.size(), l.align()])
}

fn array<T>(table: &mut Table, counts: &[usize]) {
    for &n in counts {
        let element = Layout::new::<T>();
        let a = plain(Layout::array::<T>(n));
        table.row(&[element.size(), element.align(), n, a[0], a[1]]);
    }
}

#[repr(align(8))]
struct Empty8;
#[repr(align(4096))]
struct Page(#[allow(dead_code)] [u8; 4096]);
#[repr(C)]
struct Record(u64, u64, u8);

fn main() {
    let sizes = [0, 1, 7, 8, 9, 4096, H - 1, H, H + 1, M - 4096, M - 4095, M - 4094, M - 8, M - 7,
                 M - 6, M - 2, M - 1, M, M + 1, usize::MAX];
    let aligns = [0, 1, 2, 3, 4, 6, 8, 12, 16, 4096, H, M, M + 1, M + 2, usize::MAX];
    let layouts = [(0, 1), (1, 1), (1, 2), (6, 4), (9, 8), (22, 4), (4097, 16), (H, 1), (H, H),
                   (M - 4095, 4096), (M - 8, 8), (M - 7, 8), (M - 1, 2), (M, 1), (0, H), (0, M + 1)]
        .map(|(size, align)| Layout::from_size_align(size, align).unwrap());
    let counts = [0, 1, 2, 3, M / 24, M / 24 + 1, M / 8, M / 8 + 1, M / 6, M / 6 + 1, M / 3,
                  M / 3 + 1, H - 1, H, M, M + 1, usize::MAX];

    println!("/* SPDX-License-Identifier: MIT */");
    println!("/* What std::alloc::Layout of Rust 1.95 answers, written by layout_vectors.rs; not");
    println!(" * to be edited by hand. M is isize::MAX, H is M / 2 + 1, Z is usize::MAX. Where");
    println!(" * Rust returns LayoutError the columns of the result are 0; no layout has the");
    println!(" * alignment 0. */");

    let mut t = Table::new("from_size_align(size, align): size, align; 1 if Ok", "make_vectors", 3);
    for &s in &sizes {
        for &a in &aligns {
            t.row(&[s, a, Layout::from_size_align(s, a).is_ok() as usize]);
        }
    }
    drop(t);

    let mut t = Table::new(
        "a.extend(b), a.extend_packed(b): a, b; size, align, offset; size, align",
        "extend_vectors", 9);
    for a in &layouts {
        for b in &layouts {
            let e = flat(a.extend(*b));
            let p = plain(a.extend_packed(*b));
            t.row(&[a.size(), a.align(), b.size(), b.align(), e[0], e[1], e[2], p[0], p[1]]);
        }
    }
    drop(t);

    let mut t = Table::new(
        "l.repeat(n), l.repeat_packed(n): l, n; size, align, stride; size, align",
        "repeat_vectors", 8);
    for l in &layouts {
        for &n in &counts {
            let r = flat(l.repeat(n));
            let p = plain(l.repeat_packed(n));
            t.row(&[l.size(), l.align(), n, r[0], r[1], r[2], p[0], p[1]]);
        }
    }
    drop(t);

    let mut t = Table::new("Layout::array::<T>(n): size and align of T, n; size, align",
                           "array_vectors", 5);
    array::<()>(&mut t, &counts);
    array::<Empty8>(&mut t, &counts);
    array::<u8>(&mut t, &counts);
    array::<[u8; 3]>(&mut t, &counts);
    array::<u64>(&mut t, &counts);
    array::<[u16; 3]>(&mut t, &counts);
    array::<Record>(&mut t, &counts);
    array::<Page>(&mut t, &counts);
    drop(t);

    let mut t = Table::new("l.align_to(align): l, align; size, align", "align_to_vectors", 5);
    for l in &layouts {
        for &a in &aligns {
            let r = plain(l.align_to(a));
            t.row(&[l.size(), l.align(), a, r[0], r[1]]);
        }
    }
    drop(t);

    let mut t = Table::new("l.padding_needed_for(align): l, align; padding", "padding_vectors", 4);
    for l in &layouts {
        for a in aligns.iter().filter_map(|&a| Alignment::new(a)) {
            t.row(&[l.size(), l.align(), a.as_usize(), l.padding_needed_for(a)]);
        }
    }
    drop(t);

    let mut t = Table::new("l.pad_to_align(), l.dangling_ptr(): l; size, align; address",
                           "pad_vectors", 5);
    for l in &layouts {
        let p = l.pad_to_align();
        t.row(&[l.size(), l.align(), p.size(), p.align(), l.dangling_ptr().addr().get()]);
    }
}
