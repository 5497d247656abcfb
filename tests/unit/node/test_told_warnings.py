"""What a node tells of a scene: what a person's own values caused comes first, and a report has room for it."""

from contracts.node import LONGEST_WARNING, MOST_WARNINGS
from contracts.spec import Warning
from node_worker.parts.draw import told


def test_what_a_persons_values_caused_is_told_even_where_a_template_has_many_doubts() -> None:
    doubts = [Warning(code="mask.mode", detail="x" * 1000, element=f"layer {at}") for at in range(50)]
    torn = Warning(code="text.overflow", detail="It does not fit.", element="frl_title")
    found = told([*doubts, torn], "intro")
    assert len(found) == MOST_WARNINGS and found[0].code == "text.overflow"
    assert {one.scene for one in found} == {"intro"} and len(found[1].detail) == LONGEST_WARNING
    assert [one.element for one in found[1:4]] == ["layer 0", "layer 1", "layer 2"]
