//! The kernel's figures of a process, and the assignment of processes to cores.

use std::fs;
use std::time::Duration;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use rustix::thread::{
    CpuSet, disable_transparent_huge_pages, sched_getaffinity, sched_setaffinity,
};

use crate::Error;

/// The core of the servers and the core of the load.
#[derive(Clone, Copy)]
pub(crate) struct Cores {
    server: usize,
    load: usize,
}

impl Cores {
    /// The first two cores that this process may use.
    pub(crate) fn find() -> Result<Cores, Error> {
        let allowed = sched_getaffinity(None)?;
        let mut cores = (0..CpuSet::MAX_CPU).filter(|&core| allowed.is_set(core));
        match (cores.next(), cores.next()) {
            (Some(load), Some(server)) => Ok(Cores { server, load }),
            _ => Err("two cores are needed: one for the server, one for the load".into()),
        }
    }

    /// Runs the function on the server's core, which the processes that it starts inherit.
    /// Afterwards this thread is back on the load's core.
    pub(crate) fn start<T>(self, start: impl FnOnce() -> Result<T, Error>) -> Result<T, Error> {
        pin(self.server)?;
        let started = start();
        pin(self.load)?;
        started
    }
}

fn pin(core: usize) -> Result<(), Error> {
    let mut set = CpuSet::new();
    set.set(core);
    Ok(sched_setaffinity(None, &set)?)
}

/// Runs the function, and the processes that it starts, without huge pages. Their memory then grows
/// by 4 KiB and not by 2 MiB at a time.
pub(crate) fn in_small_pages<T>(start: impl FnOnce() -> Result<T, Error>) -> Result<T, Error> {
    disable_transparent_huge_pages(true)?;
    let started = start();
    disable_transparent_huge_pages(false)?;
    started
}

/// Raises the limit of open files to the maximum. The servers inherit it.
pub(crate) fn raise_open_files() -> Result<u64, Error> {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum })?;
    Ok(maximum.unwrap_or(u64::MAX))
}

/// CPU time of all threads of a process, user and kernel, from the accounting of the scheduler.
pub(crate) fn cpu(pid: u32) -> Result<Duration, Error> {
    let mut sum = 0;
    for task in fs::read_dir(format!("/proc/{pid}/task"))? {
        // A thread may have ended in the meantime. Its time is lost.
        let Ok(text) = fs::read_to_string(task?.path().join("schedstat")) else { continue };
        sum += text.split_whitespace().next().unwrap_or_default().parse::<u64>()?;
    }
    Ok(Duration::from_nanos(sum))
}

/// Kilobytes of anonymous memory that a process has in RAM: its heap and stacks, without program
/// text and files.
pub(crate) fn memory(pid: u32) -> Result<u64, Error> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:"));
    let digits = line.and_then(|line| line.split_whitespace().next());
    Ok(digits.ok_or("the kernel does not tell RssAnon")?.parse()?)
}

/// The average number of processes that wanted to run in the last 1, 5 and 15 minutes.
pub(crate) fn load_average() -> Result<String, Error> {
    let text = fs::read_to_string("/proc/loadavg")?;
    Ok(text.split(' ').take(3).collect::<Vec<_>>().join(" "))
}
