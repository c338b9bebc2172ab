//! The guide's app: three masters try to submit it, and it is submitted once, whatever boots later.

use crate::real::lab::Lab;

const MASTERS: [&str; 3] = ["master1", "master2", "master3"];

/// One PUT on all machines together, at an instance that led; and every master knows that the app is there.
pub fn submitted_once(lab: &Lab) {
    let said: String = MASTERS.map(|machine| lab.shell(machine, "cat /var/log/fixture-apps 2>/dev/null || :", &[])).concat();
    assert_eq!(said, "PUT hello2 leads\n", "the app was not submitted once, by the one that leads");
    known(lab);
}

/// Nobody has submitted it again; a master that was made anew has lost what it wrote down before.
pub fn never_again(lab: &Lab) {
    let said: String = MASTERS.map(|machine| lab.shell(machine, "cat /var/log/fixture-apps 2>/dev/null || :", &[])).concat();
    assert!(["", "PUT hello2 leads\n"].contains(&&*said), "{said}");
    known(lab);
}

fn known(lab: &Lab) {
    for machine in MASTERS {
        let known = lab.shell(machine, "cut -c 1-11 /var/lib/clusterseed/state/submitted | tr '\\037' ' '", &[]);
        assert_eq!(known.trim(), "apps hello2", "{machine} has not seen it");
    }
}
