"""judge.py LIBRARIES LICENCES BILL...: are these bills sound, and are these identifiers in the list of SPDX?"""

import json
import sys
from pathlib import Path

sys.path.insert(0, sys.argv[1])

import cyclonedx.schema
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packageurl import PackageURL

spdx = Path(cyclonedx.schema.__file__).parent / "_res" / "spdx.SNAPSHOT.schema.json"
listed = set(json.loads(spdx.read_text())["enum"])
ours = Path(sys.argv[2]).read_text().split()
unknown = [name for name in ours if name not in listed]
assert ours and not unknown, unknown

for path in sys.argv[3:]:
    text = Path(path).read_text()
    problems = list(JsonStrictValidator(SchemaVersion.V1_6).validate_str(text, all_errors=True) or [])
    assert not problems, problems
    # That it bites: a licence that SPDX does not have, a field that nobody knows.
    for good, bad in [('"id": "MIT"', '"id": "MITT"'), ('"purl":', '"pural":')]:
        assert good in text and JsonStrictValidator(SchemaVersion.V1_6).validate_str(text.replace(good, bad)), bad
    bill = json.loads(text)
    refs = {part["bom-ref"] for part in bill["components"]} | {bill["metadata"]["component"]["bom-ref"]}
    assert len(refs) == len(bill["components"]) + 1
    for line in bill["dependencies"]:
        assert {line["ref"], *line["dependsOn"]} <= refs, line
    assert {line["ref"] for line in bill["dependencies"]} == refs
    purls = [part["purl"] for part in bill["components"] if "purl" in part]
    for purl in purls:
        read = PackageURL.from_string(purl)
        assert str(read) == purl and read.type == "deb", (purl, str(read))
    print(f"{Path(path).name}: {len(purls)} packages, sound; {len(ours)} licences are in the list of SPDX")
