//! What must stay hidden: INV-C1. No text and no key appears in a frame or in what lies on a disk.

use super::Oracle;
use crate::host::Host;
use crate::network::HostId;
use crate::world::CANARY;

impl Oracle {
    /// A frame goes out.
    pub fn on_frame(&mut self, host: HostId, now_us: u64, bytes: &[u8]) {
        self.traffic.0 += 1;
        self.traffic.1 += bytes.len() as u64;
        self.check("INV-C1");
        if contains(bytes, CANARY.as_bytes()) {
            self.violate("INV-C1", host, now_us, "a text left the machine unsealed".into());
        }
    }

    /// Nothing on a disk can be read without the keys.
    pub(super) fn c1_disks_are_sealed(&mut self, hosts: &[Host], now_us: u64) {
        for host in hosts {
            self.check("INV-C1");
            let is_open = host.disk.snapshot().iter().any(|(_, value)| contains(value, CANARY.as_bytes()));
            if is_open {
                self.violate("INV-C1", host.id, now_us, "a text lies unsealed on the disk".into());
            }
        }
    }
}

fn contains(bytes: &[u8], needle: &[u8]) -> bool {
    let Some((&first, _)) = needle.split_first() else { return false };
    let mut rest = bytes;
    while let Some(at) = rest.iter().position(|&byte| byte == first) {
        rest = rest.get(at..).unwrap_or_default();
        if rest.starts_with(needle) {
            return true;
        }
        rest = rest.get(1..).unwrap_or_default();
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_canary_is_found_wherever_it_sits() {
        assert!(contains(b"xx coterie-canary: 7", CANARY.as_bytes()));
        assert!(contains(b"ccoterie-canary: ", CANARY.as_bytes()));
        assert!(!contains(b"coterie-canary", CANARY.as_bytes()));
    }
}
