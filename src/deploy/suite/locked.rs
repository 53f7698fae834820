//! One run at a time.

use super::*;

fn locked(cloud: &Arc<FakeCloud>, lock_after: Option<&'static str>) -> (Desk, Arc<FakeLock>) {
    let lock = FakeLock::of(cloud);
    let mut desk = Desk::new(cloud.clone());
    (desk.lock, desk.lock_after) = (Some(lock.clone()), lock_after);
    (desk, lock)
}

fn holder() -> Holder {
    Holder {
        owner: "arn:aws:iam::1:user/ana".into(),
        host: "desk".into(),
        process: String::new(),
        since: "2026-01-02T03:04:05Z".into(),
        expires: "2026-01-02T03:06:05Z".into(),
        run: "1".into(),
    }
}

/// When the lock was taken and when it was given back, in changes made by then.
fn span(lock: &FakeLock) -> Vec<usize> {
    lock.changes.lock().unwrap().clone()
}

#[tokio::test]
async fn it_is_held_while_the_account_is_changed_and_no_longer() {
    let (desk, lock) = locked(&Arc::default(), None);
    desk.publish(&shop()).await.unwrap();
    assert_eq!(span(&lock), [0, 7]);
    let calls = lock.calls();
    assert!(calls.first() == Some(&"take") && calls.last() == Some(&"release"), "{calls:?}");
}

#[tokio::test]
async fn where_nothing_is_to_be_changed_it_is_not_taken() {
    let with_wait = shop().union(&graph(|graph| graph.add("wait", Delegation::new("shop.example"), &[])));
    let desk = desk_with(&shop()).await;
    let (desk, lock) = locked(&desk.cloud, None);
    desk.publish(&shop()).await.unwrap();
    assert_eq!(desk.publish(&with_wait).await.unwrap().waiting.len(), 1);
    assert_eq!(lock.calls(), Vec::<&str>::new());
}

#[tokio::test]
async fn the_place_in_which_it_lies_is_made_first() {
    let (desk, lock) = locked(&Arc::default(), Some("files"));
    desk.publish(&shop()).await.unwrap();
    assert_eq!(span(&lock), [1, 7]);
    assert_eq!(desk.cloud.changes()[0], "create fake.bucket shop-files");
}

#[tokio::test]
async fn a_place_that_is_there_is_changed_under_the_lock() {
    let desk = desk_with(&shop()).await;
    let (desk, lock) = locked(&desk.cloud, Some("bucket"));
    desk.publish(&shop_later()).await.unwrap();
    assert_eq!(span(&lock)[0], 7);
}

#[tokio::test]
async fn without_a_place_there_is_nothing_to_lock() {
    let (desk, lock) = locked(&Arc::default(), Some("elsewhere"));
    desk.publish(&shop()).await.unwrap();
    assert_eq!(lock.calls(), Vec::<&str>::new());
}

#[tokio::test]
async fn a_run_that_finds_it_taken_has_changed_nothing_but_its_place() {
    for (place, done) in [(None, 0), (Some("bucket"), 1)] {
        let (desk, lock) = locked(&Arc::default(), place);
        lock.takes.lock().unwrap().push(LockError::Held(holder()));
        let plan = desk.plan(&shop()).await.unwrap();
        let failure = desk.apply(&plan, &shop()).await.unwrap_err();
        let says = "could not begin: another publish is under way: arn:aws:iam::1:user/ana on desk since \
                    2026-01-02T03:04:05Z; it is taken over after 2026-01-02T03:06:05Z if that run is dead";
        assert_eq!((failure.blame(), failure.errors[0].chain().as_str()), (Blame::Held, says));
        assert_eq!((failure.report.done.len(), failure.left.len()), (done, 7 - done));
        assert_eq!((desk.cloud.changes().len(), lock.calls()), (done, vec!["take"]));
        desk.publish(&shop()).await.unwrap();
    }
}

#[tokio::test]
async fn a_plan_that_is_out_of_date_is_not_carried_out() {
    let (desk, lock) = locked(&Arc::default(), None);
    lock.takes.lock().unwrap().push(LockError::Moved);
    let plan = desk.plan(&shop()).await.unwrap();
    let failure = desk.apply(&plan, &shop()).await.unwrap_err();
    let says = "could not begin: somebody published since this plan was made";
    assert_eq!((failure.blame(), failure.errors[0].chain().as_str()), (Blame::Held, says));
}

#[tokio::test]
async fn what_the_cloud_says_of_it_is_told() {
    let (desk, lock) = locked(&Arc::default(), None);
    lock.takes.lock().unwrap().push(StepError::cloud("take the lock", "no").into());
    let plan = desk.plan(&shop()).await.unwrap();
    let failure = desk.apply(&plan, &shop()).await.unwrap_err();
    assert_eq!((failure.blame(), failure.to_string().as_str()), (Blame::Cloud, "could not take the lock"));
}

#[tokio::test]
async fn it_is_given_back_after_a_failure_and_after_a_stop() {
    let (desk, lock) = locked(&Arc::default(), None);
    let plan = desk.plan(&shop()).await.unwrap();
    desk.cloud.inject(6, When::Before, What::Fail);
    desk.apply(&plan, &shop()).await.unwrap_err();
    assert_eq!(lock.calls().last(), Some(&"release"));
    let (desk, lock) = locked(&Arc::default(), None);
    let plan = desk.plan(&shop()).await.unwrap();
    desk.cloud.inject(2, When::Before, What::Stop(desk.stop.clone()));
    assert_eq!(desk.apply(&plan, &shop()).await.unwrap_err().blame(), Blame::Interrupted);
    assert_eq!(lock.calls().last(), Some(&"release"));
}

#[tokio::test]
async fn a_run_that_was_stopped_does_not_take_it() {
    let (desk, lock) = locked(&Arc::default(), Some("bucket"));
    let plan = desk.plan(&shop()).await.unwrap();
    desk.cloud.inject(1, When::Before, What::Stop(desk.stop.clone()));
    let failure = desk.apply(&plan, &shop()).await.unwrap_err();
    assert_eq!((failure.blame(), failure.report.done.len()), (Blame::Interrupted, 1));
    assert_eq!(lock.calls(), Vec::<&str>::new());
}

/// Applies the shop while its first call takes as long as `renewals` renewals.
async fn slowly(desk: &Desk, lock: &FakeLock, renewals: usize) -> Result<Report, RunFailure> {
    let shop = shop();
    let plan = desk.plan(&shop).await.unwrap();
    let go_on = Arc::new(Notify::new());
    desk.cloud.inject(1, When::Before, What::Pause(go_on.clone()));
    let renewed = async {
        for _ in 0..renewals {
            lock.renewed.notified().await;
        }
        go_on.notify_one();
        std::future::pending::<()>().await
    };
    tokio::select! {
        result = desk.apply(&plan, &shop) => result,
        () = renewed => unreachable!(),
    }
}

#[tokio::test]
async fn it_is_renewed_as_long_as_the_run_goes_on() {
    let (desk, lock) = locked(&Arc::default(), None);
    slowly(&desk, &lock, 3).await.unwrap();
    assert!(lock.calls().iter().filter(|call| **call == "renew").count() >= 3);
}

#[tokio::test]
async fn when_it_is_lost_nothing_new_is_begun() {
    let (mut desk, lock) = locked(&Arc::default(), None);
    desk.parallel = 1;
    lock.renewals.lock().unwrap().push(LockError::Lost);
    let failure = slowly(&desk, &lock, 1).await.unwrap_err();
    let says = "could not go on: this run has lost its lock: another may have taken it over";
    assert_eq!((failure.blame(), failure.errors[0].chain().as_str()), (Blame::Held, says));
    assert_eq!((failure.report.done.len(), failure.left.len(), desk.cloud.changes().len()), (1, 6, 1));
    assert!(!desk.stop.is_stopped());
    desk.publish(&shop()).await.unwrap();
}

#[tokio::test]
async fn a_renewal_that_fails_is_tried_again_and_then_it_counts_as_lost() {
    let fails = |times: usize| {
        let (desk, lock) = locked(&Arc::default(), None);
        let no = || LockError::Cloud(StepError::cloud("renew the lock", "no"));
        lock.renewals.lock().unwrap().extend(std::iter::repeat_with(no).take(times));
        (desk, lock)
    };
    let (desk, lock) = fails(2);
    slowly(&desk, &lock, 4).await.unwrap();
    let (desk, lock) = fails(3);
    let failure = slowly(&desk, &lock, 3).await.unwrap_err();
    assert_eq!((failure.blame(), failure.to_string().as_str()), (Blame::Cloud, "could not renew the lock"));
}

#[tokio::test]
async fn it_may_go_with_its_place() {
    let only_files = graph(|graph| graph.add("files", Bucket::new("shop-files"), &[]));
    let desk = desk_with(&only_files).await;
    let (mut desk, lock) = locked(&desk.cloud, Some("files"));
    desk.known = only_files;
    let plan = desk.plan(&nothing()).await.unwrap();
    lock.renewals.lock().unwrap().push(LockError::Lost);
    let go_on = Arc::new(Notify::new());
    desk.cloud.inject(1, When::After, What::Pause(go_on.clone()));
    // Long enough for a renewal, if there were one.
    let later = async {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        go_on.notify_one();
    };
    let nothing = nothing();
    let (result, ()) = tokio::join!(desk.apply(&plan, &nothing), later);
    assert_eq!((result.unwrap().done.len(), lock.calls()), (1, vec!["take", "release"]));
}
