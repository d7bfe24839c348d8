"""x"""

from pathlib import Path


def write_page(run, path):
    return Path(path)
