//! The seccomp profile compiled once for all containers: crun would otherwise compile it anew at every
//! start, which
//! costs as much as everything else it does.
//!
//! libseccomp, which crun itself needs, is loaded for that. Where it can't be, crun compiles as before.

use std::ffi::{CString, c_char, c_int, c_uint, c_void};
use std::fs;
use std::io::{self, Read, Seek};
use std::os::fd::AsRawFd;
use std::path::Path;

use libloading::{Library, Symbol};
use rustix::fs::{MemfdFlags, memfd_create};
use serde_json::Value;

use crate::spawner::replace_file;

const LIBRARY: &str = "libseccomp.so.2";
const ALLOW: u32 = 0x7fff_0000;
const ERRNO: u32 = 0x0005_0000;
/// Attribute "optimize" with the value "binary tree": a call costs a dozen comparisons instead of hundreds.
const OPTIMIZE: c_uint = 8;
const BINARY_TREE: u32 = 2;

/// `struct scmp_arg_cmp`.
#[repr(C)]
struct Comparison {
    argument: c_uint,
    operation: c_uint,
    one: u64,
    other: u64,
}

/// The profile as a program of the kernel in base64, from the cache in `folder` or made now; none when it
/// can't be.
pub(crate) fn compiled(profile: &Value, folder: &Path) -> Option<String> {
    let text = profile.to_string();
    let path = folder.join(format!("seccomp-{:016x}.bpf", fingerprint(text.as_bytes())));
    if let Ok(program) = fs::read(&path)
        && !program.is_empty()
    {
        return Some(base64(&program));
    }
    let program = compile(profile).inspect_err(|error| eprintln!("seccomp: {error}")).ok()?;
    let kept = fs::create_dir_all(folder).and_then(|()| replace_file(&path, &program));
    if let Err(error) = kept {
        eprintln!("seccomp: {error}");
    }
    Some(base64(&program))
}

fn compile(profile: &Value) -> io::Result<Vec<u8>> {
    // SAFETY: the system's libseccomp runs no code of importance when it is loaded.
    let library = unsafe { Library::new(LIBRARY) }.map_err(io::Error::other)?;
    // SAFETY: the signatures are those of seccomp.h; the context is released once and not used after.
    unsafe {
        let init: Symbol<'_, unsafe extern "C" fn(u32) -> *mut c_void> = symbol(&library, "seccomp_init")?;
        let release: Symbol<'_, unsafe extern "C" fn(*mut c_void)> = symbol(&library, "seccomp_release")?;
        let context = init(action(&profile["defaultAction"], &profile["defaultErrnoRet"])?);
        if context.is_null() {
            return Err(io::Error::other("libseccomp has no memory"));
        }
        let program = fill(&library, context, profile);
        release(context);
        program
    }
}

/// # Safety
/// `context` must come from `seccomp_init` of the same library.
unsafe fn fill(library: &Library, context: *mut c_void, profile: &Value) -> io::Result<Vec<u8>> {
    // SAFETY: the signatures are those of seccomp.h; strings and structures outlive their calls.
    unsafe {
        let set: Symbol<'_, unsafe extern "C" fn(*mut c_void, c_uint, u32) -> c_int> =
            symbol(library, "seccomp_attr_set")?;
        let arch_by_name: Symbol<'_, unsafe extern "C" fn(*const c_char) -> u32> =
            symbol(library, "seccomp_arch_resolve_name")?;
        let add_arch: Symbol<'_, unsafe extern "C" fn(*mut c_void, u32) -> c_int> =
            symbol(library, "seccomp_arch_add")?;
        let export: Symbol<'_, unsafe extern "C" fn(*mut c_void, c_int) -> c_int> =
            symbol(library, "seccomp_export_bpf")?;
        // An older library keeps its list; that is only slower.
        set(context, OPTIMIZE, BINARY_TREE);
        for name in texts(&profile["architectures"]) {
            let name = CString::new(name.trim_start_matches("SCMP_ARCH_").to_ascii_lowercase())?;
            // The native one is there from the beginning, which the library reports as an error.
            match add_arch(context, arch_by_name(name.as_ptr())) {
                0 => {}
                error if error == -libc::EEXIST => {}
                error => return Err(io::Error::from_raw_os_error(-error)),
            }
        }
        for rule in profile["syscalls"].as_array().into_iter().flatten() {
            add_rule(library, context, rule)?;
        }
        let mut file = fs::File::from(memfd_create("seccomp", MemfdFlags::CLOEXEC)?);
        if export(context, file.as_raw_fd()) != 0 {
            return Err(io::Error::other("libseccomp did not export the program"));
        }
        let mut program = Vec::new();
        file.rewind()?;
        file.read_to_end(&mut program)?;
        if program.is_empty() { Err(io::Error::other("libseccomp exported nothing")) } else { Ok(program) }
    }
}

/// # Safety
/// As for [`fill`].
unsafe fn add_rule(library: &Library, context: *mut c_void, rule: &Value) -> io::Result<()> {
    type Add = unsafe extern "C" fn(*mut c_void, u32, c_int, c_uint, *const Comparison) -> c_int;
    // SAFETY: the signatures are those of seccomp.h; strings and structures outlive their calls.
    unsafe {
        let resolve: Symbol<'_, unsafe extern "C" fn(*const c_char) -> c_int> =
            symbol(library, "seccomp_syscall_resolve_name")?;
        let add: Symbol<'_, Add> = symbol(library, "seccomp_rule_add_array")?;
        let action = action(&rule["action"], &rule["errnoRet"])?;
        let comparisons = rule["args"].as_array().into_iter().flatten().map(comparison);
        let comparisons: Vec<Comparison> = comparisons.collect::<io::Result<_>>()?;
        let count = c_uint::try_from(comparisons.len()).map_err(io::Error::other)?;
        for name in texts(&rule["names"]) {
            let number = resolve(CString::new(name)?.as_ptr());
            // -1: the library is older than the call; what it doesn't know stays refused.
            if number == -1 {
                continue;
            }
            let error = add(context, action, number, count, comparisons.as_ptr());
            if error != 0 {
                let cause = io::Error::from_raw_os_error(-error);
                return Err(io::Error::other(format!("a rule about {name}: {cause}")));
            }
        }
    }
    Ok(())
}

/// # Safety
/// `T` must be the type of the library's function `name`.
unsafe fn symbol<'a, T>(library: &'a Library, name: &str) -> io::Result<Symbol<'a, T>> {
    // SAFETY: the caller vouches for the type.
    unsafe { library.get(name.as_bytes()) }.map_err(io::Error::other)
}

fn texts(list: &Value) -> impl Iterator<Item = &str> {
    list.as_array().into_iter().flatten().filter_map(Value::as_str)
}

fn action(name: &Value, errno: &Value) -> io::Result<u32> {
    match name.as_str() {
        Some("SCMP_ACT_ALLOW") => Ok(ALLOW),
        Some("SCMP_ACT_ERRNO") => Ok(ERRNO | (errno.as_u64().unwrap_or(1) as u32 & 0xffff)),
        other => Err(io::Error::other(format!("the seccomp action {other:?} is not used here"))),
    }
}

fn comparison(argument: &Value) -> io::Result<Comparison> {
    let number = |name: &str| argument[name].as_u64().unwrap_or(0);
    let operation = match argument["op"].as_str() {
        Some("SCMP_CMP_NE") => 1,
        Some("SCMP_CMP_EQ") => 4,
        Some("SCMP_CMP_MASKED_EQ") => 7,
        other => return Err(io::Error::other(format!("the seccomp comparison {other:?} is not used here"))),
    };
    Ok(Comparison {
        argument: number("index") as c_uint,
        operation,
        one: number("value"),
        other: number("valueTwo"),
    })
}

/// FNV-1a: tells versions of our own profile apart, nothing more.
fn fingerprint(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let group = chunk
            .iter()
            .chain([0, 0].iter())
            .take(3)
            .fold(0, |group, byte| (group << 8) | usize::from(*byte));
        for place in 0..4 {
            let there = place <= chunk.len();
            text.push(if there { char::from(ALPHABET[(group >> (18 - 6 * place)) & 63]) } else { '=' });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_pads() {
        for (bytes, expect) in
            [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg==")]
        {
            assert_eq!(base64(bytes.as_bytes()), expect);
        }
    }

    #[test]
    fn the_profile_compiles_once() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let profile = crate::oci::seccomp_profile(&[]);
        let Some(first) = compiled(&profile, folder.path()) else {
            println!("SKIPPED: {LIBRARY} is not installed");
            return;
        };
        assert_eq!(compiled(&profile, folder.path()), Some(first));
        assert_eq!(fs::read_dir(folder.path()).expect("the folder is there").count(), 1);
    }
}
