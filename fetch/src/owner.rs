//! Which process made something in a cluster, so that a later one can tell whether it is still at work.

use std::fs;

/// Names a process of this machine in a way that no other process ever has, on no machine: the boot of the kernel, the PID
/// namespace, the number in it and the time of the start (proc(5), `starttime`). `None` where `/proc` does not tell.
pub fn this_process() -> Option<String> {
    name(std::process::id())
}

/// Whether a process that [`this_process`] named is known to be gone. One of another machine, or of another PID namespace,
/// is not known to be.
pub fn is_gone(owner: &str) -> bool {
    let (Some(place), Some((of_owner, rest))) = (
        place(),
        owner.rsplit_once(':').and_then(|(head, _)| {
            let (place, pid) = head.rsplit_once(':')?;
            Some((place, pid))
        }),
    ) else {
        return false;
    };
    let Ok(pid) = rest.parse::<u32>() else { return false };
    place == of_owner && name(pid).as_deref() != Some(owner)
}

fn name(pid: u32) -> Option<String> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The second field is in parentheses and may hold anything; the 22nd is the time of the start.
    let started = stat.rsplit_once(')')?.1.split_whitespace().nth(19)?;
    Some(format!("{}:{pid}:{started}", place()?))
}

/// The boot and the PID namespace.
fn place() -> Option<String> {
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    let namespace = fs::read_link("/proc/self/ns/pid").ok()?;
    let number: String = namespace.to_str()?.chars().filter(char::is_ascii_digit).collect();
    Some(format!("{}:{number}", boot.trim()))
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_gone_when_it_is() {
        let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        let owner = name(child.id()).unwrap();
        assert!(!is_gone(&owner) && !is_gone(&this_process().unwrap()));
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(is_gone(&owner), "{owner}");
        // The number of a process that lives, and another start.
        let this = this_process().unwrap();
        assert!(is_gone(&format!("{this}0")));
        // Whoever is elsewhere may be alive.
        assert!(!is_gone(&format!("x{owner}")));
        for odd in ["", ":", "::", "a:b:c", &owner.replace(':', "")] {
            assert!(!is_gone(odd), "{odd}");
        }
    }
}
