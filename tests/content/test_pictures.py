"""Pictures of posts: those that lie in the site are loaded from the site."""

from pathlib import Path

import pytest

from chalicelib.content.markup import markdown_to_html
from chalicelib.content.pictures import HEAVY, at_home, check_picture, check_pictures_of_text
from chalicelib.content.problems import Problems

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


PNG, JPEG = b"\x89PNG\r\n\x1a\n" + b"x" * 20, b"\xff\xd8\xff" + b"x" * 20


@pytest.mark.parametrize(
    ("name", "raw", "codes"),
    [
        ("a.png", PNG, []),
        ("a.PNG", PNG, []),
        ("a.jpg", JPEG, []),
        ("a.jpeg", JPEG, []),
        ("a.gif", b"GIF89a" + b"x" * 20, []),
        ("a.webp", b"RIFF\n\x00\x00\x00WEBP", []),
        ("a.png", JPEG, ["image-type"]),
        ("a.svg", b"<svg xmlns='http://www.w3.org/2000/svg'/>", ["image-type"]),
        ("a.png", b"", ["image-type"]),
        ("a.tiff", b"II*\x00" + b"x" * 20, ["image-type"]),
        ("a.png", PNG + b"x" * HEAVY, ["image-size"]),
    ],
)
def test_what_mail_programs_do_not_show_or_load_slowly_is_named(
    tmp_path: Path, name: str, raw: bytes, codes: list[str]
) -> None:
    (tmp_path / name).write_bytes(raw)
    of_front_matter, of_text = Problems(), Problems()
    check_picture(name, "What it shows", tmp_path, "content/posts/a.md", 3, of_front_matter)
    check_pictures_of_text(f"One\n\n![What]({name})\n", 5, tmp_path, "content/posts/a.md", of_text)
    assert [(p.line, p.code) for p in of_front_matter.sorted()] == [(3, code) for code in codes]
    assert [(p.line, p.code) for p in of_text.sorted()] == [(7, code) for code in codes]
