//! Claims of pods that have ended: read through a helper pod that is a real container, as who wrote there, and removed.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::Command;

use realcluster::{Image, Pod, Rights, busybox, find_program};

use crate::cluster::{Place, wait_until};
use crate::ends::many_files;
use crate::images;
use crate::service::{Port, Service, percentages, profile, service};
use crate::site::Site;

/// Who writes.
const USER: u32 = 1000;

/// A claim `coverage` whose directory `runs` is closed to everybody but the writers, with what the recorded pods have left
/// there. Gives that directory.
fn written(place: &Place, service: &Service) -> PathBuf {
    let image = images::small(&service.program);
    place.cluster.import(&image).unwrap();
    let runs = place.cluster.claim(place.namespace, "coverage").join("runs");
    fs::create_dir_all(&runs).unwrap();
    chown(&runs, Some(USER), Some(USER)).unwrap();
    fs::set_permissions(&runs, fs::Permissions::from_mode(0o700)).unwrap();
    // What flushes the pods stores elsewhere.
    let aside = Site::new();
    place.cluster.kubeconfig(&aside.kubeconfig()).unwrap();
    for number in 0..4 {
        let port = Port::free();
        let container = port.container(&image).env("GOCOVERDIR", "/data/runs").volume("data", "/data");
        let name = format!("library-{number}");
        let pod = Pod::new(place.namespace, &name).claim("data", "coverage");
        place.cluster.run(pod.container(container.rights(Rights::Restricted(USER)))).unwrap();
        port.wait();
        for round in service.rounds(number) {
            port.send(&round);
            let mut command = aside.covfetch();
            let output = command.args(["-n", place.namespace, &name, "--signal", "USR1"]).output().unwrap();
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        }
        place.cluster.kill(place.namespace, &name, "app").unwrap();
        place.cluster.wait(place.namespace, &name, "app").unwrap();
    }
    runs
}

/// Whether no pods are there but those that wrote, and nothing runs on the machine that the helper pods ran.
fn helpers_are_gone(place: &Place, writers: usize) -> bool {
    let sleeps = Command::new("ps").args(["-A", "-ww", "-o", "cgroup=,args="]).output().unwrap().stdout;
    let node = place.cluster.home().file_name().unwrap().to_str().unwrap().to_owned();
    // The sandboxes' own process sleeps, too, and for as long as can be; a helper pod has an end.
    let helper = |line: &str| {
        let mut words = line.split_whitespace().rev();
        let seconds = words.next().and_then(|word| word.parse::<u32>().ok());
        line.contains(&node)
            && words.next() == Some("sleep")
            && seconds.is_some_and(|seconds| seconds < 100_000)
    };
    place.cluster.pods(place.namespace).len() == writers
        && !String::from_utf8_lossy(&sleeps).lines().any(helper)
}

#[test]
fn what_ended_pods_have_left_on_a_claim_gives_the_recorded_numbers() {
    let Some(service) = service() else { return };
    let Some(place) = Place::new("claims") else { return };
    let runs = written(&place, service);
    let helper = nosy(&place);
    let arguments = ["pvc/coverage", "--helper-image", helper.reference(), "--from"];
    let ran = place.fetch_only(&[&arguments[..], &["runs"]].concat()).expect(0);
    let fetched = profile(&place.site.store());
    assert_eq!(fetched, service.recorded(), "{ran:#?}");
    assert_eq!(percentages(&fetched), service.percentages());
    let stored = place.site.store().join(place.namespace).join("pvc.coverage/volume");
    let names = |directory: &Path| {
        let mut names: Vec<_> =
            fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        names
    };
    assert_eq!(names(&stored), names(&runs));
    for name in names(&runs) {
        assert_eq!(fs::read(stored.join(&name)).unwrap(), fs::read(runs.join(&name)).unwrap(), "{name:?}");
    }
    assert!(helpers_are_gone(&place, 4));
    // It has tried to write there, as the user whose directory it is.
    let mut grep = Command::new("grep");
    grep.args(["-rlF", "/claim/runs/trace: Read-only file system"]).arg(place.cluster.home().join("logs"));
    let logs = grep.output().unwrap().stdout;
    assert!(String::from_utf8_lossy(&logs).contains("reader-0.log"));

    // What is not there, and what only somebody else may read.
    place.fetch_only(&[&arguments[..], &["nowhere"]].concat()).expect(3).says("does not exist");
    chown(&runs, Some(0), Some(0)).unwrap();
    let ran = place.fetch_only(&[&arguments[..], &["runs"]].concat()).expect(3);
    ran.says("claims/persistentvolumeclaim/coverage: ").says("may not be entered");
    assert!(helpers_are_gone(&place, 4));
}

/// An image whose programs try to leave a trace on the volume.
fn nosy(place: &Place) -> Image {
    let script = place.site.home.path().join("sleep");
    fs::write(&script, "#!/bin/sh\necho >/claim/runs/trace\nexec /bin/busybox sleep \"$@\"\n").unwrap();
    let image = Image::new("nosy").busybox(&busybox().unwrap(), &["sh", "tar", "ls", "cat"]);
    let image = image.file("/bin/sleep", &script);
    place.cluster.import(&image).unwrap();
    image
}

/// A claim whose directory `runs` has more files than fit into the pipes and sockets on the way; nobody has used it.
fn large(place: &Place, service: &Service) -> usize {
    let runs = place.cluster.claim(place.namespace, "coverage").join("runs");
    fs::create_dir_all(&runs).unwrap();
    many_files(service, &runs)
}

#[test]
fn an_interrupted_run_removes_its_helper_and_keeps_whole_files() {
    let Some(service) = service() else { return };
    let Some(place) = Place::new("claims-interrupted") else { return };
    let all = large(&place, service);
    let helper = images::debugger();
    place.cluster.import(&helper).unwrap();
    let arguments = ["pvc/coverage", "--from", "runs", "--helper-image", helper.reference()];
    let stored = place.site.store().join(place.namespace).join("pvc.coverage/volume");
    let count = || fs::read_dir(&stored).map_or(0, Iterator::count);
    // While the pod starts, and while files are copied.
    for (signal, code, least) in [("-INT", 130, 0), ("-INT", 130, 20), ("-TERM", 143, 40)] {
        let child = place.begin_only(&arguments);
        wait_until("the helper pod", || place.cluster.pods(place.namespace).len() == 1);
        wait_until("its first files", || count() >= least);
        assert!(Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap().success());
        place.end(child).expect(code);
        assert_eq!(place.site.run()["outcome"], "interrupted");
        assert!((least..all).contains(&count()), "{} files of {all}", count());
        // Its sandbox may not have been there when it was removed.
        wait_until("the end of the helper pod", || helpers_are_gone(&place, 0));
    }
    place.fetch_only(&arguments).expect(0);
    assert_eq!(count(), all);
    assert!(helpers_are_gone(&place, 0));
}

/// Images of helper pods that lack something: what can do without it does, the others say so.
#[test]
fn what_the_helper_image_lacks_is_named() {
    let Some(service) = service() else { return };
    let Some(place) = Place::new("claims-images") else { return };
    let runs = place.cluster.claim(place.namespace, "coverage");
    fs::create_dir_all(&runs).unwrap();
    let all = many_files(service, &runs);
    let with = |name: &str, programs: &[&str]| {
        let image = programs.iter().fold(Image::new(name), |image, program| {
            image.program(program, &find_program(program).unwrap()).unwrap()
        });
        place.cluster.import(&image).unwrap();
        image.reference().to_owned()
    };
    for (image, words) in [
        (with("helper-sleep", &["sleep"]), "has no tar, and no cat and wc; name another"),
        (with("helper-shell", &["sh", "sleep"]), "has no tar, and no cat and wc; name another"),
        (with("helper-tar", &["tar"]), "sleep"),
        ("images.invalid/nobody:1".to_owned(), "cannot start (ImagePullBackOff: Back-off pulling image"),
    ] {
        let ran = place.fetch_only(&["pvc/coverage", "--helper-image", &image]).expect(3);
        ran.says("claims-images/persistentvolumeclaim/coverage: ").says(words).says("--helper-image");
        assert!(helpers_are_gone(&place, 0), "{image}");
    }
    // Neither a shell nor tar is needed.
    let image = with("helper-cat", &["sleep", "ls", "cat", "wc"]);
    place.fetch_only(&["pvc/coverage", "--helper-image", &image]).expect(0);
    let record = place.site.record("persistentvolumeclaim/coverage");
    assert_eq!(record["files"].as_array().unwrap().len(), all);
    assert!(helpers_are_gone(&place, 0));
}
