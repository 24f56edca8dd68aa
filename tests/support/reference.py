#!/usr/bin/python3
"""Writes sdk-c/reference from sdk-c/include/parley/client.h: a page for each call, and the numbers on one.

    tests/support/reference.py [--check]        --check says whether what is there is what would be written

The header's own words are the text; what its first page says of all calls - who owns what, units, what fails how - is put
beside the arguments that it is true of. A call with an argument that nothing is known about is an error: say it in WORDS.
"""
import os
import re
import sys
import textwrap

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
HEADER = os.path.join(ROOT, "sdk-c", "include", "parley", "client.h")
FOLDER = os.path.join(ROOT, "sdk-c", "reference")

# What an argument is, in which unit, how long it must live; by its name.
TEXT = "UTF-8, terminated; copied before the call returns"
ID = "an id, 36 lower-case characters; copied before the call returns"
JSON = "JSON in UTF-8, terminated; copied before the call returns"
NUMBER = "the number of an item in its conversation (`seq`)"
WORDS = {
    "client": "the client; not after `parley_client_free`",
    "config": "borrowed for the call, with its text",
    "event": "an event of the caller's, not freed yet; NULL is fine for `parley_event_free` alone",
    "conversation": "its id, 36 lower-case characters, or NULL for the customer's main one; copied before the call returns",
    **{name: TEXT for name in ("text", "kind", "value", "label", "key", "topic", "queue", "reason", "type", "title", "step",
                               "state", "name", "status", "outcome", "note", "token", "platform", "keys", "shape", "language")},
    **{name: ID for name in ("id", "to", "process", "customer", "blob", "offer")},
    **{name: JSON for name in ("body_json", "values_json", "value_json", "data_json", "json")},
    **{name: NUMBER for name in ("seq", "number", "at", "after", "before")},
    "revision": "the revision of the process that the change was made on",
    "count": "how many, 1 to 250",
    "bytes": "bytes",
    "length": "bytes",
    "sha256": "64 hexadecimal digits; copied before the call returns",
    "size": "bytes: `sizeof` of the struct as the caller knows it",
    "timeout_ms": "milliseconds; 0: do not wait, negative: for ever",
    "limit_ms": "milliseconds",
    "on": "0 or 1",
    "reachable": "0 or 1",
    "code": "a WebSocket close code, 0: none",
    "socket": "the number that the client gave the attempt",
    "wakeup": "a function, or NULL; called from any thread until `parley_client_free` returns",
    "user": "handed to `wakeup` as it is; must live as long as that may be called",
    "path": "names and indexes, joined by dots; NULL or \"\" is the event itself; borrowed for the call",
    "index": "from 0",
    "otherwise": "what is returned when there is no such field",
    "view": "the number that `parley_view_thread` or `parley_view_list` gave",
    "out_id": "37 bytes of the caller's, or NULL; gets an id, terminated; untouched on failure",
    "out_call": "gets the number of the call, which the `REPLY` carries; may be NULL; untouched on failure",
    "out_view": "gets the number of the view, which its events carry; untouched on failure",
    "out_client": "gets the client; untouched on failure",
    "out_result": "gets an event of the caller's; may be NULL",
}
OF_ONE = {
    ("parley_upload", "bytes"): "the size of the file in bytes",
    ("parley_transport_received", "bytes"): "the message; borrowed for the call",
    ("parley_draft_set", "number"): "of the form or the choices it will answer; 0: the words in the composer",
    ("parley_status_name", "status"): "a number of `parley_status`",
    ("parley_status_text", "status"): "a number of `parley_status`",
}
IN_REPLY = ("PARLEY_STALE", "PARLEY_TAKEN", "PARLEY_TIMEOUT", "PARLEY_UNCERTAIN")
GENERAL = {
    "PARLEY_INVALID": "an argument is missing, out of range or no UTF-8",
    "PARLEY_BAD_ID": "an id is none",
    "PARLEY_NOMEM": "no memory",
}
OF_JSON = {
    "PARLEY_MALFORMED": "not JSON",
    "PARLEY_TOO_BIG": "longer than its limit",
    "PARLEY_TOO_DEEP": "nested deeper than its limit",
    "PARLEY_TOO_MANY": "more entries than its limit",
}
OF_DISK = {
    "PARLEY_LIMIT": "the disk is full",
    "PARLEY_DENIED": "the disk cannot be written",
    "PARLEY_INTERNAL": "the disk fails",
    "PARLEY_TAKEN": "another uses the file",
    "PARLEY_MALFORMED": "the file is damaged",
}
DISK = "what the disk says"


class Broken(Exception):
    """The header says too little, or in a way that this program does not understand."""


class Call:
    def __init__(self, shape, comment, section):
        self.shape, self.comment, self.section = shape, comment, section
        found = re.match(r"(.*?[ *])(parley_\w+)\((.*)\)$", shape, re.S)
        self.result, self.name = found[1].strip(), found[2]
        self.arguments = [] if found[3] == "void" else [self._argument(a) for a in split(found[3])]

    @staticmethod
    def _argument(text):
        pointer = re.search(r"\(\*(\w+)\)", text)
        return pointer[1] if pointer else re.search(r"(\w+)$", text)[1]

    def errors(self):
        """{name: when}, of a call that gives a status of how it went."""
        if self.result != "parley_status" or self.name in ("parley_event_status",):
            return {}
        errors = {}
        if self.name not in ("parley_connect", "parley_step"):
            errors.update({k: v for k, v in GENERAL.items() if k != "PARLEY_BAD_ID"})
        if any(WORDS[a] == ID or a == "conversation" for a in self.arguments):
            errors["PARLEY_BAD_ID"] = GENERAL["PARLEY_BAD_ID"]
        if any(a.endswith("json") for a in self.arguments):
            errors.update(OF_JSON)
        spoken = [self.comment]
        if any(a in ("out_id", "out_call", "out_view") and a in self.section.text for a in self.arguments):
            spoken.append(self.section.text)
        for text in spoken:
            if DISK in text:
                for name, when in OF_DISK.items():
                    errors[name] = f"{errors[name]}, or {when}" if name in errors and when not in errors[name] else when
            for name, when in said(text).items():
                known = errors.get(name)
                errors[name] = f"{when}; or {known}" if known and known != when and name not in GENERAL else when
        return dict(sorted(errors.items()))


def split(arguments):
    """At commas outside parentheses."""
    parts, depth = [""], 0
    for c in arguments:
        depth += (c == "(") - (c == ")")
        if c == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += c
    return [part.strip() for part in parts]


def said(text):
    """The statuses that a text speaks of, with the words that follow: "PARLEY_LIMIT, 64 are open; PARLEY_TAKEN: ..."."""
    found = {}
    for match in re.finditer(r"((?:PARLEY_[A-Z_]+, )*PARLEY_[A-Z_]+)\b(?: \(([^)]*)\)|[,:]? ((?:(?!PARLEY_)(?:[^.;]|\.(?! |$)))*))?", text):
        names = re.findall(r"PARLEY_[A-Z_]+", match[1])
        when = (match[2] or match[3] or "").strip(" ,:").removeprefix("in the REPLY: ")
        for name in names:
            found[name] = f"{found[name]}; or {when}" if name in found else when
    return {name: when for name, when in found.items() if name in STATUSES and name != "PARLEY_OK"}


STATUSES = {}


class Section:
    def __init__(self, title, text):
        self.title, self.text, self.calls = title, text, []


def words(comment):
    """A comment without its frame: a line for each paragraph, and for each line that stands indented."""
    lines = [re.sub(r"^\s*(/\*|\*/|\*)? ?", "", line).rstrip().removesuffix("*/").rstrip() for line in comment.splitlines()]
    text = "\n".join(re.sub(r"-{4,}", "", line).rstrip() for line in lines)
    text = re.sub(r"(?:^  \S.*\n)+", lambda listed: "\n" + re.sub(r"(?m)^", "  ", listed[0]) + "\n", text, flags=re.M)
    parts = [part.strip("\n") for part in re.split(r"\n{2,}", text)]
    return "\n".join(part if part.startswith("    ") else part.replace("\n", " ") for part in parts).strip()


def read(text):
    """(preface, sections, blocks): the header's first words, its calls by section, and its enums and structs."""
    STATUSES.update({n: int(v) for n, v in re.findall(r"^    (PARLEY_[A-Z_]+) = (\d+)", text, re.M)})
    section = Section("Results and versions", "")
    sections, blocks, comment, preface = [section], [], "", None
    for token in re.finditer(r"/\*.*?\*/|PARLEY_API [^;]*;|^(?:typedef )?(?:enum|struct)[^;{]*\{.*?\n\}[^;]*;|^#.*?$|\n\n",
                             text, re.M | re.S):
        token = token[0]
        if token.startswith("/* --- "):
            head = re.match(r"/\* --- ([^\n]*?)\s*-*\s*(?:\*/)?(?:\n|$)", token)[1].strip(" -")
            section = Section(head, words(token).removeprefix("--- ").removeprefix(head).strip())
            sections.append(section)
            comment = ""
        elif token.startswith("/*"):
            preface = preface or token
            comment = words(token)
        elif token.startswith("PARLEY_API"):
            shape = re.sub(r"\s+", " ", token[len("PARLEY_API "):-1])
            section.calls.append(Call(shape, comment, section))
            comment = ""
        elif token == "\n\n":
            comment = ""
        elif not token.startswith("#"):
            blocks.append((section.title, comment, token))
    return preface, [s for s in sections if s.calls], blocks


def wrap(shape, indent):
    """The shape of a call in lines of 100 columns."""
    head, _, rest = shape.partition("(")
    lines, line = [], head + "("
    for n, argument in enumerate(parts := split(rest[:-1])):
        piece = argument + (", " if n + 1 < len(parts) else ");")
        if len(line) + len(piece) > 100:
            lines.append(line.rstrip())
            line = " " * indent
        line += piece
    return "\n".join([*lines, line])


def gives(call):
    owned = "an event of the caller's, to be freed with `parley_event_free`; or NULL"
    if call.result == "parley_event *":
        return owned
    if call.result == "const char *":
        return ("borrowed until `parley_event_free`" if "event" in call.arguments else "static text, never NULL")
    if call.name == "parley_event_status":
        return "a `parley_status`: of the event, not of this call"
    if call.result == "parley_status":
        return "`PARLEY_OK`, or how it failed" + ("" if call.errors() else "; it does not fail")
    return "nothing" if call.result == "void" else f"`{call.result}`, by value"


def threads(call):
    if call.name == "parley_client_free":
        return "Any one, once, when no other call is under way or will come. Joins the client's own thread."
    if call.name in ("parley_next_event", "parley_step"):
        return "One at a time."
    if call.arguments[:1] == ["event"]:
        return "Any, one at a time for each event."
    return "Any, at any time."


def page(call):
    unknown = [a for a in call.arguments if a not in WORDS]
    if unknown:
        raise Broken(f"{call.name}: say in WORDS of {os.path.basename(__file__)} what `{unknown[0]}` is, and how long it must live")
    if not call.comment:
        raise Broken(f"{call.name}: the header has no word of its own for it")
    out = [f"# {call.name}", "", "```c", wrap(call.shape, len(call.shape.partition("(")[0]) + 1), "```", ""]
    for paragraph in call.comment.split("\n"):
        out += [paragraph] if paragraph.startswith("    ") else [*([""] if out[-1] else []), *textwrap.wrap(paragraph, 120), ""]
    out += [""] if out[-1] else []
    if call.section.text:
        out += [*textwrap.wrap(f"**{call.section.title}** {call.section.text}", 120), ""]
    if call.arguments:
        out += ["| argument | is |", "| --- | --- |"]
        out += [f"| `{a}` | {OF_ONE.get((call.name, a), WORDS[a])} |" for a in call.arguments] + [""]
    out += [f"**Gives** {gives(call)}.", ""]
    errors, asks = call.errors(), "out_call" in call.arguments
    for title, names in (("fails with", [n for n in errors if not asks or n not in IN_REPLY]),
                         ("the `REPLY` may fail with", [n for n in errors if asks and n in IN_REPLY])):
        if names:
            out += [f"| {title} | when |", "| --- | --- |"]
            out += [f"| `{name}` ({STATUSES[name]}) | {errors[name] or 'see above'} |" for name in names] + [""]
    out += [f"**Threads** {threads(call)}", "", f"[All calls](README.md) · {call.section.title}"]
    return "\n".join(out) + "\n"


def first_sentence(call):
    return re.split(r"(?<=[.])\s", call.comment + " ")[0].strip().replace("|", "\\|")


def index(sections):
    out = ["# Every call of parley/client.h", "",
           "A page for each: its shape, what it does, what each argument is and how long it must live, what it gives, and what it",
           "fails with. Made from the header by `tests/support/reference.py`, and compared with it by the tests.",
           "[Numbers and structs](numbers.md) has states, events with their fields, flags and the configuration.", ""]
    for section in sections:
        out += [f"## {section.title}", "", "| call | |", "| --- | --- |"]
        out += [f"| [{c.name}]({c.name}.md) | {first_sentence(c)} |" for c in section.calls] + [""]
    return "\n".join(out).rstrip() + "\n"


def numbers(preface, blocks):
    out = ["# Numbers and structs", "", "As they stand in the header. [All calls](README.md)", "", "```c", preface, "```", ""]
    for title, comment, block in blocks:
        out += [f"## {title}", ""] + ([comment, ""] if comment else []) + ["```c", block, "```", ""]
    return "\n".join(out).rstrip() + "\n"


def pages():
    """{file name: text} of the whole folder."""
    with open(HEADER, encoding="utf-8") as file:
        preface, sections, blocks = read(file.read())
    files, broken = {}, []
    for call in (call for section in sections for call in section.calls):
        try:
            files[f"{call.name}.md"] = page(call)
        except Broken as why:
            broken.append(str(why))
    if broken:
        raise Broken("\n".join(broken))
    return {**files, "README.md": index(sections), "numbers.md": numbers(preface, blocks)}


def main():
    try:
        made = pages()
    except Broken as broken:
        print(broken, file=sys.stderr)
        return 1
    there = set(os.listdir(FOLDER)) if os.path.isdir(FOLDER) else set()
    if sys.argv[1:] == ["--check"]:
        bad = sorted(there ^ set(made))
        for name in sorted(there & set(made)):
            with open(os.path.join(FOLDER, name), encoding="utf-8") as file:
                bad += [name] if file.read() != made[name] else []
        print("\n".join(f"sdk-c/reference/{name} is not as the header has it; run tests/support/reference.py" for name in bad) or
              f"reference: {len(made)} pages are as the header has it")
        return 1 if bad else 0
    os.makedirs(FOLDER, exist_ok=True)
    for name in there - set(made):
        os.remove(os.path.join(FOLDER, name))
    for name, text in made.items():
        with open(os.path.join(FOLDER, name), "w", encoding="utf-8") as file:
            file.write(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
