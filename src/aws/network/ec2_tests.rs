//! The client against a server that answers what it is told to.
#![allow(clippy::unwrap_used)]

use std::io::{Read, Write};
use std::net::TcpListener;
use std::thread::JoinHandle;

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_sts::config::{Credentials, SharedCredentialsProvider};

use super::ec2::Ec2;

const BUSY: &str = "HTTP/1.1 503 Service Unavailable\r\nconnection: close\r\n\r\n<Response><Errors><Error>\
    <Code>RequestLimitExceeded</Code><Message>Request limit exceeded.</Message></Error></Errors></Response>";
const MADE: &str = "HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n<R xmlns=\"x\"><vpc><vpcId>vpc-1</vpcId></vpc></R>";

/// Gives each answer to one connection; an empty one hangs up. Ends with the requests it was sent.
fn server(answers: Vec<&'static str>) -> (Ec2, JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let requests = std::thread::spawn(move || {
        let mut requests = Vec::new();
        for answer in answers {
            let (mut connection, _) = listener.accept().unwrap();
            let mut buffer = vec![0; 64 * 1024];
            let mut request = String::new();
            while !request.contains("Version=") {
                let length = connection.read(&mut buffer).unwrap();
                request.push_str(&String::from_utf8_lossy(&buffer[..length]));
            }
            requests.push(request);
            connection.write_all(answer.as_bytes()).unwrap();
        }
        requests
    });
    let credentials = Credentials::new("practice", "secret", None, None, "test");
    let config = SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("eu-west-1"))
        .endpoint_url(endpoint)
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .build();
    (Ec2::new(&config), requests)
}

#[tokio::test]
async fn what_passes_is_tried_again_and_every_try_is_signed() {
    let (ec2, requests) = server(vec![BUSY, "", MADE]);
    let answer = ec2.call("DescribeVpcs", &[("VpcId.1".into(), "vpc-1".into())]).await.unwrap();
    assert_eq!(answer.at(&["vpc", "vpcId"]), "vpc-1");
    for request in requests.join().unwrap() {
        assert!(request.contains("/eu-west-1/ec2/aws4_request"), "{request}");
        assert!(request.ends_with("Action=DescribeVpcs&Version=2016-11-15&VpcId.1=vpc-1"), "{request}");
    }
}

#[tokio::test]
async fn what_must_not_be_made_twice_is_called_once() {
    let (ec2, requests) = server(vec![BUSY]);
    let refused = ec2.call_once("CreateVpc", &[]).await.unwrap_err();
    assert!(refused.is("RequestLimitExceeded") && refused.status == Some(503) && !refused.unreachable());
    assert_eq!(requests.join().unwrap().len(), 1);
}

#[tokio::test]
async fn no_answer_says_nothing_of_what_was_done() {
    let (ec2, requests) = server(vec![""]);
    assert!(ec2.call_once("CreateVpc", &[]).await.unwrap_err().unreachable());
    assert_eq!(requests.join().unwrap().len(), 1);
}
