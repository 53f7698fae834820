//! The calls of an upload: how they are sent, when they are repeated, what bounds them.
//!
//! The SDK's own retries are off here. It repeats a throttled call without a word, so nobody would
//! learn that S3 asks for less, and its budget for retries is shared by all calls, so many uploads
//! at once would use it up. Nor does it add its own checksums: it would read each body once more and
//! send a trailer after it, where `Content-MD5` already makes S3 compare, and is its ETag.

use std::future::Future;
use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use aws_sdk_s3::Client;
use aws_sdk_s3::config::RequestChecksumCalculation;
use aws_sdk_s3::config::retry::RetryConfig;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::{Instant, sleep};

use super::buffers::Buffers;
use super::gate::Gate;
use super::pace::Pace;
use super::progress::Progress;
use crate::aws::cloud::Cloud;
use crate::aws::error::{CallError, answer};

/// Bytes of all bodies in memory.
const MEMORY: u32 = 64 * 1024 * 1024;
/// How long a call is repeated after it failed first.
const PATIENCE: Duration = Duration::from_secs(180);
/// Longest first pause between two tries.
const FIRST_PAUSE: Duration = Duration::from_millis(200);
/// Longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
/// How often a clock that is wrong is corrected: the SDK learns from each answer what time it is.
const CLOCK_TRIES: u32 = 2;

/// S3 or somebody before it has too much to do.
const BUSY: [&str; 9] = [
    "SlowDown",
    "ServiceUnavailable",
    "RequestTimeout",
    "Throttling",
    "ThrottlingException",
    "RequestLimitExceeded",
    "BandwidthLimitExceeded",
    "TooManyRequestsException",
    "RequestThrottled",
];
/// What is over in a moment: an upload of the same object, a new bucket, a body that was cut or
/// changed on its way.
const PASSING: [&str; 6] =
    ["ConditionalRequestConflict", "OperationAborted", "NoSuchBucket", "IncompleteBody", "BadDigest", "InternalError"];
/// What S3 says of a signature with a wrong time.
const CLOCK: [&str; 2] = ["RequestTimeTooSkewed", "RequestExpired"];

/// What all uploads of one run share.
pub struct Sender {
    /// The account, with a client for uploads.
    pub cloud: Cloud,
    /// The bucket.
    pub bucket: String,
    /// How far they are.
    pub progress: Progress,
    /// What parts are read into.
    pub buffers: Buffers,
    gate: Gate,
    memory: Semaphore,
    cores: Semaphore,
}

/// A call that failed, and whether it is worth another try.
#[derive(Debug)]
pub struct Failure {
    /// What went wrong.
    pub error: CallError,
    /// What follows from it.
    pub fate: Fate,
}

/// What follows from a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// Fewer at once, and again.
    Busy,
    /// Again.
    Passing,
    /// Again, but not for long.
    Clock,
    /// There is no use in trying again.
    Lasting,
}

impl Failure {
    /// A request that could not be put together.
    pub fn unbuilt(operation: &'static str, error: &dyn std::error::Error) -> Self {
        Self { error: CallError::unbuilt(operation, error), fate: Fate::Lasting }
    }

    /// The same, not to be tried again when it has this code.
    pub fn lasting_if(mut self, code: &str) -> Self {
        if self.error.is(code) {
            self.fate = Fate::Lasting;
        }
        self
    }
}

/// The outcome of a call, and what follows from it.
pub fn judged<T, E>(operation: &'static str, result: Result<T, SdkError<E, HttpResponse>>) -> Result<T, Failure>
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    // No credentials, for one: nothing was sent.
    let unsent = matches!(result, Err(SdkError::ConstructionFailure(_)));
    answer(operation, result).map_err(|error| {
        let fate = if unsent { Fate::Lasting } else { fate(&error) };
        Failure { error, fate }
    })
}

fn fate(error: &CallError) -> Fate {
    match error.status {
        _ if error.is_any(&BUSY) || error.unreachable() => Fate::Busy,
        _ if error.is_any(&PASSING) => Fate::Passing,
        _ if error.is_any(&CLOCK) => Fate::Clock,
        Some(429 | 503) => Fate::Busy,
        Some(500..) => Fate::Passing,
        _ => Fate::Lasting,
    }
}

/// The pause before a try, by how many there were: it doubles, and its second half is left to
/// chance, so that those who were refused together do not come back together.
fn pause(tries: u32, chance: u64) -> Duration {
    let longest = FIRST_PAUSE.saturating_mul(1 << tries.min(16)).min(LONGEST_PAUSE);
    let half = longest / 2;
    half + half.mul_f64(f64::from((chance & 0xffff) as u16) / f64::from(u16::MAX))
}

impl Sender {
    /// Uploads to `bucket`, of what `progress` counts.
    pub fn new(cloud: &Cloud, bucket: &str, progress: Progress) -> Self {
        let config = cloud.s3.config().to_builder();
        let config = config.retry_config(RetryConfig::disabled());
        let config = config.request_checksum_calculation(RequestChecksumCalculation::WhenRequired);
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Self {
            cloud: Cloud { s3: Client::from_conf(config.build()), ..cloud.clone() },
            bucket: bucket.to_owned(),
            progress,
            buffers: Buffers::default(),
            gate: Gate::new(Pace::default()),
            memory: Semaphore::new(MEMORY as usize),
            cores: Semaphore::new(cores),
        }
    }

    /// Waits until so many bytes may be taken into memory; they may be while the permit is kept.
    pub async fn memory(&self, bytes: u64) -> Option<SemaphorePermit<'_>> {
        // What is larger than all of it gets all of it. The semaphore is never closed.
        let bytes = u32::try_from(bytes).unwrap_or(MEMORY).min(MEMORY);
        self.memory.acquire_many(bytes).await.ok()
    }

    /// Waits until a core is free for work.
    pub async fn core(&self) -> Option<SemaphorePermit<'_>> {
        self.cores.acquire().await.ok()
    }

    /// Makes a call with a body of so many bytes, again and again while that has a prospect.
    pub async fn call<T, F, Fut>(&self, bytes: u64, mut call: F) -> Result<T, CallError>
    where
        F: FnMut() -> Fut,
        Fut: Future<Output = Result<T, Failure>>,
    {
        let (mut end, mut tries) = (None, 0);
        loop {
            let place = self.gate.enter().await;
            let Failure { error, fate } = match call().await {
                Ok(done) => {
                    place.done(bytes);
                    return Ok(done);
                }
                Err(failure) => failure,
            };
            if fate == Fate::Busy {
                place.refused();
            } else {
                drop(place);
            }
            let pause = pause(tries, RandomState::new().hash_one(tries));
            let end = *end.get_or_insert(Instant::now() + PATIENCE);
            if fate == Fate::Lasting || fate == Fate::Clock && tries >= CLOCK_TRIES || Instant::now() + pause > end {
                return Err(error);
            }
            tries += 1;
            sleep(pause).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(code: &str, status: u16) -> CallError {
        let mut error = CallError::part("PutObject", Some(code), None);
        error.status = Some(status);
        error
    }

    #[test]
    fn what_follows_depends_on_who_is_at_fault() {
        for (code, status, expected) in [
            ("SlowDown", 503, Fate::Busy),
            ("503", 503, Fate::Busy),
            ("RequestTimeout", 400, Fate::Busy),
            ("InternalError", 500, Fate::Passing),
            ("502", 502, Fate::Passing),
            ("ConditionalRequestConflict", 409, Fate::Passing),
            ("NoSuchBucket", 404, Fate::Passing),
            ("RequestTimeTooSkewed", 403, Fate::Clock),
            ("ExpiredToken", 400, Fate::Lasting),
            ("AccessDenied", 403, Fate::Lasting),
            ("PreconditionFailed", 412, Fate::Lasting),
            ("NoSuchUpload", 404, Fate::Lasting),
        ] {
            assert_eq!(fate(&error(code, status)), expected, "{code}");
        }
    }

    #[test]
    fn a_connection_that_broke_is_a_sign_of_too_much() {
        let broken = SdkError::<aws_sdk_s3::Error, HttpResponse>::dispatch_failure(
            aws_smithy_runtime_api::client::result::ConnectorError::io("reset".into()),
        );
        assert_eq!(judged::<(), _>("PutObject", Err(broken)).map_err(|failure| failure.fate), Err(Fate::Busy));
        let unsent = SdkError::<aws_sdk_s3::Error, HttpResponse>::construction_failure("no credentials");
        assert_eq!(judged::<(), _>("PutObject", Err(unsent)).map_err(|failure| failure.fate), Err(Fate::Lasting));
    }

    #[test]
    fn pauses_double_to_a_bound_and_are_never_alike() {
        assert_eq!(pause(0, 0), Duration::from_millis(100));
        assert_eq!(pause(0, 0xffff), Duration::from_millis(200));
        assert_eq!(pause(3, 0xffff), Duration::from_millis(1600));
        assert_eq!(pause(30, 0xffff), LONGEST_PAUSE);
        assert_eq!(pause(30, 0), LONGEST_PAUSE / 2);
    }
}
