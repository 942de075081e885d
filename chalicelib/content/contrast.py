"""Contrast of two colours as WCAG 2.2 reckons it, and the nearest shade that can be read."""

import colorsys

AA = 4.5
"""The ratio of text to its background that level AA asks for (WCAG 2.2, 1.4.3)."""
_STEPS = 200


def ratio(one: str, other: str) -> float:
    """The contrast of two colours (#rrggbb), from 1 to 21 (WCAG 2.2, "contrast ratio")."""
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def readable(colour: str, background: str) -> str:
    """The shade of a colour nearest to it that reaches ``AA`` on a background; the colour itself where it does."""
    hue, lightness, saturation = colorsys.rgb_to_hls(*_parts(colour))
    darker = _luminance(background) > 0.18  # of middle grey: below it only lighter shades can be read
    for step in range(_STEPS + 1):
        way = step / _STEPS
        shade = lightness * (1 - way) if darker else lightness + (1 - lightness) * way
        found = "#" + "".join(f"{round(part * 255):02x}" for part in colorsys.hls_to_rgb(hue, shade, saturation))
        if ratio(found if step else colour, background) >= AA:
            return found if step else colour
    return "#000000" if darker else "#ffffff"


def _parts(colour: str) -> tuple[float, float, float]:
    red, green, blue = (int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5))
    return red, green, blue


def _luminance(colour: str) -> float:
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in _parts(colour))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
