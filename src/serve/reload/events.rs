//! The stream of server-sent events.

use std::convert::Infallible;
use std::time::Duration;

use bytes::Bytes;
use futures_util::Stream;
use serde::Serialize;
use tokio::sync::watch;

use crate::serve::trouble::Trouble;

/// How often a comment is sent: a browser that is gone is noticed by it.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// How long a browser waits, in milliseconds, before it asks again for a stream that broke off.
const RETRY_MS: u16 = 500;

/// The state of the site that browsers hear of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct News {
    /// Name of the build that is being served; different for each, and after each start of the server.
    pub build: String,
    /// Why the latest rebuild failed, if it did.
    pub trouble: Option<Trouble>,
}

/// The news as server-sent events: what is, then each change, until the sender is dropped.
pub fn stream(news: watch::Receiver<News>) -> impl Stream<Item = Result<Bytes, Infallible>> {
    futures_util::stream::unfold((news, true), |(mut news, first)| async move {
        let text = if first { next_news(&mut news, true) } else { wait(&mut news).await? };
        Some((Ok(text), (news, false)))
    })
}

/// What to send next; `None` when the server stops.
async fn wait(news: &mut watch::Receiver<News>) -> Option<Bytes> {
    match tokio::time::timeout(HEARTBEAT, news.changed()).await {
        Ok(Ok(())) => Some(next_news(news, false)),
        Ok(Err(_)) => None,
        Err(_) => Some(Bytes::from_static(b":\n\n")),
    }
}

fn next_news(news: &mut watch::Receiver<News>, first: bool) -> Bytes {
    let retry = if first { format!("retry: {RETRY_MS}\n") } else { String::new() };
    // A plain structure of strings and numbers always has a JSON form, which holds no line break.
    let json = serde_json::to_string(&*news.borrow_and_update()).unwrap_or_default();
    format!("{retry}data: {json}\n\n").into()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use futures_util::StreamExt as _;

    use super::*;

    fn news(build: &str) -> News {
        News { build: build.into(), trouble: None }
    }

    #[tokio::test]
    async fn a_listener_hears_what_is_then_what_changes_then_the_end() {
        let (sender, receiver) = watch::channel(news("1"));
        let mut stream = Box::pin(stream(receiver));
        let first = stream.next().await.unwrap().unwrap();
        assert_eq!(first, "retry: 500\ndata: {\"build\":\"1\",\"trouble\":null}\n\n");
        sender.send_replace(news("2"));
        let second = stream.next().await.unwrap().unwrap();
        assert_eq!(second, "data: {\"build\":\"2\",\"trouble\":null}\n\n");
        drop(sender);
        assert!(stream.next().await.is_none());
    }

    #[tokio::test]
    async fn line_breaks_in_a_trouble_stay_inside_one_event() {
        let trouble = Trouble::new("a\nb").with("c\r\nd", None, None);
        let (_sender, receiver) = watch::channel(News { build: "1".into(), trouble: Some(trouble) });
        let first = Box::pin(stream(receiver)).next().await.unwrap().unwrap();
        assert_eq!(first.iter().filter(|b| **b == b'\n').count(), 3);
    }
}
