"""What is known of each reference: a stain without a network, which every model should beat.

Imports no torch, because tables, figures and the workflow's plan read it.
"""

from dataclasses import dataclass

RAW_CT = "raw_ct"


@dataclass(frozen=True)
class ReferenceFacts:
    """A reference's name in files, its printed title, and whether it is an oracle.

    An oracle knows what a model cannot know, such as the implant on the real slide, and takes no
    part in comparisons with the models.
    """

    name: str
    title: str
    oracle: bool = False


# In the order of tables and figures.
REFERENCES = {
    facts.name: facts
    for facts in (
        ReferenceFacts("mean_colour", "Mean colour + implant in CT"),
        ReferenceFacts("grey_table", "Grey-to-colour table"),
        ReferenceFacts("joint_table", "Joint-histogram table"),
        ReferenceFacts("mean_colour_oracle", "Mean colour + true implant", oracle=True),
        ReferenceFacts("joint_table_oracle", "Joint-histogram table + true implant", oracle=True),
        ReferenceFacts(RAW_CT, "Raw CT"),
    )
}
ORACLES = tuple(facts.name for facts in REFERENCES.values() if facts.oracle)
REFERENCE_MARK, ORACLE_MARK = "†", "‡"


def marked_title(facts: ReferenceFacts) -> str:
    """Return the printed title with the mark of a reference or of an oracle."""
    return f"{facts.title} {ORACLE_MARK if facts.oracle else REFERENCE_MARK}"
