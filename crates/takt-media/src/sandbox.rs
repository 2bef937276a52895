//! What confines a child: Landlock, a network namespace, a system-call filter and resource limits.
//!
//! Everything that allocates happens before the fork; between fork and exec only system calls are made. What the
//! kernel offers is found out once ([`SandboxStatus::probe`]); from then on a child that can not be confined that far
//! is not started at all.

use std::fmt;
use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use landlock::{
    ABI, Access, AccessFs, AccessNet, BitFlags, PathBeneath, PathFd, Ruleset, RulesetAttr,
    RulesetCreatedAttr, Scope,
};
use libc::{c_int, c_ulong, rlim_t, sock_filter};

use crate::seccomp;

/// The newest Landlock this code asks for; older kernels give what they have.
const LANDLOCK: ABI = ABI::V6;
/// Niceness of children: viewers being served come first.
const NICENESS: c_int = 10;
/// Stack of each of a child's threads. FFmpeg has one or more for each input and each filter, and the usual 8 MiB for
/// each of the 266 threads of the largest edit list would be two thirds of its address space.
const STACK_BYTES: rlim_t = 2 << 20;
/// Files a child may have open at once. FFmpeg needs about a dozen beside its libraries.
const OPEN_FILES_MAX: rlim_t = 128;

/// Which confinements are active for FFmpeg here. Resource limits always are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SandboxStatus {
    /// Version of the kernel's Landlock, which limits FFmpeg to its own files; `None` when the kernel has none.
    pub landlock_abi: Option<u32>,
    /// FFmpeg runs without any network interface.
    pub network_namespace: bool,
    /// FFmpeg can not open sockets nor look into other processes.
    pub syscall_filter: bool,
}

impl fmt::Display for SandboxStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.landlock_abi {
            Some(abi) => write!(f, "landlock {abi}")?,
            None => f.write_str("no landlock")?,
        }
        f.write_str(if self.network_namespace { ", no network" } else { ", network not cut off" })?;
        f.write_str(if self.syscall_filter { ", no sockets" } else { ", no system-call filter" })?;
        f.write_str(", resource limits")
    }
}

impl SandboxStatus {
    /// Finds out what this kernel and container allow, by running `program -version` under each in turn.
    pub(crate) fn probe(program: &Path) -> Self {
        let works = |status: Self| {
            let Ok(confinement) =
                Confinement::prepare(status, &FileAccess::none(program), ResourceLimits::probe())
            else {
                return false;
            };
            let mut command = Command::new(program);
            command
                .arg("-version")
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .env_clear();
            confinement.attach(&mut command);
            command.status().is_ok_and(|status| status.success())
        };
        let landlock = Self { landlock_abi: landlock_abi(), ..Self::default() };
        let landlock =
            if landlock.landlock_abi.is_some() && works(landlock) { landlock } else { Self::default() };
        let filter = Self { syscall_filter: seccomp::filter().is_some(), ..landlock };
        let filter = if filter.syscall_filter && works(filter) { filter } else { landlock };
        let network = Self { network_namespace: true, ..filter };
        if works(network) { network } else { filter }
    }
}

/// Which files a child may touch.
#[derive(Debug)]
pub(crate) struct FileAccess {
    /// The program itself, which may live outside the system's folders.
    pub(crate) program: PathBuf,
    /// Files it may read, and folders with all that is in them.
    pub(crate) read: Vec<PathBuf>,
    /// The one folder it may write to.
    pub(crate) write: Option<PathBuf>,
}

impl FileAccess {
    fn none(program: &Path) -> Self {
        Self { program: program.to_owned(), read: Vec::new(), write: None }
    }
}

/// Limits that the kernel keeps.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ResourceLimits {
    pub(crate) memory_bytes: u64,
    pub(crate) cpu_s: u64,
    pub(crate) file_bytes: u64,
}

impl ResourceLimits {
    fn probe() -> Self {
        Self { memory_bytes: 1 << 30, cpu_s: 10, file_bytes: 0 }
    }
}

/// A confinement ready to be put on between fork and exec.
#[derive(Debug)]
pub(crate) struct Confinement {
    landlock: Option<OwnedFd>,
    filter: Option<Vec<sock_filter>>,
    network_namespace: bool,
    limits: ResourceLimits,
    parent: libc::pid_t,
}

impl Confinement {
    /// Opens and allocates all that will be needed after the fork.
    pub(crate) fn prepare(
        status: SandboxStatus,
        files: &FileAccess,
        limits: ResourceLimits,
    ) -> io::Result<Self> {
        let landlock = match status.landlock_abi {
            Some(_) => landlock_ruleset(files)?,
            None => None,
        };
        let filter = if status.syscall_filter { seccomp::filter() } else { None };
        let parent = libc::pid_t::try_from(std::process::id()).map_err(io::Error::other)?;
        Ok(Self { landlock, filter, network_namespace: status.network_namespace, limits, parent })
    }

    /// Makes `command` put this on, in a process group of its own.
    #[expect(unsafe_code, reason = "pre_exec is the only place between fork and exec")]
    pub(crate) fn attach(self, command: &mut Command) {
        command.process_group(0);
        // SAFETY: `apply` only makes system calls on values prepared before the fork; it neither allocates nor locks.
        unsafe {
            command.pre_exec(move || self.apply());
        }
    }

    /// Runs in the child. Async-signal-safe: system calls only, errors are bare numbers.
    #[expect(unsafe_code, reason = "system calls that the standard library does not offer")]
    fn apply(&self) -> io::Result<()> {
        // SAFETY: plain system calls with valid arguments; pointers are to memory that outlives each call.
        unsafe {
            // Nothing the server has open may leak into the child, whatever a C library forgot.
            libc::syscall(libc::SYS_close_range, 3, libc::c_uint::MAX, libc::CLOSE_RANGE_CLOEXEC);
            self.limit()?;
            libc::setpriority(libc::PRIO_PROCESS, 0, NICENESS);
            if self.network_namespace && libc::unshare(libc::CLONE_NEWUSER | libc::CLONE_NEWNET) != 0 {
                check(libc::unshare(libc::CLONE_NEWNET))?;
            }
            check(libc::prctl(
                libc::PR_SET_NO_NEW_PRIVS,
                1 as c_ulong,
                0 as c_ulong,
                0 as c_ulong,
                0 as c_ulong,
            ))?;
            // After the namespaces: a change of credentials clears it. The parent may be gone already.
            check(libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL as c_ulong))?;
            if libc::getppid() != self.parent {
                return Err(io::Error::from_raw_os_error(libc::ESRCH));
            }
            if let Some(ruleset) = &self.landlock {
                let restricted = libc::syscall(libc::SYS_landlock_restrict_self, ruleset.as_raw_fd(), 0);
                check(if restricted == 0 { 0 } else { -1 })?;
            }
            if let Some(filter) = &self.filter {
                let program =
                    libc::sock_fprog { len: filter.len() as u16, filter: filter.as_ptr().cast_mut() };
                let mode = libc::SECCOMP_MODE_FILTER as c_ulong;
                check(libc::prctl(libc::PR_SET_SECCOMP, mode, &raw const program))?;
            }
        }
        Ok(())
    }

    #[expect(unsafe_code, reason = "setrlimit")]
    fn limit(&self) -> io::Result<()> {
        let set = |resource, soft: rlim_t, hard: rlim_t| {
            let limit = libc::rlimit { rlim_cur: soft, rlim_max: hard };
            // SAFETY: a valid pointer to a local that outlives the call.
            check(unsafe { libc::setrlimit(resource, &raw const limit) })
        };
        set(libc::RLIMIT_AS, self.limits.memory_bytes, self.limits.memory_bytes)?;
        // FFmpeg answers the soft limit's signal by stopping in good order; the hard limit is for one that does not.
        set(libc::RLIMIT_CPU, self.limits.cpu_s, self.limits.cpu_s.saturating_add(2))?;
        set(libc::RLIMIT_FSIZE, self.limits.file_bytes, self.limits.file_bytes)?;
        set(libc::RLIMIT_STACK, STACK_BYTES, STACK_BYTES)?;
        set(libc::RLIMIT_NOFILE, OPEN_FILES_MAX, OPEN_FILES_MAX)?;
        set(libc::RLIMIT_CORE, 0, 0)
    }
}

fn check(result: c_int) -> io::Result<()> {
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// The kernel's Landlock version, if it has one and it is switched on.
#[expect(unsafe_code, reason = "the version query has no safe wrapper")]
fn landlock_abi() -> Option<u32> {
    const LANDLOCK_CREATE_RULESET_VERSION: libc::c_uint = 1;
    // SAFETY: with this flag the kernel takes a null pointer and a zero size and only returns a number.
    let version = unsafe {
        libc::syscall(
            libc::SYS_landlock_create_ruleset,
            std::ptr::null::<libc::c_void>(),
            0_usize,
            LANDLOCK_CREATE_RULESET_VERSION,
        )
    };
    u32::try_from(version).ok().filter(|version| *version > 0)
}

fn landlock_ruleset(files: &FileAccess) -> io::Result<Option<OwnedFd>> {
    let run = AccessFs::Execute | AccessFs::ReadFile | AccessFs::ReadDir;
    let mut rules = Ruleset::default()
        .handle_access(AccessFs::from_all(LANDLOCK))
        .and_then(|ruleset| ruleset.handle_access(AccessNet::from_all(LANDLOCK)))
        .and_then(|ruleset| ruleset.scope(Scope::from_all(LANDLOCK)))
        .and_then(|ruleset| ruleset.create())
        .map_err(io::Error::other)?;
    let mut allow = |path: &Path, access: BitFlags<AccessFs>| -> io::Result<()> {
        let fd = PathFd::new(path).map_err(io::Error::other)?;
        (&mut rules).add_rule(PathBeneath::new(fd, access)).map(drop).map_err(io::Error::other)
    };
    for folder in ["/usr", "/lib", "/lib64", "/nix/store", "/gnu/store"] {
        if Path::new(folder).exists() {
            allow(Path::new(folder), run)?;
        }
    }
    for file in ["/etc/ld.so.cache", "/etc/ld.so.preload", "/dev/urandom", "/dev/zero"] {
        if File::open(file).is_ok() {
            allow(Path::new(file), AccessFs::ReadFile.into())?;
        }
    }
    allow(Path::new("/dev/null"), AccessFs::ReadFile | AccessFs::WriteFile)?;
    // A program outside the system's folders brings its libraries beside it: PREFIX/bin/ffmpeg, PREFIX/lib.
    if !files.program.starts_with("/usr") {
        allow(&files.program, AccessFs::Execute | AccessFs::ReadFile)?;
        if let Some(libraries) =
            files.program.parent().and_then(Path::parent).map(|prefix| prefix.join("lib"))
            && libraries.is_dir()
        {
            allow(&libraries, run)?;
        }
    }
    for file in &files.read {
        let folder = file.is_dir();
        allow(file, if folder { AccessFs::ReadFile | AccessFs::ReadDir } else { AccessFs::ReadFile.into() })?;
    }
    if let Some(folder) = &files.write {
        let access = AccessFs::ReadFile | AccessFs::WriteFile | AccessFs::MakeReg | AccessFs::RemoveFile;
        allow(folder, access | AccessFs::Truncate)?;
    }
    Ok(rules.into())
}
