//! `VULNS.md` names a test for every attack. This test fails if one of them was renamed or deleted.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::path::Path;

#[test]
fn every_attack_has_a_proof_and_every_proof_exists() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(folder.join("../../VULNS.md")).unwrap();
    let attacks = text.split("\n### ").skip(1);
    let mut proofs = 0;
    for attack in attacks {
        let title = attack.lines().next().unwrap();
        let (_, proof) =
            attack.split_once("Proof:").unwrap_or_else(|| panic!("{title}: it has no proof"));
        let proof = proof.split("\n\n").next().unwrap();
        let mut file = None;
        for name in proof.split('`').skip(1).step_by(2) {
            if name.ends_with(".rs") {
                let text = std::fs::read_to_string(folder.join(name));
                file =
                    Some((name, text.unwrap_or_else(|error| panic!("{title}: {name}: {error}"))));
                continue;
            }
            let (path, text) =
                file.as_ref().unwrap_or_else(|| panic!("{title}: which file is {name} in?"));
            let function = format!("fn {name}(");
            let case = format!("\"{name}\"");
            assert!(
                text.contains(&function) || text.contains(&case),
                "{title}: {path} has no {name}"
            );
            proofs += 1;
        }
    }
    assert!(proofs >= 60, "{proofs} proofs");
}
