//! A plan says why.

use super::*;

fn why(plan: &Plan, node: &str) -> Option<String> {
    plan.get(node).and_then(|step| step.why.clone())
}

#[tokio::test]
async fn a_plan_says_why_where_it_is_not_obvious() {
    let desk = desk_with(&shop()).await;
    let plan = desk.plan(&shop_later()).await.unwrap();
    assert_eq!((why(&plan, "logs"), why(&plan, "bucket")), (None, None));
    assert_eq!(why(&plan, "drafts").unwrap(), "the project no longer asks for it");
    assert_eq!(why(&plan, "policy").unwrap(), "looked at again after bucket and site change");
    assert_eq!(why(&plan, "preview-policy").unwrap(), "looked at again after preview changes");
    assert_eq!(why(&plan, "preview").unwrap(), "its class cannot be changed where it is");
}

#[tokio::test]
async fn a_resource_has_its_own_words_for_a_replacement_and_for_what_is_lost() {
    let graph = |region: &str| {
        graph(|graph| graph.add("files", Bucket { region: region.into(), ..Bucket::with_data("f") }, &[]))
    };
    let desk = desk_with(&graph("here")).await;
    let plan = desk.plan(&graph("there")).await.unwrap();
    assert_eq!(why(&plan, "files").unwrap(), "a bucket cannot move from here to there");
    assert_eq!(plan.get("files").unwrap().loses.as_deref(), Some("all files in f"));
}

#[tokio::test]
async fn to_destroy_is_to_take_everything_down_but_what_is_kept() {
    let mut desk = desk_with(&shop()).await;
    let plan = desk.plan(&nothing()).await.unwrap();
    assert_eq!(why(&plan, "site").unwrap(), "everything is taken down");
    assert_eq!(why(&plan, "files").unwrap(), "it holds data");
    assert_eq!(plan.get("files").unwrap().loses, None);
    desk.delete_data = true;
    let plan = desk.plan(&nothing()).await.unwrap();
    assert_eq!(plan.get("files").unwrap().loses.as_deref(), Some("all files in shop-files"));
    assert_eq!(plan.get("bucket").unwrap().loses, None);
}

#[tokio::test]
async fn a_thing_that_has_another_name_now_gives_its_place_away() {
    let bucket = |name: &str| graph(|graph| graph.add("bucket", Bucket::new(name), &[]));
    let mut desk = desk_with(&bucket("old")).await;
    desk.known = Inventory::of(&bucket("old")).with(&bucket("new")).graph(&kinds()).unwrap();
    let plan = desk.plan(&bucket("new")).await.unwrap();
    assert_eq!(why(&plan, "bucket@old").unwrap(), "new takes its place");
}
