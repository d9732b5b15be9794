"""Hooks of the book.

A code block's info string may hold more than its language (`kdl bad`, `kdl mended`), which
Markdown allows and the book's highlighter does not read: only the first word is kept. The pages
of the diagnostic codes, which belong to their crate, become one chapter of the book.
"""

import re
from pathlib import Path

FENCE = re.compile(r"^( *)(`{3,})([\w+-]+)[ \t]+[^`\n]*$", re.MULTILINE)
CODES = Path("crates/underpin-brief/codes")


def on_page_markdown(markdown, page, config, files):
    if page.file.src_uri == "codes.md":
        root = Path(config.config_file_path).parent
        pages = sorted((root / CODES).glob("U*.md"))
        markdown += "".join("\n#" + page.read_text(encoding="utf-8") for page in pages)
    return FENCE.sub(r"\1\2\3", markdown)
