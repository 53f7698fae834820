//! Taking the port.

use std::io;
use std::net::{IpAddr, SocketAddr, TcpListener, ToSocketAddrs};

use super::ServeError;

/// How many ports after a taken one are tried for the offer.
const OFFERS: u16 = 50;
/// Ports below this one belong to the administrator.
const FIRST_FREE_PORT: u16 = 1024;

/// Listens on every address of `host`; at least the first has to be free.
///
/// Port 0 takes one that is free.
pub fn listen(host: &str, port: u16) -> Result<Vec<TcpListener>, ServeError> {
    let mut addresses = resolve(host)?.into_iter();
    let first = addresses.next().ok_or_else(|| bad_host(host, io::ErrorKind::NotFound.into()))?;
    let listener = TcpListener::bind((first, port)).map_err(|error| failed(host, first, port, error))?;
    let taken = listener.local_addr().map_err(|source| ServeError::Server { source })?.port();
    // `localhost` is 127.0.0.1 and ::1; a machine without IPv6 has only the former.
    let others = addresses.filter_map(|address| TcpListener::bind((address, taken)).ok());
    Ok(std::iter::once(listener).chain(others).collect())
}

/// The URL to open for a server that listens on `address`, asked for as `host`.
pub fn url(host: &str, address: SocketAddr) -> String {
    let port = address.port();
    match host.trim_matches(['[', ']']).parse::<IpAddr>() {
        Ok(ip) if ip.is_unspecified() => format!("http://localhost:{port}/"),
        Ok(IpAddr::V6(ip)) => format!("http://[{ip}]:{port}/"),
        _ => format!("http://{host}:{port}/"),
    }
}

/// Addresses of a host name, IPv4 first, each once.
fn resolve(host: &str) -> Result<Vec<IpAddr>, ServeError> {
    let name = host.trim_matches(['[', ']']);
    let found = (name, 0).to_socket_addrs().map_err(|source| bad_host(host, source))?;
    let mut addresses: Vec<IpAddr> = found.map(|address| address.ip()).collect();
    addresses.sort();
    addresses.dedup();
    Ok(addresses)
}

fn failed(host: &str, address: IpAddr, port: u16, source: io::Error) -> ServeError {
    match source.kind() {
        io::ErrorKind::AddrInUse => ServeError::PortTaken { port, free: free_port(address, port) },
        io::ErrorKind::PermissionDenied if port < FIRST_FREE_PORT => ServeError::PortPrivileged { port },
        io::ErrorKind::AddrNotAvailable => bad_host(host, source),
        _ => ServeError::Listen { address: SocketAddr::new(address, port), source },
    }
}

/// The next port that is free, to be offered to the user.
fn free_port(address: IpAddr, taken: u16) -> Option<u16> {
    let from = taken.max(FIRST_FREE_PORT - 1).checked_add(1)?;
    (from..=from.saturating_add(OFFERS)).find(|port| TcpListener::bind((address, *port)).is_ok())
}

fn bad_host(host: &str, source: io::Error) -> ServeError {
    ServeError::BadHost { host: host.into(), source }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_taken_port_is_named_and_a_free_one_offered() {
        let holder = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = holder.local_addr().unwrap().port();
        match listen("127.0.0.1", port) {
            Err(ServeError::PortTaken { port: named, free }) => {
                assert_eq!(named, port);
                assert!(free.is_none_or(|free| free > port));
            }
            other => unreachable!("{other:?}"),
        }
    }

    #[test]
    fn a_host_that_is_not_this_machine_is_refused() {
        assert!(matches!(listen("192.0.2.1", 0), Err(ServeError::BadHost { .. })));
        assert!(matches!(listen("no such host", 0), Err(ServeError::BadHost { .. })));
    }

    #[test]
    fn localhost_listens_at_one_port_on_all_its_addresses() {
        let listeners = listen("localhost", 0).unwrap();
        let ports: Vec<u16> = listeners.iter().map(|l| l.local_addr().unwrap().port()).collect();
        assert!(ports.iter().all(|port| *port == ports[0]));
    }

    #[test]
    fn the_url_can_be_opened() {
        let at = |address: &str| address.parse().unwrap();
        assert_eq!(url("127.0.0.1", at("127.0.0.1:8080")), "http://127.0.0.1:8080/");
        assert_eq!(url("localhost", at("127.0.0.1:80")), "http://localhost:80/");
        assert_eq!(url("0.0.0.0", at("0.0.0.0:8080")), "http://localhost:8080/");
        assert_eq!(url("::1", at("[::1]:8080")), "http://[::1]:8080/");
        assert_eq!(url("[::]", at("[::]:8080")), "http://localhost:8080/");
    }
}
