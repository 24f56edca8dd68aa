"""One violation, as every rule reports it."""
from dataclasses import dataclass, field


@dataclass
class Finding:
    rule: str
    name: str
    text: str
    conv: str = None
    seqs: list = field(default_factory=list)
    ops: list = field(default_factory=list)

    def __str__(self):
        where = f" conversation {self.conv}" if self.conv else ""
        return f"{self.rule} {self.name}{where}: {self.text}"
