"""The programs under test: in an emulator where they are another processor's."""
import os
import shlex
import subprocess

EMULATOR = shlex.split(os.environ.get("MESON_EXE_WRAPPER", ""))


def run(program, *args, **how):
    return subprocess.run([*EMULATOR, program, *args], text=True, capture_output=True, **how)
