//! A system-call filter for FFmpeg: no sockets, no new namespaces, no looking into other processes.
//!
//! A deny-list, because what FFmpeg's two hundred libraries need to start differs between distributions. It backs the
//! network namespace up, and stands in for it where a container forbids namespaces but still lets a process filter
//! itself.

use libc::{BPF_ABS, BPF_JEQ, BPF_JGE, BPF_JMP, BPF_K, BPF_LD, BPF_RET, BPF_W, c_long, sock_filter};

#[cfg(target_arch = "x86_64")]
const AUDIT_ARCH: Option<u32> = Some(0xC000_003E);
#[cfg(target_arch = "aarch64")]
const AUDIT_ARCH: Option<u32> = Some(0xC000_00B7);
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
const AUDIT_ARCH: Option<u32> = None;

/// Offsets into `struct seccomp_data` (linux/seccomp.h).
const OFFSET_NUMBER: u32 = 0;
const OFFSET_ARCH: u32 = 4;
/// Numbers from here on belong to the x32 ABI, which would slip past comparisons with plain numbers.
const X32_BIT: u32 = 0x4000_0000;

const DENIED: &[c_long] = &[
    libc::SYS_socket,
    libc::SYS_socketpair,
    libc::SYS_connect,
    libc::SYS_bind,
    libc::SYS_listen,
    libc::SYS_accept4,
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_pidfd_getfd,
    libc::SYS_unshare,
    libc::SYS_setns,
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_pivot_root,
    libc::SYS_chroot,
    libc::SYS_bpf,
    libc::SYS_perf_event_open,
    libc::SYS_userfaultfd,
    libc::SYS_io_uring_setup,
    libc::SYS_keyctl,
    libc::SYS_add_key,
    libc::SYS_request_key,
    libc::SYS_init_module,
    libc::SYS_finit_module,
    libc::SYS_kexec_load,
    libc::SYS_open_by_handle_at,
    libc::SYS_kill,
    libc::SYS_tkill,
];

/// The filter program, or `None` on an architecture whose numbers are not known here.
pub(crate) fn filter() -> Option<Vec<sock_filter>> {
    let arch = AUDIT_ARCH?;
    let denied = u8::try_from(DENIED.len()).ok()?;
    let mut program = vec![
        statement(BPF_LD | BPF_W | BPF_ABS, OFFSET_ARCH),
        // A foreign architecture (32-bit calls from 64-bit code) has other numbers: deny everything.
        jump(BPF_JEQ, arch, 1, 0),
        statement(BPF_RET | BPF_K, deny()),
        statement(BPF_LD | BPF_W | BPF_ABS, OFFSET_NUMBER),
        jump(BPF_JGE, X32_BIT, denied.checked_add(1)?, 0),
    ];
    for (index, number) in DENIED.iter().enumerate() {
        // Distance to the deny statement, which stands after the comparisons and the allow statement.
        let to_deny = denied - u8::try_from(index).ok()?;
        program.push(jump(BPF_JEQ, u32::try_from(*number).ok()?, to_deny, 0));
    }
    program.push(statement(BPF_RET | BPF_K, libc::SECCOMP_RET_ALLOW));
    program.push(statement(BPF_RET | BPF_K, deny()));
    Some(program)
}

fn deny() -> u32 {
    libc::SECCOMP_RET_ERRNO | (libc::EPERM.unsigned_abs() & libc::SECCOMP_RET_DATA)
}

fn statement(code: u32, k: u32) -> sock_filter {
    // The codes are small constants of the kernel's; they fit 16 bits.
    sock_filter { code: (code & 0xFFFF) as u16, jt: 0, jf: 0, k }
}

fn jump(test: u32, k: u32, jt: u8, jf: u8) -> sock_filter {
    sock_filter { code: ((BPF_JMP | test | BPF_K) & 0xFFFF) as u16, jt, jf, k }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_jump_lands_on_the_deny_statement() {
        let Some(program) = filter() else { return };
        let deny_at = program.len() - 1;
        assert_eq!(program[deny_at].k, deny());
        assert_eq!(program[deny_at - 1].k, libc::SECCOMP_RET_ALLOW);
        for (at, step) in program.iter().enumerate().skip(4).take(1 + DENIED.len()) {
            assert_eq!(at + 1 + usize::from(step.jt), deny_at, "step {at}");
        }
    }
}
