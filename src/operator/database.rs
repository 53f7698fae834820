//! The connection to the database: TLS that is verified, and a password that IAM signs.

use std::sync::Arc;

use aws_config::BehaviorVersion;
use aws_sdk_rds::auth_token::{AuthTokenGenerator, Config};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use tokio_postgres::Client;
use tokio_postgres::config::SslMode;
use tokio_postgres_rustls::MakeRustlsConnect;

use super::{Doing, TaskError, variable};

/// The authorities that RDS's certificates come from.
const ROOTS: &[u8] = include_bytes!("rds-roots.pem");
/// A file with other authorities, as for every client of PostgreSQL.
const OTHER_ROOTS: &str = "PGSSLROOTCERT";

/// A connection as the owner of the tables.
///
/// `ARQ_DATABASE` is `host:port/database`, `ARQ_DATABASE_USER` the user. There is no password:
/// the token is a signature that IAM grants for this host and user, and lasts 15 minutes.
pub async fn connect() -> Result<Client, TaskError> {
    let (place, user) = (variable("ARQ_DATABASE")?, variable("ARQ_DATABASE_USER")?);
    let (host, port, database) = parse(&place).ok_or_else(|| TaskError::Refused(format!("{place} is no database")))?;
    let aws = aws_config::load_defaults(BehaviorVersion::latest()).await;
    let config = Config::builder().hostname(host).port(u64::from(port)).username(&user);
    let token = AuthTokenGenerator::new(config.build().doing("sign in")?).auth_token(&aws).await.doing("sign in")?;
    let mut settings = tokio_postgres::Config::new();
    settings.host(host).port(port).dbname(database).user(&user).password(token.as_str()).ssl_mode(SslMode::Require);
    settings.application_name("arqsite").connect_timeout(std::time::Duration::from_secs(60));
    let (client, connection) = settings.connect(tls()?).await.doing("connect to the database")?;
    // It ends with the client; what fails is told to whoever waits for an answer.
    tokio::spawn(async move { drop(connection.await) });
    Ok(client)
}

fn parse(place: &str) -> Option<(&str, u16, &str)> {
    let (address, database) = place.split_once('/')?;
    let (host, port) = address.rsplit_once(':')?;
    Some((host, port.parse().ok()?, database))
}

fn tls() -> Result<MakeRustlsConnect, TaskError> {
    let mut roots = rustls::RootCertStore::empty();
    let mut certificates: Vec<_> =
        CertificateDer::pem_slice_iter(ROOTS).collect::<Result<_, _>>().doing("read the authorities")?;
    if let Some(path) = std::env::var_os(OTHER_ROOTS) {
        let others = CertificateDer::pem_file_iter(path).doing("read PGSSLROOTCERT")?;
        certificates.extend(others.collect::<Result<Vec<_>, _>>().doing("read PGSSLROOTCERT")?);
    }
    roots.add_parsable_certificates(certificates);
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .doing("set up TLS")?;
    Ok(MakeRustlsConnect::new(config.with_root_certificates(roots).with_no_client_auth()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn every_authority_can_be_read() {
        let count = CertificateDer::pem_slice_iter(ROOTS).map(Result::unwrap).count();
        let mut roots = rustls::RootCertStore::empty();
        let (good, bad) = roots.add_parsable_certificates(CertificateDer::pem_slice_iter(ROOTS).map(Result::unwrap));
        assert_eq!((good, bad), (count, 0));
        assert!(tls().is_ok());
    }

    #[test]
    fn a_place_has_host_port_and_name() {
        assert_eq!(parse("db.example:5432/app"), Some(("db.example", 5432, "app")));
        assert_eq!(parse("db.example/app"), None);
    }
}
