//! nftables, in process through libnftables: a change costs 0.1-0.4 ms where an `nft` process costs 3.

pub mod acl_rules;
pub mod base_rules;
pub mod flow_rules;
pub mod front_rules;
pub mod group_rules;
pub mod host_table;
pub mod listing;
pub mod model;
pub mod world_rules;

use std::ffi::{CStr, CString, c_char, c_int, c_uint, c_void};
use std::sync::{Mutex, OnceLock, PoisonError};

use libloading::Library;

use crate::error::NetworkError;

const OUTPUT_JSON: c_uint = 1 << 4;
const OUTPUT_NUMERIC_PROTOCOLS: c_uint = 1 << 7;

/// A context of libnftables. It works on the namespace of the thread that made it.
#[derive(Debug)]
pub struct Nft {
    functions: &'static Functions,
    context: *mut c_void,
}

// SAFETY: a context is plain memory and a socket; libnftables needs no thread of its own, and `&mut self` on
// each call keeps two threads from using one context at once.
unsafe impl Send for Nft {}

impl Nft {
    pub fn new() -> Result<Self, NetworkError> {
        let functions = functions()?;
        // SAFETY: the signatures are those of nftables/libnftables.h; the context is freed in `drop` alone.
        let context = unsafe { (functions.context_new)(0) };
        let nft = Self { functions, context };
        let refused = || NetworkError::Firewall { message: String::from("libnftables gave no context") };
        if nft.context.is_null() {
            return Err(refused());
        }
        // SAFETY: `context` came from context_new and is not null.
        let buffered = unsafe {
            (functions.buffer_output)(nft.context) == 0 && (functions.buffer_error)(nft.context) == 0
        };
        if buffered { Ok(nft) } else { Err(refused()) }
    }

    /// Runs `commands` as one transaction: all of them hold, or none.
    pub fn run(&mut self, commands: &str) -> Result<(), NetworkError> {
        if commands.is_empty() { Ok(()) } else { self.execute(commands, 0).map(drop) }
    }

    /// Runs a `list` command and returns its answer as JSON.
    pub fn list(&mut self, command: &str) -> Result<String, NetworkError> {
        self.execute(command, OUTPUT_JSON | OUTPUT_NUMERIC_PROTOCOLS)
    }

    fn execute(&mut self, commands: &str, flags: c_uint) -> Result<String, NetworkError> {
        // libnftables keeps some process-wide state (symbol tables, interface names); contexts take turns.
        static TURN: Mutex<()> = Mutex::new(());
        let text = CString::new(commands)
            .map_err(|_| NetworkError::Firewall { message: String::from("a command holds a NUL byte") })?;
        let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        let functions = self.functions;
        // SAFETY: the context is valid, the text ends in NUL and outlives the call. The buffers that are read
        // belong to the context and live until its next command.
        unsafe {
            (functions.output_set_flags)(self.context, flags);
            let code = (functions.run)(self.context, text.as_ptr());
            let output = read((functions.output)(self.context));
            let error = read((functions.error)(self.context));
            if code == 0 { Ok(output) } else { Err(NetworkError::Firewall { message: first_line(&error) }) }
        }
    }
}

impl Drop for Nft {
    fn drop(&mut self) {
        if !self.context.is_null() {
            // SAFETY: made by context_new, freed once.
            unsafe { (self.functions.context_free)(self.context) };
        }
    }
}

#[derive(Debug)]
struct Functions {
    context_new: unsafe extern "C" fn(c_uint) -> *mut c_void,
    context_free: unsafe extern "C" fn(*mut c_void),
    buffer_output: unsafe extern "C" fn(*mut c_void) -> c_int,
    buffer_error: unsafe extern "C" fn(*mut c_void) -> c_int,
    output: unsafe extern "C" fn(*mut c_void) -> *const c_char,
    error: unsafe extern "C" fn(*mut c_void) -> *const c_char,
    output_set_flags: unsafe extern "C" fn(*mut c_void, c_uint),
    run: unsafe extern "C" fn(*mut c_void, *const c_char) -> c_int,
}

fn functions() -> Result<&'static Functions, NetworkError> {
    static FUNCTIONS: OnceLock<Functions> = OnceLock::new();
    if let Some(functions) = FUNCTIONS.get() {
        return Ok(functions);
    }
    // The library stays loaded for the life of the process, so that its functions can be kept without a
    // lifetime. SAFETY: libnftables' initialisers touch nothing of ours, and the types are those of its
    // header.
    let loaded = unsafe {
        let library = Library::new("libnftables.so.1").map_err(NetworkError::LibraryMissing)?;
        let library: &'static Library = Box::leak(Box::new(library));
        load(library).map_err(NetworkError::LibraryMissing)?
    };
    Ok(FUNCTIONS.get_or_init(|| loaded))
}

/// # Safety
/// `library` must be libnftables: the symbols are given the types of its header.
unsafe fn load(library: &'static Library) -> Result<Functions, libloading::Error> {
    // SAFETY: as promised by the caller.
    unsafe {
        Ok(Functions {
            context_new: *library.get("nft_ctx_new")?,
            context_free: *library.get("nft_ctx_free")?,
            buffer_output: *library.get("nft_ctx_buffer_output")?,
            buffer_error: *library.get("nft_ctx_buffer_error")?,
            output: *library.get("nft_ctx_get_output_buffer")?,
            error: *library.get("nft_ctx_get_error_buffer")?,
            output_set_flags: *library.get("nft_ctx_output_set_flags")?,
            run: *library.get("nft_run_cmd_from_buffer")?,
        })
    }
}

/// # Safety
/// `text` is null, or points to a NUL-terminated string.
unsafe fn read(text: *const c_char) -> String {
    if text.is_null() {
        return String::new();
    }
    // SAFETY: as promised by the caller.
    unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned()
}

/// libnftables repeats the whole command below its message; the first two lines tell enough.
fn first_line(error: &str) -> String {
    let mut lines = error.lines();
    let message = lines.next().unwrap_or("no message").to_owned();
    let command: String = lines.next().unwrap_or_default().chars().take(200).collect();
    format!("{message} ({command})")
}
