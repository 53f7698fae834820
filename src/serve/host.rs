//! Who may talk to a server that listens on this machine only.
//!
//! SECURITY: a page of a stranger can point its own host name at 127.0.0.1 ("DNS rebinding") and
//! then read what this server answers, local data of the API included. A browser cannot lie about
//! the name in `Host`, so requests for other names than this machine's are refused.

use std::net::IpAddr;

/// Whether a request for `host` (the `Host` header, with or without a port) means this machine.
pub fn means_this_machine(host: &str) -> bool {
    let name = without_port(host.trim());
    let address = name.strip_prefix('[').and_then(|n| n.strip_suffix(']')).unwrap_or(name);
    if let Ok(address) = address.parse::<IpAddr>() {
        return address.is_loopback();
    }
    let name = name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase();
    name == "localhost" || name.ends_with(".localhost")
}

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) && !name.ends_with(':') => name,
        _ => host,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_this_machine_are_served() {
        for host in [
            "localhost",
            "localhost:8080",
            "LOCALHOST:80",
            "shop.localhost:8080",
            "localhost.",
            "127.0.0.1:8080",
            "127.1.2.3",
            "[::1]",
            "[::1]:8080",
        ] {
            assert!(means_this_machine(host), "{host}");
        }
    }

    #[test]
    fn other_names_are_refused() {
        for host in [
            "",
            "example.com",
            "example.com:8080",
            "localhost.example.com",
            "notlocalhost",
            "127.0.0.1.example.com",
            "192.168.1.5:8080",
            "0.0.0.0:8080",
            "[::2]:8080",
            "[::1",
        ] {
            assert!(!means_this_machine(host), "{host}");
        }
    }
}
