"""What a settlement by the clerk costs in instructions, counted by valgrind on the world of bench/clerk.c.

    clerk_cost.py CLERK [--accounts N]

Counted is all that the work of a page (settle_all in src/billing/billing_tick.c) calls, for two nights.
"""
import argparse
import pathlib
import re
import subprocess
import sys
import tempfile

WORK = "settle_all"


def count(clerk, folder, accounts):
    """Instructions of the work, and settlements."""
    out = folder / "callgrind.out"
    run = subprocess.run(["valgrind", "--tool=callgrind", f"--toggle-collect={WORK}",
                          f"--callgrind-out-file={out}", clerk, str(folder), str(accounts)],
                         capture_output=True, text=True, check=True)
    settled = sum(int(n) for n in re.findall(r"^(\d+) settlements", run.stdout, re.M))
    total = re.search(r"^(?:totals|summary): (\d+)", out.read_text(), re.M)
    return int(total[1]) if total else 0, settled


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("clerk")
    parser.add_argument("--accounts", type=int, default=500)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        instructions, settled = count(args.clerk, pathlib.Path(folder), args.accounts)
    if not instructions or not settled:
        sys.exit("clerk_cost: nothing was counted")
    print(f"{settled} settlements: {instructions // settled} instructions each")


if __name__ == "__main__":
    main()
