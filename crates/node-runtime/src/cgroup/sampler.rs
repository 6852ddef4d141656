//! Reading again and again what one group used, cheaply: its files stay open, and only what may have changed is read.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use super::Hierarchy;

/// Bytes that one reading of a file may have. `memory.stat` has about two thousand; what is beyond is not needed.
const FILE_BYTES_MAX: usize = 16 * 1024;

/// A group that used no processor has hardly changed: its other files are read every so many readings. The kernel itself may
/// still take pages from it or write them out, which is seen that late.
const IDLE_READINGS_MAX: u32 = 10;

/// Grows from the group's beginning on, but for the memory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reading {
    pub cpu_ns: u64,
    /// The working set: usage without what the kernel can drop at once.
    pub memory_bytes: u64,
    pub read_bytes: u64,
    pub write_bytes: u64,
}

/// Takes every file's text; shared by the readings of one thread.
#[derive(Debug)]
pub struct Buffer(Box<[u8]>);

impl Default for Buffer {
    fn default() -> Self {
        Self(vec![0; FILE_BYTES_MAX].into())
    }
}

/// One group.
#[derive(Debug)]
pub struct Sampler {
    files: Files,
    former: Reading,
    idle_readings: u32,
}

#[derive(Debug)]
struct Files {
    is_v2: bool,
    cpu: File,
    memory: File,
    memory_stat: File,
    /// Absent where the kernel doesn't count it.
    block_io: Option<File>,
}

impl Sampler {
    /// # Errors
    /// `NotFound` when the group isn't there (yet, or any more).
    pub fn open(hierarchy: &Hierarchy, group: &str) -> io::Result<Self> {
        let open = |controller: &str, file: &str| {
            let folder = hierarchy.folder(controller, group).ok_or(io::ErrorKind::NotFound)?;
            File::open(folder.join(file))
        };
        let is_v2 = hierarchy.is_v2();
        let files = if is_v2 {
            Files {
                is_v2,
                cpu: open("cpu", "cpu.stat")?,
                memory: open("memory", "memory.current")?,
                memory_stat: open("memory", "memory.stat")?,
                block_io: open("io", "io.stat").ok(),
            }
        } else {
            Files {
                is_v2,
                cpu: open("cpuacct", "cpuacct.usage")?,
                memory: open("memory", "memory.usage_in_bytes")?,
                memory_stat: open("memory", "memory.stat")?,
                block_io: open("blkio", "blkio.throttle.io_service_bytes_recursive").ok(),
            }
        };
        // The first reading reads everything.
        Ok(Self { files, former: Reading::default(), idle_readings: IDLE_READINGS_MAX })
    }

    /// # Errors
    /// When the group is gone.
    pub fn read(&mut self, buffer: &mut Buffer) -> io::Result<Reading> {
        let cpu_ns = self.files.cpu_ns(buffer)?;
        if cpu_ns == self.former.cpu_ns && self.idle_readings < IDLE_READINGS_MAX {
            self.idle_readings += 1;
            return Ok(self.former);
        }
        self.idle_readings = 0;
        let (read_bytes, write_bytes) = self.files.block_io(buffer);
        let memory_bytes = self.files.memory_bytes(buffer)?;
        self.former = Reading { cpu_ns, memory_bytes, read_bytes, write_bytes };
        Ok(self.former)
    }
}

impl Files {
    fn cpu_ns(&self, buffer: &mut Buffer) -> io::Result<u64> {
        let text = text(&self.cpu, buffer)?;
        let used = if self.is_v2 { field(text, "usage_usec").map(|us| us * 1000) } else { number(text) };
        used.ok_or_else(unreadable)
    }

    fn memory_bytes(&self, buffer: &mut Buffer) -> io::Result<u64> {
        let usage = number(text(&self.memory, buffer)?).ok_or_else(unreadable)?;
        let name = if self.is_v2 { "inactive_file" } else { "total_inactive_file" };
        let droppable = field(text(&self.memory_stat, buffer)?, name).unwrap_or(0);
        Ok(usage.saturating_sub(droppable))
    }

    /// Read and written.
    fn block_io(&self, buffer: &mut Buffer) -> (u64, u64) {
        let Some(Ok(text)) = self.block_io.as_ref().map(|file| text(file, buffer)) else { return (0, 0) };
        if self.is_v2 { block_io_v2(text) } else { block_io_v1(text) }
    }
}

fn unreadable() -> io::Error {
    io::Error::from(io::ErrorKind::InvalidData)
}

/// From the file's beginning, however often it was read before.
fn text<'b>(file: &File, Buffer(bytes): &'b mut Buffer) -> io::Result<&'b str> {
    let mut length = 0;
    loop {
        match file.read_at(&mut bytes[length..], length as u64)? {
            0 => break,
            count => length += count,
        }
        // The kernel gives most of these files in one piece: the end is known without asking again.
        if bytes[length - 1] == b'\n' && length < 4096 || length == bytes.len() {
            break;
        }
    }
    std::str::from_utf8(&bytes[..length]).map_err(|_| unreadable())
}

fn number(text: &str) -> Option<u64> {
    text.trim().parse().ok()
}

/// The value of a line `name value`.
fn field(text: &str, name: &str) -> Option<u64> {
    text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.trim().parse().ok())
}

/// `254:0 rbytes=4096 wbytes=0 rios=1 …` of all devices.
fn block_io_v2(text: &str) -> (u64, u64) {
    let sum = |key: &str| {
        let words = text.split_whitespace().filter_map(|word| word.strip_prefix(key)?.strip_prefix('='));
        words.filter_map(|value| value.parse::<u64>().ok()).sum()
    };
    (sum("rbytes"), sum("wbytes"))
}

/// `254:0 Read 4096` of all devices.
fn block_io_v1(text: &str) -> (u64, u64) {
    let sum = |operation: &str| {
        let lines = text.lines().filter_map(|line| line.split_once(' ')?.1.strip_prefix(operation));
        lines.filter_map(|value| value.trim().parse::<u64>().ok()).sum()
    };
    (sum("Read "), sum("Write "))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::fs;

    use super::*;

    fn check(hierarchy: &Hierarchy, group: &std::path::Path, files: &[(&str, &str)], after: (&str, &str)) {
        for (name, text) in files {
            fs::write(group.join(name), text).expect("a file");
        }
        let (mut sampler, mut buffer) =
            (Sampler::open(hierarchy, "task/web").expect("the group is there"), Buffer::default());
        let expect = Reading { cpu_ns: 120_000, memory_bytes: 3072, read_bytes: 4106, write_bytes: 512 };
        assert_eq!(sampler.read(&mut buffer).expect("readable"), expect);
        // The same file, written anew in place as the kernel does.
        fs::write(group.join(after.0), after.1).expect("a file");
        assert_eq!(sampler.read(&mut buffer).expect("readable").cpu_ns, 250_000);
    }

    #[test]
    fn version_2_is_read() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let group = folder.path().join("task/web");
        fs::create_dir_all(&group).expect("a folder");
        let hierarchy = Hierarchy::V2 { root: folder.path().to_owned() };
        let files = [
            ("cpu.stat", "usage_usec 120\nuser_usec 100\nsystem_usec 20\n"),
            ("memory.current", "4096\n"),
            ("memory.stat", "anon 1024\nfile 2048\ninactive_anon 5\ninactive_file 1024\n"),
            (
                "io.stat",
                "254:0 rbytes=4096 wbytes=512 rios=1 wios=2 dbytes=0 dios=0\n8:0 rbytes=10 wbytes=0\n",
            ),
        ];
        check(&hierarchy, &group, &files, ("cpu.stat", "usage_usec 250\nuser_usec 1\nsystem_usec 2\n"));
        assert!(Sampler::open(&hierarchy, "task/other").is_err(), "there is no such group");
    }

    #[test]
    fn version_1_is_read() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let group = folder.path().join("task/web");
        fs::create_dir_all(&group).expect("a folder");
        let mounts = ["cpuacct", "memory", "blkio"].map(|name| (name.to_owned(), folder.path().to_owned()));
        let hierarchy = Hierarchy::V1 { controllers: BTreeMap::from(mounts), unified: None };
        let files = [
            ("cpuacct.usage", "120000\n"),
            ("memory.usage_in_bytes", "4096\n"),
            ("memory.stat", "cache 1\ninactive_file 7\ntotal_cache 1\ntotal_inactive_file 1024\n"),
            (
                "blkio.throttle.io_service_bytes_recursive",
                "254:0 Read 4096\n254:0 Write 512\n254:0 Total 4608\n8:0 Read 10\nTotal 4618\n",
            ),
        ];
        check(&hierarchy, &group, &files, ("cpuacct.usage", "250000\n"));
    }

    #[test]
    fn an_idle_group_is_read_in_full_now_and_then() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let group = folder.path().join("web");
        fs::create_dir_all(&group).expect("a folder");
        let hierarchy = Hierarchy::V2 { root: folder.path().to_owned() };
        let write = |file: &str, text: &str| fs::write(group.join(file), text).expect("a file");
        write("cpu.stat", "usage_usec 1\n");
        write("memory.current", "10\n");
        write("memory.stat", "inactive_file 0\n");
        let mut sampler = Sampler::open(&hierarchy, "web").expect("the group is there");
        let mut buffer = Buffer::default();
        let mut memory = || sampler.read(&mut buffer).expect("readable").memory_bytes;
        assert_eq!(memory(), 10);
        write("memory.current", "20\n");
        let readings: Vec<u64> = (0..=IDLE_READINGS_MAX).map(|_| memory()).collect();
        assert_eq!(readings[..IDLE_READINGS_MAX as usize], [10; IDLE_READINGS_MAX as usize]);
        assert_eq!(readings[IDLE_READINGS_MAX as usize], 20);
    }
}
