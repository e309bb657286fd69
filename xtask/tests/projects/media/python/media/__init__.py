"""What the application offers to Python: its labels, drawn with the OpenCV that it was built with."""

from pathlib import Path

import cv2
import numpy

# lib/media/python/media/__init__.py, below the prefix that holds share/media.
RESOURCES = Path(__file__).resolve().parents[4] / "share" / "media"


def labels() -> list[str]:
    """The names of what the application recognises."""
    return (RESOURCES / "labels.txt").read_text(encoding="utf-8").split()


def draw(label: str) -> numpy.ndarray:
    """A picture with the label on it."""
    picture = numpy.zeros((32, 160, 3), numpy.uint8)
    cv2.putText(picture, label, (4, 24), cv2.FONT_HERSHEY_SIMPLEX, 0.7, (255, 255, 255), 1)
    return picture


def describe() -> str:
    """One line that shows that resources, NumPy and cv2 are there."""
    names = labels()
    if not all(draw(name).any() for name in names):
        raise RuntimeError("cv2 drew nothing")
    return f"labels: {', '.join(names)} (OpenCV {cv2.__version__})"
