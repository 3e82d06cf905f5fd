#!/usr/bin/env python3
"""Checks the rules of CONTRIBUTING.md that are about the shape of the code.

usage: house_rules.py            checks every crate, and prints what breaks a rule
       house_rules.py --circles  also prints each circle of modules, with the uses that make it
"""

import os
import re
import subprocess
import sys

LONGEST_FILE = 500
LONGEST_LINE = 100
LONGEST_FUNCTION = 60
# One screen of named steps reads better than five screens of helpers.
LONGEST_LOOP = 100
LOOPS = {
    ("crates/trine-server/src/h1/request.rs", "read_head"),
    ("crates/trine-server/src/h3/connection.rs", "requests"),
}
MOST_ENTRIES = 15
# The largest circle of modules per crate. A number may go down and never up.
LARGEST_CIRCLE = {"trine-core": 4, "trine-realtime": 2, "trine-server": 7, "trine-websocket": 2}

COMMENT_OR_LITERAL = re.compile(
    r"//[^\n]*|/\*.*?\*/"
    r'|b?r(#*)".*?"\1'
    r'|b?"(?:\\.|[^"\\])*"'
    r"|b?'(?:\\[^\n']*|[^'\\\n])'",
    re.S,
)


def blank(match):
    """The same number of lines, so that positions stay true."""
    return "\n" * match.group(0).count("\n") or " "


def code_of(text):
    """The text without comments and literals."""
    return COMMENT_OR_LITERAL.sub(blank, text)


def end_of_item(code, start):
    """Where the item that begins at `start` ends: behind its closing brace, or its semicolon."""
    depth = 0
    for at in range(start, len(code)):
        letter = code[at]
        if letter in "{([":
            depth += 1
        elif letter in "})]":
            depth -= 1
            if depth == 0 and letter == "}":
                return at + 1
        elif letter == ";" and depth == 0:
            return at + 1
    return len(code)


def without_tests(code):
    """The code without the items that only tests and fuzzers build."""
    attribute = re.compile(r"#\[cfg\((?:(?:all|any)\()?(?:test|doctest|fuzzing)\b[^\]]*\]")
    while match := attribute.search(code):
        code = code[: match.start()] + code[end_of_item(code, match.end()) :]
    return code


def is_test(path):
    return re.search(r"(^|/)(tests|fuzzing|fuzz_target)(/|\.rs$)", path) is not None


# --- files, lines, functions ---


def long_files(path, text):
    lines = text.count("\n")
    if lines > LONGEST_FILE and not is_test(path):
        yield f"{path}: {lines} lines, at most {LONGEST_FILE}: the file probably holds two ideas"


def long_lines(path, text):
    # The expected messages of the compiler stand in one line.
    if "/tests/ui/" in path:
        return
    for number, line in enumerate(text.split("\n"), 1):
        comment = re.match(r"\s*//", line)
        is_prose = comment and len(line.split()) > 2 and "|" not in line and "](" not in line
        if len(line) > LONGEST_LINE and is_prose:
            yield f"{path}:{number}: {len(line)} columns, at most {LONGEST_LINE}"


def long_functions(path, text):
    if is_test(path):
        return
    code = without_tests_in_place(code_of(text))
    for match in re.finditer(r"\bfn\s+(\w+)", code):
        end = end_of_item(code, match.end())
        if code[end - 1] != "}":
            continue
        lines = code.count("\n", match.start(), end) + 1
        most = LONGEST_LOOP if (path, match.group(1)) in LOOPS else LONGEST_FUNCTION
        if lines > most:
            number = code.count("\n", 0, match.start()) + 1
            yield f"{path}:{number}: `{match.group(1)}` has {lines} lines, at most {most}"


def without_tests_in_place(code):
    """As `without_tests`, with the lines kept."""
    attribute = re.compile(r"#\[cfg\((?:(?:all|any)\()?(?:test|doctest|fuzzing)\b[^\]]*\]")
    while match := attribute.search(code):
        end = end_of_item(code, match.end())
        code = code[: match.start()] + "\n" * code.count("\n", match.start(), end) + code[end:]
    return code


# --- circles of modules ---


def split_list(text):
    """The parts of a list of uses, split at its outer commas."""
    parts, depth, start = [], 0, 0
    for at, letter in enumerate(text):
        depth += {"{": 1, "}": -1}.get(letter, 0)
        if letter == "," and depth == 0:
            parts.append(text[start:at])
            start = at + 1
    return [part.strip() for part in [*parts, text[start:]] if part.strip()]


def paths_of_use(tree, prefix=()):
    """Each path of a use tree, with the name that it gets."""
    tree = tree.strip()
    if tree.startswith("{"):
        inside = tree[1 : tree.rindex("}")]
        return [path for part in split_list(inside) for path in paths_of_use(part, prefix)]
    match = re.match(r"^(\w+|\*)\s*(?:::\s*(.*))?$", tree, re.S)
    if match and match.group(2) is not None:
        return paths_of_use(match.group(2), (*prefix, match.group(1)))
    match = re.match(r"^(\w+|\*)(?:\s+as\s+(\w+))?$", tree)
    if not match:
        return []
    path = prefix if match.group(1) == "self" else (*prefix, match.group(1))
    return [(path, match.group(2) or path[-1])]


class Crate:
    """The modules of a crate and what each of them uses. A module is a file."""

    def __init__(self, src):
        self.code = {}
        for folder, _, names in os.walk(src):
            for name in names:
                path = os.path.relpath(os.path.join(folder, name), src)
                if not name.endswith(".rs") or is_test(path):
                    continue
                module = tuple(path[:-3].split(os.sep))
                if module[-1] in ("mod", "lib", "main"):
                    module = module[:-1]
                with open(os.path.join(folder, name), encoding="utf-8") as file:
                    self.code[module] = without_tests(code_of(file.read()))
        self.uses, self.exports = {}, {}
        for module, code in self.code.items():
            self.read(module, code)

    def read(self, module, code):
        used, exported = [], []
        for match in re.finditer(r"(\bpub(?:\([^)]*\))?\s+)?\buse\s+([^;]+);", code):
            for path, name in paths_of_use(match.group(2)):
                if (path := self.absolute(module, path)) is not None:
                    (exported if match.group(1) else used).append((path, name))
        rest = re.sub(r"\buse\s+[^;]+;", "", code)
        for match in re.finditer(r"(?<![\w:])(?:\w+)(?:\s*::\s*\w+)+", rest):
            path = tuple(part.strip() for part in match.group(0).split("::"))
            if (path := self.absolute(module, path)) is not None:
                used.append((path, None))
        # A name that a module imports may be re-exported from there only by `pub use`.
        self.uses[module], self.exports[module] = used, exported

    def absolute(self, module, path):
        """The path from the root of the crate; None if it leads into another crate."""
        if path[0] == "crate":
            return path[1:]
        if path[0] == "self":
            return module + path[1:]
        if path[0] == "super":
            while path and path[0] == "super":
                module, path = module[:-1], path[1:]
            return module + path
        return module + path if module + path[:1] in self.code else None

    def home(self, path, depth=0):
        """The module that defines what a path names; re-exports are followed."""
        module = path
        while module not in self.code:
            module = module[:-1]
        rest = path[len(module) :]
        if not rest or depth > 8:
            return module
        for target, name in self.exports[module]:
            if name == rest[0] and target != path[: len(target)]:
                return self.home(target + rest[1:], depth + 1)
            if name == "*":
                found = self.home(target[:-1] + rest, depth + 1)
                kinds = "fn|struct|enum|trait|type|const|static|mod|union"
                if re.search(rf"\b(?:{kinds})\s+{rest[0]}\b", self.code[found]):
                    return found
        return module

    def graph(self):
        graph = {}
        for module, uses in self.uses.items():
            homes = {self.home(path) for path, _ in uses}
            # The root holds what the whole crate re-exports, and depends on all of it.
            graph[module] = sorted(homes - {module, ()})
        return graph


def circles(graph):
    """The strongly connected components with more than one module, the largest first (Tarjan)."""
    order, low, stack, found = {}, {}, [], []

    def visit(module):
        order[module] = low[module] = len(order)
        stack.append(module)
        for used in graph[module]:
            if used not in order:
                visit(used)
                low[module] = min(low[module], low[used])
            elif used in stack:
                low[module] = min(low[module], order[used])
        if low[module] == order[module]:
            at = stack.index(module)
            found.append(sorted(stack[at:]))
            del stack[at:]

    sys.setrecursionlimit(10_000)
    for module in graph:
        if module not in order:
            visit(module)
    return sorted((circle for circle in found if len(circle) > 1), key=len, reverse=True)


def shape_of_crate(folder, verbose):
    name = os.path.basename(folder)
    src = os.path.join(folder, "src")
    entries = len(os.listdir(src))
    if entries > MOST_ENTRIES:
        yield f"{src}: {entries} entries at its root, at most {MOST_ENTRIES}"
    graph = Crate(src).graph()
    found = circles(graph)
    largest, most = len(found[0]) if found else 1, LARGEST_CIRCLE.get(name, 1)
    if largest > most:
        yield f"{src}: a circle of {largest} modules that use one another, at most {most}"
    print(f"{name}: {len(graph)} modules, {entries} entries, the largest circle has {largest}")
    for circle in found if verbose else []:
        for module in circle:
            used = ", ".join("::".join(used) for used in graph[module] if used in circle)
            print(f"    {'::'.join(module)} -> {used}")
        print()


def main():
    os.chdir(os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
    wrong = []
    listed = subprocess.run(["git", "ls-files", "*.rs"], check=True, capture_output=True, text=True)
    for path in filter(os.path.exists, listed.stdout.split()):
        with open(path, encoding="utf-8") as file:
            text = file.read()
        for rule in (long_files, long_lines, long_functions):
            wrong.extend(rule(path, text))
    for name in sorted(os.listdir("crates")):
        wrong.extend(shape_of_crate(os.path.join("crates", name), "--circles" in sys.argv))
    print("\n".join(wrong))
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
