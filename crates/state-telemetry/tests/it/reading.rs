use state_telemetry::logs::{Config, GetEvents, PageCursor, Selector};
use state_telemetry::pattern::Pattern;

use crate::kit::{Kit, NOW, everything, only, text};

fn request(from_head: bool, limit: usize, cursor: Option<PageCursor>) -> GetEvents {
    GetEvents { stream: "a".into(), start_ms: None, end_ms: None, from_head, limit, cursor }
}

async fn ten_events() -> Kit {
    let kit = Kit::new();
    for index in 0..10 {
        kit.put("a", &[(NOW + index, &index.to_string())]).await;
    }
    kit
}

fn page(kit: &Kit, request: &GetEvents) -> (String, PageCursor, PageCursor) {
    let page = kit.store.get_events(request).expect("a page");
    let texts = page.events.iter().map(text).collect::<String>();
    (texts, PageCursor::Forward(page.forward), PageCursor::Backward(page.backward))
}

#[tokio::test]
async fn pages_go_forward_and_backward() {
    let kit = ten_events().await;
    let (texts, forward, backward) = page(&kit, &request(true, 4, None));
    assert_eq!(texts, "0123");
    let (texts, second, back_to_first) = page(&kit, &request(true, 4, Some(forward)));
    assert_eq!(texts, "4567");
    assert_eq!(page(&kit, &request(true, 4, Some(back_to_first))).0, "0123");
    let (texts, third, _) = page(&kit, &request(true, 4, Some(second)));
    assert_eq!(texts, "89");
    // The end answers with the cursor that was sent, and goes on when there is more.
    let (texts, same, _) = page(&kit, &request(true, 4, Some(third)));
    assert_eq!((texts.as_str(), same), ("", third));
    assert_eq!(
        page(&kit, &request(true, 4, Some(backward))),
        (String::new(), as_forward(backward), backward)
    );
    kit.put("a", &[(NOW + 9, "x")]).await;
    assert_eq!(page(&kit, &request(true, 4, Some(third))).0, "x");

    let (texts, _, backward) = page(&kit, &request(false, 4, None));
    assert_eq!(texts, "789x");
    assert_eq!(page(&kit, &request(false, 4, Some(backward))).0, "3456");
}

fn as_forward(cursor: PageCursor) -> PageCursor {
    match cursor {
        PageCursor::Forward(key) | PageCursor::Backward(key) => PageCursor::Forward(key),
    }
}

#[tokio::test]
async fn times_bound_a_page() {
    let kit = ten_events().await;
    for (start, end, expect) in [
        (Some(NOW + 3), Some(NOW + 6), "345"),
        (Some(NOW + 8), None, "89"),
        (None, Some(NOW + 2), "01"),
        (Some(NOW + 20), None, ""),
        (Some(NOW + 5), Some(NOW + 5), ""),
        (Some(NOW + 6), Some(NOW + 3), ""),
    ] {
        for from_head in [true, false] {
            let bounded = GetEvents { start_ms: start, end_ms: end, ..request(from_head, 100, None) };
            assert_eq!(page(&kit, &bounded).0, expect);
        }
    }
}

#[tokio::test]
async fn streams_are_interleaved_by_time() {
    let kit = Kit::new();
    kit.put("app/one", &[(NOW, "a"), (NOW + 2, "c ERROR"), (NOW + 4, "e")]).await;
    kit.put("app/two", &[(NOW + 1, "b"), (NOW + 3, "d ERROR"), (NOW + 5, "f")]).await;
    kit.put("other", &[(NOW, "never ERROR")]).await;
    let app = Selector::Prefix("app/".into());
    let texts = |pattern: &str, from_head, limit| {
        kit.pages(&app, pattern, from_head, limit).iter().map(text).collect::<Vec<_>>().join("|")
    };
    for limit in 1..8 {
        assert_eq!(texts("", true, limit), "a|b|c ERROR|d ERROR|e|f");
        assert_eq!(texts("", false, limit), "f|e|d ERROR|c ERROR|b|a");
        assert_eq!(texts("ERROR", true, limit), "c ERROR|d ERROR");
    }
    let both = Selector::Streams(vec!["other".into(), "app/one".into(), "missing".into()]);
    assert_eq!(kit.all(&both, "ERROR").len(), 2);
}

#[tokio::test]
async fn ids_are_stable_and_unique() {
    let mut kit = Kit::sealing();
    for index in 0..60 {
        let message = format!("same time {index}");
        kit.put(&format!("s{}", index % 3), &[(NOW, &message)]).await;
    }
    let ids = |kit: &Kit| {
        kit.pages(&everything(), "", true, 13)
            .iter()
            .map(|event| (event.id(), text(event)))
            .collect::<Vec<_>>()
    };
    let first = ids(&kit);
    assert!(first.iter().all(|(id, _)| id.len() == 56));
    assert!(first.is_sorted_by(|left, right| left.0 < right.0));
    assert_eq!(first.len(), 60);
    kit = kit.reopen();
    assert_eq!(ids(&kit), first);
    kit.store.collect_garbage().expect("collected");
    assert_eq!(ids(&kit), first);
}

#[tokio::test]
async fn a_page_has_a_bounded_size() {
    let kit = Kit::new();
    let message = "b".repeat(300_000);
    for index in 0..10 {
        kit.put("a", &[(NOW + index, &message)]).await;
    }
    let page = kit.store.get_events(&request(true, 100, None)).expect("a page");
    assert_eq!(page.events.len(), 3);
    assert_eq!(kit.all(&only("a"), "").len(), 10);
}

#[tokio::test]
async fn work_per_page_is_bounded() {
    let kit =
        Kit::with(Config { page_scan_bytes_max: 1 << 20, journal_bytes_max: 1 << 20, ..Config::default() });
    let filler = "lorem ipsum ".repeat(5_000);
    for index in 0..100 {
        let message = format!("{filler}{}", if index == 90 { "needle" } else { "" });
        kit.put("a", &[(NOW + index, &message)]).await;
    }
    let mut request = state_telemetry::logs::Filter {
        selector: only("a"),
        start_ms: None,
        end_ms: None,
        pattern: Pattern::parse("needle").expect("a pattern"),
        from_head: true,
        limit: 10,
        cursor: None,
    };
    let (mut pages, mut found) = (0, 0);
    loop {
        let page = kit.store.filter(&request).expect("a page");
        assert!(page.scanned_bytes < 4 << 20);
        pages += 1;
        found += page.events.len();
        request.cursor = page.next;
        if page.next.is_none() {
            break;
        }
    }
    assert_eq!(found, 1);
    assert!(pages > 2, "{pages} pages");
}
