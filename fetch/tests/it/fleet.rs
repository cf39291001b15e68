//! Forty pods of one program over a long line. `cargo bench -p covfetch --bench fleet` does the same with five hundred, and
//! takes the time.

use std::collections::BTreeMap;
use std::time::Duration;

#[path = "../shared/fleet.rs"]
mod shared;

use shared::Fleet;

const PODS: usize = 40;

/// A tenth of the pods, one `exec tar` after the other, costs what all pods may cost.
#[test]
fn a_fleet_of_one_program_costs_a_tenth_of_the_bytes_and_loses_nothing() {
    let fleet = Fleet::start(PODS, Duration::from_millis(2), false);
    let tenth = fleet.one_by_one(PODS / 10).bytes;
    let (ran, cost, _) = fleet.fetch(&[]);
    let work = cost.client_work + cost.cluster_work;
    eprintln!("{PODS} pods: {} bytes in {:?}, {work:?} of processors", cost.bytes, cost.time);
    fleet.check(&ran.expect(0), &BTreeMap::new());
    assert!(cost.bytes <= tenth, "{} bytes, a tenth is {tenth}", cost.bytes);
    // One exec for each container, one more for the meta file, and one list.
    assert_eq!((fleet.execs(), fleet.cluster.requests().len()), (PODS + 1, PODS + 2));

    let spoiled = fleet.spoil();
    assert_eq!(spoiled.len(), 20);
    let (ran, _, _) = fleet.fetch(&["--retries", "1"]);
    let ran = ran.expect(3).says("error: 20 of 40 containers failed: shop/web-000/app, ");
    fleet.check(&ran, &spoiled);
}
