//! Processes of their own for tests, and what this process uses: descriptors and memory.

use std::any::type_name;
use std::process::{Command, Stdio};
use std::{env, fs, io};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use rustix::thread::{CpuSet, sched_getcpu, sched_setaffinity};

/// Set in the child process that [`alone`] starts.
const ALONE: &str = "MPCONN_TEST_ALONE";

/// Runs `test`, a closure that is the whole body of a test, in a child process: this test program
/// again, with that test only.
pub fn alone<F: FnOnce()>(test: F) {
    if env::var_os(ALONE).is_some() {
        return test();
    }
    // `isolated::blocking::shared::memory::name::{{closure}}`, without the crate and the closure.
    let (_, path) = type_name::<F>().split_once("::").expect("a path below the crate");
    let name = path.strip_suffix("::{{closure}}").expect("a closure");
    let output = Command::new(env::current_exe().expect("the test program"))
        .args(["--exact", name, "--nocapture"])
        .env(ALONE, "1")
        .stderr(Stdio::inherit())
        .output()
        .expect("the test program starts");
    let printed = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && printed.contains(" 1 passed;"), "{name}: {printed}");
}

/// How many descriptors are open.
pub fn descriptors() -> usize {
    // The directory itself is one while it is read.
    fs::read_dir("/proc/self/fd").expect("/proc").count() - 1
}

/// Resident memory in bytes.
pub fn resident() -> u64 {
    status("VmRSS:")
}

/// Limits the address space to what it is now and so many bytes more.
///
/// # Errors
///
/// Those of setrlimit.
pub fn limit_memory(more: u64) -> io::Result<()> {
    let limit = Rlimit { current: Some(status("VmSize:") + more), ..getrlimit(Resource::As) };
    Ok(setrlimit(Resource::As, limit)?)
}

/// The most resident memory in bytes since [`forget_peak`].
pub fn peak() -> u64 {
    status("VmHWM:")
}

/// From now on, [`peak`] starts at what is resident.
pub fn forget_peak() {
    fs::write("/proc/self/clear_refs", "5").expect("/proc");
}

fn status(name: &str) -> u64 {
    let status = fs::read_to_string("/proc/self/status").expect("/proc");
    let line = status.lines().find_map(|line| line.strip_prefix(name)).expect("a known line");
    let kilobytes = line.trim().trim_end_matches(" kB").parse::<u64>().expect("a number");
    kilobytes * 1024
}

/// Lets no more than this much address space be added to what is used now. Memory that is asked for
/// and never touched shows nowhere else.
pub fn limit_address_space(more: u64) -> io::Result<()> {
    let limit = Rlimit { current: Some(status("VmSize:") + more), ..getrlimit(Resource::As) };
    Ok(setrlimit(Resource::As, limit)?)
}

/// Keeps this thread, and those that it starts from now on, on one CPU. Two that take turns are
/// faster so: waking the other CPU costs more than what they do in a turn.
pub fn stay_on_one_cpu() -> io::Result<()> {
    let mut cpus = CpuSet::new();
    cpus.set(sched_getcpu());
    Ok(sched_setaffinity(None, &cpus)?)
}

/// Makes room for this many descriptors.
pub fn allow_descriptors(number: u64) -> io::Result<()> {
    let limit = getrlimit(Resource::Nofile);
    if limit.current.is_some_and(|current| current < number) {
        setrlimit(Resource::Nofile, Rlimit { current: Some(number), ..limit })?;
    }
    Ok(())
}
