//! The init process inside a container, and the holder of a shared pid namespace or sandbox: a static program
//! without a C library.
//!
//! `init -- PROGRAM ARGS…` runs PROGRAM as a child, passes every signal on to it, reaps orphans, and ends
//! with the
//! child's exit code (128 + n when signal n ended it). `init` alone reaps orphans until it is killed.

#![no_std]
#![no_main]

use core::arch::{asm, global_asm};
use core::panic::PanicInfo;

#[cfg(target_arch = "x86_64")]
mod number {
    pub const WRITE: usize = 1;
    pub const RT_SIGPROCMASK: usize = 14;
    pub const EXECVE: usize = 59;
    pub const EXIT: usize = 231;
    pub const WAIT4: usize = 61;
    pub const KILL: usize = 62;
    pub const RT_SIGTIMEDWAIT: usize = 128;
    pub const CLONE: usize = 56;
    pub const SETPGID: usize = 109;
    pub const IOCTL: usize = 16;
}

#[cfg(target_arch = "aarch64")]
mod number {
    pub const WRITE: usize = 64;
    pub const RT_SIGPROCMASK: usize = 135;
    pub const EXECVE: usize = 221;
    pub const EXIT: usize = 94;
    pub const WAIT4: usize = 260;
    pub const KILL: usize = 129;
    pub const RT_SIGTIMEDWAIT: usize = 137;
    pub const CLONE: usize = 220;
    pub const SETPGID: usize = 154;
    pub const IOCTL: usize = 29;
}

#[cfg(target_arch = "x86_64")]
global_asm!(".globl _start", "_start:", "mov rdi, rsp", "and rsp, -16", "call entry", "ud2");

#[cfg(target_arch = "aarch64")]
global_asm!(".globl _start", "_start:", "mov x0, sp", "bl entry", "brk #1");

#[cfg(target_arch = "x86_64")]
unsafe fn call(number: usize, a: usize, b: usize, c: usize, d: usize, e: usize) -> isize {
    let result: isize;
    // SAFETY: a system call with the registers of the x86-64 calling convention; the caller vouches for
    // pointers.
    unsafe {
        asm!("syscall", inlateout("rax") number => result, in("rdi") a, in("rsi") b, in("rdx") c, in("r10") d,
             in("r8") e, lateout("rcx") _, lateout("r11") _);
    }
    result
}

#[cfg(target_arch = "aarch64")]
unsafe fn call(number: usize, a: usize, b: usize, c: usize, d: usize, e: usize) -> isize {
    let result: isize;
    // SAFETY: a system call with the registers of the aarch64 calling convention; the caller vouches for
    // pointers.
    unsafe {
        asm!("svc 0", in("x8") number, inlateout("x0") a => result, in("x1") b, in("x2") c, in("x3") d, in("x4") e);
    }
    result
}

const SIGCHLD: usize = 17;
const SIG_SETMASK: usize = 2;
const WNOHANG: usize = 1;
const TIOCSCTTY: usize = 0x540E;
const TIOCSPGRP: usize = 0x5410;
/// The kernel's signal set: 64 bits.
const SET_SIZE: usize = 8;
const ENOENT: isize = -2;
const EACCES: isize = -13;

#[unsafe(no_mangle)]
unsafe extern "C" fn entry(stack: *const usize) -> ! {
    // SAFETY: the kernel lays out argc, argv…, 0, envp…, 0 on the stack of a new process.
    unsafe {
        let count = *stack;
        let arguments = stack.add(1) as *const *const u8;
        let environment = stack.add(count + 2) as *const *const u8;
        let all: u64 = u64::MAX;
        let mut before: u64 = 0;
        call(number::RT_SIGPROCMASK, SIG_SETMASK, &raw const all as usize, &raw mut before as usize, SET_SIZE, 0);
        let child = if count > 2 { start(arguments.add(2), environment, &before) } else { 0 };
        supervise(child, &all)
    }
}

/// Forks and executes the program in its own process group, which gets the terminal if there is one.
unsafe fn start(program: *const *const u8, environment: *const *const u8, mask: &u64) -> isize {
    // SAFETY: clone with SIGCHLD alone is fork; pointers come from the kernel's own layout of the stack.
    unsafe {
        let child = call(number::CLONE, SIGCHLD, 0, 0, 0, 0);
        if child < 0 {
            exit(126);
        }
        if child > 0 {
            return child;
        }
        let own_group: i32 = 0;
        call(number::SETPGID, 0, 0, 0, 0, 0);
        call(number::IOCTL, 0, TIOCSCTTY, 0, 0, 0);
        call(number::IOCTL, 0, TIOCSPGRP, &raw const own_group as usize, 0, 0);
        call(number::RT_SIGPROCMASK, SIG_SETMASK, mask as *const u64 as usize, 0, SET_SIZE, 0);
        let error = execute(*program, program, environment);
        let text = b"init: the program could not be executed\n";
        call(number::WRITE, 2, text.as_ptr() as usize, text.len(), 0, 0);
        exit(if error == EACCES { 126 } else { 127 })
    }
}

/// execvp: a name without a slash is looked up in PATH.
unsafe fn execute(name: *const u8, arguments: *const *const u8, environment: *const *const u8) -> isize {
    // SAFETY: all strings end in a zero byte; `candidate` never grows beyond its bounds.
    unsafe {
        let length = length_of(name);
        if core::slice::from_raw_parts(name, length).contains(&b'/') {
            return call(number::EXECVE, name as usize, arguments as usize, environment as usize, 0, 0);
        }
        let mut path = b"/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin".as_slice();
        let mut variable = environment;
        while !(*variable).is_null() {
            let text = core::slice::from_raw_parts(*variable, length_of(*variable));
            if let Some(value) = text.strip_prefix(b"PATH=") {
                path = value;
            }
            variable = variable.add(1);
        }
        let mut last = ENOENT;
        for folder in path.split(|byte| *byte == b':') {
            let mut candidate = [0u8; 4096];
            if folder.len() + length + 2 > candidate.len() {
                continue;
            }
            candidate[..folder.len()].copy_from_slice(folder);
            candidate[folder.len()] = b'/';
            candidate[folder.len() + 1..][..length].copy_from_slice(core::slice::from_raw_parts(name, length));
            let error =
                call(number::EXECVE, candidate.as_ptr() as usize, arguments as usize, environment as usize, 0, 0);
            if error != ENOENT {
                last = error;
            }
        }
        last
    }
}

/// Waits for signals one by one: children are reaped, everything else goes to the program.
unsafe fn supervise(child: isize, all: &u64) -> ! {
    // SAFETY: pointers to locals that outlive each call.
    unsafe {
        loop {
            loop {
                let mut status: i32 = 0;
                let ended = call(number::WAIT4, usize::MAX, &raw mut status as usize, WNOHANG, 0, 0);
                if ended <= 0 {
                    break;
                }
                if ended == child {
                    let signal = status & 0x7f;
                    exit(if signal == 0 { (status >> 8) & 0xff } else { 128 + signal })
                }
            }
            let signal = call(number::RT_SIGTIMEDWAIT, all as *const u64 as usize, 0, 0, SET_SIZE, 0);
            if signal <= 0 || signal as usize == SIGCHLD {
                continue;
            }
            if child > 0 {
                call(number::KILL, child as usize, signal as usize, 0, 0, 0);
            } else if signal == 15 || signal == 2 {
                exit(0);
            }
        }
    }
}

unsafe fn length_of(text: *const u8) -> usize {
    let mut length = 0;
    // SAFETY: the text ends in a zero byte; volatile keeps this from becoming strlen.
    while unsafe { text.add(length).read_volatile() } != 0 {
        length += 1;
    }
    length
}

fn exit(code: i32) -> ! {
    loop {
        // SAFETY: ends the process; no memory is touched.
        unsafe { call(number::EXIT, code as usize, 0, 0, 0, 0) };
    }
}

/// The core library was compiled with unwinding and names this; nothing here unwinds.
#[unsafe(no_mangle)]
extern "C" fn rust_eh_personality() {}

#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    exit(125)
}

/// The compiler calls these for copies and comparisons; without a C library they are ours.
mod memory {
    #[unsafe(no_mangle)]
    unsafe extern "C" fn memcpy(to: *mut u8, from: *const u8, count: usize) -> *mut u8 {
        let mut index = 0;
        while index < count {
            // SAFETY: the caller gives two regions of `count` bytes; volatile keeps this from becoming
            // memcpy.
            unsafe { to.add(index).write_volatile(*from.add(index)) };
            index += 1;
        }
        to
    }

    #[unsafe(no_mangle)]
    unsafe extern "C" fn memset(to: *mut u8, value: i32, count: usize) -> *mut u8 {
        let mut index = 0;
        while index < count {
            // SAFETY: the caller gives a region of `count` bytes; volatile keeps this from becoming memset.
            unsafe { to.add(index).write_volatile(value as u8) };
            index += 1;
        }
        to
    }

    #[unsafe(no_mangle)]
    unsafe extern "C" fn memcmp(left: *const u8, right: *const u8, count: usize) -> i32 {
        compare(left, right, count)
    }

    #[unsafe(no_mangle)]
    unsafe extern "C" fn bcmp(left: *const u8, right: *const u8, count: usize) -> i32 {
        compare(left, right, count)
    }

    fn compare(left: *const u8, right: *const u8, count: usize) -> i32 {
        let mut index = 0;
        while index < count {
            // SAFETY: the caller gives two regions of `count` bytes; volatile keeps this from becoming
            // memcmp.
            let (one, other) = unsafe { (left.add(index).read_volatile(), right.add(index).read_volatile()) };
            if one != other {
                return i32::from(one) - i32::from(other);
            }
            index += 1;
        }
        0
    }
}
