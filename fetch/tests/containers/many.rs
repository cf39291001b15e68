//! Several pods at once.

use realcluster::{Pod, Rights};

use crate::cluster::Place;
use crate::images;
use crate::service::{Port, profile, service};

/// How often the statement behind `/healthz` ran.
pub(crate) fn health_checks(place: &Place) -> u32 {
    let profile = profile(&place.site.store());
    let package =
        profile.packages().iter().find(|package| package.path() == "example.com/library/internal/api");
    // The only function literal of New, on one line.
    let source = include_str!("../../../testdata/src/server/internal/api/api.go");
    let line = source.lines().position(|line| line.contains("\"/healthz\"")).unwrap() + 1;
    let package = package.unwrap();
    let of_line = package.units().iter().zip(package.counts()).filter(|(unit, _)| {
        (unit.start_line as usize, unit.end_line as usize) == (line, line) && unit.start_column > 30
    });
    of_line.map(|(_, count)| *count).sum()
}

#[test]
fn eight_pods_are_read_at_once_and_every_request_is_counted() {
    let Some(service) = service() else { return };
    let Some(place) = Place::new("many") else { return };
    let image = images::small(&service.program);
    place.cluster.import(&image).unwrap();
    for number in 0..8_u32 {
        let port = Port::free();
        let rights = if number % 2 == 0 { Rights::Restricted(1000 + number) } else { Rights::Root };
        let container = port.container(&image).rights(rights).volume("coverage", "/coverage");
        let pod = Pod::new(place.namespace, &format!("library-{number}")).label("app", "library");
        place.cluster.run(pod.container(container)).unwrap();
        port.wait();
        for _ in 0..10_u32.pow(number) % 97 {
            assert_eq!(port.request("GET", "/healthz", ""), 200);
        }
    }
    place.fetch(&["--signal", "USR1"]).expect(0);
    let expected: u32 = (0..8).map(|number| 10_u32.pow(number) % 97).sum();
    assert_eq!(health_checks(&place), expected);

    // A second run takes what is new, and nothing twice.
    let before = place.site.stored().len();
    let ran = place.fetch(&["--signal", "USR1"]).expect(0);
    assert_eq!(place.site.stored().len(), before + 8, "{ran:?}");
    assert_eq!(health_checks(&place), expected);
}
