"""A section of a page: blocks of Markdown under a title, and the files that they show."""

from dataclasses import dataclass, field


@dataclass
class Section:
    """Blocks are parted by blank lines; `files` are contents by name, to lie beside the page.

    A section without a block is not rendered.
    """

    title: str
    blocks: list[str] = field(default_factory=list)
    files: dict[str, bytes] = field(default_factory=dict)

    def render(self, level: int) -> str:
        """The Markdown, its title a heading of so many `#`; without a title, the blocks alone."""
        if not self.blocks:
            return ""
        heading = [f"{'#' * level} {self.title}"] if self.title else []
        return "\n\n".join([*heading, *self.blocks])
