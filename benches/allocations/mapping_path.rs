//! From a page to a request body, an event costs at most one heap allocation, amortised.
//!
//! Every allocation and reallocation of the process counts. If there are too many, the heap profile that is written names
//! the lines that made them.

use std::hint::black_box;
use std::sync::Arc;

use coralogix_sink::CoralogixSink;
use okta_coralogix_benches::{PAGE_EVENTS, now, pages};
use okta_coralogix_core::event::split_page;
use okta_coralogix_core::filter::{AgeFilter, EventFilter};
use okta_coralogix_core::{CoralogixMapping, LogSink, Mapping, Origin};

#[global_allocator]
static ALLOCATOR: dhat::Alloc = dhat::Alloc;

const PROFILE: &str = concat!(env!("CARGO_TARGET_TMPDIR"), "/dhat-heap.json");

/// Pages that are counted, after one to warm up.
const PAGES: usize = 4;

/// Allocations by step.
#[derive(Default)]
struct Count {
    split: u64,
    age: u64,
    map: u64,
    encode: u64,
}

fn main() {
    let mut pages = pages(1 + PAGES).into_iter();
    let origin = Arc::new(Origin::org("acme.okta.com"));
    let age = AgeFilter::default();
    let mapping = CoralogixMapping::builder()
        .subsystem("acme")
        .build()
        .expect("the name is not empty");
    let sink = CoralogixSink::builder()
        .domain("EU2")
        .api_key("not-a-key")
        .build()
        .expect("region and key are valid");

    let path = |page, count: &mut Count| {
        let mut events = counted(&mut count.split, || {
            split_page(&page, &origin).expect("a generated page is an array")
        });
        counted(&mut count.age, || {
            events.retain(|event| {
                let event = event.as_ref().expect("a generated event is well-formed");
                age.check(event, now()).is_none()
            });
        });
        let entries = counted(&mut count.map, || {
            let mut entries = Vec::with_capacity(events.len());
            for event in events.iter().flatten() {
                entries.push(mapping.map(event).expect("nothing is redacted"));
            }
            entries
        });
        counted(&mut count.encode, || {
            let mut rest = &entries[..];
            while !rest.is_empty() {
                let batch = sink.encode(rest).expect("a generated entry fits a request");
                let batch = sink.compress(batch);
                rest = &rest[batch.entries..];
                black_box(batch);
            }
        });
    };

    let _profiler = dhat::Profiler::builder()
        .testing()
        .file_name(PROFILE)
        .build();
    let mut one = 0;
    drop(counted(&mut one, || black_box(Box::new(1))));
    assert_eq!(one, 1, "the allocator counts");

    path(pages.next().expect("the first page"), &mut Count::default());
    let mut count = Count::default();
    for page in pages {
        path(page, &mut count);
    }

    let per_event = |count: u64| count as f64 / (PAGES * PAGE_EVENTS) as f64;
    let total = count.split + count.age + count.map + count.encode;
    println!("allocations per event, over {PAGES} pages of {PAGE_EVENTS} events:");
    println!("  split   {:.4}", per_event(count.split));
    println!("  age     {:.4}", per_event(count.age));
    println!("  map     {:.4}", per_event(count.map));
    println!("  encode  {:.4}", per_event(count.encode));
    println!("  total   {:.4}", per_event(total));
    dhat::assert!(
        per_event(total) <= CEILING,
        "more than {CEILING} allocations per event; the profile in {PROFILE} says where"
    );
}

/// The most allocations that an event may cost. What a page and a request cost comes to about 0.02 of one; the first one per
/// event is far above.
const CEILING: f64 = 0.1;

/// Runs a step and adds what it allocated to `count`.
fn counted<T>(count: &mut u64, step: impl FnOnce() -> T) -> T {
    let before = dhat::HeapStats::get().total_blocks;
    let result = step();
    *count += dhat::HeapStats::get().total_blocks - before;
    result
}
