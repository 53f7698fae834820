//! The domain: zone, certificate, and the records that lead to the distribution. The site is up on
//! the distribution's own name before any of it is there.

use super::Wanted;
use crate::aws::Cloud;
use crate::aws::edge::acm_certificate::Certificate;
use crate::aws::edge::acm_validation::Validation;
use crate::aws::edge::cloudfront_deployment::Deployment;
use crate::aws::edge::cloudfront_domain::Domain;
use crate::aws::edge::route53_records::Records;
use crate::aws::edge::route53_zone::Zone;
use crate::deploy::{Graph, GraphError};

pub(super) fn add(graph: &mut Graph<Cloud>, wanted: &Wanted<'_>) -> Result<(), GraphError> {
    let site = &wanted.config.site;
    let Some(domain) = &site.domain else { return Ok(()) };
    let mut others = site.redirect_from.clone();
    others.sort();
    let mut aliases: Vec<String> = others.iter().cloned().chain([domain.clone()]).collect();
    aliases.sort();
    graph.add("certificate", Certificate::of(domain, others.iter().map(String::as_str)), &[])?;
    let zone = wanted.keeps_records().then_some("zone");
    let mut issued = vec!["certificate"];
    if let Some(zone) = zone {
        let resource = match &wanted.config.aws.zone {
            Some(id) => Zone::adopted(domain.clone(), id.clone()),
            None => Zone::own(domain.clone()),
        };
        graph.add(zone, resource, &[])?;
        let proofs = Records::validation(zone, domain, "certificate");
        graph.add("certificate-records", proofs, &[zone, "certificate"])?;
        issued.extend([zone, "certificate-records"]);
    }
    graph.add("certificate-issued", Validation::of("certificate", zone), &issued)?;
    let named = Domain::of("distribution", "certificate", aliases.iter().map(String::as_str));
    graph.add("distribution-domain", named, &["distribution", "certificate", "certificate-issued"])?;
    let deployed = Deployment::of_names("distribution", "distribution-domain");
    graph.add("domain-deployed", deployed, &["distribution", "distribution-domain"])?;
    for name in aliases.iter().filter(|_| zone.is_some()) {
        let records = Records::addresses("zone", name, "distribution", wanted.names);
        graph.add(&format!("records-{name}"), records, &["zone", "distribution", "distribution-domain"])?;
    }
    Ok(())
}
