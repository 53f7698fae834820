//! What answers `/api/*`: the gateway, the function, its role and its log.

pub mod apigateway_api;
pub mod apigateway_integration;
pub mod apigateway_route;
pub mod apigateway_stage;
pub mod iam_role;
pub mod lambda_alias;
pub mod lambda_function;
pub mod lambda_note;
pub mod lambda_permission;
pub mod logs_group;
pub mod package;
