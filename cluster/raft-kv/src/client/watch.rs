//! How does a watch go on when its member ends?

use super::http::Lines;
use super::{Client, ClientError, REST, with_query};
use crate::wire::{Problem, WatchQuery};
use crate::{KeyRange, Revision, WatchMessage};
use std::sync::atomic::Ordering;
use tokio::time::{Instant, sleep};

/// A watch that goes on with another member when its member ends: every event once, in order.
#[derive(Debug)]
pub struct Watch {
    client: Client,
    keys: KeyRange,
    /// The first revision that was not received yet; 0: all from now on.
    next: Revision,
    /// The events of `next` and later, and who sends them.
    open: Option<(String, Lines)>,
}

impl Watch {
    pub(super) async fn open(
        client: &Client,
        keys: KeyRange,
        first: Option<Revision>,
    ) -> Result<Self, ClientError> {
        let (client, next) = (client.clone(), first.unwrap_or_default());
        let mut watch = Self { client, keys, next, open: None };
        watch.reopen().await?;
        Ok(watch)
    }

    /// The next changes. Waits until there are some.
    ///
    /// # Errors
    /// [`ClientError::Refused`] with `compacted`, or no member serves the watch within the limit of the
    /// client. Events that were not returned by then are returned by a later call.
    pub async fn next(&mut self) -> Result<WatchMessage, ClientError> {
        loop {
            match self.line().await? {
                Some(line) => {
                    self.next = self.next.max(line.revision + 1);
                    if !line.events.is_empty() {
                        return Ok(line);
                    }
                }
                // The member ends, or the connection broke: both lose nothing.
                None => self.open = None,
            }
        }
    }

    /// The first revision whose events were not returned yet; 0 before the member has said where it is.
    pub fn next_revision(&self) -> Revision {
        self.next
    }

    async fn line(&mut self) -> Result<Option<WatchMessage>, ClientError> {
        if self.open.is_none() {
            self.reopen().await?;
        }
        let Some((member, lines)) = &mut self.open else { return Ok(None) };
        let Ok(Some(line)) = lines.next().await else { return Ok(None) };
        if let Ok(line) = serde_json::from_slice::<WatchMessage>(&line) {
            return Ok(Some(line));
        }
        match serde_json::from_slice::<Problem>(&line) {
            Ok(problem) if problem.code == "compacted" => {
                let member = member.clone();
                self.open = None;
                Err(ClientError::of_problem(&member, 409, problem))
            }
            _ => Ok(None),
        }
    }

    /// Opens it with the first member that serves it, and reads where that is.
    async fn reopen(&mut self) -> Result<(), ClientError> {
        let Client { http, members, next, limit, is_patient } = &self.client;
        let deadline = Instant::now() + *limit;
        loop {
            let index = next.load(Ordering::Relaxed) % members.len();
            let member = &members[index];
            let KeyRange { from, to } = self.keys.clone();
            let path = with_query("/v1/watch", &WatchQuery { from, to, revision: self.next })?;
            let limit = deadline.saturating_duration_since(Instant::now());
            let error = match http.lines(member, &path, limit / 2).await {
                Ok((200, mut lines)) => match lines.next().await {
                    Ok(Some(first)) => match serde_json::from_slice::<WatchMessage>(&first) {
                        Ok(first) => {
                            self.next = self.next.max(first.revision + 1);
                            self.open = Some((member.clone(), lines));
                            return Ok(());
                        }
                        Err(_) => ClientError::of_answer(member, 409, &first),
                    },
                    Ok(None) => {
                        let message = "the watch ended before it began".to_owned();
                        ClientError::Failed { member: member.clone(), message }
                    }
                    Err(failure) => ClientError::of_failure(member, failure),
                },
                Ok((status, lines)) => match lines.rest().await {
                    Ok(body) => ClientError::of_answer(member, status, &body),
                    Err(failure) => ClientError::of_failure(member, failure),
                },
                Err(failure) => ClientError::of_failure(member, failure),
            };
            if error.code().is_some() {
                return Err(error);
            }
            let after = (index + 1) % members.len();
            let _ = next.compare_exchange(index, after, Ordering::Relaxed, Ordering::Relaxed);
            if !is_patient || Instant::now() + REST >= deadline {
                return Err(error);
            }
            sleep(REST).await;
        }
    }
}
