"""Tries of `yufu rate`, each a plan and a usage file, and what was found wrong in them."""
import pathlib
import sys
import tempfile

import program


class Tries:
    def __init__(self, yufu):
        self.yufu = yufu
        self.failed = self.checks = 0
        self.folder = tempfile.TemporaryDirectory(prefix="yufu-rate-")

    def write(self, name, text):
        path = pathlib.Path(self.folder.name) / name
        path.write_text(text, encoding="utf-8")
        return str(path)

    def run(self, plan, usage, *options):
        p, u = self.write("plan.json", plan), self.write("usage.csv", usage)
        r = program.run(self.yufu, "rate", *options, p, u)
        return r.returncode, r.stdout, r.stderr

    def check(self, good, *what):
        self.checks += 1
        if not good:
            self.failed += 1
            print(*what)

    def end(self, what):
        print(f"{what}; {self.checks - self.failed} checks passed, {self.failed} failed")
        sys.exit(1 if self.failed else 0)
