//! A build that breaks at any step leaves the old output or the new one, never a mixture, and the next build goes well.

use std::path::Path;
use std::sync::atomic::Ordering;

use super::{Script, Stage, add_foreign, build, build_well, chmod, expected, first, names, playground, second, snapshot};

/// Breaks a build of `second` at every step, in every mode, over what `prepare` makes of `out`.
fn break_everywhere(prepare: fn(&Path)) {
    for no_exchange in [false, true] {
        for dies in [false, true] {
            let mut fail_at = 1;
            while break_at(prepare, &Script { fail_at, dies, no_exchange, ..Script::default() }) {
                fail_at += 1;
            }
            assert!(fail_at > 25, "a build has more steps than {fail_at}");
        }
    }
}

/// Returns whether the build got as far as the fault.
fn break_at(prepare: fn(&Path), script: &Script) -> bool {
    let folder = playground();
    let out = folder.path().join("out");
    prepare(&out);
    let before = snapshot(&out);
    let after = Some(expected(&out, &second()));

    let result = build(&out, &second(), script.faults());
    if !script.met() {
        assert_eq!(snapshot(&out), after);
        return false;
    }
    if script.dies && script.no_exchange && snapshot(&out).is_none() {
        // Killed between two renames: mended by whichever build comes next, even one that goes no further.
        drop(Stage::begin_with(&out, Script::default().faults()).unwrap());
        assert_eq!(snapshot(&out), before, "{script:?}");
    }
    let now = snapshot(&out);
    assert!(now == before || now == after, "{script:?}: {now:#?}");
    if !script.dies {
        let clean = match &result {
            Err(_) => now == before,
            Ok(summary) => now == after && summary.leftover.is_some(),
        };
        assert!(clean, "{script:?}: {result:?}");
        if result.is_err() {
            assert_eq!(names(folder.path()), if before.is_some() { vec!["out"] } else { vec![] }, "{script:?}");
        }
    }

    let after = expected(&out, &second());
    assert_eq!(build_well(&out, &second()).leftover, None, "{script:?}");
    assert_eq!(snapshot(&out), Some(after), "{script:?}");
    assert_eq!(names(folder.path()), ["out"], "{script:?}");
    true
}

#[test]
fn nothing_there() {
    break_everywhere(|_| {});
}

#[test]
fn empty_folder() {
    break_everywhere(|out| {
        std::fs::create_dir(out).unwrap();
        chmod(out, 0o2750);
    });
}

#[test]
fn earlier_output() {
    break_everywhere(|out| {
        build_well(out, &first());
    });
}

#[test]
fn earlier_output_and_foreign_files() {
    break_everywhere(|out| {
        build_well(out, &first());
        add_foreign(out);
    });
}

#[test]
fn foreign_files_alone() {
    break_everywhere(|out| {
        add_foreign(out);
    });
}

/// The clearing up after a kill may be killed, too.
#[test]
fn killed_twice() {
    for no_exchange in [false, true] {
        // Before the swap there is only a tree in the making, however much of it.
        let whole = Script { no_exchange, ..Script::default() };
        kill_twice(&whole, &Script::default());
        let mut fail_at = whole.swap.load(Ordering::Relaxed) - 2;
        assert!(fail_at > 10);
        let mut more = true;
        while more {
            // Every seventh step of the second build, beginning elsewhere each time: all pairs would take a minute.
            let mut again = 1 + fail_at % 7;
            loop {
                let one = Script { fail_at, dies: true, no_exchange, ..Script::default() };
                let two = Script { fail_at: again, dies: true, no_exchange, ..Script::default() };
                kill_twice(&one, &two);
                more = one.met();
                if !two.met() {
                    break;
                }
                again += 7;
            }
            fail_at += 1;
        }
    }
}

fn kill_twice(one: &Script, two: &Script) {
    let folder = playground();
    let out = folder.path().join("out");
    build_well(&out, &first());
    add_foreign(&out);
    let after = expected(&out, &second());

    let _ = build(&out, &second(), one.faults());
    drop(Stage::begin_with(&out, two.faults()));
    build_well(&out, &second());
    assert_eq!(snapshot(&out), Some(after), "{one:?} {two:?}");
    assert_eq!(names(folder.path()), ["out"], "{one:?} {two:?}");
}
