//! Who may call, and how a call ends.

use std::path::PathBuf;

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::*;
use crate::api::client::Client;
use crate::api::events::Hub;
use crate::api::types::NodeState;

struct Running {
    home: tempfile::TempDir,
    stop: watch::Sender<Order>,
    serving: tokio::task::JoinHandle<()>,
}

impl Running {
    fn start() -> Self {
        let home = tempfile::tempdir().unwrap();
        let (stop, stopped) = watch::channel(Order::Serve);
        let node = Arc::new(Node::new("default".into(), Arc::new(Hub::new([1, 2, 3, 4])), stop.clone()));
        let listener = Arc::new(access::bind(&home.path().join("run/api.sock")).unwrap());
        let serving = tokio::spawn(serve(listener, node, stopped));
        Self { home, stop, serving }
    }

    fn socket(&self) -> PathBuf {
        self.home.path().join("run/api.sock")
    }

    async fn raw(&self, request: &str) -> String {
        let mut stream = UnixStream::connect(self.socket()).await.unwrap();
        // The node may close before it has read everything; what it said until then counts.
        stream.write_all(request.as_bytes()).await.ok();
        let mut answer = Vec::new();
        let mut piece = [0; 4_096];
        while let Ok(Ok(n @ 1..)) = tokio::time::timeout(Duration::from_secs(2), stream.read(&mut piece)).await {
            answer.extend_from_slice(&piece[..n]);
        }
        String::from_utf8(answer).unwrap()
    }
}

#[tokio::test]
async fn a_node_that_is_opening_answers_its_status_and_nothing_else() {
    let node = Running::start();
    let client = Client::new(node.socket());
    assert_eq!(client.status().await.unwrap().state, NodeState::Starting);
    let problem = client.groups().await.unwrap_err();
    assert_eq!((problem.code, problem.status), (Code::NodeStarting, Some(503)));
    client.shutdown().await.unwrap();
    tokio::time::timeout(Duration::from_secs(1), node.serving).await.expect("it ends within a second").unwrap();
    assert_eq!(client.status().await.unwrap_err().code, Code::NodeDown);
}

#[tokio::test]
async fn ap_17_every_answer_carries_the_version_of_the_api() {
    let node = Running::start();
    for path in ["/v1/status", "/v1/groups", "/elsewhere"] {
        let answer = node.raw(&format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")).await;
        assert!(answer.to_lowercase().contains("coterie-api: 1."), "{path}: {answer}");
    }
}

#[tokio::test]
async fn ap_03_headers_over_16_kib_are_not_taken_and_crowds_are_closed() {
    let node = Running::start();
    let long = "a".repeat(20 * 1_024);
    let answer = node.raw(&format!("GET /v1/status HTTP/1.1\r\nhost: x\r\nx-long: {long}\r\n\r\n")).await;
    assert!(answer.starts_with("HTTP/1.1 431"), "{answer}");
    let mut crowd = Vec::new();
    for _ in 0..CONNECTIONS_MAX {
        crowd.push(UnixStream::connect(node.socket()).await.unwrap());
    }
    // All places are taken by connections that say nothing; one more is closed without a word.
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(node.raw("GET /v1/status HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await, "");
    drop(crowd);
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert!(Client::new(node.socket()).status().await.is_ok());
    node.stop.send_replace(Order::Stop);
}
