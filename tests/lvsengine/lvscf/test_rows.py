from __future__ import annotations

from lvsengine.lvscf import rules
from lvsengine.lvscf.rows import Form, Key, Section, kept, table


def test_a_table_fills_in_section_field_and_default() -> None:
    rows = table(
        Section.SERVER,
        Key("weight", rules.weight, "Shares."),
        Key("active", rules.boolean, "On or off.", field="enabled"),
        Key("address", rules.address, "Where."),
        kept("nmask", "Old."),
    )

    assert [(row.section, row.field, row.default) for row in rows.values()] == [
        (Section.SERVER, "weight", 1),
        (Section.SERVER, "enabled", False),
        (Section.SERVER, "address", None),
        (Section.SERVER, "kept", ()),
    ]
    assert rows["nmask"].form is Form.KEPT
    assert rows["nmask"].is_kept
    assert not rows["weight"].is_kept
