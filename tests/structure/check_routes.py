#!/usr/bin/env python3
"""Compares the route table of src/api with docs/openapi.yaml: same addresses, methods and needs."""
import pathlib
import re
import sys

root = pathlib.Path(sys.argv[1])

# the code: {HTTP_GET, V1 "/projects/{id}/wall", API_VERB(VIEW), API_SCOPE_PROJECT, ...}
text = (root / "src/api/api_route.c").read_text()
table = text[text.index("routes[] = {"):text.index("\n};")]
code = {}
for entry in re.findall(r"\{HTTP_(\w+), (?:V1 )?\"([^\"]+)\", (.*?)\},\n", table + "\n", re.S):
    method, path, rest = entry
    keyed = bool(re.search(r",\s*true,", rest))
    public = "API_PUBLIC" in rest or "API_LOCAL" in rest
    code[method.lower(), re.sub(r"\{\w+\}", "{}", path)] = (keyed, public)

# the contract, read by its indentation: no library is needed
contract, path, key, method = {}, None, None, None
lines = (root / "docs/openapi.yaml").read_text().splitlines()
for line in lines[lines.index("paths:") + 1:lines.index("components:")]:
    if m := re.match(r"  (/\S*):$", line):
        path = re.sub(r"\{\w+\}", "{}", m.group(1))
    elif m := re.match(r"    (get|post|put|delete|patch):$", line):
        key = (m.group(1), path)
        contract[key] = [False, False]
    elif line.strip().startswith("- {$ref: '#/components/parameters/IdempotencyKey'}") or \
            "[{$ref: '#/components/parameters/IdempotencyKey'}]" in line:
        contract[key][0] = True
    elif line == "      security: []":
        contract[key][1] = True

faults = [f"{m} {p}: only in the code" for m, p in sorted(code.keys() - contract.keys())]
faults += [f"{m} {p}: only in docs/openapi.yaml" for m, p in sorted(contract.keys() - code.keys())]
for k in sorted(code.keys() & contract.keys()):
    if code[k] != tuple(contract[k]):
        faults.append(f"{k[0]} {k[1]}: (idempotency key, public) is {code[k]} in the code, "
                      f"{tuple(contract[k])} in the contract")
print("\n".join(faults))
print(f"{len(code)} routes, {len(contract)} operations, {len(faults)} differences")
sys.exit(1 if faults or len(code) < 20 else 0)
