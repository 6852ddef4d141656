//! The system calls that no safe wrapper of our dependencies covers, each made safe here.

use std::ffi::CString;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::path::Path;

/// Forks. `None` in the child. Only for a process with one thread: the child may then do anything.
pub(crate) fn fork() -> io::Result<Option<i32>> {
    let tasks = std::fs::read_dir("/proc/self/task")?.count();
    if tasks != 1 {
        return Err(io::Error::other(format!("a process with {tasks} threads must not fork")));
    }
    // SAFETY: one thread, checked above, so no lock is held by a thread that the child lacks.
    match unsafe { libc::fork() } {
        -1 => Err(io::Error::last_os_error()),
        0 => Ok(None),
        pid => Ok(Some(pid)),
    }
}

/// Ends this process without running anything of the program it was forked from.
pub(crate) fn exit_now(code: i32) -> ! {
    // SAFETY: always safe; it does not return.
    unsafe { libc::_exit(code) }
}

pub(crate) fn unshare(flags: i32) -> io::Result<()> {
    // SAFETY: no pointers; the effect on this process is the purpose.
    check(unsafe { libc::unshare(flags) })
}

pub(crate) fn setns(namespace: BorrowedFd<'_>, kind: i32) -> io::Result<()> {
    // SAFETY: the descriptor is borrowed, so it is open.
    check(unsafe { libc::setns(namespace.as_raw_fd(), kind) })
}

/// Orphans below this process become its children.
pub(crate) fn become_subreaper() -> io::Result<()> {
    // SAFETY: no pointers.
    check(unsafe { libc::prctl(libc::PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) })
}

/// Shown by ps; at most 15 bytes.
pub(crate) fn set_name(name: &str) {
    if let Ok(name) = CString::new(name) {
        // SAFETY: a string that ends in zero. A failure changes nothing of importance.
        unsafe { libc::prctl(libc::PR_SET_NAME, name.as_ptr(), 0, 0, 0) };
    }
}

/// This process is killed when its parent dies.
pub(crate) fn die_with_parent() -> io::Result<()> {
    // SAFETY: no pointers.
    check(unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL, 0, 0, 0) })
}

pub(crate) fn new_session() {
    // SAFETY: no pointers. It fails only for a group leader, which then has its own session already.
    unsafe { libc::setsid() };
}

pub(crate) fn set_signal_action(signal: i32, action: libc::sighandler_t) {
    // SAFETY: only SIG_DFL and SIG_IGN are passed, so no handler of ours ever runs.
    unsafe { libc::signal(signal, action) };
}

/// Blocks a signal and delivers it through a descriptor.
pub(crate) fn signal_descriptor(signal: i32) -> io::Result<OwnedFd> {
    // SAFETY: the set is initialised by sigemptyset before its use.
    unsafe {
        let mut set: libc::sigset_t = std::mem::zeroed();
        libc::sigemptyset(&mut set);
        libc::sigaddset(&mut set, signal);
        check(libc::sigprocmask(libc::SIG_BLOCK, &set, std::ptr::null_mut()))?;
        let descriptor = libc::signalfd(-1, &set, libc::SFD_CLOEXEC | libc::SFD_NONBLOCK);
        check(descriptor)?;
        Ok(OwnedFd::from_raw_fd(descriptor))
    }
}

/// Duplicates over a standard stream of this process, where it is kept by an exec.
pub(crate) fn replace_standard(from: &impl AsFd, standard: RawFd) -> io::Result<()> {
    // SAFETY: the source is open; the target is one of 0, 1, 2, which nothing owns here.
    check(unsafe { libc::dup2(from.as_fd().as_raw_fd(), standard) })
}

/// Closes every descriptor from 3 on, except those to keep. Everything that owned one of them must be
/// forgotten.
pub(crate) fn close_others(keep: &[RawFd]) {
    let mut keep: Vec<RawFd> = keep.iter().copied().filter(|descriptor| *descriptor > 2).collect();
    keep.sort_unstable();
    let mut first = 3;
    for descriptor in keep.into_iter().chain([RawFd::MAX]) {
        if first < descriptor {
            // SAFETY: called right after a fork, in a process that uses none of these descriptors.
            unsafe { libc::syscall(libc::SYS_close_range, first, descriptor - 1, 0) };
        }
        first = descriptor.saturating_add(1);
    }
}

/// Which child ended and how: its exit code, or 128 plus the signal.
pub(crate) fn reap(wait: bool) -> Option<(i32, i32)> {
    let mut status = 0;
    // SAFETY: the pointer is to a local.
    let pid = unsafe { libc::waitpid(-1, &mut status, if wait { 0 } else { libc::WNOHANG }) };
    if pid <= 0 {
        return None;
    }
    Some((pid, exit_code(status)))
}

/// Waits for one child that is known to end, and returns its exit code.
pub(crate) fn wait_for(pid: i32) -> i32 {
    let mut status = 0;
    // SAFETY: the pointer is to a local.
    while unsafe { libc::waitpid(pid, &mut status, 0) } < 0 {
        if io::Error::last_os_error().raw_os_error() != Some(libc::EINTR) {
            return -1;
        }
    }
    exit_code(status)
}

fn exit_code(status: i32) -> i32 {
    if libc::WIFSIGNALED(status) { 128 + libc::WTERMSIG(status) } else { libc::WEXITSTATUS(status) }
}

/// Makes sure that children may open `wanted` files, and returns how many they may: a host whose root lacks
/// CAP_SYS_RESOURCE can't give more than it was given itself.
pub(crate) fn raise_open_files(wanted: u64) -> u64 {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let before = getrlimit(Resource::Nofile);
    if before.maximum.is_some_and(|maximum| maximum < wanted) {
        let _ = setrlimit(Resource::Nofile, Rlimit { current: before.current, maximum: Some(wanted) });
    }
    getrlimit(Resource::Nofile).maximum.map_or(wanted, |maximum| maximum.min(wanted))
}

/// Becomes another program, with no arguments and no environment. Returns only on failure.
pub(crate) fn exec(program: &std::ffi::CStr) {
    let arguments = [program.as_ptr(), std::ptr::null()];
    let environment = [std::ptr::null()];
    // SAFETY: both lists end in a null pointer and outlive the call.
    unsafe { libc::execve(program.as_ptr(), arguments.as_ptr(), environment.as_ptr()) };
}

pub(crate) fn kill(pid: i32, signal: i32) -> io::Result<()> {
    if pid <= 0 {
        // Zero and negative numbers would mean whole groups.
        return Err(io::Error::from(io::ErrorKind::InvalidInput));
    }
    // SAFETY: no pointers.
    check(unsafe { libc::kill(pid, signal) })
}

/// Brings the loopback interface of the current network namespace up.
pub(crate) fn loopback_up() -> io::Result<()> {
    // SAFETY: the request is fully initialised and outlives both calls; the socket is closed by its owner.
    unsafe {
        let socket = libc::socket(libc::AF_INET, libc::SOCK_DGRAM | libc::SOCK_CLOEXEC, 0);
        check(socket)?;
        let socket = OwnedFd::from_raw_fd(socket);
        let mut request: libc::ifreq = std::mem::zeroed();
        request.ifr_name[0] = b'l'.cast_signed();
        request.ifr_name[1] = b'o'.cast_signed();
        request.ifr_ifru.ifru_flags = (libc::IFF_UP | libc::IFF_RUNNING) as libc::c_short;
        check(libc::ioctl(socket.as_raw_fd(), libc::SIOCSIFFLAGS, &request))
    }
}

/// Makes a loop device over `backing` that vanishes with its last user, and returns it open with its path.
pub(crate) fn attach_loop(backing: &impl AsFd) -> io::Result<(OwnedFd, String)> {
    const LOOP_CTL_GET_FREE: libc::c_ulong = 0x4C82;
    const LOOP_CONFIGURE: libc::c_ulong = 0x4C0A;
    const LO_FLAGS_AUTOCLEAR: u32 = 4;
    /// `struct loop_config` of linux/loop.h, with the `loop_info64` inside it.
    #[repr(C)]
    struct LoopConfig {
        descriptor: u32,
        block_size: u32,
        /// Device, inode, real device, offset, size limit.
        places: [u64; 5],
        number_and_encryption: [u32; 3],
        flags: u32,
        names_and_key: [u8; 160],
        init: [u64; 2],
        reserved: [u64; 8],
    }
    let control = std::fs::File::options().read(true).write(true).open("/dev/loop-control")?;
    loop {
        // SAFETY: takes no argument and returns a number.
        let number = unsafe { libc::ioctl(control.as_raw_fd(), LOOP_CTL_GET_FREE as _) };
        check(number)?;
        let path = format!("/dev/loop{number}");
        let device = match std::fs::File::options().read(true).write(true).open(&path) {
            Ok(device) => device,
            Err(error) if error.raw_os_error() == Some(libc::EBUSY) => continue,
            Err(error) => return Err(error),
        };
        // SAFETY: every field is an integer or an array of them; zero is the default of each.
        let mut config: LoopConfig = unsafe { std::mem::zeroed() };
        config.descriptor = backing.as_fd().as_raw_fd().cast_unsigned();
        config.block_size = 4096;
        config.flags = LO_FLAGS_AUTOCLEAR;
        // SAFETY: the structure has the kernel's layout and outlives the call.
        match check(unsafe { libc::ioctl(device.as_raw_fd(), LOOP_CONFIGURE as _, &config) }) {
            Ok(()) => return Ok((device.into(), path)),
            // Someone else took this device in between.
            Err(error) if error.raw_os_error() == Some(libc::EBUSY) => {}
            Err(error) => return Err(error),
        }
    }
}

/// Takes or tests an exclusive lock that belongs to the open file, thus to all who got the descriptor.
pub(crate) fn lock(file: &impl AsFd, wait: bool) -> io::Result<bool> {
    use rustix::fs::FlockOperation::{LockExclusive, NonBlockingLockExclusive};
    match rustix::fs::flock(file, if wait { LockExclusive } else { NonBlockingLockExclusive }) {
        Ok(()) => Ok(true),
        Err(rustix::io::Errno::WOULDBLOCK) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Detaches a mount now; it goes away when its last user does.
pub(crate) fn unmount(path: &Path) -> io::Result<()> {
    rustix::mount::unmount(
        path,
        rustix::mount::UnmountFlags::DETACH | rustix::mount::UnmountFlags::NOFOLLOW,
    )?;
    Ok(())
}

fn check(result: i32) -> io::Result<()> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}
