//! What this process says about itself.

/// Bytes of memory that this process occupies, where the system tells: Linux does.
pub(crate) fn resident_bytes() -> Option<u64> {
    // Not from `statm`: that counts pages, whose size only a system call tells.
    resident(&std::fs::read_to_string("/proc/self/status").ok()?)
}

fn resident(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().strip_suffix("kB")?.trim_end().parse::<u64>().ok()?.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_resident_size_is_read_in_bytes() {
        assert_eq!(resident("Name:\tx\nVmPeak:\t  9999 kB\nVmRSS:\t   1234 kB\nThreads:\t1\n"), Some(1234 * 1024));
        assert_eq!(resident("Name:\tx\n"), None);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn this_process_occupies_some_memory() {
        assert!(resident_bytes().is_some_and(|bytes| bytes > 100_000));
    }
}
