//! arqsite: a website and its API in one binary.
//!
//! `arqsite serve` previews both on this machine; `arqsite publish` puts both on the customer's
//! own AWS account, with the same API code as a Lambda. This page is the architecture.
//!
//! ```text
//!  visitor -> Route 53 -> CloudFront (+ ACM certificate, + WAF, + edge function with its KeyValueStore)
//!                           |-- everything else --> S3 site bucket (private, only this distribution)
//!                           '-- /api/* ---------> API Gateway (HTTP API) -> Lambda (in private subnets)
//!                                                     |-- DynamoDB (documents)   |-- S3 (files)
//!                                                     '-- Aurora Serverless v2 PostgreSQL
//!  around it: CloudWatch (logs, alarms, dashboard) · CloudTrail · Secrets Manager · EventBridge
//!             Systems Manager (parameters, runbooks that call the operator's functions)
//! ```
//!
//! # Rooms
//!
//! | room | what it does | uses |
//! |---|---|---|
//! | [`config`] | `arq.toml` -> [`config::Config`]; the project's files | nothing |
//! | [`site`] | `site/` in, pages and files out: Markdown, layouts, links, redirects, headers, immutable names | `config` |
//! | [`release`] | immutable objects, manifest, packing for the edge store, the edge function, and its rules in Rust | `site` |
//! | [`store`] | documents, files, migrations: the traits, memory, this machine, DynamoDB, S3 | nothing |
//! | [`api`] | declarations, rules, routing, validation: `http` request in, response out | `config`, `store`'s traits |
//! | `serve` | the preview: actix-web, live reload | `api`, `release`, `store` |
//! | `lambda` | API Gateway's and the scheduler's events in, answers out, in process | `api`, `release`, `store` |
//! | `operator` | the same package as other functions: moves the pointer, runs migrations | `aws`, `release`, `store` |
//! | [`deploy`] | resources, graph, plan, apply, journal; it has never heard of AWS | nothing |
//! | `aws` | a short file for each kind of resource, and the graph that wires them | `deploy`, `config`, `site`, `release`, `store`'s permissions |
//! | [`cost`] | money a month and time of a plan, from tables | `deploy`'s plan |
//! | [`ui`] | the only room that prints | what it shows |
//! | [`cli`] | one file for each verb | all |
//!
//! # Releases
//!
//! Nothing that visitors can reach is overwritten. Every file lies once under `c/<id>` in the site
//! bucket, named by a hash of its bytes and headers. A release's paths are packed into values of
//! the edge store under `<release>:<bucket>`; the key `live` names the release. A publish uploads
//! what is new, writes the keys, and moves that one pointer. The edge function turns a path into
//! an object before the cache is asked, so nothing is ever invalidated. A release may be seen by a
//! signed link before it is live, and is asked through the edge before and after the pointer moves.
//! See [`release`].
//!
//! # Publishing
//!
//! A resource is a struct that is its own specification, with `find`, `put` and `delete`, each of
//! which may be called again. The account is the truth: names are deterministic, tags say whose a
//! thing is, and a plan is made by looking. What is interrupted is run again and continues; what has
//! to wait for somebody outside of the account does not hold up the rest. One object in the bucket,
//! the ledger, is the lock between publishers and lists what was ever made, as a help. See
//! [`deploy`] and `aws::stack`, which is the picture above, a file for each part.
//!
//! # Features
//!
//! `serve`, `publish` and `lambda`, all on by default. With none of them the logic compiles in
//! seconds and without an AWS crate: `cargo test --no-default-features`.

pub mod api;
#[cfg(feature = "publish")]
pub mod aws;
pub mod cli;
pub mod config;
pub mod cost;
pub mod deploy;
#[cfg(feature = "lambda")]
pub mod lambda;
#[cfg(all(feature = "lambda", feature = "publish"))]
pub mod operator;
pub mod release;
#[cfg(feature = "serve")]
pub mod serve;
pub mod site;
pub mod store;
pub mod ui;
