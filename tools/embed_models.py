#!/usr/bin/env python3
"""Makes the model files a C array, so that programs need no folder: embed_models.py OUT.c FILE.json..."""
import json
import pathlib
import sys

out = ["/* Made by tools/embed_models.py from models/; not for editing. */",
       '#include "meter/meter_impl.h"', "",
       "const struct meter_model_text meter_model_texts[] = {"]
for name in sys.argv[2:]:
    text = json.dumps(json.loads(pathlib.Path(name).read_text()), ensure_ascii=True, separators=(",", ":"))
    pieces = [text[i:i + 90] for i in range(0, len(text), 90)]
    lines = ['     "' + p.replace("\\", "\\\\").replace('"', '\\"') + '"' for p in pieces]
    out.append("    {\n" + "\n".join(lines) + f",\n     {len(text)}}},")
out.append("};")
out.append("const size_t meter_model_text_count = sizeof meter_model_texts / sizeof meter_model_texts[0];")
pathlib.Path(sys.argv[1]).write_text("\n".join(out) + "\n")
