"""Pictures of posts: those that lie in the site are loaded from the site."""

from pathlib import Path

import pytest

from chalicelib.content.markup import markdown_to_html
from chalicelib.content.pictures import at_home

PAGE = "https://blog.example.org/2026/11/post/"


@pytest.mark.parametrize(
    ("written", "loaded"),
    [
        ("images/a.png", "https://news.example.org/media/images/a.png"),
        ("/images/a.png", "https://news.example.org/media/images/a.png"),
        ("images/b.png", PAGE + "images/b.png"),
        ("https://example.org/images/a.png", "https://example.org/images/a.png"),
        ("../images/a.png", "https://blog.example.org/2026/11/images/a.png"),
    ],
)
def test_a_picture_below_content_is_loaded_from_the_site(tmp_path: Path, written: str, loaded: str) -> None:
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "a.png").write_bytes(b"x")
    body = f"Text\n\n![What it shows]({written})\n"
    html = at_home(markdown_to_html(body, PAGE), body, tmp_path, "https://news.example.org", PAGE)
    assert f'<img src="{loaded}" alt="What it shows">' in html
