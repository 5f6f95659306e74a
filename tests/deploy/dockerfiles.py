"""Dockerfiles as lists of instructions; no engine is needed to read one."""

import json
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SERVICES = ("upload-gateway", "catalog", "transcoder", "delivery", "janitor")
FILES = {name: ROOT / "services" / name / "Dockerfile" for name in SERVICES}
FILES["setup"] = ROOT / "cli" / "Dockerfile"


@dataclass(frozen=True, slots=True)
class Instruction:
    """One instruction with its arguments on one line."""

    name: str
    text: str

    def exec_form(self) -> list[str] | None:
        """The argument list, or None when a shell would read it."""
        if not self.text.startswith("["):
            return None
        words: list[str] = json.loads(self.text)
        return words


def instructions(path: Path) -> list[Instruction]:
    """All instructions of a file, comments left out, continued lines joined."""
    found: list[Instruction] = []
    begun = ""
    for line in path.read_text().splitlines():
        stripped = line.strip()
        if not stripped or stripped.startswith("#"):
            continue
        begun += stripped.removesuffix("\\")
        if stripped.endswith("\\"):
            continue
        name, _, text = begun.partition(" ")
        found.append(Instruction(name.upper(), text.strip()))
        begun = ""
    return found


def stages(path: Path) -> list[list[Instruction]]:
    """The instructions of each stage, from its FROM on; what stands before is left out."""
    found: list[list[Instruction]] = []
    for instruction in instructions(path):
        if instruction.name == "FROM":
            found.append([])
        if found:
            found[-1].append(instruction)
    return found


def the(name: str, stage: list[Instruction]) -> Instruction:
    """The last instruction of this name, which is the one that counts."""
    return [instruction for instruction in stage if instruction.name == name][-1]
