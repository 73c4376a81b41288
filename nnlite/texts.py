"""Texts from logs, which anybody may have written, made harmless to who opens a file of them."""

FORMULA = ("=", "+", "-", "@", "\t", "\r")  # how a cell begins that spreadsheets compute


def harmless(text: str) -> str:
    """The text on one line, without what steers a terminal, and not a formula to any spreadsheet."""
    line = "".join(each if each.isprintable() else repr(each)[1:-1] for each in text)
    return f"'{line}" if text.startswith(FORMULA) else line
