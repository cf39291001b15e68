//! Many pods at once: all there, bounded, and faster than one by one.

use std::time::Instant;

use crate::common::{Site, cluster, recorded};

#[test]
fn thirty_pods_at_once() {
    let site = Site::new();
    let pods = (0..30).map(|index| site.pod(&format!("web-{index}"), &recorded(index % 4)));
    let cluster = cluster().tls(true).token("secret").pods(pods).start().unwrap();
    site.admit(&cluster);
    for (files, parallel) in [(2, "16"), (3, "1")] {
        let begun = Instant::now();
        site.fetch(&["--signal", "USR1", "--parallel", parallel]).expect(0);
        eprintln!("30 pods, {parallel} at a time: {:?}", begun.elapsed());
        let run = site.run();
        let records = run["containers"].as_array().unwrap();
        assert_eq!(records.len(), 30);
        assert!(records.iter().all(|record| record["state"] == "fetched"));
        assert!(records.iter().all(|record| record["files"].as_array().unwrap().len() == files));
        site.check();
    }
}
